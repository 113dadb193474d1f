import { RunAgentError, type RunAgentErrorOptions, type ApprovalRequest as WireRequest } from "@runagent/core";

/** One tool call that waits for a decision: what the agent told of it, and what to decide it by. */
export interface ApprovalRequest extends WireRequest {
  /** What a decision names; calls that are decided together share it. */
  readonly approvalId: string;
  /** When the server rejects it itself, as an ISO 8601 time. */
  readonly expiresAt?: string | undefined;
}

/** The agent waits for a decision, and this stream had nobody to ask. The invocation goes on waiting. [approval.client.1] */
export class ApprovalRequiredError extends RunAgentError {
  /** What waits. */
  declare readonly requests: readonly ApprovalRequest[];

  constructor(requests: readonly ApprovalRequest[], options: RunAgentErrorOptions = {}) {
    const tools = requests.map(({ tool_name }) => tool_name).join(", ");
    const { cause } = options;
    const why =
      cause === undefined ? "the stream had nobody to ask" : `onApproval failed: ${cause instanceof Error ? cause.message : cause}`;
    super("APPROVAL_REQUIRED", `The agent waits for an approval (${tools}), and ${why}.`, {
      details: { requests },
      ...options,
    });
    Object.defineProperty(this, "name", { value: "ApprovalRequiredError" });
    Object.defineProperty(this, "requests", { value: requests });
  }

  /** True for an error of any copy of this class. */
  static override is(value: unknown): value is ApprovalRequiredError {
    return RunAgentError.is(value) && value.code === "APPROVAL_REQUIRED";
  }

  /** Where `client.resume(position, { approvals })` goes on, in this process or another. */
  get position(): string {
    return this.cursor ?? "";
  }

  override changed(changes: RunAgentErrorOptions): ApprovalRequiredError {
    const copy = new ApprovalRequiredError(this.requests, { ...this, cause: this.cause, ...changes });
    if (this.stack !== undefined) copy.stack = this.stack;
    return copy;
  }
}
