import { RunAgentError } from "./errors.ts";
import { isDeeperThan, isJsonObject, type JsonObject, MAX_JSON_DEPTH, textOf, typeName } from "./json.ts";
import { describeDetail, errorFromWire } from "./wire-error.ts";

/**
 * Version 1: how values, frames and answers of deployed RunAgent servers and SDKs are read and written.
 * A value travels as JSON text of `{type, payload}`, where payload is the value as JSON text again.
 */

type TypeName = "string" | "integer" | "number" | "boolean" | "array" | "object" | "null";

const TYPES: readonly unknown[] = ["string", "integer", "number", "boolean", "array", "object", "null"] satisfies TypeName[];

/** A version 1 server frame, read. */
export type FrameV1 =
  | { readonly type: "started"; readonly invocationId: string | undefined }
  | { readonly type: "data"; readonly content: unknown }
  | {
      readonly type: "completed";
      readonly invocationId: string | undefined;
      readonly totalChunks: number | undefined;
      readonly executionTime: number | undefined;
    }
  | { readonly type: "failed"; readonly error: RunAgentError }
  | { readonly type: "ignored" };

const REFUSED = "Correct what the message names; the same request will fail again.";

const FAILED = /^stream_(error|failed|interrupted|retry)$/;

/**
 * Writes a value as it travels in version 1: doubly encoded. [run1.answer.1]
 * @param payload The JSON text of the value, for who has it: a number in it may have more digits than JavaScript keeps.
 */
export function encodeValueV1(value: unknown, payload: string = JSON.stringify(value ?? null)): string {
  return JSON.stringify({ type: typeOf(value), payload });
}

/** Reads one frame of a version 1 server. @throws RunAgentError PROTOCOL_ERROR when it is none. [v1.status.1] [v1.error.1] */
export function readFrameV1(frame: JsonObject): FrameV1 {
  switch (frame.type) {
    case "data":
      return { type: "data", content: readContent(frame) };
    case "status":
      return readStatus(frame);
    case "error":
      return { type: "failed", error: readError(frame) };
    default:
      if (typeof frame.type === "string") return { type: "ignored" };
      throw new RunAgentError("PROTOCOL_ERROR", `The frame has no type: it must be a string, not ${typeName(frame.type)}.`, {
        field: "type",
      });
  }
}

/** Reads the answer of POST run in every shape that version 1 servers send. [run1.read.1] */
export function readResultV1(envelope: JsonObject): unknown {
  const { data, output_data: outputData } = envelope;
  if (isJsonObject(data) && isJsonObject(data.result_data) && "data" in data.result_data) return readResult(data.result_data.data);
  if (data === undefined && outputData === undefined && "content" in envelope) return readResult(envelope);
  return readResult(data ?? outputData ?? null);
}

/** Reads one chunk as it travels: structured, or plain with some servers. [v1.chunk.1] */
export function readChunkV1(wire: unknown): unknown {
  if (typeof wire !== "string") return unwrap(wire);
  // Only what cannot be a piece of plain text is taken for JSON: tokens such as 42, null and [1] stay text.
  const first = wire[0];
  if (first !== "{" && first !== '"') return wire;
  const parsed = tryParse(wire);
  if (typeof parsed === "string") return parsed;
  return isJsonObject(parsed) ? unwrap(parsed) : wire;
}

/** [run1.read.2] */
function readResult(wire: unknown): unknown {
  const parsed = typeof wire === "string" ? tryParse(wire) : wire;
  if (parsed === undefined) return wire;
  const value = unwrap(parsed);
  const isAnswer = value === parsed && isJsonObject(value) && "content" in value && typeof value.strategy === "string";
  return isAnswer ? value.content : value;
}

/** The value inside `{type, payload}`; any other value is itself. */
function unwrap(value: unknown): unknown {
  if (!isJsonObject(value) || !TYPES.includes(value.type) || !("payload" in value) || Object.keys(value).length !== 2) return value;
  const { payload } = value;
  const parsed = typeof payload === "string" ? tryParse(payload) : undefined;
  return parsed === undefined ? payload : parsed;
}

/** The value of JSON text, or undefined when it is none: deployed servers send plain text in the same place. */
function tryParse(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  // Looked at afterwards: plain text may hold any number of brackets.
  if (!isDeeperThan(text, MAX_JSON_DEPTH)) return value;
  throw new RunAgentError("PAYLOAD_TOO_LARGE", `A value nests deeper than ${MAX_JSON_DEPTH} levels (maxJsonDepth).`);
}

function readContent(frame: JsonObject): unknown {
  for (const key of ["content", "data", "payload", "delta"]) {
    if (frame[key] !== undefined) return readChunkV1(frame[key]);
  }
  throw new RunAgentError("PROTOCOL_ERROR", "A data frame of the server holds no content.", { field: "content" });
}

function readStatus(frame: JsonObject): FrameV1 {
  const { status } = frame;
  if (typeof status !== "string") {
    throw new RunAgentError("PROTOCOL_ERROR", "A status frame of the server names no status.", { field: "status" });
  }
  const invocationId = textOf(frame.invocation_id);
  if (status === "stream_started") return { type: "started", invocationId };
  if (status === "stream_completed") {
    return { type: "completed", invocationId, totalChunks: numberOf(frame.total_chunks), executionTime: numberOf(frame.execution_time) };
  }
  if (!FAILED.test(status)) return { type: "ignored" };
  const cause = frame.error ?? frame.detail ?? frame.message ?? `The server ended the stream with status ${status}.`;
  return { type: "failed", error: errorFromWire(cause, "EXECUTION_ERROR") };
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

/** `error`: the agent failed. `detail` alone: the request was refused. */
function readError(frame: JsonObject): RunAgentError {
  if (frame.error !== undefined && frame.error !== null) return errorFromWire(frame.error, "EXECUTION_ERROR");
  if (frame.detail !== undefined) return errorFromWire({ message: describeDetail(frame.detail), suggestion: REFUSED }, "VALIDATION_ERROR");
  return errorFromWire(frame.message ?? {}, "EXECUTION_ERROR");
}

function typeOf(value: unknown): TypeName {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  if (Number.isInteger(value)) return "integer";
  const type = typeof value;
  return type === "string" || type === "boolean" || type === "number" ? type : "object";
}
