/**
 * Whether the agent of one invocation may go on: one of the readers can take more, and the log can hold more.
 * A full log makes room at the cost of the oldest records, where nobody needs them.
 */
import type { RunAgentError } from "@runagent/core";
import type { LogBounds } from "./log.ts";
import type { LogBudget } from "./log-budget.ts";
import type { LogWriter } from "./log-writer.ts";

/** Parts of an agent that each wait for room before they go on: tools that run at once. */
const MAX_WAITERS = 64;

/** What an invocation asks of those who read its log. */
export interface AttachedReader {
  /** It has everything so far and can take more. */
  readonly ready: boolean;
  /** The lowest seq it may still need. */
  readonly neededSeq: number;
  /** It says what its client has taken; of any other, part of what was sent may still be on its way. */
  readonly acknowledges: boolean;
  /** Tells its client of what was left out, which is not needed any more then. */
  tellSkipped(): unknown;
  /** The log is lost: no terminal record will come. */
  fail(error: RunAgentError): void;
}

/** What a room is made of. */
export interface RoomParts {
  readonly writer: LogWriter;
  readonly readers: ReadonlySet<AttachedReader>;
  readonly budget: LogBudget;
  /** A client that acknowledges nothing needs what is on its way to it, should it come back; those of version 1 cannot. */
  readonly keepsUnacknowledged: boolean;
  /** Whoever was dropped comes back for the records. Not of a run: its caller waits for the result, and reads no log. */
  readonly keepsUnread: boolean;
  /** False once the invocation ends: then nobody waits. */
  isOpen(): boolean;
}

/** The room that an invocation has. */
export class Room {
  readonly #parts: RoomParts;
  /** What waits for room waits for this; undefined while nothing does. */
  #waiting: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  /** How often room was waited for since there was some. */
  #waiters = 0;

  constructor(parts: RoomParts) {
    this.#parts = parts;
  }

  /** A reader has room, or came, or went, or the invocation ends. */
  readonly changed = (): void => {
    if (this.#wake === undefined || !(this.#mayPull() || !this.#parts.isOpen())) return;
    const wake = this.#wake;
    this.#wake = undefined;
    this.#waiting = undefined;
    this.#waiters = 0;
    this.#parts.budget.stop(this.changed);
    wake();
  };

  /** undefined when there is room now; otherwise settles when there is, or when the invocation ends. */
  wait(): Promise<void> | undefined {
    if (!this.#parts.isOpen() || this.#mayPull()) return undefined;
    this.#waiters++;
    this.#parts.budget.wait(this.changed);
    if (this.#waiting === undefined) {
      this.#waiting = new Promise((resolve) => {
        this.#wake = resolve;
      });
      if (!this.#parts.keepsUnread) setImmediate(() => this.#forgetUnread());
    }
    return this.#waiting;
  }

  /** True when the log is full of what clients still need. */
  isLogFull(): boolean {
    this.#trim();
    return this.#parts.writer.exceeds(this.#parts.budget.ownBounds);
  }

  /**
   * True when the log is full twice over, and many wait for room. Those who do wake together, and each has one record more: only who
   * waits for nothing gets there.
   */
  isFlooded(): boolean {
    if (!this.isLogFull() || this.#waiters < MAX_WAITERS) return false;
    const { bytes, records } = this.#parts.budget.ownBounds;
    return this.#parts.writer.exceeds({ bytes: 2 * bytes, records: 2 * records });
  }

  /** Waits while the log is full, whatever the readers can take; not after the end. */
  async inLog(): Promise<void> {
    while (this.#parts.isOpen() && this.isLogFull()) await this.wait();
  }

  /** Nobody reads the log of a run: what waits for room there would wait for ever. */
  #forgetUnread(): void {
    const { readers, writer, isOpen } = this.#parts;
    if (this.#wake === undefined || !isOpen()) return;
    if (readers.size === 0) writer.trim(writer.seq + 1, this.#bounds);
    this.changed();
  }

  #mayPull(): boolean {
    const { readers, writer } = this.#parts;
    // Nobody is attached: the log takes what it can hold, and keeps it for whoever comes back.
    if (readers.size === 0) return !writer.exceeds(this.#bounds);
    let ready = false;
    for (const reader of readers) ready ||= reader.ready;
    if (!ready) return false;
    this.#trim();
    return !writer.exceeds(this.#bounds);
  }

  /** However full other logs are, what is on its way to a client that acknowledges nothing stays. */
  get #bounds(): LogBounds {
    const { budget, readers, keepsUnacknowledged } = this.#parts;
    const { bounds, ownBounds } = budget;
    if (bounds === ownBounds || !keepsUnacknowledged) return bounds;
    for (const { acknowledges } of readers) if (!acknowledges) return ownBounds;
    return bounds;
  }

  /**
   * Makes room in a full log, at the cost of the oldest records that no attached reader needs. While nobody is attached all
   * are needed: whoever was dropped comes back for them. [log.bound.1]
   */
  #trim(): void {
    const { readers, writer } = this.#parts;
    const bounds = this.#bounds;
    if (readers.size === 0 || !writer.exceeds(bounds)) return;
    writer.trim(this.#neededSeq, bounds);
    if (writer.trimming || !writer.exceeds(bounds)) return;
    // Nothing more comes before there is room, and then nothing else would tell them.
    for (const reader of readers) reader.tellSkipped();
    writer.trim(this.#neededSeq, bounds);
  }

  /** The oldest record that an attached reader may still need. */
  get #neededSeq(): number {
    let needed = this.#parts.writer.seq + 1;
    for (const reader of this.#parts.readers) needed = Math.min(needed, reader.neededSeq);
    return needed;
  }
}
