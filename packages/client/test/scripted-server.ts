import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type RawData, type WebSocket, WebSocketServer } from "ws";

/** A server that does what a test says, on a real socket: it may lie, break off, or say nothing. */
export interface ScriptedServer {
  readonly port: number;
  readonly url: string;
  /** Requests and upgrades, in the order in which they came. */
  readonly requests: SeenRequest[];
  /** Sockets that are open now. */
  readonly sockets: ReadonlySet<Socket>;
  /** TCP connections so far. */
  readonly connections: number;
  /** Resolves when no socket is open. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface Script {
  /** Answers one HTTP request. Default: 404 without a body. */
  http?(request: SeenRequest, response: ServerResponse): void | Promise<void>;
  /** Plays one WebSocket connection. */
  stream?(peer: Peer): void | Promise<void>;
  /** In place of an upgrade; with true it is upgraded all the same. */
  upgrade?(request: IncomingMessage, socket: Socket): unknown;
}

/** What plays the server's end of one stream, whatever carries it. */
export abstract class Player {
  abstract send(frame: unknown): void;
  /** Takes the start or resume and accepts it in version 2. */
  abstract accept(extra?: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** Breaks off. */
  abstract reset(): void;

  data(seq: number, content: unknown = seq): void {
    this.send({ type: "data", seq, content });
  }

  /** Sends the chunks `from` to `to`; each is its seq. */
  burst(from: number, to: number): void {
    for (let seq = from; seq <= to; seq++) this.data(seq);
  }

  /** Sends what is left of a log of `chunks` chunks after what the client asked for, and the end. */
  finish(first: Record<string, unknown>, chunks: number): void {
    this.burst(Number(first.after_seq ?? 0) + 1, chunks);
    this.complete(first.invocation_id, chunks + 1, chunks);
  }

  complete(invocationId: unknown, seq: number, totalChunks: number): void {
    this.send({
      type: "status",
      status: "stream_completed",
      seq,
      invocation_id: invocationId,
      total_chunks: totalChunks,
      execution_time: 0.5,
    });
  }
}

/** The server's end of one WebSocket. */
export class Peer extends Player {
  readonly socket: WebSocket;
  readonly closed: Promise<{ code: number }>;
  readonly #frames: Record<string, unknown>[] = [];
  readonly #waiting: ((frame: Record<string, unknown>) => void)[] = [];

  constructor(socket: WebSocket) {
    super();
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.on("close", (code) => resolve({ code })));
    socket.on("error", () => {});
    socket.on("message", (data: RawData) => {
      const frame = JSON.parse(data.toString());
      const waiter = this.#waiting.shift();
      if (waiter) waiter(frame);
      else this.#frames.push(frame);
    });
  }

  /** The next frame of the client. */
  next(): Promise<Record<string, unknown>> {
    const frame = this.#frames.shift();
    return frame ? Promise.resolve(frame) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  send(frame: unknown): void {
    this.socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  /** The next frame of the client that is of this type; what comes before it is passed over. */
  async nextOf(type: string): Promise<Record<string, unknown>> {
    for (;;) {
      const frame = await this.next();
      if (frame.type === type) return frame;
    }
  }

  async accept(extra: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const first = await this.next();
    this.send({ ...acceptOf(first), ...extra });
    return first;
  }

  reset(): void {
    this.socket.terminate();
  }
}

/** The accept frame of version 2. */
export function started(invocationId: string): Record<string, unknown> {
  return {
    type: "status",
    status: "stream_started",
    protocol: 2,
    invocation_id: invocationId,
    epoch: "e1",
    seq: 0,
    first_seq: 1,
    heartbeat_seconds: 0,
    resume_seconds: 0,
    durability: "memory",
  };
}

/** The accept frame for a start or resume. */
export function acceptOf(first: Record<string, unknown>): Record<string, unknown> {
  const resumed = { status: "stream_resumed", seq: first.after_seq, epoch: first.epoch };
  return { ...started(String(first.invocation_id)), ...(first.type === "resume" ? resumed : {}) };
}

export async function createScriptedServer(script: Script): Promise<ScriptedServer> {
  const requests: SeenRequest[] = [];
  const sockets = new Set<Socket>();
  const waiting: (() => void)[] = [];
  const see = (request: IncomingMessage, body: string): SeenRequest => {
    const seen = { method: request.method ?? "", url: request.url ?? "", headers: request.headers, body };
    requests.push(seen);
    return seen;
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const seen = see(request, Buffer.concat(chunks).toString());
      if (script.http) void script.http(seen, response);
      else response.writeHead(404).end();
    });
  });
  const webSockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    see(request, "");
    if (script.upgrade && script.upgrade(request, socket as Socket) !== true) socket.on("end", () => socket.destroy()).resume();
    else webSockets.handleUpgrade(request, socket, head, (webSocket) => void script.stream?.(new Peer(webSocket)));
  });
  let connections = 0;
  server.on("connection", (socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      sockets.delete(socket);
      if (sockets.size === 0) for (const resolve of waiting.splice(0)) resolve();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    requests,
    sockets,
    get connections() {
      return connections;
    },
    idle: () => (sockets.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    async close() {
      for (const socket of sockets) socket.destroy();
      webSockets.close();
      server.close();
      if (server.listening) await once(server, "close");
    },
  };
}
