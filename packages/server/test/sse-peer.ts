/** A peer that reads a stream over SSE from a real socket, and holds every event against the form of section 5. */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import { decodeCursor, type JsonObject, parseJsonObject } from "@runagent/core";
import { onTestFinished } from "vitest";
import type { RunningServer } from "../src/index.ts";
import { FrameInbox } from "./support.ts";

const EVENT = /^event: (\w+)\n(?:id: (\S+)\n)?data: (\{[^\r\n]*\})$/;

/** An answer with a stream. */
export class SsePeer extends FrameInbox {
  readonly response: IncomingMessage;
  /** The `id:` of each frame, in order. */
  readonly ids: (string | undefined)[] = [];
  /** Settles when the body has ended: true, or was cut: false. */
  readonly ended: Promise<boolean>;

  constructor(response: IncomingMessage) {
    super();
    this.response = response;
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (part: string) => {
      const events = (text + part).split("\n\n");
      text = events.pop() ?? "";
      try {
        for (const event of events) this.#read(event);
      } catch (error) {
        this.finish(error);
      }
    });
    response.on("error", () => {});
    this.ended = new Promise((resolve) => {
      response.on("close", () => {
        this.finish();
        resolve(response.complete && text === "");
      });
    });
  }

  get socket(): Socket {
    return this.response.socket;
  }

  #read(event: string): void {
    const [, type, id, data] = EVENT.exec(event) ?? [];
    if (data === undefined) throw new Error(`Not an event of one frame: ${JSON.stringify(event)}`);
    const frame = parseJsonObject(data, "frame", "PROTOCOL_ERROR");
    if (frame.type !== type) throw new Error(`event: ${type} does not name the frame ${data}.`);
    const isRecord = frame.type !== "heartbeat" && frame.protocol === undefined && frame.seq !== undefined;
    if (isRecord && id === undefined) throw new Error(`The record has no id: ${data}`);
    if (id !== undefined && decodeCursor(id).seq !== frame.seq) throw new Error(`The id is not that of ${data}.`);
    this.ids.push(id);
    this.take(data, 2);
  }
}

export interface SseOptions {
  /** JSON to POST as run-stream; without it the request is a GET. */
  readonly body?: unknown;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
}

/** Asks for a stream; the answer may be a refusal. */
export async function requestSse(server: RunningServer, options: SseOptions): Promise<IncomingMessage> {
  const { body, path = "/api/v1/agents/agent/run-stream", headers = {} } = options;
  const method = body === undefined ? "GET" : "POST";
  const asked = request(server.url + path, { method, agent: false, headers: { Accept: "text/event-stream", ...headers } });
  onTestFinished(() => void asked.destroy());
  asked.end(body === undefined || typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body));
  const [response] = await once(asked, "response");
  asked.on("error", () => {});
  return response;
}

/** Opens a stream. */
export async function openSse(server: RunningServer, options: SseOptions): Promise<SsePeer> {
  const response = await requestSse(server, options);
  if (response.statusCode !== 200) throw new Error(`HTTP ${response.statusCode}`);
  return new SsePeer(response);
}

/** The refusal of a stream. */
export async function refusedSse(server: RunningServer, options: SseOptions): Promise<{ status: number; body: JsonObject }> {
  const response = await requestSse(server, options);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString()) };
}

/** Attaches to an invocation. */
export function attachSse(server: RunningServer, invocationId: string, lastEventId?: string): Promise<SsePeer> {
  const headers = lastEventId === undefined ? {} : { "Last-Event-ID": lastEventId };
  return openSse(server, { path: `/api/v1/invocations/${invocationId}/stream`, headers });
}
