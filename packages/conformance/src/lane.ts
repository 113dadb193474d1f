/**
 * The way out of one direction of a connection, after the rules have seen its units: delay, throttle, split, stalls, backpressure,
 * and the byte positions at which a rule acts. What is written or called goes out in order.
 */
import type { Socket } from "node:net";

/** Above this the source is not read, so that a slow sink costs no memory. */
const HIGH_WATER_BYTES = 1_048_576;
/** A throttled lane writes so often in a second. */
const THROTTLE_TICKS = 50;

interface Entry {
  readonly due: number;
  bytes: Buffer;
  /** Called once the bytes are out. */
  readonly call: (() => void) | undefined;
}

export class Lane {
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #queue: Entry[] = [];
  #queuedBytes = 0;
  #passed = 0;
  #timer: NodeJS.Timeout | undefined;
  #turn: NodeJS.Immediate | undefined;
  #stalled = false;
  #closed = false;
  /** Milliseconds of process time before which nothing more goes out. */
  #notBefore = 0;
  readonly #positions: { readonly at: number; readonly call: () => void }[] = [];
  delayMs = 0;
  bytesPerSecond: number = Number.POSITIVE_INFINITY;
  segmentBytes: number = Number.POSITIVE_INFINITY;

  constructor(source: Socket, sink: Socket) {
    this.#source = source;
    this.#sink = sink;
    sink.on("drain", () => this.#pump());
  }

  /** Bytes that went out. */
  get passed(): number {
    return this.#passed;
  }

  /** Calls when exactly so many bytes have gone out. */
  atPosition(at: number, call: () => void): void {
    this.#positions.push({ at, call });
    this.#positions.sort((a, b) => a.at - b.at);
  }

  write(bytes: Buffer): void {
    this.#add({ due: this.#due(), bytes, call: undefined });
  }

  /** Calls when everything written before has gone out. */
  call(call: () => void): void {
    this.#add({ due: this.#due(), bytes: Buffer.alloc(0), call });
  }

  stall(): void {
    this.#stalled = true;
    this.#updateFlow();
  }

  heal(): void {
    if (!this.#stalled) return;
    this.#stalled = false;
    this.#pump();
  }

  /** Nothing goes out any more. */
  close(): void {
    this.#closed = true;
    this.#queue.length = 0;
    this.#positions.length = 0;
    this.#stopTimer();
  }

  #due(): number {
    return this.delayMs === 0 ? 0 : performance.now() + this.delayMs;
  }

  #add(entry: Entry): void {
    if (this.#closed) return;
    this.#queue.push(entry);
    this.#queuedBytes += entry.bytes.length;
    if (this.#queue.length === 1) this.#pump();
    else this.#updateFlow();
  }

  #pump(): void {
    this.#stopTimer();
    while (!this.#closed && !this.#stalled && !this.#sink.writableNeedDrain) {
      const [entry] = this.#queue;
      if (entry === undefined) break;
      const wait = Math.max(entry.due, this.#notBefore) - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#pump(), wait);
        break;
      }
      const isLast = this.#writeSegment(entry);
      if (isLast) {
        this.#queue.shift();
        entry.call?.();
      } else if (this.bytesPerSecond === Number.POSITIVE_INFINITY) {
        // A turn for each segment, or the peer would read them as one.
        this.#turn = setImmediate(() => this.#pump());
        break;
      }
    }
    this.#updateFlow();
  }

  /** Writes as much of the entry as may go at once, and says whether that was the rest of it. */
  #writeSegment(entry: Entry): boolean {
    const perTick = Math.max(1, Math.floor(this.bytesPerSecond / THROTTLE_TICKS));
    const size = Math.min(entry.bytes.length, this.segmentBytes, perTick);
    const segment = entry.bytes.subarray(0, size);
    entry.bytes = entry.bytes.subarray(size);
    this.#queuedBytes -= size;
    if (this.bytesPerSecond !== Number.POSITIVE_INFINITY) this.#notBefore = performance.now() + (1000 * size) / this.bytesPerSecond;
    this.#emit(segment);
    return this.#closed || entry.bytes.length === 0;
  }

  #emit(bytes: Buffer): void {
    let rest = bytes;
    for (let next = this.#positions[0]; next !== undefined && this.#passed + rest.length >= next.at; next = this.#positions[0]) {
      this.#positions.shift();
      const part = rest.subarray(0, Math.max(0, next.at - this.#passed));
      this.#send(part);
      rest = rest.subarray(part.length);
      next.call();
      if (this.#closed) return;
    }
    this.#send(rest);
  }

  #send(bytes: Buffer): void {
    this.#passed += bytes.length;
    if (bytes.length > 0 && this.#sink.writable) this.#sink.write(bytes);
  }

  /** A black hole acknowledges nothing: the source is not read, so its buffers fill as they would. */
  #updateFlow(): void {
    if (this.#closed) return;
    if (this.#stalled || this.#queuedBytes > HIGH_WATER_BYTES || this.#sink.writableNeedDrain) this.#source.pause();
    else this.#source.resume();
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
  }
}
