import {
  type CancelAcknowledgedFrame,
  type DataFrame,
  type ErrorFrame,
  type EventFrame,
  errorFromWire,
  type FrameV1,
  type JsonObject,
  RunAgentError,
  readFrameV1,
  readServerFrame,
  type ServerFrame,
  type StreamCancelledFrame,
  type StreamCompletedFrame,
  type StreamStartedFrame,
  type UnknownFrame,
} from "@runagent/core";

/**
 * What the frames of a server mean for one stream. Pure: no I/O, no timers, no clock.
 *
 *   starting ──stream_started, protocol 2──▶ streaming(2) ──terminal record──▶ ended
 *      ├──────any other frame of version 1──▶ streaming(1) ──stream_completed─▶ ended
 *      └──────error──────────────────────────────────────────────────────────▶ ended
 *
 * Version 2: the record after `seq` is `seq + 1`; a lower one is a duplicate and dropped, a higher one a gap.
 * Version 1 has no numbers: the state counts the records, so that readers see one shape.
 */
export interface StreamState {
  phase: "starting" | "streaming" | "ended";
  /** Unknown until the first frame. */
  protocol: 1 | 2 | undefined;
  /** In version 1 the server replaces it with its own. */
  invocationId: string;
  epoch: string | undefined;
  /** The last record received. */
  seq: number;
  /** Data records received. */
  chunks: number;
  /** Records dropped because they came twice. */
  duplicates: number;
  /** Frames of an unknown type. */
  ignored: number;
}

/** A record as the user sees it. */
export type StreamRecord<T = unknown> =
  | (Omit<DataFrame, "content"> & { content: T })
  | EventFrame
  | StreamCompletedFrame
  | StreamCancelledFrame;

/** What waits in the queue: records, and those that only move the cursor. */
export type QueuedRecord = StreamRecord | UnknownRecord;

/** A record of a type that this client does not know: it has its place in the order and is not shown. [frame.unknown.1] */
export interface UnknownRecord extends UnknownFrame {
  readonly seq: number;
}

/** What the session has to do about a frame. */
export type Effect =
  | { readonly type: "none" }
  | { readonly type: "record"; readonly record: QueuedRecord }
  | { readonly type: "completed"; readonly record: StreamCompletedFrame; readonly totals: Partial<StreamCompletedFrame> }
  | { readonly type: "cancelled"; readonly record: StreamCancelledFrame }
  | { readonly type: "failed"; readonly error: RunAgentError }
  | { readonly type: "cancel-acknowledged"; readonly frame: CancelAcknowledgedFrame };

const NONE: Effect = { type: "none" };

/** The state before the first frame. */
export function createState(invocationId: string): StreamState {
  return { phase: "starting", protocol: undefined, invocationId, epoch: undefined, seq: 0, chunks: 0, duplicates: 0, ignored: 0 };
}

/** Takes one frame; with the first that is no refusal the phase leaves "starting": the server has accepted. @throws RunAgentError PROTOCOL_ERROR or STREAM_TRUNCATED: the stream cannot go on. */
export function receive(state: StreamState, frame: JsonObject): Effect {
  if (state.phase === "ended") return NONE;
  if (state.phase === "starting") {
    // A refusal leaves the version open: an error frame looks alike in both.
    if (frame.type !== "error") state.protocol = negotiate(frame);
    state.phase = "streaming";
  }
  return state.protocol === 2 ? receiveV2(state, readServerFrame(frame)) : receiveV1(state, readFrameV1(frame));
}

/** [negotiate.client.1] */
function negotiate(frame: JsonObject): 1 | 2 {
  const started = frame.type === "status" && (frame.status === "stream_started" || frame.status === "stream_resumed");
  if (!started || frame.protocol === undefined) return 1;
  if (frame.protocol === 2) return 2;
  throw new RunAgentError(
    "PROTOCOL_ERROR",
    `The server answered in protocol version ${JSON.stringify(frame.protocol)}; this client speaks 1 and 2.`,
  );
}

function receiveV2(state: StreamState, frame: ServerFrame | UnknownFrame): Effect {
  switch (frame.type) {
    case "data":
    case "event":
      return takeRecord(state, frame);
    case "heartbeat":
      if (frame.seq !== state.seq) throw gap(state, frame.seq);
      return NONE;
    case "error":
      return takeError(state, frame);
    case "unknown":
      if (isRecord(frame)) return takeRecord(state, frame);
      state.ignored++;
      return NONE;
    case "status":
      return takeStatus(state, frame);
  }
}

function takeRecord(state: StreamState, record: DataFrame | EventFrame | UnknownRecord): Effect {
  if (!advance(state, record.seq)) return NONE;
  if (record.type === "data") state.chunks++;
  return { type: "record", record };
}

/** Moves to the record `seq`. False: it came before. @throws when one before it is missing. [record.order.2] [record.gap.1] */
function advance(state: StreamState, seq: number): boolean {
  if (seq === state.seq + 1) {
    state.seq = seq;
    return true;
  }
  if (seq > state.seq) throw gap(state, seq);
  state.duplicates++;
  return false;
}

function takeStatus(state: StreamState, frame: Extract<ServerFrame, { type: "status" }>): Effect {
  switch (frame.status) {
    case "stream_started":
    case "stream_resumed":
      return takeStarted(state, frame);
    case "stream_completed":
    case "stream_cancelled": {
      checkInvocation(state, frame.invocation_id);
      if (!advance(state, frame.seq)) return NONE;
      if (frame.total_chunks !== state.chunks) {
        throw new RunAgentError("PROTOCOL_ERROR", `The server says ${frame.total_chunks} chunks were sent; ${state.chunks} arrived.`);
      }
      state.phase = "ended";
      if (frame.status === "stream_cancelled") return { type: "cancelled", record: frame };
      return { type: "completed", record: frame, totals: frame };
    }
    case "cancel_acknowledged":
      checkInvocation(state, frame.invocation_id);
      return { type: "cancel-acknowledged", frame };
    default:
      return NONE; // Answers to what this client did not send.
  }
}

function takeStarted(state: StreamState, frame: StreamStartedFrame): Effect {
  checkInvocation(state, frame.invocation_id);
  if (state.epoch !== undefined) throw new RunAgentError("PROTOCOL_ERROR", "The server accepted the same start twice on one connection.");
  if (frame.status !== "stream_started") throw new RunAgentError("PROTOCOL_ERROR", `The server answered a start with ${frame.status}.`);
  if (frame.seq !== state.seq)
    throw new RunAgentError("PROTOCOL_ERROR", `The server starts after record ${frame.seq}, not after ${state.seq}.`);
  state.epoch = frame.epoch;
  return NONE;
}

function takeError(state: StreamState, frame: ErrorFrame): Effect {
  if (frame.seq !== undefined && !advance(state, frame.seq)) return NONE;
  return fail(state, errorFromWire(frame.error, "SERVER_ERROR"));
}

function receiveV1(state: StreamState, frame: FrameV1): Effect {
  switch (frame.type) {
    case "started":
      state.invocationId = frame.invocationId ?? state.invocationId;
      return NONE;
    case "data":
      state.chunks++;
      return { type: "record", record: { type: "data", seq: ++state.seq, content: frame.content } };
    case "completed": {
      state.invocationId = frame.invocationId ?? state.invocationId;
      state.phase = "ended";
      const record: StreamCompletedFrame = {
        type: "status",
        status: "stream_completed",
        seq: ++state.seq,
        invocation_id: state.invocationId,
        total_chunks: frame.totalChunks ?? state.chunks,
        execution_time: frame.executionTime ?? 0,
      };
      // The record is complete for readers of records; what the server did not say is not said in its name.
      const { totalChunks, executionTime } = frame;
      const totals = {
        ...(totalChunks === undefined ? {} : { total_chunks: totalChunks }),
        ...(executionTime === undefined ? {} : { execution_time: executionTime }),
      };
      return { type: "completed", record, totals };
    }
    case "failed":
      return fail(state, frame.error);
    case "ignored":
      state.ignored++;
      return NONE;
  }
}

function fail(state: StreamState, error: RunAgentError): Effect {
  state.phase = "ended";
  return { type: "failed", error };
}

function isRecord(frame: UnknownFrame): frame is UnknownRecord {
  return frame.seq !== undefined;
}

function checkInvocation(state: StreamState, invocationId: string): void {
  if (invocationId !== state.invocationId) {
    throw new RunAgentError(
      "PROTOCOL_ERROR",
      `The server sent a frame of invocation ${invocationId} on the connection of ${state.invocationId}.`,
    );
  }
}

function gap(state: StreamState, seq: number): RunAgentError {
  const message = `Record ${state.seq + 1} is missing: the server went on with ${seq}. Nothing after record ${state.seq} was delivered.`;
  return new RunAgentError("STREAM_TRUNCATED", message);
}
