/**
 * What an entrypoint gets beside its input. The class is small on purpose: all it does is hand events to the
 * invocation's log, and refuse them when they cannot be sent.
 */
import type { AgentEvent } from "@runagent/core";

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
   * Tells the clients something beside the chunks, in order with them. After the end of the invocation it does nothing.
   * @throws RunAgentError VALIDATION_ERROR when it is not JSON with a string `type`; PAYLOAD_TOO_LARGE when the log is full (maxLogBytes,
   * maxLogRecords) and its records are still needed: an attached client has not taken them, or none is attached.
   */
  emit(event: AgentEvent): void;
}
