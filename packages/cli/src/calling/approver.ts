import { isatty } from "node:tty";
import type { Decision } from "@runagent/core";
import type { ApprovalDecision, ApprovalHandler, ApprovalQuestion, NamedDecision, TypedEvent } from "runagent";
import { UsageError } from "../exit-codes.ts";
import type { Display } from "../terminal/display.ts";
import { describeRequest } from "./describe-approval.ts";
import { describeEvent } from "./describe-event.ts";
import type { Interrupts } from "./interrupts.ts";
import type { OnApproval } from "./on-approval.ts";
import type { DecisionOptions } from "./options.ts";
import { shellWord } from "./shell-word.ts";

/**
 * How approvals are answered that a stream comes to. Without a word, whoever sits at the terminal is asked, and a script ends.
 * @param usesInput Standard input is read for something else.
 * @throws UsageError when nobody can be asked who is to be.
 */
export function checkOnApproval(how: OnApproval | undefined, usesInput: boolean): OnApproval {
  // What builds on servers has a terminal, and nobody at it.
  const mayAsk = isatty(0) && isatty(2) && process.env.CI === undefined && !usesInput;
  if (how === "ask" && !mayAsk) {
    throw new UsageError("--on-approval ask needs a terminal to ask at.", "Decide with approve or reject, wait for others, or stop there.");
  }
  return how ?? (mayAsk ? "ask" : "stop");
}

/** The decisions that were typed. @throws UsageError */
export function readDecisions({ approve = [], reject = [], reason }: DecisionOptions): NamedDecision[] {
  const both = approve.find((id) => reject.includes(id));
  if (both !== undefined) throw new UsageError(`${both} cannot be approved and rejected.`);
  if (reason !== undefined && approve.length + reject.length === 0) {
    throw new UsageError("--reason belongs to a decision.", "Pass --approve ID or --reject ID, too.");
  }
  const toDecision = (decision: Decision) => (approvalId: string) => ({ approvalId, decision, reason });
  return [...new Set(approve)].map(toDecision("approve")).concat([...new Set(reject)].map(toDecision("reject")));
}

/** Keeps where an invocation runs, so that it can be decided by its id. @returns False when it could not. */
type KeepPlace = (invocationId: string) => Promise<boolean>;

/** Answers the approvals of one stream. */
export class Approver {
  /** undefined: the stream ends where it is asked. */
  readonly handler: ApprovalHandler | undefined;
  readonly #display: Display;
  readonly #interrupts: Interrupts;
  readonly #keepPlace: KeepPlace;
  /** Questions are asked one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #open = 0;
  /** Approvals that others may decide, and what was answered here, if anything was. */
  readonly #told: Map<string, Decision | undefined> = new Map();

  constructor(how: OnApproval, display: Display, interrupts: Interrupts, keepPlace: KeepPlace) {
    this.#display = display;
    this.#interrupts = interrupts;
    this.#keepPlace = keepPlace;
    const handlers: Record<Exclude<OnApproval, "stop">, ApprovalHandler> = {
      ask: (question) => this.#ask(question),
      wait: (question) => this.#wait(question),
      approve: (question) => this.#decide(question, "approve"),
      reject: (question) => this.#decide(question, "reject"),
    };
    this.handler = how === "stop" ? undefined : handlers[how];
  }

  /** What is not about approvals waits for this; undefined while nobody is asked. */
  get asking(): Promise<unknown> | undefined {
    return this.#open > 0 ? this.#last : undefined;
  }

  /** An approval was decided: who was asked, or waits, learns by whom. */
  decided(event: TypedEvent): void {
    if (event.type !== "approval_decided" || !this.#told.has(event.approval_id)) return;
    const answered = this.#told.get(event.approval_id);
    this.#told.delete(event.approval_id);
    if (answered !== event.decision) this.#display.note(describeEvent(event), "event");
  }

  #ask(question: ApprovalQuestion): Promise<ApprovalDecision | undefined> {
    this.#open++;
    const asked = this.#last.then(() => this.#askNow(question)).finally(() => this.#open--);
    this.#last = asked.catch(() => {});
    return asked;
  }

  async #askNow(question: ApprovalQuestion): Promise<ApprovalDecision | undefined> {
    const signal = AbortSignal.any([question.signal, this.#interrupts.signal]);
    if (signal.aborted) return undefined;
    const { askPerson } = await import("./approval-prompt.ts");
    // What was there before the question, its own event included, is shown before it.
    await new Promise(setImmediate);
    const release = this.#display.hold();
    this.#told.set(question.approvalId, undefined);
    try {
      const answer = await askPerson(question, signal);
      // The stream ends, and says what waits and how to go on.
      if (answer === "later") throw new Error("Nobody decides now.");
      if (answer !== undefined) this.#told.set(question.approvalId, typeof answer === "string" ? answer : answer.decision);
      return answer;
    } finally {
      release();
    }
  }

  async #wait({ requests, invocationId, approvalId, signal }: ApprovalQuestion): Promise<undefined> {
    const kept = await this.#keepPlace(invocationId);
    if (signal.aborted) return undefined;
    this.#told.set(approvalId, undefined);
    for (const request of requests) this.#display.note(`Waits for a decision: ${describeRequest(request)}`);
    this.#display.note(`Decide with: runagent decide ${shellWord(invocationId)} ${shellWord(approvalId)} --approve`);
    if (!kept) this.#display.note("Where it runs could not be kept on this machine: pass the address, too.");
    return undefined;
  }

  #decide({ requests }: ApprovalQuestion, decision: Decision): Decision {
    for (const request of requests) this.#display.note(`${decision === "approve" ? "Approved" : "Rejected"}: ${describeRequest(request)}`);
    return decision;
  }
}
