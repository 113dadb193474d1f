import { closeSync, fstatSync, mkdirSync, openSync, readSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { olderFile } from "./paths.ts";

/** Beyond it a file becomes the older one: at most twice this is kept. */
export const MAX_FILE_BYTES: number = 8 * 1024 * 1024;

const NEWLINE = 10;

/**
 * Appends lines to a file. Each write is done when it returns, so that what an agent said last is there when its process dies. What cannot
 * be written is left out, and told once.
 */
export class LineWriter {
  readonly #path: string;
  readonly #onProblem: (error: unknown) => void;
  #fd: number | undefined;
  #size = 0;
  /** The file ends inside a line: a process died, or the disk was full. */
  #torn = false;
  #told = false;

  constructor(path: string, onProblem: (error: unknown) => void) {
    this.#path = path;
    this.#onProblem = onProblem;
  }

  /** @param lines Each with its line break. */
  write(lines: string): void {
    if (lines === "") return;
    try {
      let fd = this.#fd ?? this.#open();
      if (this.#size > 0 && this.#size + Buffer.byteLength(lines) > MAX_FILE_BYTES) fd = this.#rotate();
      const bytes = Buffer.from(this.#torn ? `\n${lines}` : lines);
      for (let written = 0; written < bytes.length; ) {
        this.#torn = true;
        const count = writeSync(fd, bytes, written);
        written += count;
        this.#size += count;
      }
      this.#torn = false;
    } catch (error) {
      this.#tell(error);
    }
  }

  close(): void {
    try {
      if (this.#fd !== undefined) closeSync(this.#fd);
    } catch (error) {
      this.#tell(error);
    }
    this.#fd = undefined;
  }

  #tell(error: unknown): void {
    if (!this.#told) this.#onProblem(error);
    this.#told = true;
  }

  #open(): number {
    // What agents print is for their owner alone.
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    const fd = openSync(this.#path, "a+", 0o600);
    this.#fd = fd;
    this.#size = fstatSync(fd).size;
    const last = Buffer.alloc(1, NEWLINE);
    if (this.#size > 0) readSync(fd, last, 0, 1, this.#size - 1);
    this.#torn = last[0] !== NEWLINE;
    return fd;
  }

  #rotate(): number {
    renameSync(this.#path, olderFile(this.#path));
    this.close();
    return this.#open();
  }
}
