import type { CancelResult, Mode, RunAgentError } from "@runagent/core";

/** What a cancel came to. */
export interface CancelAnswer {
  readonly invocationId: string;
  readonly mode: Mode;
  /** accepted: the stream ends as cancelled, unless the agent completes first. already_ended: the invocation had ended before. */
  readonly outcome: CancelResult["outcome"];
}

/** A cancel that was sent and not answered yet. */
export class CancelRequest {
  readonly mode: Mode;
  /** cancel() is often not awaited: a failure that nobody looks at is no unhandled rejection, for it is also the stream's. */
  readonly answer: Promise<CancelAnswer>;
  #resolve: (result: CancelAnswer) => void = () => {};
  #reject: (error: RunAgentError) => void = () => {};
  readonly #stopTimer: () => void;
  /** False once the answer is known. */
  pending = true;

  /** @param startTimer Starts the deadline of the answer and returns what stops it. */
  constructor(mode: Mode, startTimer: () => () => void) {
    this.mode = mode;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.answer.catch(() => {});
    this.#stopTimer = startTimer();
  }

  /** True when another cancel of this mode would change nothing. */
  covers(mode: Mode): boolean {
    return this.mode === "immediate" || this.mode === mode;
  }

  settle(result: CancelAnswer): void {
    this.pending = false;
    this.#stopTimer();
    this.#resolve(result);
  }

  fail(error: RunAgentError): void {
    this.pending = false;
    this.#stopTimer();
    this.#reject(error);
  }
}
