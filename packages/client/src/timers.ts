/** Time as a session sees it, so that a test can move it. */
export interface Clock {
  now(): number;
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** The clock of the runtime. */
export const REAL_CLOCK: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};

/** setTimeout takes no more. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Whether a number of milliseconds is a deadline: 0 and Infinity say that there is none. */
export function isDeadline(ms: number): boolean {
  return ms > 0 && Number.isFinite(ms);
}

/** The timers of one session or request: none outlives it. */
export class Timers {
  readonly #clock: Clock;
  readonly #running = new Set<unknown>();

  constructor(clock: Clock = REAL_CLOCK) {
    this.#clock = clock;
  }

  /** Milliseconds, from a start that means nothing. */
  now(): number {
    return this.#clock.now();
  }

  /** Calls back once, after `ms` milliseconds. @returns What stops it. */
  start(ms: number, callback: () => void): () => void {
    const timer = this.#clock.setTimeout(
      () => {
        this.#running.delete(timer);
        callback();
      },
      Math.min(ms, MAX_TIMER_MS),
    );
    this.#running.add(timer);
    return () => {
      this.#clock.clearTimeout(timer);
      this.#running.delete(timer);
    };
  }

  stopAll(): void {
    for (const timer of this.#running) this.#clock.clearTimeout(timer);
    this.#running.clear();
  }
}
