// Made by `npm run generate` from protocol/; do not edit.
import type { Rule, Validator } from "../validator.ts";

const invocationId: Rule = /^[A-Za-z0-9_][A-Za-z0-9._~-]{0,127}$/u;
const entrypointTag: Rule = /^(?=.{1,128}$)[^\u0000-\u001f\u007f]+$/su;
const timeoutSeconds: Rule = ["number >", 0, 31536000];
const userId: Rule = /^.{0,512}$/su;
const windowBytes: Rule = ["integer >=", 1, 1073741824];
const onDisconnect: Rule = /^(continue|cancel)$/;
const token: Rule = /^.{1,8192}$/su;
const auth: Validator = (value, look) => look(value.token, "token", token);
const epoch: Rule = /^[A-Za-z0-9_-]{1,64}$/u;
const position: Rule = ["integer >=", 0, 9007199254740991];
const seq: Rule = ["integer >=", 1, 9007199254740991];
const mode: Rule = /^(immediate|after_turn)$/;
const approvalId: Rule = /^.{1,128}$/su;
const decision: Rule = /^(approve|reject)$/;
const reason: Rule = /^.{0,4096}$/su;

/** The checks of frames, by type. */
export const FRAMES: ReadonlyMap<unknown, Validator> = /* @__PURE__ */ new Map([
  ["start", (value, look) => look(value.protocol, "protocol", 2) ?? look(value.invocation_id, "invocation_id", invocationId) ?? look(value.entrypoint_tag, "entrypoint_tag", entrypointTag) ?? look(value.input_args, "input_args", "array") ?? look(value.input_kwargs, "input_kwargs", "object") ?? look(value.timeout_seconds, "timeout_seconds", timeoutSeconds, 1) ?? look(value.async_execution, "async_execution", "boolean", 1) ?? look(value.user_id, "user_id", userId, 2) ?? look(value.persistent_memory, "persistent_memory", "boolean", 2) ?? look(value.window_bytes, "window_bytes", windowBytes, 1) ?? look(value.on_disconnect, "on_disconnect", onDisconnect, 1) ?? look(value.only, "only", "array", 1) ?? look(value.auth, "auth", auth, 1)],
  ["resume", (value, look) => look(value.protocol, "protocol", 2) ?? look(value.invocation_id, "invocation_id", invocationId) ?? look(value.epoch, "epoch", epoch) ?? look(value.after_seq, "after_seq", position) ?? look(value.window_bytes, "window_bytes", windowBytes, 1) ?? look(value.only, "only", "array", 1) ?? look(value.auth, "auth", auth, 1)],
  ["ack", (value, look) => look(value.seq, "seq", seq)],
  ["filter", (value, look) => look(value.only, "only", "array")],
  ["cancel", (value, look) => look(value.mode, "mode", mode)],
  ["approval", (value, look) => look(value.approval_id, "approval_id", approvalId) ?? look(value.decision, "decision", decision) ?? look(value.reason, "reason", reason, 1)],
  ["auth", (value, look) => look(value.token, "token", token)],
]);

/** The check of the body run-request. */
export const validateRunRequest: Validator = (value, look) => look(value.protocol, "protocol", 2) ?? look(value.invocation_id, "invocation_id", invocationId) ?? look(value.entrypoint_tag, "entrypoint_tag", entrypointTag) ?? look(value.input_args, "input_args", "array") ?? look(value.input_kwargs, "input_kwargs", "object") ?? look(value.timeout_seconds, "timeout_seconds", timeoutSeconds, 1) ?? look(value.async_execution, "async_execution", "boolean", 1) ?? look(value.user_id, "user_id", userId, 2) ?? look(value.persistent_memory, "persistent_memory", "boolean", 2);

/** The check of the body run-request-v1. */
export const validateRunRequestV1: Validator = (value, look) => look(value.entrypoint_tag, "entrypoint_tag", entrypointTag) ?? look(value.input_args, "input_args", "array", 1) ?? look(value.input_kwargs, "input_kwargs", "object", 1) ?? look(value.timeout_seconds, "timeout_seconds", timeoutSeconds, 1) ?? look(value.async_execution, "async_execution", "boolean", 1) ?? look(value.user_id, "user_id", userId, 2) ?? look(value.persistent_memory, "persistent_memory", "boolean", 2);

/** The check of the body cancel-request. */
export const validateCancelRequest: Validator = (value, look) => look(value.mode, "mode", mode);

/** The check of the body approval-request. */
export const validateApprovalRequest: Validator = (value, look) => look(value.approval_id, "approval_id", approvalId) ?? look(value.decision, "decision", decision) ?? look(value.reason, "reason", reason, 1);
