import { toTimerMs } from "./options.ts";

/** A deadline whose time can stand still. */
export class Deadline {
  readonly #passed: () => void;
  #leftMs: number;
  #sinceMs = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Begins to run. */
  constructor(seconds: number, passed: () => void) {
    this.#passed = passed;
    this.#leftMs = toTimerMs(seconds);
    this.run();
  }

  /** Time goes on. */
  run(): void {
    if (this.#timer !== undefined) return;
    this.#sinceMs = performance.now();
    this.#timer = setTimeout(this.#passed, this.#leftMs).unref();
  }

  /** Time stands still. */
  pause(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#leftMs = Math.max(0, this.#leftMs - (performance.now() - this.#sinceMs));
  }
}
