import { iterate, Reader } from "./reader.ts";

/** A chunk, and how far the source is with it. */
export interface Progress<T> {
  readonly chunk: T;
  /** Chunks so far, with this one. */
  readonly chunks: number;
  /** Milliseconds since withProgress was called. */
  readonly elapsedMs: number;
}

/** Passes chunks on, each with the number of chunks so far and the time that has passed. */
export function withProgress<T>(source: AsyncIterable<T>): AsyncIterableIterator<Progress<T>> {
  const startedAt = performance.now();
  const reader = new Reader(source);
  return iterate(reader, count(reader, startedAt));
}

async function* count<T>(reader: Reader<T>, startedAt: number): AsyncGenerator<Progress<T>, void> {
  for (let chunks = 1; ; chunks++) {
    const result = await reader.next();
    if (result === undefined || result.done) return;
    yield { chunk: result.value, chunks, elapsedMs: performance.now() - startedAt };
  }
}
