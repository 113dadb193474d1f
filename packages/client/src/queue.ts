/**
 * The records that have arrived and were not taken yet. Pure: no I/O, no timers.
 *
 *   push → [items] → shift          first what is queued, then the error or the end, for ever
 *   bytes ≥ high  → onFull          at every push; the session may stop reading from the connection
 *   bytes ≤ high/2 → onDrained      the session reads on
 *
 * One reader. It polls; when there is nothing it leaves a callback in `wake`, which is called once.
 */
export interface QueueEvents {
  /** As much as may waits, or more; told at every push. */
  onFull(): void;
  onDrained(): void;
  /** The reader has taken everything, and waits for more. */
  onAwaited(): void;
}

/** The queue between a session and its one reader. */
export class RecordQueue<T> {
  #items: (T | undefined)[] = [];
  #sizes: number[] = [];
  #head = 0;
  /** What waits, in the unit of push. */
  bytes = 0;
  /** True between onFull and onDrained. */
  full = false;
  /** True once nothing more will be pushed; items may still be queued. */
  ended = false;
  #wake: (() => void) | undefined;
  readonly #high: number;
  readonly #events: QueueEvents;

  /** @param highBytes How much may wait before onFull, in the unit of push. */
  constructor(highBytes: number, events: QueueEvents) {
    this.#high = highBytes;
    this.#events = events;
  }

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** True while the reader waits. */
  get awaited(): boolean {
    return this.#wake !== undefined;
  }

  /** Adds an item; does nothing after the end. */
  push(item: T, bytes: number): void {
    if (this.ended) return;
    this.#items.push(item);
    this.#sizes.push(bytes);
    this.bytes += bytes;
    if (this.bytes >= this.#high) {
      this.full = true;
      this.#events.onFull();
    }
    this.#notify();
  }

  /** Takes the oldest item, or undefined when there is none. */
  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined; // The item must not live on in the array.
    this.bytes -= this.#sizes[this.#head] ?? 0;
    this.#head++;
    this.#compact();
    if (this.full && this.bytes <= this.#high / 2) {
      this.full = false;
      this.#events.onDrained();
    }
    return item;
  }

  /** Nothing more will come. */
  end(): void {
    this.ended = true;
    this.#notify();
  }

  /** Drops what is queued. */
  clear(): void {
    this.#items = [];
    this.#sizes = [];
    this.#head = 0;
    this.bytes = 0;
  }

  /** Calls back once, at the next push or at the end. */
  onReadable(wake: () => void): void {
    if (this.#wake === undefined) this.#events.onAwaited();
    this.#wake = wake;
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Frees the taken places: at once when empty, else when they are the larger half. */
  #compact(): void {
    if (this.#head === this.#items.length) {
      this.#items.length = 0;
      this.#sizes.length = 0;
      this.#head = 0;
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      this.#items.splice(0, this.#head);
      this.#sizes.splice(0, this.#head);
      this.#head = 0;
    }
  }
}
