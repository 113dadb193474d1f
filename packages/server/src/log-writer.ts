/**
 * The pen of a log's owner: gives records their seq and stores them one after another. While the store answers at once
 * so does this; a store that answers later gets the next record only when it has the one before.
 */
import { exceeds, type InvocationLog, type LogBounds, type LogHead, type LogRecord, type MaybePromise } from "./log.ts";

/** Appends to one log, and trims it. */
export class LogWriter {
  readonly log: InvocationLog;
  /** Called once, when the log cannot be written any more. */
  readonly #onLost: (error: unknown) => void;
  /** Called when a trim that took its time has made room. */
  readonly #onTrimmed: () => void;
  /** Told by how many bytes the log has changed. */
  readonly #onBytes: (change: number) => void;
  #seq = 0;
  #stored: Pick<LogHead, "firstSeq" | "lastSeq" | "bytes"> = { firstSeq: 1, lastSeq: 0, bytes: 0 };
  /** The last append under way; undefined while the store answers at once. */
  #writing: Promise<void> | undefined;
  #trimming = false;
  #lost = false;

  constructor(log: InvocationLog, onLost: (error: unknown) => void, onTrimmed: () => void, onBytes: (change: number) => void) {
    this.log = log;
    this.#onLost = onLost;
    this.#onTrimmed = onTrimmed;
    this.#onBytes = onBytes;
  }

  /** Seq of the last record that was appended or is about to be. */
  get seq(): number {
    return this.#seq;
  }

  /** Bytes in the log. */
  get bytes(): number {
    return this.#stored.bytes;
  }

  /** Appends a record. Never throws or rejects: a store that fails is told to onLost, and nothing is written after that. */
  append(make: (seq: number) => LogRecord): MaybePromise<void> {
    const record = make(++this.#seq);
    const stored = this.#writing === undefined ? this.#store(record) : this.#writing.then(() => this.#store(record));
    if (!(stored instanceof Promise)) return;
    this.#writing = stored;
    void stored.then(() => {
      if (this.#writing === stored) this.#writing = undefined;
    });
    return stored;
  }

  /** True when the log holds more than it may. */
  exceeds(bounds: LogBounds): boolean {
    return exceeds(this.#stored, bounds);
  }

  /** The store is making room. */
  get trimming(): boolean {
    return this.#trimming;
  }

  /** Makes room: drops the oldest records below `beforeSeq` until the log is within the bounds. */
  trim(beforeSeq: number, bounds: LogBounds): void {
    const isNothing = beforeSeq <= this.#stored.firstSeq;
    if (isNothing || !this.exceeds(bounds) || this.#trimming || this.#lost) return;
    const trimmed = this.log.trim(beforeSeq, bounds);
    if (!(trimmed instanceof Promise)) {
      this.#setHead(trimmed);
      return;
    }
    this.#trimming = true;
    const trimmedLater = (head: LogHead): void => {
      this.#trimming = false;
      this.#setHead(head);
      this.#onTrimmed();
    };
    trimmed.then(trimmedLater, (error: unknown) => this.#fail(error));
  }

  #store(record: LogRecord): MaybePromise<void> {
    if (this.#lost) return;
    try {
      const head = this.log.append(this.log.epoch, record.seq, record);
      if (head instanceof Promise) return head.then(this.#setHead, (error: unknown) => this.#fail(error));
      this.#setHead(head);
    } catch (error) {
      this.#fail(error);
    }
  }

  readonly #setHead = (head: LogHead): void => {
    const change = head.bytes - this.#stored.bytes;
    this.#stored = head;
    if (change !== 0) this.#onBytes(change);
  };

  #fail(error: unknown): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#onLost(error);
  }
}
