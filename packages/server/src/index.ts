/**
 * The reference server of the RunAgent run-and-stream protocol: define an agent, serve it.
 */

export { type ErrorCode, events, isMessage, type Message, RunAgentError, textOf } from "@runagent/core";
export {
  type Agent,
  type AgentDefinition,
  defineAgent,
  type Entrypoint,
  type EntrypointFunction,
  type EntrypointInput,
  type EntrypointOptions,
  type Untyped,
} from "./agent.ts";
export type { AgentContext, ApprovalAnswer, ApprovalRequest } from "./context.ts";
// For authors of log stores.
export type { InvocationLog, LogBounds, LogHead, LogRecord, LogStore, MaybePromise } from "./log.ts";
export { createMemoryLogStore } from "./memory-log.ts";
export {
  type ApprovalInfo,
  DEFAULT_LIMITS,
  type ErrorContext,
  type KeyCheck,
  type Limits,
  type Principal,
  type ServeOptions,
} from "./options.ts";
export { type RunningServer, serve } from "./serve.ts";
