// Made by `npm run generate` from protocol/; do not edit.
import type { Rule, Validator } from "../validator.ts";

const seq: Rule = ["integer >=", 1, 9007199254740991];
const type: Rule = /^.{1,128}$/su;
const agentEvent: Validator = (value, look) => look(value.type, "type", type);
const position: Rule = ["integer >=", 0, 9007199254740991];
const invocationId: Rule = /^[A-Za-z0-9_][A-Za-z0-9._~-]{0,127}$/u;
const code: Rule = /^.{1,64}$/su;
const error: Validator = (value, look) => look(value.code, "code", code) ?? look(value.message, "message", "string") ?? look(value.suggestion, "suggestion", "string", 2) ?? look(value.field, "field", "string", 2);
const executionTime: Rule = ["number >=", 0];
const epoch: Rule = /^[A-Za-z0-9_-]{1,64}$/u;
const heartbeatSeconds: Rule = ["number >=", 0, 3600];
const durability: Rule = /^(memory|disk|replicated)$/;
const streamStarted: Validator = (value, look) => look(value.protocol, "protocol", 2) ?? look(value.invocation_id, "invocation_id", invocationId) ?? look(value.epoch, "epoch", epoch) ?? look(value.seq, "seq", position) ?? look(value.first_seq, "first_seq", seq) ?? look(value.heartbeat_seconds, "heartbeat_seconds", heartbeatSeconds) ?? look(value.resume_seconds, "resume_seconds", executionTime) ?? look(value.durability, "durability", durability) ?? look(value.last_seq, "last_seq", position, 1) ?? look(value.pending_approvals, "pending_approvals", "array", 1);
const mode: Rule = /^(immediate|after_turn)$/;
const outcome: Rule = /^(accepted|already_ended)$/;
const decision: Rule = /^(approve|reject)$/;
const outcome2: Rule = /^(accepted|refused)$/;

/** The check of data frames, of which there are many. */
export const validateData: Validator = (value, look) => look(value.seq, "seq", seq) ?? look(value.content, "content", true);

/** The checks of frames, by type. */
export const FRAMES: ReadonlyMap<unknown, Validator> = /* @__PURE__ */ new Map([
  ["event", (value, look) => look(value.seq, "seq", seq) ?? look(value.event, "event", agentEvent)],
  ["skipped", (value, look) => look(value.after, "after", position) ?? look(value.seq, "seq", seq)],
  ["heartbeat", (value, look) => look(value.seq, "seq", position)],
  ["error", (value, look) => look(value.seq, "seq", seq, 1) ?? look(value.invocation_id, "invocation_id", invocationId, 1) ?? look(value.error, "error", error) ?? look(value.total_chunks, "total_chunks", position, 1) ?? look(value.execution_time, "execution_time", executionTime, 1)],
]);

/** The checks of status frames, by status. */
export const STATUSES: ReadonlyMap<unknown, Validator> = /* @__PURE__ */ new Map([
  ["stream_started", streamStarted],
  ["stream_resumed", streamStarted],
  ["stream_completed", (value, look) => look(value.seq, "seq", seq) ?? look(value.invocation_id, "invocation_id", invocationId) ?? look(value.total_chunks, "total_chunks", position) ?? look(value.execution_time, "execution_time", executionTime) ?? look(value.reason, "reason", "string", 1)],
  ["stream_cancelled", (value, look) => look(value.seq, "seq", seq) ?? look(value.invocation_id, "invocation_id", invocationId) ?? look(value.total_chunks, "total_chunks", position) ?? look(value.execution_time, "execution_time", executionTime) ?? look(value.mode, "mode", mode) ?? look(value.reason, "reason", "string", 1)],
  ["cancel_acknowledged", (value, look) => look(value.invocation_id, "invocation_id", invocationId) ?? look(value.mode, "mode", mode) ?? look(value.outcome, "outcome", outcome)],
  ["approval_acknowledged", (value, look) => look(value.approval_id, "approval_id", type) ?? look(value.decision, "decision", decision, 1) ?? look(value.outcome, "outcome", outcome2) ?? look(value.error, "error", error, 1)],
  ["auth_acknowledged", (value, look) => undefined],
]);
