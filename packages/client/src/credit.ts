import type { Timers } from "./timers.ts";

/**
 * When to tell the server what the consumer has taken. [ack.send.1] An eighth of the window at a time while records flow; once
 * nothing more is taken, the rest: the server may hold a record that needs the whole window.
 */
const PART_OF_WINDOW = 8;
/** Nothing was taken for so long: the records have stopped flowing. */
const QUIET_MS = 100;

/** The acknowledgements of one stream, on one connection after the other. */
export class Credit {
  readonly #partBytes: number;
  readonly #timers: Timers;
  readonly #acknowledge: () => void;
  #bytes = 0;
  #additions = 0;
  #watching = false;

  /**
   * @param windowBytes What the server was told. It counts UTF-8 bytes; here UTF-16 units are counted, at least a third as many.
   * @param acknowledge Sends the acknowledgement of all that was taken.
   */
  constructor(windowBytes: number, timers: Timers, acknowledge: () => void) {
    this.#partBytes = windowBytes / PART_OF_WINDOW;
    this.#timers = timers;
    this.#acknowledge = acknowledge;
  }

  /** The consumer has taken a record that came on this connection. */
  add(bytes: number): void {
    this.#bytes += bytes;
    this.#additions++;
    if (this.#bytes >= this.#partBytes) this.send();
    else if (!this.#watching) this.#watch();
  }

  /** Acknowledges what was taken so far. */
  send(): void {
    this.#bytes = 0;
    this.#acknowledge();
  }

  /** A new connection: the server counts anew. */
  reset(): void {
    this.#bytes = 0;
  }

  #watch(): void {
    this.#watching = true;
    const seen = this.#additions;
    this.#timers.start(QUIET_MS, () => {
      this.#watching = false;
      if (this.#bytes === 0) return;
      if (this.#additions === seen) this.send();
      else this.#watch();
    });
  }
}
