/**
 * The reference server of the RunAgent run-and-stream protocol: define an agent, serve it.
 */

export { type ErrorCode, RunAgentError } from "@runagent/core";
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
export type { AgentContext } from "./context.ts";
// For authors of log stores.
export type { InvocationLog, LogBounds, LogHead, LogRecord, LogStore, MaybePromise } from "./log.ts";
export { createMemoryLogStore } from "./memory-log.ts";
export { DEFAULT_LIMITS, type ErrorContext, type KeyCheck, type Limits, type Principal, type ServeOptions } from "./options.ts";
export { type RunningServer, serve } from "./serve.ts";
