/**
 * How records are written: each is the JSON text of one version 2 frame, made once.
 * Texts are put together from parts, because the content of a chunk is serialised before its seq is known.
 */
import { isDeeperThan, isJsonObject, MAX_JSON_DEPTH, type Mode, RunAgentError, typeName } from "@runagent/core";
import type { LogRecord } from "./log.ts";

const MAX_EVENT_TYPE_LENGTH = 128;
/** Bytes of a record around its content: clients bound the whole frame. */
const FRAME_BYTES = 64;

/** What stands before the content of a data record. */
const CONTENT = ',"content":';

/** How an invocation ended. */
export type Outcome =
  | {
      readonly status: "completed";
      /** Why a cancel after_turn has stopped nothing. */
      readonly reason?: string;
    }
  | { readonly status: "cancelled"; readonly mode: Mode; readonly reason: string }
  | { readonly status: "failed"; readonly error: RunAgentError };

/** What the terminal record says about the whole. */
export interface Totals {
  readonly invocationId: string;
  readonly chunks: number;
  /** Seconds from start to end. */
  readonly executionTime: number;
}

/**
 * The JSON text of a chunk or result; undefined becomes null.
 * @param what Names the value in the message: "chunk 3", "result".
 * @throws RunAgentError EXECUTION_ERROR when it is not JSON, nests too deep, or is larger than `maxBytes`.
 */
export function encodeContent(value: unknown, what: string, maxBytes: number): string {
  if (value === undefined) return "null";
  if (typeof value === "string") return checkSize(JSON.stringify(value), what, maxBytes);
  if (typeof value === "number" && !Number.isFinite(value)) throw notJson(what, `it is ${value}`);
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw notJson(what, error instanceof Error ? firstLine(error.message) : "it cannot be written");
  }
  if (text === undefined) throw notJson(what, `it is ${typeName(value)}`);
  // One level is the frame around it: what is deeper, no client reads.
  if (isDeeperThan(text, MAX_JSON_DEPTH - 1)) throw tooDeep(what);
  // JSON.stringify writes null for them. Most texts hold none, and need no second look.
  if (text.includes("null") && holdsNonFinite(value)) throw notJson(what, "it holds NaN or an infinite number");
  return checkSize(text, what, maxBytes);
}

/**
 * A chunk or result that is JSON text already, from a process that has checked what it holds.
 * @throws RunAgentError EXECUTION_ERROR when it is larger than `maxBytes` or nests too deep.
 */
export function checkEncoded(text: string, what: string, maxBytes: number): string {
  if (isDeeperThan(text, MAX_JSON_DEPTH - 1)) throw tooDeep(what);
  return checkSize(text, what, maxBytes);
}

/** An event as it goes into the log. */
export interface EncodedEvent {
  readonly type: string;
  /** JSON text. */
  readonly text: string;
}

/**
 * The JSON text of an event.
 * @throws RunAgentError VALIDATION_ERROR when it is not a JSON object with a `type`.
 */
export function encodeEvent(event: unknown, maxBytes: number): EncodedEvent {
  const type = isJsonObject(event) ? event.type : undefined;
  if (typeof type !== "string" || type === "" || type.length > MAX_EVENT_TYPE_LENGTH) {
    throw new RunAgentError("VALIDATION_ERROR", `An event must be an object with a type of 1 to ${MAX_EVENT_TYPE_LENGTH} characters.`, {
      field: "type",
      suggestion: 'Pass for example { type: "turn_completed", turn: 1 }.',
    });
  }
  try {
    const text = encodeContent(event, "event", maxBytes);
    // What travels is what counts: toJSON may have made something else of it.
    if (hasToJson(event)) return encodeEvent(JSON.parse(text), maxBytes);
    return { type, text };
  } catch (error) {
    const suggestion = "Emit only strings, finite numbers, booleans, null, and arrays and objects of those.";
    throw new RunAgentError("VALIDATION_ERROR", error instanceof Error ? error.message : "The event is not JSON.", { suggestion });
  }
}

/**
 * The JSON text of an event that an agent emits itself. One that only looks like a question would keep its clients waiting: nobody can decide it.
 * @throws RunAgentError VALIDATION_ERROR as encodeEvent, and for what has its own verb.
 */
export function encodeEmitted(event: unknown, maxBytes: number): EncodedEvent {
  const encoded = encodeEvent(event, maxBytes);
  if (encoded.type !== "approval_required" && encoded.type !== "approval_decided") return encoded;
  throw new RunAgentError("VALIDATION_ERROR", `An event of type ${encoded.type} cannot be emitted.`, {
    field: "type",
    suggestion: "Call ctx.requireApproval, which makes these events.",
  });
}

/** A data record; `content` is JSON text. */
export function dataRecord(seq: number, content: string): LogRecord {
  return recordOf(seq, "data", `{"type":"data","seq":${seq}${CONTENT}${content}}`);
}

/** The JSON text of the content in that of a data record, as it was appended. */
export function contentOf(text: string): string {
  return text.slice(text.indexOf(CONTENT) + CONTENT.length, -1);
}

/** An event record. */
export function eventRecord(seq: number, { type, text }: EncodedEvent): LogRecord {
  return { ...recordOf(seq, "event", `{"type":"event","seq":${seq},"event":${text}}`), eventType: type };
}

/** The record that ends a log. */
export function terminalRecord(seq: number, outcome: Outcome, totals: Totals): LogRecord {
  const common = { invocation_id: totals.invocationId, total_chunks: totals.chunks, execution_time: totals.executionTime };
  switch (outcome.status) {
    case "completed": {
      const { reason } = outcome;
      return recordOf(seq, "terminal", JSON.stringify({ type: "status", status: "stream_completed", seq, ...common, reason }));
    }
    case "cancelled": {
      const { mode, reason } = outcome;
      return recordOf(seq, "terminal", JSON.stringify({ type: "status", status: "stream_cancelled", seq, ...common, mode, reason }));
    }
    case "failed":
      return recordOf(seq, "terminal", JSON.stringify({ type: "error", seq, ...common, error: outcome.error.toWire() }));
  }
}

function recordOf(seq: number, kind: LogRecord["kind"], text: string): LogRecord {
  return { seq, kind, data: Buffer.from(text) };
}

function checkSize(text: string, what: string, maxBytes: number): string {
  // A UTF-16 unit is at most three bytes, so most texts need no counting.
  const limit = maxBytes - FRAME_BYTES;
  if (text.length * 3 <= limit || Buffer.byteLength(text) <= limit) return text;
  throw new RunAgentError("EXECUTION_ERROR", `${subjectOf(what)} of the agent is larger than ${maxBytes} bytes (maxServerFrameBytes).`);
}

/** Called for values that JSON.stringify has taken, so there is no cycle and an end to the depth. */
function holdsNonFinite(value: unknown): boolean {
  if (typeof value === "number") return !Number.isFinite(value);
  if (typeof value !== "object" || value === null || hasToJson(value)) return false;
  return Object.values(value).some(holdsNonFinite);
}

/** A field of that name which is no function is data like any other. */
function hasToJson(value: unknown): boolean {
  return isJsonObject(value) && typeof value.toJSON === "function";
}

function tooDeep(what: string): RunAgentError {
  return notJson(what, `it nests deeper than ${MAX_JSON_DEPTH - 1} levels`);
}

function notJson(what: string, why: string): RunAgentError {
  return new RunAgentError("EXECUTION_ERROR", `${subjectOf(what)} of the agent is not JSON: ${why}.`, {
    suggestion: "Yield and return only strings, finite numbers, booleans, null, and arrays and objects of those.",
  });
}

/** A circular structure is described over several lines; the first says it. */
function firstLine(message: string): string {
  return message.split("\n", 1)[0] ?? message;
}

/** The value as the subject of a sentence: "Chunk 3", "The result". */
function subjectOf(what: string): string {
  return what.startsWith("chunk") ? `C${what.slice(1)}` : `The ${what}`;
}
