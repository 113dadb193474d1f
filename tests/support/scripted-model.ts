/**
 * An OpenAI-compatible server on loopback that answers what the test has written down: chat completions and responses,
 * streamed and whole. Real framework packages run against it, without a network and without a key.
 */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { type AnswerEvent, chatCompletion, chatEvents, responseEvents, responseObject } from "./scripted-answers.ts";

/** A tool that the model calls. */
export interface ScriptedToolCall {
  readonly name: string;
  /** An object, or the text that the model wrote in its place. */
  readonly arguments: unknown;
  /** Default: `call_<request>_<index>`, both from 0. */
  readonly id?: string;
}

/** One answer of the model: reasoning, then text, then tool calls; or an error in their place. */
export interface ScriptedTurn {
  readonly reasoning?: string;
  readonly text?: string;
  /** In how many pieces text is sent. Default: word by word. */
  readonly deltas?: number;
  readonly toolCalls?: readonly ScriptedToolCall[];
  /** The answer is this status, with a body as the API makes it. */
  readonly error?: { readonly status: number; readonly message: string };
  /** Waits for it after the first delta, or before the first event where there is none. */
  readonly hold?: Promise<void>;
  /** Closes the connection after the first delta. */
  readonly breaks?: true;
}

/** The body of a request, as it came. */
export type ScriptedRequest = Readonly<Record<string, unknown>>;

/** Turns in the order of the requests, or a choice by request; undefined is a request beyond the script. */
export type Script = readonly ScriptedTurn[] | ((body: ScriptedRequest, index: number) => ScriptedTurn | undefined);

/** A model that follows a script. */
export interface ScriptedModel {
  /** The base URL, `http://127.0.0.1:<port>/v1`. */
  readonly url: string;
  /** The bodies, in the order in which they came. */
  readonly requests: readonly ScriptedRequest[];
  /** Their headers. */
  readonly headers: readonly IncomingHttpHeaders[];
  /** How many deltas of text were handed to the network. */
  readonly deltas: number;
  /** How many requests were given up by the client before their answer was complete. */
  readonly aborted: number;
  close(): Promise<void>;
}

interface Counters {
  readonly requests: ScriptedRequest[];
  readonly headers: IncomingHttpHeaders[];
  deltas: number;
  aborted: number;
}

/** Starts a model server. A request beyond the script is answered with status 500, so that no test passes by accident. */
export async function createScriptedModel(script: Script): Promise<ScriptedModel> {
  const counters: Counters = { requests: [], headers: [], deltas: 0, aborted: 0 };
  const server = createServer((request, response) => {
    answer(request, response, script, counters).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The scripted model has no port.");
  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    requests: counters.requests,
    headers: counters.headers,
    get deltas() {
      return counters.deltas;
    },
    get aborted() {
      return counters.aborted;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The last thing that a user said in a request of either API: what a script of concurrent runs chooses by. */
export function lastUserText(body: ScriptedRequest): string {
  const messages: unknown = body.messages ?? body.input;
  if (typeof messages === "string") return messages;
  const last = Array.isArray(messages) ? messages.findLast((message: unknown) => isRecord(message) && message.role === "user") : undefined;
  const content: unknown = isRecord(last) ? last.content : undefined;
  if (!Array.isArray(content)) return typeof content === "string" ? content : "";
  return content.map((part: unknown) => (isRecord(part) && typeof part.text === "string" ? part.text : "")).join("");
}

async function answer(request: IncomingMessage, response: ServerResponse, script: Script, counters: Counters): Promise<void> {
  const path = request.url?.replace(/\?.*/, "");
  const isChat = path === "/v1/chat/completions";
  if (request.method !== "POST" || !(isChat || path === "/v1/responses")) {
    return sendError(response, 404, `The scripted model has no ${request.method} ${path}.`);
  }
  const body = await readBody(request);
  const index = counters.requests.push(body) - 1;
  counters.headers.push(request.headers);
  const turn = typeof script === "function" ? script(body, index) : script[index];
  if (turn === undefined) return sendError(response, 500, `The script has no answer for request ${index + 1}.`);
  // A client that leaves in the middle must be seen while the turn is held, too.
  const gone = new Promise<void>((resolve) => {
    response.once("close", () => {
      if (!response.writableFinished && turn.breaks !== true) counters.aborted++;
      resolve();
    });
  });
  if (turn.error !== undefined) {
    await turn.hold;
    return sendError(response, turn.error.status, turn.error.message);
  }
  if (body.stream === true) {
    const events = isChat ? chatEvents(body, index, turn) : responseEvents(body, index, turn);
    return stream(response, events, turn, gone, counters);
  }
  await turn.hold;
  if (turn.breaks === true) return void response.destroy();
  sendJson(response, 200, isChat ? chatCompletion(body, index, turn) : responseObject(body, index, turn));
}

async function stream(
  response: ServerResponse,
  events: Iterable<AnswerEvent>,
  turn: ScriptedTurn,
  gone: Promise<void>,
  counters: Counters,
): Promise<void> {
  let held = turn.hold;
  if (turn.text === undefined) await held;
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  for (const { text, isDelta } of events) {
    if (response.destroyed) return;
    // Node tells when the client reads too slowly: deltas counts what went out, not what was written down.
    if (!response.write(text)) await Promise.race([once(response, "drain"), gone]);
    if (!isDelta) continue;
    counters.deltas++;
    // Written to the socket first, so that the client has something to miss the rest of.
    if (turn.breaks === true) return void response.write(": broken\n\n", () => response.destroy());
    if (held !== undefined) await Promise.race([held, gone]);
    held = undefined;
  }
  response.end();
}

async function readBody(request: IncomingMessage): Promise<ScriptedRequest> {
  let text = "";
  request.setEncoding("utf8");
  for await (const part of request) text += part;
  const body: unknown = JSON.parse(text);
  if (!isRecord(body)) throw new Error("The body of a request is not an object.");
  return body;
}

function sendError(response: ServerResponse, status: number, message: string): void {
  const type = status >= 500 ? "server_error" : "invalid_request_error";
  sendJson(response, status, { error: { message, type, param: null, code: null } });
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
