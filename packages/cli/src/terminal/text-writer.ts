import type { WriteStream } from "node:tty";

/** How much waits until the end of a turn, in characters. */
const BATCH_LENGTH = 64 * 1024;

/**
 * Writes text to a stream of the process. What is written in one turn goes out together, and whoever writes waits while the other end is
 * slow, so that memory stays bounded.
 */
export class TextWriter {
  readonly #stream: WriteStream;
  #pending = "";
  #scheduled = false;
  /** Resolves when the stream takes more; undefined while it does. */
  #full: Promise<void> | undefined;
  #goOn: () => void = () => {};
  #broken = false;

  /** @param onBroken Nobody reads any more (EPIPE), or it cannot be written: nothing is written from then on. */
  constructor(stream: WriteStream, onBroken: (error: Error) => void) {
    this.#stream = stream;
    stream.on("drain", () => this.#release());
    stream.on("error", (error) => {
      if (this.#broken) return;
      this.#broken = true;
      this.#pending = "";
      this.#release();
      onBroken(error);
    });
  }

  /** @returns What to wait for before the next write; undefined: nothing. */
  write(text: string): Promise<void> | undefined {
    if (this.#broken) return undefined;
    this.#pending += text;
    if (this.#pending.length >= BATCH_LENGTH) this.flush(false);
    else if (!this.#scheduled) {
      this.#scheduled = true;
      process.nextTick(() => {
        this.#scheduled = false;
        this.flush(false);
      });
    }
    return this.#full;
  }

  /**
   * Hands what was written to the stream, which the process waits for before it ends.
   * @param whole False: more text follows. A character may have been cut in two between chunks, and half of one cannot be encoded.
   */
  flush(whole: boolean): void {
    const text = this.#pending;
    const kept = !whole && isHighSurrogate(text.charCodeAt(text.length - 1)) ? text.slice(-1) : "";
    this.#pending = kept;
    if (text.length === kept.length || this.#broken) return;
    const more = this.#stream.write(text.slice(0, text.length - kept.length));
    if (more || this.#full !== undefined) return;
    this.#full = new Promise((resolve) => {
      this.#goOn = resolve;
    });
  }

  #release(): void {
    this.#full = undefined;
    this.#goOn();
  }
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}
