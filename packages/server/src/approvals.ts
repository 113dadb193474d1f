/**
 * The approvals of one invocation. Each is asked once and decided once; whatever happens first decides:
 *
 *   asked ──a client decides──▶ decided        the log has approval_decided before the agent goes on [approval.log.1]
 *     ├─────expires_at passes──▶ decided: reject, by the server [approval.expire.1]
 *     └─────the invocation ends─▶ given up: the agent's wait rejects, and nobody can decide any more
 */
import { randomBytes } from "node:crypto";
import { type ApprovalRequiredEvent, type Decision, excerpt, isDeeperThan, MAX_JSON_DEPTH, RunAgentError } from "@runagent/core";
import { checkRequest, checkShown } from "./approval-request.ts";
import type { ApprovalAnswer, ApprovalRequest } from "./context.ts";
import type { MaybePromise } from "./log.ts";
import { toTimerMs } from "./options.ts";
import type { EncodedEvent } from "./records.ts";

/** What approvals ask of their invocation. */
export interface ApprovalHost {
  /** The longest that one may wait, in seconds. */
  readonly maxSeconds: number;
  /** What may wait together. */
  readonly maxBytes: number;
  /** Why the invocation has ended; undefined while it runs. */
  endedBy(): RunAgentError | undefined;
  /** Its log can no longer be written: what was appended last may not be in it. */
  lost(): boolean;
  /** Waits until the log takes another record. */
  room(): Promise<void>;
  /** @throws RunAgentError VALIDATION_ERROR for what is not JSON. */
  encode(event: Record<string, unknown>): EncodedEvent;
  append(event: EncodedEvent): MaybePromise<void>;
  /** One more waits, or one less. */
  changed(): void;
}

interface Pending {
  readonly event: ApprovalRequiredEvent;
  /** Of its text. */
  readonly bytes: number;
  readonly expiresAtMs: number;
  resolve(answer: ApprovalAnswer): void;
  reject(error: unknown): void;
  expiry: NodeJS.Timeout | undefined;
}

/** The deepest place in which it may be told again: envelope, data, a list of invocations, the invocation, pending_approvals. */
const LEVELS_AROUND = 5;

/** Decisions whose reason is kept: an invocation may ask thousands of times. */
const MAX_REASONS = 100;

const EXPIRED = { decision: "reject", reason: "The approval expired.", decidedBy: "server" } as const;

/** What an invocation has asked its people. */
export class Approvals {
  readonly #host: ApprovalHost;
  readonly #pending: Map<string, Pending> = new Map();
  readonly #decided: Map<string, ApprovalAnswer> = new Map();
  /** The ids of those whose reason is kept, oldest first. */
  readonly #reasons: string[] = [];
  #asked = 0;

  constructor(host: ApprovalHost) {
    this.#host = host;
  }

  /** The events of those that wait for a decision, oldest first. */
  get pending(): ApprovalRequiredEvent[] {
    return [...this.#pending.values()].map(({ event }) => event);
  }

  get waiting(): boolean {
    return this.#pending.size > 0;
  }

  /**
   * Asks, and waits for the decision.
   * @throws RunAgentError VALIDATION_ERROR for a request that cannot be asked, PAYLOAD_TOO_LARGE for one too large; what ended the invocation, when that came first.
   */
  async require(request: ApprovalRequest): Promise<ApprovalAnswer> {
    checkRequest(request);
    const { expiresIn = this.#host.maxSeconds, ...asked } = request;
    checkExpiry(expiresIn, this.#host.maxSeconds);
    await this.#host.room();
    this.#checkRunning();
    const expiresAtMs = Date.now() + expiresIn * 1000;
    // Never the same twice: a yes counts for what was shown, and for nothing that another run of this invocation asks. [approval.id.1]
    const approvalId = `ap-${++this.#asked}-${randomBytes(4).toString("hex")}`;
    const encoded = this.#host.encode({
      type: "approval_required",
      approval_id: approvalId,
      requests: [{ ...asked, arguments: asked.arguments ?? null }],
      expires_at: new Date(expiresAtMs).toISOString(),
    });
    const bytes = Buffer.byteLength(encoded.text);
    this.#checkSize(bytes);
    // What is deeper, no client reads where it is told again.
    if (isDeeperThan(encoded.text, MAX_JSON_DEPTH - LEVELS_AROUND)) throw tooDeep();
    // As it was asked, whatever the agent does with the object.
    const event: ApprovalRequiredEvent = JSON.parse(encoded.text);
    checkShown(request, event.requests[0]);
    // Nobody can answer before this returns, or has its record.
    const stored = this.#host.append(encoded);
    this.#checkRunning();
    const answer = new Promise<ApprovalAnswer>((resolve, reject) => {
      const pending: Pending = { event, bytes, expiresAtMs, resolve, reject, expiry: undefined };
      this.#pending.set(approvalId, pending);
      this.#awaitExpiry(approvalId, pending);
    });
    // It may reject while the store is still at work, and nobody waits for it then.
    answer.catch(() => {});
    this.#host.changed();
    if (stored instanceof Promise) await stored;
    return answer;
  }

  /**
   * Decides. The first decision stands. [approval.once.1]
   * @param decidedBy Who, for the record.
   * @returns When the decision is in the log.
   * @throws RunAgentError ALREADY_DECIDED with the decision that stands in its details; VALIDATION_ERROR when no such approval waits;
   * what ended the invocation, when its log was lost with the decision.
   */
  async decide(approvalId: string, decision: Decision, reason: string | undefined, decidedBy: string): Promise<void> {
    const standing = this.#decided.get(approvalId);
    if (standing !== undefined) {
      const message = `The approval ${excerpt(approvalId)} was decided before: ${standing.decision}.`;
      throw new RunAgentError("ALREADY_DECIDED", message, { details: toWire(standing) });
    }
    const pending = this.#pending.get(approvalId);
    if (pending === undefined && this.#host.endedBy() !== undefined) {
      const message = "The invocation has ended: nothing waits for a decision any more.";
      throw new RunAgentError("VALIDATION_ERROR", message, { field: "approval_id", suggestion: "See how it ended: its status says." });
    }
    if (pending === undefined) {
      throw new RunAgentError("VALIDATION_ERROR", `No approval ${excerpt(approvalId)} waits for a decision in this invocation.`, {
        field: "approval_id",
        suggestion: "Take the approval_id of an approval_required event, or of pending_approvals of the invocation, while it runs.",
      });
    }
    const answer: ApprovalAnswer = { approvalId, decision, ...(reason !== undefined && { reason }), decidedBy };
    // First, because it throws for a reason that is too large for the log: that decides nothing.
    const stored = this.#host.append(this.#host.encode({ type: "approval_decided", approval_id: approvalId, ...toWire(answer) }));
    clearTimeout(pending.expiry);
    this.#pending.delete(approvalId);
    this.#keep(answer);
    this.#host.changed();
    if (stored instanceof Promise) await stored;
    // The log may have been lost meanwhile: then the agent must not go on as if all could see the decision.
    const endedBy = this.#host.endedBy();
    if (endedBy === undefined) pending.resolve(answer);
    else pending.reject(endedBy);
    if (endedBy !== undefined && this.#host.lost()) throw endedBy;
  }

  /** The decision that stands; undefined while there is none. */
  standing(approvalId: string): Decision | undefined {
    return this.#decided.get(approvalId)?.decision;
  }

  /** The invocation ends: nobody decides any more. */
  end(error: RunAgentError): void {
    for (const { expiry, reject } of this.#pending.values()) {
      clearTimeout(expiry);
      reject(error);
    }
    this.#pending.clear();
  }

  /** For those who come too late. Their reasons are in the log; those of the last few decisions are kept beside it. */
  #keep(answer: ApprovalAnswer): void {
    this.#decided.set(answer.approvalId, answer);
    this.#reasons.push(answer.approvalId);
    const oldest = this.#reasons.length > MAX_REASONS ? this.#decided.get(this.#reasons.shift() ?? "") : undefined;
    if (oldest === undefined) return;
    const { reason: _reason, ...rest } = oldest;
    this.#decided.set(rest.approvalId, rest);
  }

  /** Whoever comes into the middle is told of all that waits in one frame. */
  #checkSize(bytes: number): void {
    const { maxBytes } = this.#host;
    const total = [...this.#pending.values()].reduce((sum, pending) => sum + pending.bytes, bytes);
    if (total <= maxBytes) return;
    const message = `What waits for approval is together larger than ${maxBytes} bytes (half of maxServerFrameBytes).`;
    const suggestion = "Ask with what people need to decide, and keep the rest with the agent.";
    throw new RunAgentError("PAYLOAD_TOO_LARGE", message, { suggestion });
  }

  #checkRunning(): void {
    const endedBy = this.#host.endedBy();
    if (endedBy !== undefined) throw endedBy;
  }

  #awaitExpiry(approvalId: string, pending: Pending): void {
    const leftMs = pending.expiresAtMs - Date.now();
    pending.expiry = setTimeout(
      () => {
        // A timer holds 24 days, and may fire a moment before the clock has got there.
        if (Date.now() < pending.expiresAtMs) this.#awaitExpiry(approvalId, pending);
        else this.decide(approvalId, EXPIRED.decision, EXPIRED.reason, EXPIRED.decidedBy).catch(pending.reject);
      },
      toTimerMs(Math.max(0, leftMs) / 1000),
    );
    pending.expiry.unref();
  }
}

function tooDeep(): RunAgentError {
  const message = `A question nests deeper than ${MAX_JSON_DEPTH - LEVELS_AROUND} levels.`;
  return new RunAgentError("VALIDATION_ERROR", message, { field: "arguments", suggestion: "Ask with what people need to decide." });
}

function toWire({ decision, reason, decidedBy }: ApprovalAnswer): Record<string, string> {
  return { decision, ...(reason !== undefined && { reason }), ...(decidedBy !== undefined && { decided_by: decidedBy }) };
}

function checkExpiry(expiresIn: unknown, maxSeconds: number): void {
  if (typeof expiresIn === "number" && expiresIn > 0 && expiresIn <= maxSeconds) return;
  const message = `expiresIn must be a number of seconds above 0, and no more than ${maxSeconds} (maxApprovalSeconds).`;
  throw new RunAgentError("VALIDATION_ERROR", message, { field: "expiresIn" });
}
