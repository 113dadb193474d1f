/** What every runtime's entry exports beside its RunAgentClient. Users first, then authors of transports. */
export {
  type AgentEvent,
  type AgentUpdatedEvent,
  type ApprovalDecidedEvent,
  type ApprovalRequiredEvent,
  type Architecture,
  type ErrorCode,
  type Health,
  isMessage,
  type KnownEvent,
  type Message,
  type MessagePart,
  type Mode as CancelMode,
  type RawResponseEvent,
  RunAgentError,
  type RunItemEvent,
  type StandardSchemaV1,
  type TurnCompletedEvent,
  type TypedEvent,
  textOf,
  type UnknownEvent,
} from "@runagent/core";
export { type ApprovalRequest, ApprovalRequiredError } from "./approval-error.ts";
export type { ApprovalDecision, ApprovalHandler, ApprovalQuestion, NamedDecision } from "./approving.ts";
export type { CallOptions, ResumeOptions } from "./call-options.ts";
export type { CancelAnswer } from "./cancelling.ts";
export type { CallArguments, EntrypointSchemas, RunAgentClientBase, RunResult } from "./client.ts";
export type { GetToken, Token } from "./credentials.ts";
export { type CursorResult, StreamCursor } from "./cursor.ts";
export { keepPosition, keptPosition, type PositionStorage } from "./keep-position.ts";
export type { RunAgentClientOptions, TransportName, Untyped, UntypedInput } from "./options.ts";
export type { RetryInfo } from "./reconnects.ts";
export type { StreamStarted } from "./session.ts";
export type { ChunkRecord, EventRecord, StreamRecord } from "./state.ts";
export { RunAgentStream, type SelectedRecord, type StreamSummary } from "./stream.ts";

export type { CloseInfo, Connection, Transport, TransportEvents } from "./transport.ts";
