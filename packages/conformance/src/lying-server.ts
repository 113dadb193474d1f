/** A server that plays one case of protocol/cases/stream: it says what the case says, true or not, to a client in any language. */
import { once } from "node:events";
import { createServer } from "node:http";
import { isJsonObject, type JsonObject } from "@runagent/core";
import { type WebSocket, WebSocketServer } from "ws";
import { tryParse } from "./unit.ts";

/** One thing that the server does; exactly one field is set. protocol/cases/case.schema.json says what each means. */
export interface CaseStep {
  readonly accept?: JsonObject;
  readonly data?: number;
  readonly complete?: number;
  readonly frame?: JsonObject;
  readonly text?: string;
  readonly repeat?: { readonly times: number; readonly frame: JsonObject };
  readonly close?: number;
  readonly reset?: true;
}

/** What a client is told, and what must come of it. */
export interface StreamCase {
  readonly name: string;
  readonly requirements: readonly string[];
  readonly connections: readonly (readonly CaseStep[])[];
  readonly outcome: { readonly chunks: readonly unknown[]; readonly code: string | null; readonly first_frames: readonly string[] };
}

/** A server that plays a case. */
export interface LyingServer {
  readonly host: string;
  readonly port: number;
  /** The first frame of each connection so far: "start", or "resume after 3". */
  readonly firstFrames: readonly string[];
  close(): Promise<void>;
}

/** Starts a server for one client on a free port of 127.0.0.1. It accepts any path and key. */
export async function createLyingServer({ connections }: StreamCase): Promise<LyingServer> {
  const firstFrames: string[] = [];
  const server = createServer((_, response) => response.writeHead(404).end());
  const webSockets = new WebSocketServer({ server, perMessageDeflate: false });
  webSockets.on("connection", (socket) => {
    socket.on("error", () => {});
    socket.once("message", (data) => {
      const first = tryParse(data.toString()) ?? {};
      const steps = connections[firstFrames.length] ?? [];
      firstFrames.push(first.type === "resume" ? `resume after ${first.after_seq}` : String(first.type));
      for (const step of steps) play(step, socket, first);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    host: "127.0.0.1",
    port: typeof address === "object" && address !== null ? address.port : 0,
    firstFrames,
    async close() {
      for (const socket of webSockets.clients) socket.terminate();
      webSockets.close();
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function play(step: CaseStep, socket: WebSocket, first: JsonObject): void {
  const send = (frame: JsonObject): void => socket.send(JSON.stringify(withId(frame, first.invocation_id)));
  if (step.accept !== undefined) send({ ...acceptOf(first), ...step.accept });
  if (step.data !== undefined) send({ type: "data", seq: step.data, content: step.data });
  if (step.complete !== undefined) send(completedAt(step.complete));
  if (step.frame !== undefined) send(step.frame);
  if (step.text !== undefined) socket.send(step.text);
  for (let count = 0; count < (step.repeat?.times ?? 0); count++) send(step.repeat?.frame ?? {});
  if (step.close !== undefined) socket.close(step.close);
  // What was sent before is written out by now; no close frame follows it.
  if (step.reset) socket.terminate();
}

function acceptOf(first: JsonObject): JsonObject {
  const resumed = first.type === "resume";
  return {
    type: "status",
    status: resumed ? "stream_resumed" : "stream_started",
    protocol: 2,
    invocation_id: first.invocation_id,
    epoch: "e1",
    seq: resumed ? first.after_seq : 0,
    first_seq: 1,
    heartbeat_seconds: 0,
    resume_seconds: 60,
    durability: "memory",
  };
}

function completedAt(seq: number): JsonObject {
  const invocation_id = "{invocation_id}";
  return { type: "status", status: "stream_completed", seq, invocation_id, total_chunks: seq - 1, execution_time: 1 };
}

function withId(value: JsonObject, id: unknown): JsonObject {
  const entries = Object.entries(value).map(([name, field]): [string, unknown] => {
    if (field === "{invocation_id}") return [name, id];
    return [name, isJsonObject(field) ? withId(field, id) : field];
  });
  return Object.fromEntries(entries);
}
