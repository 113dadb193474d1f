import { invalid } from "./options.ts";

/** setTimeout takes no more: what is longer is no bound. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * Reads a source one item at a time, with a bound on the wait. A read that took too long goes on, and its answer is the next one, so
 * nothing is lost and the source is never asked twice at once.
 */
export class Reader<T> {
  readonly #iterator: AsyncIterator<T>;
  /** The source was asked and has not answered. */
  #asked = false;
  /** What it answered, and nobody has taken: gives the result, or throws. */
  #answer: (() => IteratorResult<T>) | undefined;
  /** The source has ended, failed or was left: it is not asked again. */
  #over = false;
  #left = false;
  #wake: () => void = () => {};

  /** @throws RunAgentError VALIDATION_ERROR when the source is no async iterable. */
  constructor(source: AsyncIterable<T>) {
    // Callers without types, and streams of browsers that cannot be iterated.
    const given: Partial<AsyncIterable<T>> | null | undefined = source;
    if (typeof given?.[Symbol.asyncIterator] !== "function") throw invalid("source", "must be an async iterable, such as a stream");
    this.#iterator = source[Symbol.asyncIterator]();
  }

  /** The next result; undefined when none has come within `ms` milliseconds. After `leave` it is done, at once. */
  async next(ms: number = Number.POSITIVE_INFINITY): Promise<IteratorResult<T, undefined> | undefined> {
    if (this.#answer === undefined && !this.#over) {
      if (!this.#asked) void this.#ask();
      await this.#answered(ms);
    }
    const answer = this.#answer;
    this.#answer = undefined;
    if (answer === undefined) return this.#over ? DONE : undefined;
    const result = answer();
    return result.done ? DONE : result;
  }

  /** Waits `ms` milliseconds, while nothing is asked of the source; `leave` ends it. */
  async pause(ms: number): Promise<void> {
    if (ms > 0 && !this.#over) await this.#answered(ms);
  }

  /** Leaves the source; whoever waits for it is told that it is done. May be repeated. */
  async leave(): Promise<void> {
    if (this.#left) return;
    this.#left = true;
    this.#answer = undefined;
    const returned = this.#over ? undefined : this.#return();
    this.#over = true;
    this.#wake();
    // A source that was asked may not let go before it has answered, which may be never.
    if (this.#asked) returned?.catch(() => {});
    else await returned;
  }

  async #return(): Promise<void> {
    await this.#iterator.return?.();
  }

  async #ask(): Promise<void> {
    this.#asked = true;
    let answer: () => IteratorResult<T>;
    try {
      const result = await this.#iterator.next();
      if (result.done) this.#over = true;
      answer = () => result;
    } catch (error) {
      this.#over = true;
      answer = () => {
        throw error;
      };
    }
    this.#asked = false;
    if (!this.#left) this.#answer = answer;
    this.#wake();
  }

  #answered(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#wake = () => {};
        resolve();
      };
      const timer = ms <= MAX_TIMER_MS ? setTimeout(wake, ms) : undefined;
      this.#wake = wake;
    });
  }
}

/**
 * What a generator makes of a reader's source, as an iterable that can be left at any time: a generator alone could be left only between
 * two items, and the source behind it would not learn of it before its next one.
 */
export function iterate<R>(reader: Pick<Reader<unknown>, "leave">, generator: AsyncGenerator<R, void>): AsyncIterableIterator<R> {
  let left = false;
  return {
    async next() {
      try {
        const result = await generator.next();
        if (result.done) await reader.leave();
        return left || result.done ? DONE : result;
      } catch (error) {
        // The first failure is the one that counts.
        await reader.leave().catch(() => {});
        throw error;
      }
    },
    async return() {
      left = true;
      try {
        await reader.leave();
      } finally {
        await generator.return();
      }
      return DONE;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
