/** The events of AG-UI 1.0 that are made here; their types are written as they travel. */
export type AGUIEvent =
  | { type: "RUN_STARTED"; threadId: string; runId: string }
  | { type: "RUN_FINISHED"; threadId: string; runId: string; outcome: RunOutcome }
  | { type: "RUN_ERROR"; message: string; code?: string }
  | { type: "STEP_STARTED" | "STEP_FINISHED"; stepName: string }
  | { type: "TEXT_MESSAGE_START"; messageId: string; role: "assistant" }
  | { type: "TEXT_MESSAGE_CONTENT"; messageId: string; delta: string }
  | { type: "TEXT_MESSAGE_END"; messageId: string }
  | { type: "REASONING_START" | "REASONING_END" | "REASONING_MESSAGE_END"; messageId: string }
  | { type: "REASONING_MESSAGE_START"; messageId: string; role: "reasoning" }
  | { type: "REASONING_MESSAGE_CONTENT"; messageId: string; delta: string }
  | { type: "TOOL_CALL_START"; toolCallId: string; toolCallName: string; parentMessageId: string }
  | { type: "TOOL_CALL_ARGS"; toolCallId: string; delta: string }
  | { type: "TOOL_CALL_END"; toolCallId: string }
  | { type: "TOOL_CALL_RESULT"; messageId: string; toolCallId: string; content: string; role: "tool" }
  | { type: "CUSTOM"; name: string; value: unknown }
  | { type: "RAW"; event: unknown; source: string };

/** How a run ended, when nothing went wrong. */
export type RunOutcome =
  | { type: "success"; pendingToolCallIds: string[] }
  | { type: "interrupt"; interrupts: RunInterrupt[] }
  | { type: "cancelled" };

/** What people are asked. `metadata.position` is where the stream goes on with their answer. */
export interface RunInterrupt {
  id: string;
  reason: "tool_call";
  message: string;
  toolCallId?: string;
  responseSchema: Record<string, unknown>;
  expiresAt?: string;
  metadata: Record<string, unknown>;
}

/** The part of AG-UI's RunAgentInput that is read here. */
export interface RunInput {
  readonly threadId: string;
  readonly runId: string;
  /** What was shown before: in a run that answers interrupts it is not told again. */
  readonly messages?: readonly RunMessage[];
  readonly resume?: readonly RunAnswer[];
}

/** A message of AG-UI, as far as it is read here. */
export interface RunMessage {
  readonly role: string;
  readonly content?: unknown;
  readonly toolCalls?: readonly { readonly id: string }[];
  readonly toolCallId?: string;
}

/** An entry of `resume`: what somebody answered to an interrupt. */
export interface RunAnswer {
  readonly interruptId: string;
  readonly status: string;
  readonly payload?: unknown;
}

/** A decision as `client.resume(position, { approvals })` takes it. */
export interface ApprovalDecision {
  readonly approvalId: string;
  readonly decision: "approve" | "reject";
  readonly reason?: string;
}
