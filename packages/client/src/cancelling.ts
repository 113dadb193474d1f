import { type CancelResult, type Mode, RunAgentError } from "@runagent/core";
import { invalid } from "./checks.ts";
import type { StreamState } from "./state.ts";
import type { Timers } from "./timers.ts";

/** What a cancel came to. */
export interface CancelAnswer {
  readonly invocationId: string;
  readonly mode: Mode;
  /** accepted: the stream ends as cancelled, unless the agent completes first. already_ended: the invocation had ended before. */
  readonly outcome: CancelResult["outcome"];
}

/** What cancelling asks of its session. */
export interface CancelHost {
  readonly state: StreamState;
  /** Sends the cancel, where there is a connection. @returns False when there is none now: it goes out with the next one. */
  send(mode: Mode): boolean;
  /** Ends the stream as cancelled. */
  finish(): void;
  fail(error: RunAgentError): void;
}

/** How long a cancel waits for its answer, in milliseconds. */
const ACKNOWLEDGE_MS = 10_000;

/**
 * The cancel of one stream: sent on every connection until one brings the answer, and answered at the latest by the end. [cancel.answer.1]
 *
 *   request ─▶ pending ──cancel_acknowledged──▶ answered
 *                 ├─────the stream ends───────▶ answered by how it ended
 *                 ├─────version 1──▶ the stream is closed [cancel.v1.1]
 *                 └─────nothing for ten seconds──▶ TIMEOUT
 */
export class Cancelling {
  readonly #host: CancelHost;
  readonly #timers: Timers;
  /** What was asked for, and what it came to. */
  #mode: Mode | undefined;
  #answer: Promise<CancelAnswer> | undefined;
  #resolve: (answer: CancelAnswer | Promise<CancelAnswer>) => void = () => {};
  #stopTimer: () => void = () => {};
  /** A cancel waits for its answer. */
  pending = false;
  /** Cancels that went out on the present connection and were not answered on it. */
  #unanswered = 0;

  constructor(timers: Timers, host: CancelHost) {
    this.#timers = timers;
    this.#host = host;
  }

  /** A cancel was asked for here: a stream that ends as cancelled ends as it should. */
  get requested(): boolean {
    return this.#mode !== undefined;
  }

  /** An answer may still come on the present connection. */
  get outstanding(): boolean {
    return this.#unanswered > 0;
  }

  /** Asks the server to stop. @throws RunAgentError VALIDATION_ERROR for after_turn with a version 1 server. */
  request(mode: Mode): Promise<CancelAnswer> {
    if (this.#host.state.protocol === 1) return this.#closeV1(mode);
    // Another cancel of the same mode would change nothing, nor would any after an immediate one.
    if (this.#answer !== undefined && (this.#mode === "immediate" || this.#mode === mode)) return this.#answer;
    this.#settle(this.answer("after_turn", "accepted")); // Overtaken by immediate.
    this.#mode = mode;
    this.pending = true;
    const answer = new Promise<CancelAnswer>((resolve) => {
      this.#resolve = resolve;
    });
    this.#answer = answer;
    // cancel() is often not awaited: a failure that nobody looks at is no unhandled rejection, for it is also the stream's.
    answer.catch(() => {});
    this.#stopTimer = this.#timers.start(ACKNOWLEDGE_MS, () =>
      this.#host.fail(new RunAgentError("TIMEOUT", `The server did not acknowledge the cancel within ${ACKNOWLEDGE_MS} ms.`)),
    );
    // A version 1 server that has not answered yet ignores this frame; `accepted` sees to it.
    this.#send(mode);
    return answer;
  }

  /** The server has accepted on a new connection. */
  accepted(): void {
    if (!this.pending || this.#mode === undefined) return;
    if (this.#host.state.protocol === 1) this.#settle(this.#closeV1(this.#mode));
    else if (this.#unanswered === 0) this.#send(this.#mode);
  }

  /** The connection is gone, and the answer with it. */
  lost(): void {
    this.#unanswered = 0;
  }

  acknowledged({ mode, outcome }: Pick<CancelResult, "mode" | "outcome">): void {
    this.#unanswered = Math.max(0, this.#unanswered - 1);
    // The answer to one that was overtaken says nothing of the other.
    if (this.#mode === mode) this.#settle(this.answer(mode, outcome));
  }

  /** The stream has ended: as cancelled, with an error, or else otherwise. */
  ended(cancelled: boolean, error: RunAgentError | undefined): void {
    // A rejection that nobody takes would be an unhandled one.
    if (!this.pending || this.#mode === undefined) return;
    this.#settle(error ? Promise.reject(error) : this.answer(this.#mode, cancelled ? "accepted" : "already_ended"));
  }

  answer(mode: Mode, outcome: CancelResult["outcome"]): CancelAnswer {
    return { invocationId: this.#host.state.invocationId, mode, outcome };
  }

  #settle(answer: CancelAnswer | Promise<CancelAnswer>): void {
    this.pending = false;
    this.#stopTimer();
    this.#resolve(answer);
  }

  #send(mode: Mode): void {
    if (this.#host.send(mode)) this.#unanswered++;
  }

  async #closeV1(mode: Mode): Promise<CancelAnswer> {
    if (mode === "after_turn") {
      throw invalid("mode", "must be immediate with a server of protocol version 1");
    }
    // Closing is all there is. [cancel.v1.1]
    this.#host.finish();
    return this.answer(mode, "accepted");
  }
}
