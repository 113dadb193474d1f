import { checkOptions, invalid, readCount, readNumber } from "./options.ts";
import { iterate, Reader } from "./reader.ts";

/** When a batch is complete: as soon as one of the bounds that are given is met. */
export interface BufferedOptions {
  /** Items in a batch. */
  readonly count?: number | undefined;
  /** Bytes in a batch; the item that reaches them is still in it. Text counts in UTF-8, binary as it is, anything else as its JSON. */
  readonly bytes?: number | undefined;
  /** Milliseconds since the first item of the batch came. */
  readonly ms?: number | undefined;
}

/**
 * Yields arrays of items, each as soon as a bound is met, and the rest at the end. What was gathered before an error is delivered before it.
 * @throws RunAgentError VALIDATION_ERROR for a wrong bound, or when there is none.
 */
export function buffered<T>(source: AsyncIterable<T>, options: BufferedOptions): AsyncIterableIterator<T[]> {
  checkOptions(options);
  const { count, bytes, ms } = options;
  if (count === undefined && bytes === undefined && ms === undefined) throw invalid("options", "must have count, bytes or ms");
  const bounds = { count: readCount(count, "count"), bytes: readNumber(bytes, "bytes"), ms: readNumber(ms, "ms") };
  const reader = new Reader(source);
  return iterate(reader, gather(reader, bounds));
}

async function* gather<T>(reader: Reader<T>, bounds: { count: number; bytes: number; ms: number }): AsyncGenerator<T[], void> {
  let batch: T[] = [];
  let bytes = 0;
  let dueAt = Number.POSITIVE_INFINITY;
  for (;;) {
    let result: IteratorResult<T> | undefined;
    try {
      result = await reader.next(dueAt - performance.now());
    } catch (error) {
      if (batch.length > 0) yield batch;
      throw error;
    }
    if (result?.done) break;
    if (result !== undefined) {
      if (batch.push(result.value) === 1) dueAt = performance.now() + bounds.ms;
      if (bounds.bytes < Number.POSITIVE_INFINITY) bytes += sizeOf(result.value);
      // The clock is asked too: a source that always has the next item at once lets no timer fire.
      if (batch.length < bounds.count && bytes < bounds.bytes && performance.now() < dueAt) continue;
    }
    yield batch;
    batch = [];
    bytes = 0;
    dueAt = Number.POSITIVE_INFINITY;
  }
  if (batch.length > 0) yield batch;
}

const encoder = /* @__PURE__ */ new TextEncoder();

function sizeOf(item: unknown): number {
  if (ArrayBuffer.isView(item) || item instanceof ArrayBuffer) return item.byteLength;
  // undefined has no JSON.
  return encoder.encode(typeof item === "string" ? item : (JSON.stringify(item) ?? "")).byteLength;
}
