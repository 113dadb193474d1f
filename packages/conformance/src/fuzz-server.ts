import { once } from "node:events";
import { isErrorCode, isJsonObject, type JsonObject, parseJsonObject, readServerFrame } from "@runagent/core";
import { WebSocket } from "ws";
import { mutate } from "./mutate.ts";
import { createRandom, type Random } from "./random.ts";

/**
 * Attacks a server: valid and mutated frames over WebSockets, mutated bodies over HTTP, as many as asked for. A server must answer
 * each connection with frames of the protocol or a close, each request with an envelope or a stream, and stay up. faults.md P10.
 */
export interface ServerFuzzOptions {
  /** For example "http://127.0.0.1:8450". */
  readonly url: string;
  readonly agentId: string;
  /** An entrypoint that streams. */
  readonly streamTag: string;
  /** An entrypoint that runs once. */
  readonly runTag: string;
  /** How many frames and bodies are sent. */
  readonly frames: number;
  readonly seed: number;
  /** Connections at once. Default 16. */
  readonly connections?: number;
  /** Told of the frames sent so far, now and then. */
  readonly onProgress?: (sent: number) => void;
}

/** What became of it. */
export interface FuzzReport {
  sent: number;
  connections: number;
  /** Answers that came in time. */
  answered: number;
  /** Nothing came within five seconds. */
  hangs: number;
  /** Answers that the protocol does not allow, the first few of them. */
  broken: string[];
  brokenCount: number;
}

const DEADLINE_MS = 5_000;
const MAX_EXAMPLES = 10;
const FRAMES_PER_CONNECTION = 24;

/** Sends the frames. Never throws for what the server does: it is in the report. */
export async function fuzzServer(options: ServerFuzzOptions): Promise<FuzzReport> {
  const random = createRandom(options.seed);
  const report: FuzzReport = { sent: 0, connections: 0, answered: 0, hangs: 0, broken: [], brokenCount: 0 };
  const work = async (lane: number): Promise<void> => {
    // Each lane has chance of its own, so that the order in which answers come changes nothing.
    const own = createRandom(random.integer(0, 2 ** 31) + lane);
    while (report.sent < options.frames) {
      if (own.chance(0.15)) await attackOverHttp(options, own, report);
      else await attackOverWebSocket(options, own, report);
      options.onProgress?.(report.sent);
    }
  };
  await Promise.all(Array.from({ length: options.connections ?? 16 }, (_, lane) => work(lane)));
  return report;
}

function note(report: FuzzReport, problem: string): void {
  report.brokenCount++;
  if (report.broken.length < MAX_EXAMPLES) report.broken.push(problem.slice(0, 300));
}

async function attackOverWebSocket(options: ServerFuzzOptions, random: Random, report: FuzzReport): Promise<void> {
  const { url, agentId } = options;
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/api/v1/agents/${agentId}/run-stream`, { perMessageDeflate: false });
  report.connections++;
  const closed = new Promise<string>((resolve) => socket.on("close", () => resolve("closed")));
  socket.on("error", () => {});
  socket.on("message", (data) => checkAnswer(data.toString(), report));
  const opened = await inTime(Promise.race([once(socket, "open"), closed]));
  if (opened === "late") report.hangs++;
  const id = `fuzz-${random.integer(0, 2 ** 31)}`;
  const start = startFrame(options, id);
  const startsWell = random.chance(0.6);
  if (startsWell && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(start));
  for (let n = 0; n < FRAMES_PER_CONNECTION && socket.readyState === WebSocket.OPEN; n++) {
    const frames = clientFrames(options, startsWell ? id : `${id}-${n}`, n);
    const frame = frames[random.integer(0, frames.length - 1)] ?? start;
    const message = random.chance(0.5) ? mutate(frame, random) : { payload: Buffer.from(JSON.stringify(frame)), binary: false };
    socket.send(message.payload, { binary: message.binary });
    report.sent++;
    // A refusal closes the connection: what is sent after it would not be looked at.
    if (random.chance(0.3)) await new Promise(setImmediate);
  }
  socket.ping(() => {});
  const answer = await inTime(Promise.race([once(socket, "pong").then(() => "pong"), closed]));
  if (answer === "late") report.hangs++;
  else report.answered++;
  socket.terminate();
}

async function attackOverHttp(options: ServerFuzzOptions, random: Random, report: FuzzReport): Promise<void> {
  const { url, agentId, runTag } = options;
  const id = `fuzz-${random.integer(0, 2 ** 31)}`;
  const run = { protocol: 2, invocation_id: id, entrypoint_tag: runTag, input_args: [], input_kwargs: { n: 1 } };
  const targets: [string, Record<string, unknown>][] = [
    [`/agents/${agentId}/run`, run],
    [`/agents/${agentId}/run-stream`, startFrame(options, id)],
    [`/invocations/${id}/cancel`, { mode: "immediate" }],
  ];
  const [path, body] = targets[random.integer(0, targets.length - 1)] ?? ["/", {}];
  report.sent++;
  const headers = { "content-type": "application/json", accept: "text/event-stream, application/json" };
  const signal = AbortSignal.timeout(DEADLINE_MS);
  try {
    const payload = new Uint8Array(mutate(body, random).payload);
    const response = await fetch(`${url}/api/v1${path}`, { method: "POST", headers, body: payload, signal });
    const text = await response.text();
    report.answered++;
    if (!response.headers.get("content-type")?.startsWith("text/event-stream")) checkEnvelope(text, response.status, report);
  } catch (error) {
    if (signal.aborted) report.hangs++;
    else note(report, `POST ${path}: ${String(error)}`);
  }
}

function startFrame({ streamTag }: ServerFuzzOptions, id: string): Record<string, unknown> {
  const input = { input_args: [], input_kwargs: { n: 3 } };
  return { type: "start", protocol: 2, invocation_id: id, entrypoint_tag: streamTag, ...input, window_bytes: 4096 };
}

function clientFrames(options: ServerFuzzOptions, id: string, seq: number): Record<string, unknown>[] {
  return [
    startFrame(options, id),
    { type: "resume", protocol: 2, invocation_id: id, epoch: "e1", after_seq: seq, window_bytes: 4096 },
    { type: "ack", seq: 1 },
    { type: "cancel", mode: "immediate" },
    { type: "approval", approval_id: "ap-1", decision: "approve" },
    { type: "auth", token: "fuzz" },
    { entrypoint_tag: options.streamTag, input_args: [], input_kwargs: { n: 3 } },
  ];
}

/** Version 1 frames answer what lost its `protocol` on the way. */
function checkAnswer(text: string, report: FuzzReport): void {
  try {
    const frame = parseJsonObject(text, "frame", "PROTOCOL_ERROR");
    if (isVersion1(frame)) return;
    readServerFrame(frame);
    if (frame.type === "error") checkError(frame.error, text, report);
  } catch (error) {
    note(report, `${String(error)} in ${text}`);
  }
}

function isVersion1(frame: JsonObject): boolean {
  if (frame.type === "error") return typeof frame.error === "string";
  return (
    frame.seq === undefined &&
    (frame.type === "data" || (frame.type === "status" && frame.protocol === undefined && frame.status !== undefined))
  );
}

function checkEnvelope(text: string, status: number, report: FuzzReport): void {
  try {
    const envelope = parseJsonObject(text, "answer", "PROTOCOL_ERROR");
    if (envelope.success === false) checkError(envelope.error, text, report);
    else if (status >= 400 || envelope.success !== true) note(report, `HTTP ${status} ${text}`);
  } catch (error) {
    note(report, `${String(error)} in HTTP ${status} ${text}`);
  }
}

function checkError(error: unknown, text: string, report: FuzzReport): void {
  if (!isJsonObject(error) || !isErrorCode(error.code)) note(report, `An error without a code of the table: ${text}`);
  else if (error.code === "SERVER_ERROR") note(report, `The server blames itself: ${text}`);
  else if (/\bat .*\(.*:\d+:\d+\)|node_modules/.test(text)) note(report, `A stack in an answer: ${text}`);
}

async function inTime<T>(promise: Promise<T>): Promise<T | "late"> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), DEADLINE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
