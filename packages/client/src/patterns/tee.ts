import { checkOptions, invalid, readCount } from "./options.ts";
import { Reader } from "./reader.ts";

/** How far branches may be apart. */
export interface TeeOptions {
  /** Most items that the fastest branch may be ahead of the slowest, which are kept until then. Default 256. */
  readonly maxBuffered?: number | undefined;
}

/** One iterable for each branch; a tuple where the number is known. */
export type Branches<T, N extends number, Made extends AsyncIterableIterator<T>[] = []> = number extends N
  ? AsyncIterableIterator<T>[]
  : Made["length"] extends N
    ? Made
    : Branches<T, N, [...Made, AsyncIterableIterator<T>]>;

const DEFAULT_MAX_BUFFERED = 256;
const MAX_BRANCHES = 1000;
const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * Makes `n` iterables that each yield every item. The slowest sets the pace, so all of them must be read, or left: one that is left no
 * longer counts, and the source is left with the last.
 * @throws RunAgentError VALIDATION_ERROR for a wrong number or option.
 */
export function tee<T, N extends number = 2>(source: AsyncIterable<T>, n?: N, options: TeeOptions = {}): Branches<T, N> {
  checkOptions(options);
  const count = readCount(n, "n", 2);
  if (count > MAX_BRANCHES) throw invalid("n", `must be at most ${MAX_BRANCHES}`);
  const trunk = new Trunk<T>(source, readCount(options.maxBuffered, "maxBuffered", DEFAULT_MAX_BUFFERED));
  // The compiler does not count an array that is made at run time.
  return Array.from({ length: count }, () => trunk.branch()) as Branches<T, N>;
}

interface Branch {
  /** How many items it has taken. */
  taken: number;
}

class Trunk<T> {
  readonly #reader: Reader<T>;
  readonly #maxBuffered: number;
  readonly #branches = new Set<Branch>();
  /** What some branch has not taken; the first of them is item number `#dropped`. */
  readonly #items: T[] = [];
  #dropped = 0;
  #reading = false;
  #end: { readonly error?: unknown } | undefined;
  /** Branches that wait for an item, or for room. */
  #waiting: (() => void)[] = [];

  constructor(source: AsyncIterable<T>, maxBuffered: number) {
    this.#reader = new Reader(source);
    this.#maxBuffered = maxBuffered;
  }

  branch(): AsyncIterableIterator<T> {
    const branch: Branch = { taken: 0 };
    this.#branches.add(branch);
    // Reads are answered in the order in which they were asked for.
    let last: Promise<unknown> = Promise.resolve();
    return {
      next: () => {
        const result = last.then(() => this.#take(branch));
        last = result.catch(() => {});
        return result;
      },
      return: async () => {
        await this.#leave(branch);
        return DONE;
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  async #take(branch: Branch): Promise<IteratorResult<T, undefined>> {
    while (this.#branches.has(branch)) {
      const index = branch.taken - this.#dropped;
      if (index < this.#items.length) {
        const value = this.#items[index] as T; // In bounds: T may hold undefined, so there is nothing to check.
        branch.taken++;
        if (index === 0) this.#drop();
        return { done: false, value };
      }
      if (this.#end !== undefined) {
        this.#branches.delete(branch);
        if ("error" in this.#end) throw this.#end.error;
        break;
      }
      if (!this.#reading && this.#items.length < this.#maxBuffered) void this.#read();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return DONE;
  }

  async #read(): Promise<void> {
    this.#reading = true;
    try {
      const result = await this.#reader.next();
      if (result === undefined || result.done) this.#end = {};
      else this.#items.push(result.value);
    } catch (error) {
      this.#end = { error };
    }
    this.#reading = false;
    this.#wake();
  }

  /** Lets go of what every branch has taken. */
  #drop(): void {
    const slowest = Math.min(...[...this.#branches].map(({ taken }) => taken));
    if (slowest <= this.#dropped || this.#branches.size === 0) return;
    this.#items.splice(0, slowest - this.#dropped);
    this.#dropped = slowest;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async #leave(branch: Branch): Promise<void> {
    if (!this.#branches.delete(branch)) return;
    this.#drop();
    this.#wake();
    if (this.#branches.size === 0) await this.#reader.leave();
  }
}
