import { assertId, isJsonObject } from "@runagent/core";
import type { ApprovalHandler, NamedDecision } from "./approving.ts";
import { checkDecision } from "./approving.ts";
import { type Check, checkOptions, FUNCTION, invalid, MILLISECONDS, ON_DISCONNECT } from "./checks.ts";
import type { RetryInfo } from "./reconnects.ts";

/** What one call may say beside its input. */
export interface CallOptions {
  /** Positional arguments. */
  readonly args?: readonly unknown[] | undefined;
  /** Aborting it cancels the invocation and rejects the call, or the next read, with CANCELLED. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds the invocation may take in all. Default: timeoutSeconds of the client; else 300000 for run, none for streams. */
  readonly timeoutMs?: number | undefined;
  /** In place of the client's, for a stream; over server-sent events it can only be made shorter. */
  readonly connectTimeoutMs?: number | undefined;
  /** In place of the client's. */
  readonly idleTimeoutMs?: number | undefined;
  /** In place of the client's. */
  readonly onDisconnect?: "continue" | "cancel" | undefined;
  /** In place of a random one: sending the same start twice with one id runs the agent once. */
  readonly invocationId?: string | undefined;
  /**
   * Asked about each approval that the stream comes to and that still waits. Without it the stream ends with ApprovalRequiredError there.
   * What it throws ends the stream so too; the invocation goes on waiting.
   */
  readonly onApproval?: ApprovalHandler | undefined;
  /** Called before each reconnect of the stream; what it throws is an uncaught exception. */
  readonly onReconnect?: ((info: RetryInfo) => void) | undefined;
  /** Called when a server has accepted after a reconnect: the stream goes on; what it throws is an uncaught exception. */
  readonly onReconnected?: (() => void) | undefined;
}

/** What a resume may say: the call itself was made before. */
export interface ResumeOptions extends Omit<CallOptions, "args" | "onDisconnect" | "invocationId"> {
  /** Decides these first. The stream ends with ALREADY_DECIDED where another decision stands. */
  readonly approvals?: readonly NamedDecision[] | undefined;
}

const CHECKS: Readonly<Record<string, Check>> = {
  args: [Array.isArray, "an array of positional arguments"],
  signal: [(value) => isJsonObject(value) && "aborted" in value && "addEventListener" in value, "an AbortSignal"],
  timeoutMs: MILLISECONDS,
  connectTimeoutMs: MILLISECONDS,
  idleTimeoutMs: MILLISECONDS,
  onDisconnect: ON_DISCONNECT,
  onApproval: FUNCTION,
  onReconnect: FUNCTION,
  onReconnected: FUNCTION,
};

/** Checks what the caller passed, which in plain JavaScript may be anything. @throws RunAgentError VALIDATION_ERROR that names the option. */
export function checkCallOptions(options: unknown): asserts options is CallOptions {
  if (!isJsonObject(options)) throw invalid("options", "must be an object");
  checkOptions(options, CHECKS);
  if (options.invocationId !== undefined) assertId(options.invocationId, "invocationId");
}

/** @throws RunAgentError VALIDATION_ERROR that names the entry. */
export function checkApprovals(approvals: unknown): NamedDecision[] {
  if (!Array.isArray(approvals)) throw invalid("approvals", "must be an array of decisions");
  return approvals.map((given, index) => checkDecision(given, `approvals[${index}]`));
}

/** The named arguments. @throws RunAgentError VALIDATION_ERROR for what would not travel as an object. */
export function checkInput(input: unknown): Record<string, unknown> {
  const travels = isJsonObject(input) && typeof input.toJSON !== "function" && !(input instanceof Map) && !(input instanceof Set);
  if (travels) return input;
  throw invalid("input", "must be an object of named arguments", "Pass positional arguments as options.args.");
}
