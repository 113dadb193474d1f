/**
 * What the tests share: a server that closes itself after the test, and a peer that speaks raw frames over a real socket.
 * Every version 2 frame a peer receives is checked against its schema. Waiters in place of sleeps.
 */
import { once } from "node:events";
import { type JsonObject, parseJsonObject, readServerFrame } from "@runagent/core";
import { onTestFinished } from "vitest";
import { type ClientOptions, WebSocket } from "ws";
import {
  type Agent,
  defineAgent,
  type EntrypointFunction,
  type RunningServer,
  type ServeOptions,
  serve,
  type Untyped,
} from "../src/index.ts";

export type Entrypoints = Record<string, EntrypointFunction<Record<string, Untyped>>>;

/** Serves one agent called "agent" on a free port. */
export async function serveEntrypoints(entrypoints: Entrypoints, options: ServeOptions = {}): Promise<RunningServer> {
  return serveAgents(defineAgent({ id: "agent", entrypoints }), options);
}

export async function serveAgents(agents: Agent | Agent[], options: ServeOptions = {}): Promise<RunningServer> {
  const server = await serve(agents, { port: 0, ...options });
  onTestFinished(() => server.close({ timeoutMs: 100 }));
  return server;
}

/** A promise and its settling, for agents that wait for the test. */
export function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

export interface PeerOptions extends ClientOptions {
  readonly agentId?: string;
  readonly query?: string;
  /** Version 1 frames are not checked against the version 2 schemas. */
  readonly version?: 1 | 2;
}

/** The frames that came over a connection, in order, and those who wait for the next. */
export class FrameInbox {
  readonly frames: JsonObject[] = [];
  readonly texts: string[] = [];
  #waiting: (() => void)[] = [];
  #taken = 0;
  #error: unknown;
  #over = false;

  /** A frame arrived. */
  protected take(text: string, version: 1 | 2): void {
    const frame = parseJsonObject(text, "frame", "PROTOCOL_ERROR");
    try {
      if (version === 2) readServerFrame(frame);
    } catch (error) {
      this.#error = error;
    }
    this.texts.push(text);
    this.frames.push(frame);
    this.#wake();
  }

  /** No more will come. */
  protected finish(error?: unknown): void {
    this.#over = true;
    this.#error ??= error;
    this.#wake();
  }

  /** The next frame that was not taken yet. */
  async next(): Promise<JsonObject> {
    for (;;) {
      if (this.#error !== undefined) throw this.#error;
      const frame = this.frames[this.#taken];
      if (frame !== undefined) {
        this.#taken++;
        return frame;
      }
      if (this.#over) throw new Error("The connection closed and no frame came.");
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Frames up to and including the first that fits. */
  async until(fits: (frame: JsonObject) => boolean): Promise<JsonObject[]> {
    const taken: JsonObject[] = [];
    for (;;) {
      const frame = await this.next();
      taken.push(frame);
      if (fits(frame)) return taken;
    }
  }

  /** Frames up to and including the terminal record. */
  untilEnd(): Promise<JsonObject[]> {
    return this.until(isTerminal);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

/** One end of a WebSocket connection to a server. */
export class Peer extends FrameInbox {
  readonly ws: WebSocket;
  readonly closed: Promise<{ code: number; reason: string }>;

  constructor(ws: WebSocket, version: 1 | 2) {
    super();
    this.ws = ws;
    this.closed = new Promise((resolve) => {
      ws.on("close", (code, reason) => {
        resolve({ code, reason: reason.toString() });
        this.finish();
      });
    });
    ws.on("message", (data) => this.take(data.toString(), version));
    ws.on("error", () => {});
  }

  send(frame: unknown): void {
    this.ws.send(typeof frame === "string" || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame));
  }
}

export function isTerminal(frame: JsonObject): boolean {
  return frame.type === "error" || frame.status === "stream_completed" || frame.status === "stream_cancelled";
}

/** Opens a connection. */
export async function connect(server: RunningServer, options: PeerOptions = {}): Promise<Peer> {
  const { agentId = "agent", query = "", version = 2, ...rest } = options;
  const ws = new WebSocket(`${server.url.replace("http", "ws")}/api/v1/agents/${agentId}/run-stream${query}`, {
    perMessageDeflate: false,
    ...rest,
  });
  const peer = new Peer(ws, version);
  onTestFinished(() => ws.terminate());
  await once(ws, "open");
  return peer;
}

/** Tries to connect; the status and body of the answer that refused it. */
export async function refusedUpgrade(
  server: RunningServer,
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: JsonObject }> {
  const ws = new WebSocket(server.url.replace("http", "ws") + path, { headers });
  onTestFinished(() => ws.terminate());
  ws.on("error", () => {});
  const [, response] = await once(ws, "unexpected-response");
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode, body: JSON.parse(Buffer.concat(chunks).toString()) };
}

/** A start frame. */
export function startFrame(tag: string, invocationId: string, extra: JsonObject = {}): JsonObject {
  return { type: "start", protocol: 2, invocation_id: invocationId, entrypoint_tag: tag, input_args: [], input_kwargs: {}, ...extra };
}

/** A resume frame. */
export function resumeFrame(started: JsonObject, afterSeq: number, extra: JsonObject = {}): JsonObject {
  const { invocation_id, epoch } = started;
  return { type: "resume", protocol: 2, invocation_id, epoch, after_seq: afterSeq, ...extra };
}

/** Contents of the data frames. */
export function contents(frames: readonly JsonObject[]): unknown[] {
  return frames.filter((frame) => frame.type === "data").map((frame) => frame.content);
}

/** The code of an error frame or failed envelope. */
export function codeOf(frame: JsonObject | undefined): unknown {
  const error = frame?.error;
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}

/** POSTs JSON. */
export async function post(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: Headers; body: JsonObject }> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as JsonObject };
}

/** GETs JSON. */
export async function get(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: Headers; body: JsonObject }> {
  const response = await fetch(url, { headers });
  return { status: response.status, headers: response.headers, body: (await response.json()) as JsonObject };
}
