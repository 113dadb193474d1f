import { EXIT } from "../exit-codes.ts";
import type { Display } from "../terminal/display.ts";

/** Ctrl-C, and SIGTERM the same: the first cancels, the second leaves at once. */
export class Interrupts {
  readonly #display: Display;
  readonly #abort = new AbortController();
  readonly #onSignal = (): void => this.#interrupt();

  constructor(display: Display) {
    this.#display = display;
    process.on("SIGINT", this.#onSignal).on("SIGTERM", this.#onSignal);
  }

  /** Fires with the first. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get happened(): boolean {
    return this.signal.aborted;
  }

  /** Calls back with the first; at once when it has come already. */
  onFirst(cancel: () => void): void {
    if (this.happened) cancel();
    else this.signal.addEventListener("abort", cancel);
  }

  /** There is nothing left to cancel: one more ends the process as any other. */
  stop(): void {
    if (!this.happened) process.off("SIGINT", this.#onSignal).off("SIGTERM", this.#onSignal);
  }

  #interrupt(): void {
    if (this.happened) {
      this.#display.leave();
      process.exit(EXIT.cancelled);
    }
    this.#display.note("Cancelling… (Ctrl-C again to leave at once)");
    this.#abort.abort();
  }
}
