/**
 * The log store that lives in memory: every call answers at once, and nothing survives the process.
 * Trimming moves a start index and gives the space back in large steps, so that it costs the same per record at any size.
 */
import { randomUUID } from "node:crypto";
import { RunAgentError } from "@runagent/core";
import type { InvocationLog, LogHead, LogRecord, LogStore } from "./log.ts";

const COMPACT_AT = 1024;

/** Makes a store that keeps logs in memory, bounded by the server's limits. */
export function createMemoryLogStore(): LogStore {
  return { durability: "memory", create: () => new MemoryLog(randomUUID()) };
}

class MemoryLog implements InvocationLog {
  readonly epoch: string;
  /** Records from `#start` on are the log; those before it were trimmed and wait for compaction. */
  #records: (LogRecord | undefined)[] = [];
  #start = 0;
  #firstSeq = 1;
  #lastSeq = 0;
  #bytes = 0;
  readonly #listeners: Set<() => void> = new Set();

  constructor(epoch: string) {
    this.epoch = epoch;
  }

  append(epoch: string, expectedSeq: number, record: LogRecord): LogHead {
    if (epoch !== this.epoch || expectedSeq !== this.#lastSeq + 1 || record.seq !== expectedSeq) {
      throw new RunAgentError("OWNER_LOST", `The log expects record ${this.#lastSeq + 1} of its own epoch; another owner writes it.`);
    }
    this.#records.push(record);
    this.#lastSeq = expectedSeq;
    this.#bytes += record.bytes;
    for (const listener of this.#listeners) listener();
    return this.head();
  }

  read(afterSeq: number, limit: number): readonly LogRecord[] {
    const from = this.#start + Math.max(0, afterSeq + 1 - this.#firstSeq);
    const records: LogRecord[] = [];
    for (let index = from; index < this.#records.length && records.length < limit; index++) {
      const record = this.#records[index];
      if (record !== undefined) records.push(record);
    }
    return records;
  }

  head(): LogHead {
    return { epoch: this.epoch, firstSeq: this.#firstSeq, lastSeq: this.#lastSeq, bytes: this.#bytes };
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  trim(beforeSeq: number, maxBytes: number): LogHead {
    while (this.#bytes > maxBytes && this.#firstSeq < beforeSeq) {
      const record = this.#records[this.#start];
      if (record === undefined) break;
      this.#records[this.#start] = undefined;
      this.#start++;
      this.#firstSeq++;
      this.#bytes -= record.bytes;
    }
    if (this.#start >= COMPACT_AT && this.#start * 2 >= this.#records.length) {
      this.#records = this.#records.slice(this.#start);
      this.#start = 0;
    }
    return this.head();
  }

  drop(): void {
    this.#records = [];
    this.#start = 0;
    this.#firstSeq = this.#lastSeq + 1;
    this.#bytes = 0;
    this.#listeners.clear();
  }
}
