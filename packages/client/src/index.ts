/** What every runtime's entry exports beside its RunAgentClient. Users first, then authors of transports. */
export {
  type AgentEvent,
  type Architecture,
  type ErrorCode,
  type Health,
  type Message,
  type MessagePart,
  type Mode as CancelMode,
  RunAgentError,
  type StandardSchemaV1,
} from "@runagent/core";
export type { CallOptions, ResumeOptions } from "./call-options.ts";
export type { CancelAnswer } from "./cancelling.ts";
export type { CallArguments, EntrypointSchemas, RunAgentClientBase, RunResult } from "./client.ts";
export type { GetToken, Token } from "./credentials.ts";
export { type CursorResult, StreamCursor } from "./cursor.ts";
export { keepPosition, keptPosition, type PositionStorage } from "./keep-position.ts";
export type { RunAgentClientOptions, TransportName, Untyped, UntypedInput } from "./options.ts";
export type { RetryInfo } from "./reconnects.ts";
export type { StreamStarted } from "./session.ts";
export type { StreamRecord } from "./state.ts";
export { RunAgentStream, type StreamSummary } from "./stream.ts";

export type { CloseInfo, Connection, Transport, TransportEvents } from "./transport.ts";
