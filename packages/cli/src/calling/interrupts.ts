import { EXIT } from "../exit-codes.ts";
import type { Display } from "../terminal/display.ts";

/** Ctrl-C, and SIGTERM the same: the first cancels, the second leaves at once. */
export class Interrupts {
  #note: Display["note"] = (line) => void process.stderr.write(`${line}\n`);
  readonly #abort = new AbortController();
  readonly #onSignal = (): void => this.#interrupt();

  constructor() {
    process.on("SIGINT", this.#onSignal).on("SIGTERM", this.#onSignal);
  }

  /** Where they are told from now on. */
  showOn(display: Display): void {
    this.#note = (line) => display.note(line);
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
    if (this.happened) process.exit(EXIT.cancelled);
    this.#note("Cancelling… (Ctrl-C again to leave at once)");
    this.#abort.abort();
  }
}
