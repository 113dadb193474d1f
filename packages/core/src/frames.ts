import { RunAgentError } from "./errors.ts";
import { FRAMES as CLIENT_FRAMES } from "./gen/client-frames.ts";
import { FRAMES as SERVER_FRAMES, STATUSES, validateData } from "./gen/server-frames.ts";
import type {
  AckFrame,
  ApprovalAcknowledgedFrame,
  ApprovalFrame,
  AuthAcknowledgedFrame,
  AuthFrame,
  CancelAcknowledgedFrame,
  CancelFrame,
  DataFrame,
  ErrorFrame,
  EventFrame,
  FilterFrame,
  HeartbeatFrame,
  ResumeFrame,
  SkippedFrame,
  StartFrame,
  StreamCancelledFrame,
  StreamCompletedFrame,
  StreamStartedFrame,
} from "./gen/types.ts";
import { type BlameCode, excerpt, isJsonObject, type JsonObject } from "./json.ts";
import { type Validator, violationOf } from "./validator.ts";

/** Every frame a version 2 client sends. */
export type ClientFrame = StartFrame | ResumeFrame | AckFrame | FilterFrame | CancelFrame | ApprovalFrame | AuthFrame;

/** Every frame a version 2 server sends. */
export type ServerFrame =
  | StreamStartedFrame
  | DataFrame
  | EventFrame
  | SkippedFrame
  | HeartbeatFrame
  | StreamCompletedFrame
  | StreamCancelledFrame
  | ErrorFrame
  | CancelAcknowledgedFrame
  | ApprovalAcknowledgedFrame
  | AuthAcknowledgedFrame;

/** A frame of a type that this side does not know. With `seq` it takes its place in the order. [frame.unknown.1] */
export interface UnknownFrame {
  readonly type: "unknown";
  readonly seq: number | undefined;
  readonly frame: JsonObject;
}

const SEQ: Validator = (value, look) => look(value.seq, "seq", ["integer >=", 1, Number.MAX_SAFE_INTEGER], 1);

/**
 * Checks a parsed version 2 client frame against its schema.
 * @throws RunAgentError VALIDATION_ERROR that names the field. [json.text.2]
 */
export function readClientFrame(value: JsonObject): ClientFrame | UnknownFrame {
  return accept(value, CLIENT_FRAMES.get(value.type), "VALIDATION_ERROR");
}

/**
 * Checks a parsed version 2 server frame against its schema.
 * @throws RunAgentError PROTOCOL_ERROR that names the field. [json.text.2]
 */
export function readServerFrame(value: JsonObject): ServerFrame | UnknownFrame {
  const { type, status } = value;
  // The one frame of which there are many goes first.
  if (type === "data") return accept(value, validateData, "PROTOCOL_ERROR");
  if (type !== "status") return accept(value, SERVER_FRAMES.get(type), "PROTOCOL_ERROR");
  if (typeof status === "string") return accept(value, STATUSES.get(status), "PROTOCOL_ERROR");
  throw new RunAgentError("PROTOCOL_ERROR", "The frame names no status: it must be a string.", { field: "status" });
}

/** @throws RunAgentError with code `blame` when the value does not fit. */
export function check(validate: Validator, value: unknown, blame: BlameCode, what = "frame"): void {
  const violation = violationOf(value, validate);
  if (violation === undefined) return;
  const field = violation.field === "" ? undefined : violation.field;
  const type = isJsonObject(value) && typeof value.type === "string" ? ` ${excerpt(value.type, 32)}` : "";
  const subject = field === undefined ? `The ${what}` : `The field ${excerpt(field, 64)} of the ${what}`;
  throw new RunAgentError(blame, `${subject}${type} ${violation.problem}.`, { field });
}

function accept<Frame>(value: JsonObject, validate: Validator | undefined, blame: BlameCode): Frame | UnknownFrame {
  if (validate === undefined) return readUnknown(value, blame);
  check(validate, value, blame);
  // That checks and types are made from the same schemas is what `as` knows.
  return value as Frame;
}

function readUnknown(value: JsonObject, blame: BlameCode): UnknownFrame {
  if (typeof value.type !== "string") {
    throw new RunAgentError(blame, `The frame has no type: it must be a string, not ${typeof value.type}.`, { field: "type" });
  }
  check(SEQ, value, blame);
  return { type: "unknown", seq: value.seq as number | undefined, frame: value };
}
