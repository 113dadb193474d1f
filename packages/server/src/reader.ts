/**
 * One reader of a log: sends its records in order to a sink, as far as the sink and the client's window allow.
 * It knows no transport. Bounded on both sides: the sink says when it is full, and with `window_bytes` the client's
 * acks open the window. [flow.window.1]
 */
import { RunAgentError } from "@runagent/core";
import { type Filter, wants } from "./filter.ts";
import type { InvocationLog, LogRecord } from "./log.ts";
import type { AttachedReader } from "./room.ts";

const RECORDS_PER_READ = 64;
const BYTES_PER_READ = 1_048_576;
// A larger window is served as this much: the bookkeeping per unacknowledged record must stay bounded.
const MAX_WINDOW_BYTES = 16_777_216;
// A client that comes back goes on after the last record it was told of: what it did not want must not be far behind that.
const SKIPS_PER_FRAME = 256;
const SKIPPED_BYTES_PER_FRAME = 65_536;

/** What goes out: a record of the log, or the frame that stands for those that were left out up to `seq`. */
export type SentRecord = Omit<LogRecord, "kind"> & { readonly kind: LogRecord["kind"] | "skipped" };

/** Where a reader sends records. */
export interface RecordSink {
  /** Sends one record. False: it holds enough, and calls `drained` of the reader when it can take more. */
  write(record: SentRecord): boolean;
  /** The terminal record was written. */
  ended(): void;
  /** No more records will come, and no terminal record. */
  failed(error: RunAgentError): void;
}

/** A position in a log that moves forward. */
export class Reader implements AttachedReader {
  readonly #log: InvocationLog;
  readonly #sink: RecordSink;
  /** Tells the invocation that this reader can take more, or needs less. */
  readonly #onChange: () => void;
  /** undefined: the client gives no credit, the transport's own backpressure is all there is. */
  readonly #windowBytes: number | undefined;
  /** Seq of the last record that was sent, or skipped because the client does not want it. */
  #sent: number;
  /** Seq of the last record that the client was told of. */
  #told: number;
  #skippedBytes = 0;
  #acked: number;
  /** Bytes of the records that were sent, in order; those before `#unackedStart` are acknowledged. Empty without a window. */
  #unacked: number[] = [];
  #unackedStart = 0;
  #outstandingBytes = 0;
  /** The sink holds enough. */
  #full = false;
  /** The next record does not fit the window. */
  #blocked = false;
  /** A read of a store that answers later is under way. */
  #reading = false;
  /** The log grew during that read. */
  #hinted = false;
  #closed = false;
  #unwatch: (() => void) | undefined;
  /** What the client wants; undefined: everything. */
  filter: Filter | undefined;

  constructor(log: InvocationLog, afterSeq: number, windowBytes: number | undefined, sink: RecordSink, onChange: () => void) {
    this.#log = log;
    this.#sink = sink;
    this.#onChange = onChange;
    this.#windowBytes = windowBytes === undefined ? undefined : Math.min(windowBytes, MAX_WINDOW_BYTES);
    this.#sent = afterSeq;
    this.#told = afterSeq;
    this.#acked = afterSeq;
  }

  get ready(): boolean {
    const windowOpen = this.#windowBytes === undefined || this.#outstandingBytes < this.#windowBytes;
    return windowOpen && !this.#full && !this.#blocked && !this.#reading && !this.#closed;
  }

  /** Seq of the last record that the client was told of. */
  get toldSeq(): number {
    return this.#told;
  }

  get acknowledges(): boolean {
    return this.#windowBytes !== undefined;
  }

  get neededSeq(): number {
    return (this.#windowBytes === undefined ? this.#told : this.#acked) + 1;
  }

  /** Begins to send. */
  start(): void {
    this.#unwatch = this.#log.watch(() => this.#pump());
    this.#pump();
    // Whoever comes into the middle learns where the log stands: an approval may wait there.
    this.tellSkipped();
    // What it has sent by now may be trimmed, and the agent go on.
    this.#onChange();
  }

  /** The sink can take more. */
  drained(): void {
    this.#full = false;
    this.#pump();
    this.#onChange();
  }

  /**
   * The client's consumer took every record up to `seq`.
   * @throws RunAgentError VALIDATION_ERROR for a record that was never sent.
   */
  ack(seq: number): void {
    if (this.#windowBytes === undefined) return;
    if (seq > this.#told) {
      throw new RunAgentError("VALIDATION_ERROR", `Record ${seq} was acknowledged, but only ${this.#told} were sent.`, { field: "seq" });
    }
    if (seq <= this.#acked) return;
    for (; this.#acked < seq; this.#acked++) this.#outstandingBytes -= this.#unacked[this.#unackedStart++] ?? 0;
    if (this.#unackedStart * 2 >= this.#unacked.length) {
      this.#unacked = this.#unacked.slice(this.#unackedStart);
      this.#unackedStart = 0;
    }
    this.#blocked = false;
    this.#pump();
    this.#onChange();
  }

  fail(error: RunAgentError): void {
    if (this.#closed) return;
    this.close();
    this.#sink.failed(error);
  }

  /** Sends nothing more. */
  close(): void {
    this.#closed = true;
    this.#unwatch?.();
  }

  #pump(): void {
    if (this.#reading) this.#hinted = true;
    while (!this.#closed && !this.#full && !this.#reading && !this.#blocked) {
      // No more than will be sent: every reader gets copies of its own.
      const room = this.#windowBytes === undefined ? BYTES_PER_READ : Math.max(1, this.#windowBytes - this.#outstandingBytes);
      const records = this.#log.read(this.#sent, RECORDS_PER_READ, Math.min(room, BYTES_PER_READ));
      if (records instanceof Promise) {
        this.#reading = true;
        this.#hinted = false;
        records.then(
          (read) => this.#readLater(read),
          (cause: unknown) => this.fail(new RunAgentError("SERVER_ERROR", "The log could not be read.", { cause })),
        );
        return;
      }
      if (!this.#sendAll(records)) return;
    }
  }

  #readLater(records: readonly LogRecord[]): void {
    this.#reading = false;
    if (this.#sendAll(records) || this.#hinted) this.#pump();
    this.#onChange();
  }

  /** True: there may be more to read at once. */
  #sendAll(records: readonly LogRecord[]): boolean {
    for (const record of records) {
      if (this.#closed || this.#full) return false;
      if (record.seq !== this.#sent + 1) {
        this.fail(new RunAgentError("CURSOR_EXPIRED", `Record ${this.#sent + 1} was dropped from the log while it was read.`));
        return false;
      }
      if (!this.#take(record)) return false;
    }
    return records.length > 0;
  }

  /** Sends a record, or leaves it out. False: the window is full. */
  #take(record: LogRecord): boolean {
    if (this.filter === undefined || wants(this.filter, record)) {
      if (!this.tellSkipped()) return false;
      this.#blocked = !this.#fits(record.data);
      if (!this.#blocked) this.#send(record);
      return !this.#blocked;
    }
    this.#sent = record.seq;
    this.#skippedBytes += record.data.length;
    if (this.#windowBytes !== undefined) this.#unacked.push(0);
    return (this.#sent - this.#told < SKIPS_PER_FRAME && this.#skippedBytes < SKIPPED_BYTES_PER_FRAME) || this.tellSkipped();
  }

  /** Tells the client what was left out, so that the order has no gap. False: the window is full. [skip.send.1] */
  tellSkipped(): boolean {
    if (this.#told === this.#sent || this.#closed) return true;
    const data = Buffer.from(`{"type":"skipped","after":${this.#told},"seq":${this.#sent}}`);
    this.#blocked = !this.#fits(data);
    if (this.#blocked) return false;
    this.#told = this.#sent;
    this.#skippedBytes = 0;
    if (this.#windowBytes !== undefined) this.#unacked[this.#unacked.length - 1] = data.length;
    this.#write({ seq: this.#sent, kind: "skipped", data });
    return true;
  }

  /** A record larger than the whole window goes when nothing is outstanding. [flow.window.1] */
  #fits({ length }: Uint8Array): boolean {
    if (this.#windowBytes === undefined || this.#outstandingBytes === 0) return true;
    return this.#outstandingBytes + length <= this.#windowBytes;
  }

  #send(record: LogRecord): void {
    this.#sent = record.seq;
    this.#told = record.seq;
    if (this.#windowBytes !== undefined) this.#unacked.push(record.data.length);
    this.#write(record);
    if (record.kind !== "terminal") return;
    this.close();
    this.#sink.ended();
  }

  #write(record: SentRecord): void {
    if (this.#windowBytes !== undefined) this.#outstandingBytes += record.data.length;
    this.#full = !this.#sink.write(record);
  }
}
