import { checkOptions, invalid, readCount, readNumber } from "./options.ts";
import { iterate, Reader } from "./reader.ts";

/** How often, and how much at once. */
export interface ThrottledOptions {
  /** At least so many milliseconds lie between two arrays. */
  readonly ms: number;
  /** Most items in one array; the source waits when so many are there before the time is. Default 10000. */
  readonly maxCount?: number | undefined;
}

const DEFAULT_MAX_COUNT = 10_000;

/**
 * Yields arrays, at most one in `ms` milliseconds, for consumers that are dear to call, such as a page that renders. Nothing is lost: an
 * array holds every item since the one before, the first comes at once, and the last whatever the time.
 * @throws RunAgentError VALIDATION_ERROR for a wrong option.
 */
export function throttled<T>(source: AsyncIterable<T>, options: ThrottledOptions): AsyncIterableIterator<T[]> {
  checkOptions(options);
  if (options.ms === undefined) throw invalid("ms", "is required");
  const ms = readNumber(options.ms, "ms");
  const maxCount = readCount(options.maxCount, "maxCount", DEFAULT_MAX_COUNT);
  if (ms === Number.POSITIVE_INFINITY) throw invalid("ms", "must be finite");
  const reader = new Reader(source);
  return iterate(reader, space(reader, ms, maxCount));
}

async function* space<T>(reader: Reader<T>, ms: number, maxCount: number): AsyncGenerator<T[], void> {
  let dueAt = 0;
  for (let ended = false; !ended; ) {
    const items: T[] = [];
    try {
      ended = await fill(items, reader, maxCount, () => dueAt - performance.now());
    } catch (error) {
      if (items.length > 0) yield items;
      throw error;
    }
    if (items.length === 0) return;
    dueAt = performance.now() + ms;
    yield items;
  }
}

/** Waits for the first item, then takes what comes until the time is there. True: the source has ended. */
async function fill<T>(items: T[], reader: Reader<T>, maxCount: number, remaining: () => number): Promise<boolean> {
  while (items.length < maxCount) {
    // When it is due already, still what is there without waiting: a slow consumer would fall behind by an item at a time.
    const result = await reader.next(items.length === 0 ? Number.POSITIVE_INFINITY : Math.max(0, remaining()));
    if (result === undefined) return false;
    if (result.done) return true;
    items.push(result.value);
  }
  await reader.pause(remaining());
  return false;
}
