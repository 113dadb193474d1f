/**
 * The seam to storage: the log of an invocation, built so that any reader can continue from any record.
 * A store in memory answers at once, others may answer with a promise; who calls takes both. The owner of an
 * invocation appends, its epoch and the expected seq fence off an owner that was replaced; readers read and watch.
 */

/** A value, now or later. */
export type MaybePromise<T> = T | Promise<T>;

/** One record, encoded once and sent to every reader as it is. */
export interface LogRecord {
  readonly seq: number;
  /** terminal: the last record of its log. */
  readonly kind: "data" | "event" | "terminal";
  /** Of an event, its type: clients may have asked for some types only. Without it an event goes to all of them. */
  readonly eventType?: string | undefined;
  /** The version 2 frame: JSON text in UTF-8. */
  readonly data: Uint8Array;
}

/** Where a log stands. */
export interface LogHead {
  readonly epoch: string;
  /** The lowest seq the log still has, or would have next: 1 while nothing was trimmed. */
  readonly firstSeq: number;
  /** 0 before the first record. */
  readonly lastSeq: number;
  /** Bytes of all records the log still has. */
  readonly bytes: number;
}

/** What a log may hold. */
export interface LogBounds {
  readonly bytes: number;
  readonly records: number;
}

/** True when the log holds more than it may. */
export function exceeds(head: Pick<LogHead, "firstSeq" | "lastSeq" | "bytes">, bounds: LogBounds): boolean {
  return head.bytes > bounds.bytes || head.lastSeq + 1 - head.firstSeq > bounds.records;
}

/** The log of one invocation. */
export interface InvocationLog {
  /** Names this incarnation of the log. */
  readonly epoch: string;
  /**
   * Stores the next record; only then may anybody see it.
   * @throws RunAgentError OWNER_LOST when the log is in another epoch or does not expect this seq: somebody else owns it now.
   */
  append(epoch: string, expectedSeq: number, record: LogRecord): MaybePromise<LogHead>;
  /** Records that follow `afterSeq`: at most `limit`, and none after the first that brings them to `maxBytes`; none at the end of the log. */
  read(afterSeq: number, limit: number, maxBytes: number): MaybePromise<readonly LogRecord[]>;
  head(): MaybePromise<LogHead>;
  /** Calls the listener soon after records were appended. A hint: it may come late, once for many, or for none. */
  watch(listener: () => void): () => void;
  /** Drops the oldest records, none from `beforeSeq` on, and no more than it takes to be within the bounds. */
  trim(beforeSeq: number, bounds: LogBounds): MaybePromise<LogHead>;
  /** Forgets the log. */
  drop(): MaybePromise<void>;
}

/** Makes logs. */
export interface LogStore {
  /** What the logs survive; told to every client. */
  readonly durability: "memory" | "disk" | "replicated";
  /** Begins the log of a new invocation, in a new epoch. */
  create(invocationId: string): MaybePromise<InvocationLog>;
}

/** The frame of a record, as text. */
export function textOf({ data }: Pick<LogRecord, "data">): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString();
}
