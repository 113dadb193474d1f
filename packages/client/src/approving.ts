import {
  type ApprovalAcknowledgedFrame,
  type ApprovalFrame,
  type ApprovalRequiredEvent,
  type Decision,
  errorFromWire,
  isJsonObject,
  type JsonObject,
  RunAgentError,
} from "@runagent/core";
import { type ApprovalRequest, ApprovalRequiredError } from "./approval-error.ts";
import { invalid } from "./checks.ts";
import { isLost } from "./network-error.ts";
import type { StreamState } from "./state.ts";
import type { Timers } from "./timers.ts";

/** A decision of a handler. */
export type ApprovalDecision = Decision | { readonly decision: Decision; readonly reason?: string | undefined };

/** A decision on an approval that is named. */
export interface NamedDecision {
  /** From the request. */
  readonly approvalId: string;
  readonly decision: Decision;
  /** Why, for the agent and for those who watch; at most 4096 characters. */
  readonly reason?: string | undefined;
}

/** What a handler is asked: the first tool call, and all of them where several are decided together. */
export interface ApprovalQuestion extends ApprovalRequest {
  readonly requests: readonly ApprovalRequest[];
  readonly invocationId: string;
  /** Aborts when there is nothing left to decide: somebody else has, or the stream has ended. */
  readonly signal: AbortSignal;
}

/** Answers for the person at this end. With nothing, it leaves the decision to others, and the stream waits for theirs. */
export type ApprovalHandler = (question: ApprovalQuestion) => MaybeDecision | Promise<MaybeDecision>;

// biome-ignore lint/suspicious/noConfusingVoidType: a handler that leaves the decision to others may return nothing at all.
type MaybeDecision = ApprovalDecision | undefined | void;

/** What approving asks of its session. */
export interface ApprovingHost {
  readonly state: StreamState;
  readonly timers: Timers;
  readonly onApproval: ApprovalHandler | undefined;
  /** Sends the decision on the connection. @returns False where there is none that carries it. */
  send(frame: ApprovalFrame): boolean;
  /** Seq of the last record that the consumer has taken. */
  taken(): number;
  /** The consumer waits for a record. */
  isAwaited(): boolean;
  /** A server has accepted on the present connection, whatever it carries. */
  isConnected(): boolean;
  /** Tells the server over HTTP. @throws RunAgentError what it answered. */
  decide(decision: NamedDecision): Promise<void>;
  /** The connection is of no use: another is made. */
  lost(error: RunAgentError): void;
  /** Ends the stream and leaves the invocation waiting. */
  fail(error: RunAgentError): void;
}

/** Requests that an agent makes together come one after the other: the stream ends with all of them. In milliseconds. */
const GATHER_MS = 10;
const MAX_REASON_LENGTH = 4096;
const MAX_ID_LENGTH = 128;
/** How long a decision waits for its answer, in milliseconds, and on how many connections. */
const ACKNOWLEDGE_MS = 15_000;
const MAX_TRIES = 3;

/** A decision on its way. */
interface Outgoing {
  readonly decision: NamedDecision;
  /** On how many connections it has gone out. */
  tries: number;
  stopTimer(): void;
}

/**
 * The approvals of one stream, as its consumer comes to them.
 *
 *   taken, and still pending ──handler──▶ asked ──▶ decided here, or by others meanwhile (the signal aborts)
 *            └──────────────no handler──▶ the stream ends with ApprovalRequiredError once nothing else is there to read
 *
 * A decision goes out on every connection until one brings the answer; where a connection carries none, over HTTP. [approval.answer.1]
 */
export class Approving {
  readonly #host: ApprovingHost;
  /** Those that the consumer has come to. */
  readonly #come: Set<string> = new Set();
  /** Taken and not decided, and nobody was asked. */
  readonly #unasked: Map<string, ApprovalRequiredEvent> = new Map();
  /** Those that a handler was asked about. */
  readonly #asked: Map<string, AbortController> = new Map();
  readonly #outgoing: Map<string, Outgoing> = new Map();
  #gathering = false;

  constructor(host: ApprovingHost) {
    this.#host = host;
  }

  /** An answer may still come on the present connection. */
  get outstanding(): boolean {
    return this.#outgoing.size > 0;
  }

  /** The server has accepted on a new connection. */
  accepted(): void {
    for (const outgoing of this.#outgoing.values()) this.#send(outgoing);
  }

  /** The connection is gone, and the answers with it. */
  lost(): void {
    for (const { stopTimer } of this.#outgoing.values()) stopTimer();
  }

  acknowledged({ approval_id: id, outcome, error }: ApprovalAcknowledgedFrame): void {
    this.#settle(id, outcome === "accepted" ? undefined : errorFromWire(error, "SERVER_ERROR"));
  }

  /** The consumer has taken an event. */
  taken(event: JsonObject): void {
    const { type, approval_id: id } = event;
    if (typeof id !== "string") return;
    if (type === "approval_decided") this.#close(id);
    if (type !== "approval_required") return;
    this.#come.add(id);
    const required = this.#host.state.pendingApprovals.get(id);
    if (required === undefined) return;
    if (this.#host.onApproval === undefined) this.#unasked.set(id, required);
    else void this.#ask(this.#host.onApproval, required);
  }

  /** The consumer has taken everything, and waits. */
  awaited(): void {
    const { state, taken } = this.#host;
    // What waits since before the cursor does not come any more. [approval.pending.1]
    if (state.pendingApprovals.size > 0 && state.accepted && taken() >= state.lastSeq) {
      for (const [id, event] of state.pendingApprovals) if (!this.#come.has(id)) this.taken({ ...event });
    }
    if (this.#unasked.size === 0 || this.#gathering) return;
    this.#gathering = true;
    this.#host.timers.start(GATHER_MS, () => {
      this.#gathering = false;
      // What has come meanwhile is read first: the error is about everything before the position it gives.
      if (!this.#host.isAwaited()) return;
      const events = [...this.#unasked.values()].filter(({ approval_id }) => this.#host.state.pendingApprovals.has(approval_id));
      if (events.length > 0) this.#host.fail(new ApprovalRequiredError(events.flatMap(requestsOf)));
    });
  }

  /** The stream has ended. */
  end(): void {
    for (const id of [...this.#asked.keys()]) this.#close(id);
  }

  #close(id: string): void {
    this.#unasked.delete(id);
    this.#asked.get(id)?.abort();
    this.#asked.delete(id);
  }

  async #ask(handler: ApprovalHandler, event: ApprovalRequiredEvent): Promise<void> {
    const { approval_id: approvalId } = event;
    const controller = new AbortController();
    this.#asked.set(approvalId, controller);
    const requests = requestsOf(event);
    let answer: unknown;
    try {
      const { invocationId } = this.#host.state;
      const [first = { approvalId, tool_name: "", arguments: null }] = requests;
      answer = await handler({ ...first, requests, invocationId, signal: controller.signal });
    } catch (cause) {
      // It still waits: whoever resumes may decide.
      if (!controller.signal.aborted) this.#host.fail(new ApprovalRequiredError(requests, { cause }));
      return;
    }
    if (answer === undefined || controller.signal.aborted) return;
    const decision = typeof answer === "string" ? { decision: answer } : answer;
    try {
      const checked = checkDecision({ ...(isJsonObject(decision) ? decision : {}), approvalId }, "onApproval");
      const outgoing = { decision: checked, tries: 0, stopTimer: () => {} };
      this.#outgoing.set(approvalId, outgoing);
      this.#send(outgoing);
    } catch (error) {
      if (RunAgentError.is(error)) this.#host.fail(error);
    }
  }

  /** With no connection now, it goes out with the next one. */
  #send(outgoing: Outgoing): void {
    if (!this.#host.isConnected()) return;
    const { approvalId, decision, reason } = outgoing.decision;
    outgoing.stopTimer();
    const isSent = this.#host.send({ type: "approval", approval_id: approvalId, decision, ...(reason !== undefined && { reason }) });
    outgoing.tries++;
    if (isSent) {
      outgoing.stopTimer = this.#host.timers.start(ACKNOWLEDGE_MS, () => {
        const error = new RunAgentError("TIMEOUT", `The server did not acknowledge the decision within ${ACKNOWLEDGE_MS} ms.`);
        this.#unanswered(outgoing, error.changed({ retryable: true }));
      });
    } else {
      this.#host.decide(outgoing.decision).then(
        () => this.#settle(approvalId, undefined),
        (error: unknown) => {
          if (RunAgentError.is(error) && isLost(error)) this.#unanswered(outgoing, error.changed({ retryable: true }));
          else this.#settle(approvalId, error);
        },
      );
    }
  }

  /** The line may be dead without a word: the decision goes out with the next connection. */
  #unanswered(outgoing: Outgoing, error: RunAgentError): void {
    if (outgoing.tries >= MAX_TRIES) this.#host.fail(error);
    else this.#host.lost(error);
  }

  #settle(id: string, error: unknown): void {
    const outgoing = this.#outgoing.get(id);
    if (outgoing === undefined) return;
    this.#outgoing.delete(id);
    outgoing.stopTimer();
    if (!RunAgentError.is(error)) return;
    // Others were first, or the invocation has ended: the stream tells which.
    const late = error.code === "ALREADY_DECIDED" || (error.code === "VALIDATION_ERROR" && error.field === "approval_id");
    if (!late) this.#host.fail(error);
  }
}

/** Checks a decision, which in plain JavaScript may be anything. @throws RunAgentError VALIDATION_ERROR. */
export function checkDecision(given: unknown, field: string): NamedDecision {
  const { approvalId, decision, reason }: JsonObject = isJsonObject(given) ? given : {};
  const isId = typeof approvalId === "string" && approvalId !== "" && approvalId.length <= MAX_ID_LENGTH;
  if (!isId) throw invalid(`${field}.approvalId`, "must be the approvalId of a request");
  if (decision !== "approve" && decision !== "reject") throw invalid(field, 'must decide "approve" or "reject"');
  if (reason === undefined) return { approvalId, decision };
  if (typeof reason === "string" && reason.length <= MAX_REASON_LENGTH) return { approvalId, decision, reason };
  throw invalid(`${field}.reason`, `must be a text of at most ${MAX_REASON_LENGTH} characters`);
}

/** The decision that stands, of an error that says so. */
export function standingDecision(error: unknown): unknown {
  return RunAgentError.is(error) && error.code === "ALREADY_DECIDED" && isJsonObject(error.details) ? error.details.decision : undefined;
}

/** The tool calls of an event, each with what to decide it by. */
function requestsOf({ approval_id: approvalId, requests, expires_at: expiresAt }: ApprovalRequiredEvent): ApprovalRequest[] {
  return requests.map((request) => ({ ...request, approvalId, ...(expiresAt !== undefined && { expiresAt }) }));
}
