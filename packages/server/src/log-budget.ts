/**
 * What the logs of a server hold together, running and ended. Above the limit the logs of ended invocations go first, the oldest before
 * the others; then running ones keep only what their readers still need, and those that nobody reads wait.
 */

/** Between two looks for something to forget, so that a full server does not look at every record. */
const EVICT_EVERY_BYTES = 65_536;

/** The bytes of all logs, and who waits for them to become fewer. */
export class LogBudget {
  readonly #limit: number;
  readonly #waiting: Set<() => void> = new Set();
  #used = 0;
  #evictAt: number;
  /** Forgets ended invocations; set by who knows them. */
  evict: () => void = () => {};

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
    this.#evictAt = limitBytes;
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
