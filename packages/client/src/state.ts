import {
  type ApprovalAcknowledgedFrame,
  type ApprovalRequiredEvent,
  type CancelAcknowledgedFrame,
  type DataFrame,
  type ErrorFrame,
  type EventFrame,
  errorFromWire,
  type FrameV1,
  isJsonObject,
  type JsonObject,
  RunAgentError,
  readFrameV1,
  readServerFrame,
  type ServerFrame,
  type SkippedFrame,
  type StreamCancelledFrame,
  type StreamCompletedFrame,
  type StreamStartedFrame,
  type TypedEvent,
  type UnknownFrame,
} from "@runagent/core";

/**
 * What the frames of a server mean for one stream, over as many connections as it takes. Pure: no I/O, no timers, no clock.
 *
 *   reopen ─▶ starting ──accept frame of version 2──▶ streaming(2) ──terminal record──▶ ended
 *                ├────────any frame of version 1────▶ streaming(1) ──stream_completed─▶ ended
 *                └────────error─────────────────────────────────────────────────────▶ ended, or refused
 *
 * Version 2: the record after `seq` is `seq + 1`; a lower one is a duplicate and dropped, a higher one a gap.
 * After a reopen the server goes on after `asked`, which may be lower than `seq`: what is queued here comes once more and is dropped.
 * Version 1 has no numbers: the state counts the records, so that readers see one shape.
 */
export interface StreamState {
  /** Of the present connection; ended is for good. */
  phase: "starting" | "streaming" | "ended";
  /** Unknown until the first frame. */
  protocol: 1 | 2 | undefined;
  /** In version 1 the server replaces it with its own. */
  invocationId: string;
  epoch: string | undefined;
  /** The last record received. */
  seq: number;
  /** The place in the log where this stream began: 0, or the position it was resumed from. */
  readonly origin: number;
  /** After which record the present connection was asked to go on. */
  asked: number;
  /** The last record that came on the present connection. [heartbeat.read.1] */
  wireSeq: number;
  /** The server has accepted on the present connection. */
  accepted: boolean;
  /** What the server promised when it accepted. [accept.zero.1] */
  heartbeatSeconds: number;
  resumeSeconds: number;
  /** The last record of the log when the server accepted: what is above it was new then. */
  lastSeq: number;
  /** The approvals that wait for a decision, as far as the records have come. [approval.pending.1] */
  pendingApprovals: Map<string, ApprovalRequiredEvent>;
  /** The server takes a filter on the way. [filter.frame.1] */
  filters: boolean;
  /** Not all records were asked for on the present connection. */
  filtered: boolean;
  /** Not all chunks were asked for, so nobody can count them. */
  partial: boolean;
  /** Data records received. */
  chunks: number;
  /** Records and accept frames dropped because they came twice. */
  duplicates: number;
  /** Frames of an unknown type. */
  ignored: number;
}

/** A chunk, as a record. */
export type ChunkRecord<T = unknown> = Omit<DataFrame, "content"> & { content: T };

/** An event, as a record. `Own` are events of the agent that the protocol does not name. */
export type EventRecord<Own extends { readonly type: string } = never> = Omit<EventFrame, "event"> & { event: TypedEvent<Own> };

/** A record as the user sees it. */
export type StreamRecord<T = unknown, Own extends { readonly type: string } = never> =
  | ChunkRecord<T>
  | EventRecord<Own>
  | StreamCompletedFrame
  | StreamCancelledFrame;

/** What waits in the queue: records, and those that only move the cursor. */
export type QueuedRecord = DataFrame | EventFrame | StreamCompletedFrame | StreamCancelledFrame | UnknownRecord;

/** A record of a type that this client does not know, or of those that it did not ask for: it has its place in the order and is not shown. [frame.unknown.1] */
export interface UnknownRecord extends UnknownFrame {
  readonly seq: number;
}

/** What the session has to do about a frame. */
export type Effect =
  | { readonly type: "none" }
  /** A record that is here already came once more because it was asked for. */
  | { readonly type: "duplicate" }
  | { readonly type: "record"; readonly record: QueuedRecord }
  | { readonly type: "completed"; readonly record: StreamCompletedFrame; readonly totals: Partial<StreamCompletedFrame> }
  | { readonly type: "cancelled"; readonly record: StreamCancelledFrame }
  /** The invocation has failed. */
  | { readonly type: "failed"; readonly error: RunAgentError }
  /** The server does not take this connection; the log is untouched. [error.read.1] */
  | { readonly type: "refused"; readonly error: RunAgentError }
  /** A record is missing on this connection. [record.gap.1] */
  | { readonly type: "gap"; readonly error: RunAgentError }
  | { readonly type: "cancel-acknowledged"; readonly frame: CancelAcknowledgedFrame }
  | { readonly type: "approval-acknowledged"; readonly frame: ApprovalAcknowledgedFrame };

const NONE: Effect = { type: "none" };
const DUPLICATE: Effect = { type: "duplicate" };

/** The state before the first frame; with a cursor, of a stream that goes on after it. */
export function createState(invocationId: string, cursor?: { readonly epoch: string; readonly seq: number }): StreamState {
  const seq = cursor?.seq ?? 0;
  return {
    phase: "starting",
    protocol: cursor && 2,
    invocationId,
    epoch: cursor?.epoch,
    seq,
    origin: seq,
    asked: seq,
    wireSeq: seq,
    accepted: false,
    heartbeatSeconds: 0,
    resumeSeconds: 0,
    lastSeq: 0,
    pendingApprovals: new Map(),
    filters: false,
    filtered: false,
    partial: false,
    chunks: 0,
    duplicates: 0,
    ignored: 0,
  };
}

/** A new connection was asked to go on after record `afterSeq`. */
export function reopen(state: StreamState, afterSeq: number): void {
  state.phase = "starting";
  state.asked = afterSeq;
  state.wireSeq = afterSeq;
  state.accepted = false;
}

/** Takes one frame. @throws RunAgentError PROTOCOL_ERROR or PAYLOAD_TOO_LARGE: the stream cannot go on. */
export function receive(state: StreamState, frame: JsonObject): Effect {
  if (state.phase === "ended") return NONE;
  // A refusal leaves the version open: an error frame looks alike in both.
  const isRefusal = frame.type === "error" && frame.seq === undefined;
  // Also where version 2 was expected, a server of version 1 may answer.
  if (state.phase === "starting" && isRefusal && !isJsonObject(frame.error)) return receiveV1(state, frame);
  if (state.phase === "starting" && !isRefusal) {
    state.protocol = negotiate(frame, state.protocol);
    state.accepted = state.protocol === 1;
    state.phase = "streaming";
  }
  return state.protocol === 2 ? receiveV2(state, readServerFrame(frame)) : receiveV1(state, frame);
}

/** The version of the server, from its first frame on a connection. [negotiate.client.1] */
function negotiate(frame: JsonObject, known: 1 | 2 | undefined): 1 | 2 {
  const { status, protocol } = frame;
  const started = frame.type === "status" && (status === "stream_started" || status === "stream_resumed");
  // Version 1 has no numbers and no answers: such a frame has overtaken its accept frame.
  if (!started) return known ?? (Number.isInteger(frame.seq) || status === "cancel_acknowledged" ? 2 : 1);
  if (protocol === 2) return 2;
  if (protocol === undefined && known === undefined) return 1;
  throw broken(`The server answered in protocol version ${JSON.stringify(protocol ?? 1)}, not ${known ?? "1 or 2"}.`);
}

function receiveV2(state: StreamState, frame: ServerFrame | UnknownFrame): Effect {
  switch (frame.type) {
    case "data":
    case "event":
      return takeRecord(state, frame);
    case "skipped":
      return takeSkipped(state, frame);
    case "heartbeat":
      return frame.seq === state.wireSeq ? NONE : gap(state, frame.seq);
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
  const stopped = advance(state, record.seq);
  if (stopped !== undefined) return stopped;
  if (record.type === "data") state.chunks++;
  return { type: "record", record: record.type === "event" ? takeEvent(state, record) : record };
}

/** Follows the approvals, and reads the older spelling of a name. [event.spelling.1] */
function takeEvent(state: StreamState, record: EventFrame): EventFrame {
  const { event, seq } = record;
  const { type, name, approval_id: id } = event;
  // What was in the log before the server accepted waits only if the server said so.
  if (type === "approval_required" && readApproval(event) && seq > state.lastSeq) state.pendingApprovals.set(event.approval_id, event);
  if (type === "approval_decided" && typeof id === "string") state.pendingApprovals.delete(id);
  if (type !== "run_item_event" || name !== "handoff_occured") return record;
  return { ...record, event: { ...event, name: "handoff_occurred" } };
}

/** Without its id and its requests nobody can answer an approval. @throws RunAgentError PROTOCOL_ERROR. [event.open.1] */
function readApproval(event: unknown): event is ApprovalRequiredEvent {
  const { approval_id: id, requests }: JsonObject = isJsonObject(event) ? event : {};
  const fits =
    Array.isArray(requests) &&
    requests.length > 0 &&
    requests.every((request) => isJsonObject(request) && typeof request.tool_name === "string");
  if (fits && typeof id === "string") return true;
  throw broken("An approval_required has no approval_id or no requests.");
}

/** Moves past the records that were not asked for. [skip.read.1] */
function takeSkipped(state: StreamState, frame: SkippedFrame): Effect {
  const { after, seq } = frame;
  if (!state.filtered) throw broken("The server left out records that were asked for.");
  if (!state.accepted || after > state.wireSeq || seq <= after) return gap(state, seq);
  if (seq > state.seq) {
    state.seq = seq;
    state.wireSeq = seq;
    return { type: "record", record: { type: "unknown", seq, frame: { type: "skipped" } } };
  }
  state.duplicates++;
  if (seq <= state.wireSeq) return NONE;
  state.wireSeq = seq;
  return DUPLICATE;
}

/** Moves to the record `seq`. @returns What else is to be done: it came before, or one before it is missing. [record.order.2] [record.gap.1] */
function advance(state: StreamState, seq: number): Effect | undefined {
  if (!state.accepted) return gap(state, seq);
  if (seq === state.seq + 1) {
    state.seq = seq;
    state.wireSeq = seq;
    return undefined;
  }
  if (seq > state.seq) return gap(state, seq);
  state.duplicates++;
  if (seq <= state.wireSeq) return NONE;
  state.wireSeq = seq;
  return DUPLICATE;
}

/** Moves to the terminal record. A stream that was resumed after the end gets that record once more. [resume.end.1] */
function advanceToEnd(state: StreamState, seq: number): Effect | undefined {
  const again = state.accepted && seq === state.seq && seq === state.origin && seq > 0;
  return again ? undefined : advance(state, seq);
}

function takeStatus(state: StreamState, frame: Extract<ServerFrame, { type: "status" }>): Effect {
  switch (frame.status) {
    case "stream_started":
    case "stream_resumed":
      return takeStarted(state, frame);
    case "stream_completed":
    case "stream_cancelled":
    case "cancel_acknowledged":
      if (isLeftover(state, frame.invocation_id)) return NONE;
      checkInvocation(state, frame.invocation_id);
      return frame.status === "cancel_acknowledged" ? { type: "cancel-acknowledged", frame } : takeEnd(state, frame);
    case "approval_acknowledged":
      return { type: "approval-acknowledged", frame };
    default:
      return NONE; // Of auth, which tells by being refused.
  }
}

function takeEnd(state: StreamState, frame: StreamCompletedFrame | StreamCancelledFrame): Effect {
  const stopped = advanceToEnd(state, frame.seq);
  if (stopped !== undefined) return stopped;
  // Who came in the middle cannot count. [stream.total.1]
  if (state.origin === 0 && !state.partial && frame.total_chunks !== state.chunks) {
    throw broken(`The server says ${frame.total_chunks} chunks were sent; ${state.chunks} arrived.`);
  }
  state.phase = "ended";
  return frame.status === "stream_cancelled" ? { type: "cancelled", record: frame } : { type: "completed", record: frame, totals: frame };
}

/** [accept.check.1] */
function takeStarted(state: StreamState, frame: StreamStartedFrame): Effect {
  checkInvocation(state, frame.invocation_id);
  if (frame.seq !== state.asked) {
    throw broken(`The server goes on after record ${frame.seq}, not ${state.asked}.`);
  }
  if (state.epoch !== undefined && frame.epoch !== state.epoch) {
    throw broken("The server goes on with another log (epoch).");
  }
  if (state.accepted) {
    state.duplicates++;
    return NONE;
  }
  const expected = state.epoch === undefined ? "stream_started" : "stream_resumed";
  if (frame.status !== expected) throw broken(`The server answered with ${frame.status}, not ${expected}.`);
  state.epoch = frame.epoch;
  state.heartbeatSeconds = frame.heartbeat_seconds;
  state.resumeSeconds = frame.resume_seconds;
  state.filters = frame.last_seq !== undefined;
  state.lastSeq = frame.last_seq ?? frame.seq;
  state.pendingApprovals = new Map(frame.pending_approvals?.filter(readApproval).map((event) => [event.approval_id, event]));
  state.accepted = true;
  return NONE;
}

function takeError(state: StreamState, frame: ErrorFrame): Effect {
  const error = errorFromWire(frame.error, "SERVER_ERROR");
  if (frame.seq === undefined) return { type: "refused", error };
  const stopped = advanceToEnd(state, frame.seq);
  if (stopped !== undefined) return stopped;
  state.phase = "ended";
  return { type: "failed", error };
}

function receiveV1(state: StreamState, json: JsonObject): Effect {
  const frame: FrameV1 = readFrameV1(json);
  switch (frame.type) {
    case "started":
      state.invocationId = frame.invocationId ?? state.invocationId;
      return NONE;
    case "data":
      state.chunks++;
      return { type: "record", record: { type: "data", seq: ++state.seq, content: frame.content } };
    case "completed":
      return completeV1(state, frame);
    case "failed":
      // Before the acceptance it is a refusal in either version.
      if (!state.accepted) return { type: "refused", error: frame.error };
      state.phase = "ended";
      return { type: "failed", error: frame.error };
    case "ignored":
      state.ignored++;
      return NONE;
  }
}

function completeV1(state: StreamState, { invocationId, totalChunks, executionTime }: Extract<FrameV1, { type: "completed" }>): Effect {
  state.invocationId = invocationId ?? state.invocationId;
  state.phase = "ended";
  const record: StreamCompletedFrame = {
    type: "status",
    status: "stream_completed",
    seq: ++state.seq,
    invocation_id: state.invocationId,
    total_chunks: totalChunks ?? state.chunks,
    execution_time: executionTime ?? 0,
  };
  // The record is complete for readers of records; what the server did not say is not said in its name.
  const totals = {
    ...(totalChunks !== undefined && { total_chunks: totalChunks }),
    ...(executionTime !== undefined && { execution_time: executionTime }),
  };
  return { type: "completed", record, totals };
}

function isRecord(frame: UnknownFrame): frame is UnknownRecord {
  return frame.seq !== undefined;
}

/** On a warm connection something that came twice may be left of the invocation before. [conn.warm.1] */
function isLeftover(state: StreamState, invocationId: string): boolean {
  if (state.accepted || invocationId === state.invocationId) return false;
  state.ignored++;
  return true;
}

function checkInvocation(state: StreamState, invocationId: string): void {
  if (invocationId !== state.invocationId) {
    throw broken(`The server sent a frame of invocation ${invocationId}, not ${state.invocationId}.`);
  }
}

function gap(state: StreamState, seq: number): Effect {
  const what = state.accepted ? `Record ${state.seq + 1}` : "The accept frame";
  return { type: "gap", error: new RunAgentError("CONNECTION_ERROR", `${what} is missing: the server went on with ${seq}.`) };
}

function broken(message: string): RunAgentError {
  return new RunAgentError("PROTOCOL_ERROR", message);
}
