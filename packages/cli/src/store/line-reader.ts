import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { isJsonObject, type JsonObject } from "@runagent/core";
import { olderFile } from "./paths.ts";

const READ_BYTES = 1024 * 1024;

/** An open file, from where it was read last. */
interface Place {
  readonly fd: number;
  readonly inode: number;
  readonly decoder: StringDecoder;
  offset: number;
  /** The beginning of a line whose end is not written yet. */
  rest: string;
}

/**
 * Reads the lines of a file that another process goes on writing, and the older ones beside it. A file that is not there has none yet.
 * A line without its end is not read before it has one.
 */
export class LineReader {
  readonly #path: string;
  #place: Place | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** The lines that came since the last call; at the first, all that are kept. */
  read(): string[] {
    const lines: string[] = [];
    if (this.#place === undefined) {
      // The newer file first: what it holds is not lost when it becomes the older one meanwhile.
      this.#place = openPlace(this.#path);
      lines.push(...this.#readOlder(this.#place?.inode));
    }
    if (this.#place === undefined) return lines;
    lines.push(...readOn(this.#place));
    while (this.#wasReplaced(this.#place)) {
      // Whoever wrote to it has left it.
      lines.push(...readOn(this.#place));
      const left: number = this.#place.inode;
      closeSync(this.#place.fd);
      this.#place = openPlace(this.#path);
      // Two rotations since the last call.
      lines.push(...this.#readOlder(left, this.#place?.inode));
      if (this.#place === undefined) break;
      lines.push(...readOn(this.#place));
    }
    return lines;
  }

  close(): void {
    if (this.#place !== undefined) closeSync(this.#place.fd);
    this.#place = undefined;
  }

  #wasReplaced({ inode }: Place): boolean {
    const stat = statSync(this.#path, { throwIfNoEntry: false });
    return stat !== undefined && stat.ino !== inode;
  }

  /** The older file, unless it is one that was read. */
  #readOlder(...read: (number | undefined)[]): string[] {
    const older = openPlace(olderFile(this.#path));
    if (older === undefined) return [];
    try {
      return read.includes(older.inode) ? [] : readOn(older);
    } finally {
      closeSync(older.fd);
    }
  }
}

/** The objects in a file of JSON lines and in the older one beside it, oldest first. Damaged lines are left out. */
export function readObjects(path: string): JsonObject[] {
  const reader = new LineReader(path);
  try {
    return reader
      .read()
      .map(parseLine)
      .filter((line) => line !== undefined);
  } finally {
    reader.close();
  }
}

/** The object in a line; undefined when it is damaged: the process that wrote it may have died at it. */
export function parseLine(line: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function openPlace(path: string): Place | undefined {
  try {
    // A pipe would be waited for.
    if (!statSync(path).isFile()) return undefined;
    const fd = openSync(path, "r");
    return { fd, inode: fstatSync(fd).ino, decoder: new StringDecoder("utf8"), offset: 0, rest: "" };
  } catch (error) {
    // Nothing was written yet, or it has just become the older file.
    const code = isJsonObject(error) ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new Error(`${path} cannot be read${code === "EACCES" ? ": it belongs to another user" : ""} (${code}).`, { cause: error });
  }
}

function readOn(place: Place): string[] {
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  // Somebody has emptied it.
  if (fstatSync(place.fd).size < place.offset) Object.assign(place, { offset: 0, rest: "", decoder: new StringDecoder("utf8") });
  const parts: string[] = [place.rest];
  for (;;) {
    const count = readSync(place.fd, buffer, 0, READ_BYTES, place.offset);
    if (count === 0) break;
    place.offset += count;
    parts.push(place.decoder.write(buffer.subarray(0, count)));
  }
  const lines = parts.join("").split("\n");
  place.rest = lines.pop() ?? "";
  return lines.filter((line) => line !== "");
}
