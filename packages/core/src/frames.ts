import { RunAgentError } from "./errors.ts";
import { validateAck, validateApproval, validateAuth, validateCancel, validateResume, validateStart } from "./gen/client-frames.js";
import {
  validateApprovalAcknowledged,
  validateAuthAcknowledged,
  validateCancelAcknowledged,
  validateData,
  validateError,
  validateEvent,
  validateHeartbeat,
  validateStreamCancelled,
  validateStreamCompleted,
  validateStreamStarted,
} from "./gen/server-frames.js";
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
  HeartbeatFrame,
  ResumeFrame,
  StartFrame,
  StreamCancelledFrame,
  StreamCompletedFrame,
  StreamStartedFrame,
} from "./gen/types.ts";
import { type BlameCode, excerpt, type JsonObject } from "./json.ts";
import { describeViolation, type Validator } from "./validator.ts";

/** Every frame a version 2 client sends. */
export type ClientFrame = StartFrame | ResumeFrame | AckFrame | CancelFrame | ApprovalFrame | AuthFrame;

/** Every frame a version 2 server sends. */
export type ServerFrame =
  | StreamStartedFrame
  | DataFrame
  | EventFrame
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

const CLIENT_FRAMES: ReadonlyMap<unknown, Validator> = new Map([
  ["start", validateStart],
  ["resume", validateResume],
  ["ack", validateAck],
  ["cancel", validateCancel],
  ["approval", validateApproval],
  ["auth", validateAuth],
]);

const STATUS_FRAMES: ReadonlyMap<unknown, Validator> = new Map([
  ["stream_started", validateStreamStarted],
  ["stream_resumed", validateStreamStarted],
  ["stream_completed", validateStreamCompleted],
  ["stream_cancelled", validateStreamCancelled],
  ["cancel_acknowledged", validateCancelAcknowledged],
  ["approval_acknowledged", validateApprovalAcknowledged],
  ["auth_acknowledged", validateAuthAcknowledged],
]);

const SERVER_FRAMES: ReadonlyMap<unknown, Validator> = new Map([
  ["data", validateData],
  ["event", validateEvent],
  ["heartbeat", validateHeartbeat],
  ["error", validateError],
]);

/**
 * Checks a parsed version 2 client frame against its schema.
 * @throws RunAgentError VALIDATION_ERROR that names the field. [json.text.2]
 */
export function readClientFrame(value: JsonObject): ClientFrame | UnknownFrame {
  const validate = CLIENT_FRAMES.get(value.type);
  if (validate === undefined) return readUnknown(value, "VALIDATION_ERROR");
  check(validate, value, "VALIDATION_ERROR");
  return value as unknown as ClientFrame;
}

/**
 * Checks a parsed version 2 server frame against its schema.
 * @throws RunAgentError PROTOCOL_ERROR that names the field. [json.text.2]
 */
export function readServerFrame(value: JsonObject): ServerFrame | UnknownFrame {
  const { type } = value;
  // The one frame of which there are many goes first.
  if (type === "data") check(validateData, value, "PROTOCOL_ERROR");
  else {
    if (type === "status" && typeof value.status !== "string") {
      throw new RunAgentError("PROTOCOL_ERROR", "The frame names no status: it must be a string.", { field: "status" });
    }
    const validate = type === "status" ? STATUS_FRAMES.get(value.status) : SERVER_FRAMES.get(type);
    if (validate === undefined) return readUnknown(value, "PROTOCOL_ERROR");
    check(validate, value, "PROTOCOL_ERROR");
  }
  return value as unknown as ServerFrame;
}

/** @throws RunAgentError with code `blame` when the value does not fit. */
export function check(validate: Validator, value: unknown, blame: BlameCode, what = "frame"): void {
  if (validate(value)) return;
  const { field, problem } = describeViolation(validate);
  const named = typeof value === "object" && value !== null && "type" in value ? value.type : undefined;
  const type = typeof named === "string" ? ` ${excerpt(named, 32)}` : "";
  const subject = field === "" ? `The ${what}${type}` : `The field ${excerpt(field, 64)} of the ${what}${type}`;
  throw new RunAgentError(blame, `${subject} ${problem}.`, { field: field === "" ? undefined : field });
}

function readUnknown(value: JsonObject, blame: BlameCode): UnknownFrame {
  if (typeof value.type !== "string") {
    throw new RunAgentError(blame, `The frame has no type: it must be a string, not ${typeof value.type}.`, { field: "type" });
  }
  const { seq } = value;
  if (seq === undefined) return { type: "unknown", seq: undefined, frame: value };
  if (typeof seq !== "number" || !Number.isSafeInteger(seq) || seq < 1) {
    throw new RunAgentError(blame, "The field seq of the frame must be a whole number from 1 to 2^53-1.", { field: "seq" });
  }
  return { type: "unknown", seq, frame: value };
}
