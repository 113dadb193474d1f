/**
 * The events that both sides know by name, and how an agent writes them. The union stays open: a type that is not here
 * reaches the user untouched.
 */
import type {
  AgentIdentity,
  AgentUpdatedEvent,
  ApprovalDecidedEvent,
  ApprovalRequiredEvent,
  HandoffItem,
  HandoffOccurredEvent,
  HandoffRequestedEvent,
  Message,
  MessageOutputEvent,
  RawResponseEvent,
  ReasoningEvent,
  ReasoningItem,
  ToolCalledEvent,
  ToolCallItem,
  ToolOutputEvent,
  ToolOutputItem,
  TurnCompletedEvent,
} from "./gen/types.ts";

/** A step of the run; `name` tells which, and types `item`. */
export type RunItemEvent =
  | MessageOutputEvent
  | ToolCalledEvent
  | ToolOutputEvent
  | HandoffRequestedEvent
  | HandoffOccurredEvent
  | ReasoningEvent;

/** Every event of the protocol. */
export type KnownEvent =
  | RawResponseEvent
  | RunItemEvent
  | ApprovalRequiredEvent
  | ApprovalDecidedEvent
  | AgentUpdatedEvent
  | TurnCompletedEvent;

/** The type of an unknown event: a string at run time. It compares with no name, so that `event.type === "turn_completed"` narrows. */
export interface UnknownEventType {
  readonly unknown: never;
  toString(): string;
}

/** An event of a type that the protocol does not name, as the agent made it: `String(event.type)` is its type. */
export interface UnknownEvent {
  readonly type: UnknownEventType;
  readonly [field: string]: unknown;
}

/** What a reader gets: an event of the protocol, one of the reader's `Own`, or one that neither knows. */
export type TypedEvent<Own extends { readonly type: string } = never> = KnownEvent | Own | UnknownEvent;

/** Makes the events that an agent emits: `ctx.emit(events.toolCalled({ … }))`. Approvals and turns have their own verbs. */
export const events = {
  /** What the model sent, passed through. */
  rawResponse: (name: string, data: unknown): RawResponseEvent => ({ type: "raw_response_event", name, data }),
  /** A tool is called; its output names the same `call_id`. */
  toolCalled: (item: ToolCallItem): ToolCalledEvent => ({ type: "run_item_event", name: "tool_called", item }),
  /** A tool call is over: it returned, failed (`is_error`), or was rejected (`rejected`). */
  toolOutput: (item: ToolOutputItem): ToolOutputEvent => ({ type: "run_item_event", name: "tool_output", item }),
  /** A message is complete. */
  messageOutput: (item: Message): MessageOutputEvent => ({ type: "run_item_event", name: "message_output_created", item }),
  /** What the model thought. */
  reasoning: (item: ReasoningItem): ReasoningEvent => ({ type: "run_item_event", name: "reasoning_item_created", item }),
  /** An agent wants to hand over. */
  handoffRequested: (item: HandoffItem): HandoffRequestedEvent => ({ type: "run_item_event", name: "handoff_requested", item }),
  /** An agent has handed over. */
  handoffOccurred: (item: HandoffItem): HandoffOccurredEvent => ({ type: "run_item_event", name: "handoff_occurred", item }),
  /** Another agent answers from here on. */
  agentUpdated: (agent: AgentIdentity): AgentUpdatedEvent => ({ type: "agent_updated", agent }),
} as const;
