/** Bytes that came in pieces and are taken in others. Pieces are joined only when what is asked for lies across them. */
export class ByteQueue {
  #chunks: Buffer[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** The first bytes, which stay; undefined when there are fewer. */
  peek(count: number): Buffer | undefined {
    if (this.#length < count) return undefined;
    let joined = 0;
    let bytes = 0;
    while (bytes < count) bytes += this.#chunks[joined++]?.length ?? 0;
    // Only what is asked for is joined: a long frame may come byte by byte.
    if (joined > 1) this.#chunks.splice(0, joined, Buffer.concat(this.#chunks.slice(0, joined)));
    return this.#chunks[0]?.subarray(0, count) ?? Buffer.alloc(0);
  }

  /** Takes the first bytes, all of them by default; fewer when there are fewer. */
  take(count: number = this.#length): Buffer {
    const wanted = Math.min(count, this.#length);
    const taken = this.peek(wanted) ?? Buffer.alloc(0);
    const [first] = this.#chunks;
    if (first === undefined) return taken;
    if (first.length === wanted) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(wanted);
    this.#length -= wanted;
    return taken;
  }

  /** Where the text begins in the first so many bytes (default: all), or -1. */
  indexOf(text: string, within: number = this.#length): number {
    return this.peek(Math.min(within, this.#length))?.indexOf(text, 0, "latin1") ?? -1;
  }
}
