import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { isJsonObject, RunAgentError } from "@runagent/core";
import { type WebSocket, WebSocketServer } from "ws";
import { mutate } from "./mutate.ts";
import { createRandom, type Random } from "./random.ts";

/**
 * A server that attacks its clients: it accepts a stream and goes on with frames that are valid, mutated, out of order or cut off,
 * over WebSocket and SSE. Whatever it sends, a client must end each stream with a typed error or its end. faults.md P10.
 */
export interface FuzzingServer {
  readonly port: number;
  /** Frames sent so far. */
  readonly sent: number;
  close(): Promise<void>;
}

const MAX_RECORDS = 30;
/** A client that comes back more often for the same invocation is told that there is none. */
const MAX_RESUMES = 3;

/** Listens on a free port of this machine. */
export async function createFuzzingServer({ seed }: { readonly seed: number }): Promise<FuzzingServer> {
  const random = createRandom(seed);
  const attack = { sent: 0, resumes: new Map<string, number>() };
  const server = createServer((request, response) => void serveHttp(request, response, createRandom(random.integer(0, 2 ** 31)), attack));
  const webSockets = new WebSocketServer({ server, perMessageDeflate: false });
  webSockets.on("connection", (socket) => {
    const own = createRandom(random.integer(0, 2 ** 31));
    socket.on("error", () => {});
    socket.once("message", (data) => {
      playOverWebSocket(socket, readFirst(data.toString()), own, attack);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  return {
    port: isAddress(address) ? address.port : 0,
    get sent() {
      return attack.sent;
    },
    async close() {
      for (const socket of webSockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

interface Attack {
  sent: number;
  readonly resumes: Map<string, number>;
}

/** What a client asked for. */
interface First {
  readonly id: string;
  readonly epoch: string | undefined;
  readonly after: number;
}

function playOverWebSocket(socket: WebSocket, first: First, random: Random, attack: Attack): void {
  for (const frame of script(first, random, attack)) {
    const message = random.chance(0.2) ? mutate(frame, random) : { payload: Buffer.from(JSON.stringify(frame)), binary: false };
    socket.send(message.payload, { binary: message.binary });
    attack.sent++;
  }
  if (random.chance(0.5)) socket.terminate();
  else socket.close(random.chance(0.5) ? 1000 : random.integer(4000, 4500));
}

async function serveHttp(request: IncomingMessage, response: ServerResponse, random: Random, attack: Attack): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const url = request.url ?? "";
  if (url.includes("/cancel") || url.endsWith("/architecture")) {
    const data = url.endsWith("/architecture") ? { entrypoints: [], protocol_versions: [2] } : { mode: "immediate", outcome: "accepted" };
    response.writeHead(200, { "content-type": "application/json" }).end(mutate({ success: true, data, error: null }, random).payload);
    return;
  }
  const [, id = ""] = /invocations\/([^/]+)\/stream/.exec(url) ?? [];
  const first = id === "" ? readFirst(Buffer.concat(chunks).toString()) : { id, epoch: "e1", after: readCursor(request) };
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const frame of script(first, random, attack)) {
    const data = random.chance(0.2) ? mutate(frame, random).payload : Buffer.from(JSON.stringify(frame));
    const end = random.chance(0.05) ? ["\n", "\r", "\r\n\r\n", ""][random.integer(0, 3)] : "\n\n";
    response.write(Buffer.concat([Buffer.from(`event: ${String(frame.type)}\ndata: `), data, Buffer.from(end ?? "")]));
    attack.sent++;
  }
  if (random.chance(0.5)) response.destroy();
  else response.end();
}

/** The seq of a cursor, which a client has from this server. */
function readCursor(request: IncomingMessage): number {
  const header = request.headers["last-event-id"];
  const [, , seq] = Buffer.from(typeof header === "string" ? header : "", "base64url")
    .toString()
    .split(":");
  return Number(seq ?? 0);
}

function readFirst(text: string): First {
  const frame: unknown = JSON.parse(text);
  if (!isJsonObject(frame)) throw new RunAgentError("VALIDATION_ERROR", "The first frame of the client is no object.");
  const { invocation_id, epoch, after_seq } = frame;
  return {
    id: String(invocation_id),
    epoch: typeof epoch === "string" ? epoch : undefined,
    after: typeof after_seq === "number" ? after_seq : 0,
  };
}

/** A conversation that would be right if nothing were done to it. */
function script({ id, epoch, after }: First, random: Random, attack: Attack): Record<string, unknown>[] {
  const resumes = (attack.resumes.get(id) ?? 0) + 1;
  attack.resumes.set(id, resumes);
  if (resumes > MAX_RESUMES) {
    attack.resumes.delete(id);
    return [{ type: "error", error: { code: "INVOCATION_NOT_FOUND", message: "The log is gone." } }];
  }
  const status = epoch === undefined ? "stream_started" : "stream_resumed";
  const promises = { heartbeat_seconds: 15, resume_seconds: random.chance(0.5) ? 60 : 0, durability: "memory" };
  const frames: Record<string, unknown>[] = [
    { type: "status", status, protocol: 2, invocation_id: id, epoch: epoch ?? "e1", seq: after, first_seq: 1, ...promises },
  ];
  const last = after + random.integer(0, MAX_RECORDS);
  for (let seq = after + 1; seq <= last; seq++) {
    if (random.chance(0.1)) frames.push({ type: "heartbeat", seq: seq - 1 });
    frames.push({ type: "data", seq, content: random.chance(0.5) ? `chunk ${seq}` : { n: seq, list: [1, null, "x"] } });
  }
  if (random.chance(0.5)) {
    const end = { type: "status", status: "stream_completed", seq: last + 1, invocation_id: id };
    frames.push({ ...end, total_chunks: last, execution_time: 0.1 });
  }
  return frames;
}

function isAddress(address: ReturnType<ReturnType<typeof createServer>["address"]>): address is AddressInfo {
  return typeof address === "object" && address !== null;
}
