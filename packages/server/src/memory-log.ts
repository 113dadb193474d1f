/**
 * The log store that lives in memory: every call answers at once, and nothing survives the process.
 * Records are bytes in segments outside the JavaScript heap, so that a full log costs what it holds and the garbage
 * collector does not see it; a segment whose records were all trimmed is filled again.
 */
import { randomUUID } from "node:crypto";
import { RunAgentError } from "@runagent/core";
import { exceeds, type InvocationLog, type LogBounds, type LogHead, type LogRecord, type LogStore } from "./log.ts";

/** The first segment is small, for there are many short logs; each one after is larger, up to the last size. */
const FIRST_SEGMENT_BYTES = 512;
const SEGMENT_BYTES = 131_072;

/** Makes a store that keeps logs in memory, bounded by the server's limits. */
export function createMemoryLogStore(): LogStore {
  return { durability: "memory", create: () => new MemoryLog(randomUUID()) };
}

/** Consecutive records, one behind the other. */
interface Segment {
  readonly bytes: Buffer;
  firstSeq: number;
  /** Where each record ends. */
  ends: number[];
  /** What each record is: its kind, or "event:" and the type of the event. */
  labels: string[];
}

const EVENT = "event:";
const MAX_LABELS = 1_000;

class MemoryLog implements InvocationLog {
  readonly epoch: string;
  /** Oldest first. */
  #segments: Segment[] = [];
  /** Was a segment whose records were trimmed; the next one to be filled. */
  #spare: Buffer | undefined;
  #firstSeq = 1;
  #lastSeq = 0;
  #bytes = 0;
  readonly #listeners: Set<() => void> = new Set();
  /** One string for each label, however many records have it. */
  readonly #labels: Map<string, string> = new Map();

  constructor(epoch: string) {
    this.epoch = epoch;
  }

  append(epoch: string, expectedSeq: number, record: LogRecord): LogHead {
    if (epoch !== this.epoch || expectedSeq !== this.#lastSeq + 1 || record.seq !== expectedSeq) {
      throw new RunAgentError("OWNER_LOST", `The log expects record ${this.#lastSeq + 1} of its own epoch; another owner writes it.`);
    }
    const { data } = record;
    const { bytes, ends, labels } = this.#segmentFor(data.length, expectedSeq);
    const start = ends.at(-1) ?? 0;
    bytes.set(data, start);
    ends.push(start + data.length);
    labels.push(this.#labelOf(record));
    this.#lastSeq = expectedSeq;
    this.#bytes += data.length;
    for (const listener of this.#listeners) listener();
    return this.head();
  }

  /** The records are copies: their segment may be filled anew while they are on their way. */
  read(afterSeq: number, limit: number, maxBytes: number): readonly LogRecord[] {
    const records: LogRecord[] = [];
    let left = maxBytes;
    let seq = Math.max(afterSeq + 1, this.#firstSeq);
    let index = this.#segments.findLastIndex((segment) => segment.firstSeq <= seq);
    for (
      let segment = this.#segments[index];
      segment !== undefined && records.length < limit && left > 0;
      segment = this.#segments[++index]
    ) {
      for (let at = seq - segment.firstSeq; at < segment.ends.length && records.length < limit && left > 0; at++) {
        const { bytes, ends, labels } = segment;
        const data = Buffer.from(bytes.subarray(ends[at - 1] ?? 0, ends[at]));
        records.push(labelled(labels[at], seq++, data));
        left -= data.length;
      }
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

  trim(beforeSeq: number, bounds: LogBounds): LogHead {
    while (this.#firstSeq < Math.min(beforeSeq, this.#lastSeq + 1) && exceeds(this.head(), bounds)) this.#dropFirst();
    return this.head();
  }

  drop(): void {
    this.#segments = [];
    this.#spare = undefined;
    this.#firstSeq = this.#lastSeq + 1;
    this.#bytes = 0;
    this.#listeners.clear();
  }

  #labelOf({ kind, eventType }: LogRecord): string {
    if (eventType === undefined) return kind;
    const label = EVENT + eventType;
    const known = this.#labels.get(label);
    if (known !== undefined) return known;
    // An agent that makes up a type for each event gains nothing, and must not fill the memory.
    if (this.#labels.size >= MAX_LABELS) this.#labels.clear();
    this.#labels.set(label, label);
    return label;
  }

  #dropFirst(): void {
    const [oldest] = this.#segments;
    if (oldest === undefined) return;
    const at = this.#firstSeq++ - oldest.firstSeq;
    this.#bytes -= (oldest.ends[at] ?? 0) - (oldest.ends[at - 1] ?? 0);
    if (at + 1 < oldest.ends.length) return;
    this.#segments.shift();
    if (oldest.bytes.length === SEGMENT_BYTES) this.#spare = oldest.bytes;
  }

  /** The last segment when the record fits, else a new last one. */
  #segmentFor(length: number, seq: number): Segment {
    const last = this.#segments.at(-1);
    if (last !== undefined && (last.ends.at(-1) ?? 0) + length <= last.bytes.length) return last;
    const segment = { bytes: this.#newBytes(length, last?.bytes.length ?? 0), firstSeq: seq, ends: [], labels: [] };
    this.#segments.push(segment);
    return segment;
  }

  #newBytes(length: number, lastSize: number): Buffer {
    const usual = Math.min(SEGMENT_BYTES, Math.max(FIRST_SEGMENT_BYTES, lastSize * 2));
    // A record that would leave most of a segment empty behind it has one of its own size.
    const size = length > usual || length > SEGMENT_BYTES / 4 ? length : usual;
    const spare = this.#spare;
    // Not from Buffer's pool: a long-lived piece would hold the whole of it.
    if (spare === undefined || size !== SEGMENT_BYTES) return Buffer.allocUnsafeSlow(size);
    this.#spare = undefined;
    return spare;
  }
}

function labelled(label: string | undefined, seq: number, data: Buffer): LogRecord {
  if (label === "terminal" || label === "event") return { seq, kind: label, data };
  if (label?.startsWith(EVENT)) return { seq, kind: "event", eventType: label.slice(EVENT.length), data };
  return { seq, kind: "data", data };
}
