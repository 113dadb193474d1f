import { EXIT } from "../exit-codes.ts";
import type { Display } from "../terminal/display.ts";

/** SIGHUP comes when the terminal is closed: what nobody sees any more need not go on, and --detach is there for what should. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Ctrl-C, and other signals to end the same: the first cancels, the second leaves at once. */
export class Interrupts {
  #note: Display["note"] = (line) => void process.stderr.write(`${line}\n`);
  readonly #abort = new AbortController();
  readonly #onSignal = (): void => this.#interrupt();

  constructor() {
    for (const name of SIGNALS) process.on(name, this.#onSignal);
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
    if (this.happened) return;
    for (const name of SIGNALS) process.off(name, this.#onSignal);
  }

  #interrupt(): void {
    if (this.happened) process.exit(EXIT.cancelled);
    this.#note("Cancelling… (Ctrl-C again to leave at once)");
    this.#abort.abort();
  }
}
