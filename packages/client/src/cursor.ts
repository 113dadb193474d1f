/** One chunk with its place in the log. */
export interface Chunk<T> {
  readonly data: T;
  readonly seq: number;
}

/** What a cursor's `next()` resolves to. */
export type CursorResult<T> =
  | { readonly hasMore: true; readonly data: T; readonly seq: number }
  | { readonly hasMore: false; readonly data?: undefined; readonly seq?: undefined };

/** Reads a stream chunk by chunk, for loops that ask in place of `for await`. */
export class StreamCursor<T> {
  readonly #chunks: AsyncIterator<Chunk<T>>;

  /** @internal Cursors are made by `stream.cursor()`. */
  constructor(chunks: AsyncIterator<Chunk<T>>) {
    this.#chunks = chunks;
  }

  /**
   * The next chunk, or `{hasMore: false}` once the stream has ended, as often as it is asked.
   * @throws RunAgentError what ended the stream before its end.
   */
  async next(): Promise<CursorResult<T>> {
    const result = await this.#chunks.next();
    return result.done ? { hasMore: false } : { hasMore: true, ...result.value };
  }

  /** Leaves the stream early: cancels the invocation and releases the connection. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
