/**
 * What an entrypoint gets beside its input: who asks, the signal that ends it, and what it can tell and ask its clients.
 */
import type { AgentEvent, Decision, KnownEvent } from "@runagent/core";

/** What an agent wants to do, and asks whether it may. */
export interface ApprovalRequest {
  /** The tool that would be called. */
  readonly tool_name: string;
  /** What it would be called with: any JSON value. */
  readonly arguments?: unknown;
  /** The tool call that it is about, as `tool_called` names it. */
  readonly call_id?: string;
  /** Seconds until the server rejects it itself. Default and most: maxApprovalSeconds of the server, a week. */
  readonly expiresIn?: number;
  /** What else the people who decide should see. */
  readonly [more: string]: unknown;
}

/** What was decided. */
export interface ApprovalAnswer {
  readonly approvalId: string;
  readonly decision: Decision;
  /** Why, where the one who decided said so. */
  readonly reason?: string;
  /** The name of the principal who decided; "server" for an approval that expired. */
  readonly decidedBy?: string;
}

/** What an entrypoint knows about the invocation it runs in. */
export interface AgentContext {
  readonly invocationId: string;
  /** The positional arguments, as they came. */
  readonly args: readonly unknown[];
  /** Whose memory the agent uses, when the caller said so. */
  readonly userId: string | undefined;
  /** True when the agent may keep memory for `userId`. */
  readonly persistentMemory: boolean;
  /** Aborts when the invocation is cancelled, timed out, or ended by the server. Pass it on to whatever waits. */
  readonly signal: AbortSignal;
  /**
   * Tells the clients something beside the chunks, in order with them: one of `events`, or any object with a `type`. It is in
   * the log when this returns; await it, and a slow client slows the agent down. After the end of the invocation it does nothing.
   * @returns Settles when there is room for more; it never rejects.
   * @throws RunAgentError VALIDATION_ERROR, at once, when it is not JSON with a string `type`; PAYLOAD_TOO_LARGE when the log is full
   * (maxLogBytes, maxLogRecords) and its records are still needed, which cannot happen to who awaits.
   */
  emit(event: KnownEvent | AgentEvent | { readonly type: string }): Promise<void>;
  /**
   * Marks the end of a turn: the model has answered, and the tools it called have run. Where a client asked to stop after the
   * turn, the invocation ends here. [cancel.turn.1]
   * @throws RunAgentError CANCELLED when it did: await it, and the next turn does not begin.
   */
  turn(): Promise<void>;
  /**
   * Asks the people at the other end whether a tool may be called, and waits for the decision: seconds or days. [approval.log.1]
   * @returns The decision, approve or reject. Call the tool once, and only after an approve.
   * @throws RunAgentError VALIDATION_ERROR for a request that cannot be asked; PAYLOAD_TOO_LARGE when those that wait are together larger than
   * half of maxServerFrameBytes; what ended the invocation, when that came first.
   */
  requireApproval(request: ApprovalRequest): Promise<ApprovalAnswer>;
}
