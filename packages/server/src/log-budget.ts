/**
 * What the logs of a server hold together, running and ended. Above the limit the logs of ended invocations go first, the oldest before
 * the others; then running ones keep only what their readers still need, and those that nobody reads wait.
 */

import type { LogBounds } from "./log.ts";
import type { Limits } from "./options.ts";

/** What one log may hold while all logs together hold too much. */
const PRESSED_LOG_BYTES = 65_536;
/** Between two looks for something to forget, so that a full server does not look at every record. */
const EVICT_EVERY_BYTES = 65_536;

/** The bytes of all logs, and who waits for them to become fewer. */
export class LogBudget {
  /** What one log may hold in good times. */
  readonly ownBounds: LogBounds;
  readonly #limit: number;
  readonly #pressedBounds: LogBounds;
  readonly #waiting: Set<() => void> = new Set();
  #used = 0;
  #evictAt: number;
  /** Forgets ended invocations; set by who knows them. */
  evict: () => void = () => {};

  constructor(limits: Pick<Limits, "maxTotalLogBytes" | "maxLogBytes" | "maxLogRecords">) {
    this.ownBounds = { bytes: limits.maxLogBytes, records: limits.maxLogRecords };
    this.#pressedBounds = { ...this.ownBounds, bytes: Math.min(limits.maxLogBytes, PRESSED_LOG_BYTES) };
    this.#limit = limits.maxTotalLogBytes;
    this.#evictAt = this.#limit;
  }

  /** What one log may hold now. */
  get bounds(): LogBounds {
    return this.exceeded ? this.#pressedBounds : this.ownBounds;
  }

  get exceeded(): boolean {
    return this.#used > this.#limit;
  }

  /** A log has grown, or with a negative number shrunk. */
  change(bytes: number): void {
    const wasExceeded = this.exceeded;
    this.#used += bytes;
    if (bytes > 0 && this.#used > this.#evictAt) {
      this.#evictAt = this.#used + EVICT_EVERY_BYTES;
      this.evict();
    }
    if (this.exceeded) return;
    this.#evictAt = this.#limit;
    // In a turn of its own: whoever made room is in the middle of something.
    if (wasExceeded) queueMicrotask(() => this.#wakeAll());
  }

  /** Calls back whenever there is room again, until it is told to stop. */
  wait(callback: () => void): void {
    this.#waiting.add(callback);
  }

  stop(callback: () => void): void {
    this.#waiting.delete(callback);
  }

  #wakeAll(): void {
    for (const callback of [...this.#waiting]) callback();
  }
}
