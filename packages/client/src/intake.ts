import { RunAgentError } from "@runagent/core";
import { Credit } from "./credit.ts";
import type { Link } from "./link.ts";
import { RecordQueue } from "./queue.ts";
import type { QueuedRecord, StreamState } from "./state.ts";
import type { Timers } from "./timers.ts";

/** What an intake asks of its session. */
export interface IntakeHost {
  readonly state: StreamState;
  readonly link: Link;
  readonly timers: Timers;
  /** The window, and where there is none, when reading stops; in bytes. */
  readonly bufferBytes: number;
  /** The answer to a cancel may stand behind more records than the consumer wants to take: reading goes on. */
  mustRead(): boolean;
  /** The reader has taken everything, and waits for more. */
  onAwaited(): void;
  fail(error: RunAgentError): void;
}

/** What more than the window may wait before a server that ignores it is blamed, where reading cannot be paused. */
const OVERRUN = 2;

/**
 * What has come of a stream and what its consumer has taken: the queue between them, and what keeps it small.
 *
 *   with credit     taken ──▶ ack                        the server sends no more than the window
 *   without         full ──▶ pause, half empty ──▶ resume   the transport's own backpressure reaches the server
 */
export class Intake {
  readonly queue: RecordQueue<QueuedRecord>;
  /** Seq of the last record that the consumer has taken. */
  taken: number;
  readonly #host: IntakeHost;
  readonly #credit: Credit;
  /** The record that was taken last stands for others. */
  #skips = false;

  constructor(host: IntakeHost) {
    this.#host = host;
    this.taken = host.state.origin;
    this.#credit = new Credit(host.bufferBytes, host.timers, () => this.#acknowledge());
    this.queue = new RecordQueue(host.bufferBytes, {
      onFull: () => this.checkFull(),
      onDrained: () => host.link.resume(),
      onAwaited: () => host.onAwaited(),
    });
  }

  /** The next record for the consumer, which has it then: the server is told, and a resume goes on after it. [ack.send.1] */
  take(): QueuedRecord | undefined {
    const before = this.queue.bytes;
    const record = this.queue.shift();
    if (record === undefined) return undefined;
    this.taken = record.seq;
    // What came on an older connection is acknowledged when it comes again.
    if (record.seq <= this.#host.state.wireSeq) this.#addCredit(before - this.queue.bytes);
    const skips = record.type === "unknown" && record.frame.type === "skipped";
    // One after the other: they are small here, and large in the log of the server, which keeps what they stand for until it is acknowledged.
    if (skips && this.#skips && this.#hasCredit) this.#credit.send();
    this.#skips = skips;
    return record;
  }

  /** A record that is here already came once more. */
  duplicate(bytes: number): void {
    if (this.#host.state.wireSeq <= this.taken) this.#addCredit(bytes);
  }

  /** The server has accepted on a new connection. */
  accepted(): void {
    this.#credit.reset();
    if (this.queue.full) this.checkFull();
  }

  /** As much waits as may: reading stops, or goes on as far as the server was allowed to send. [flow.window.1] [flow.overrun.1] */
  checkFull(): void {
    const { link, bufferBytes } = this.#host;
    if (this.#host.mustRead()) return;
    const hasCredit = this.#hasCredit;
    const overrun = this.queue.length > 1 && this.queue.bytes > OVERRUN * bufferBytes;
    if ((hasCredit && !overrun) || link.pause() || !hasCredit) return;
    this.#host.fail(new RunAgentError("PROTOCOL_ERROR", "The server sends more than its window (window_bytes)."));
  }

  #addCredit(bytes: number): void {
    if (!this.queue.ended && this.#hasCredit) this.#credit.add(bytes);
  }

  get #hasCredit(): boolean {
    const { state, link } = this.#host;
    return state.protocol === 2 && link.connection?.credit === true;
  }

  #acknowledge(): void {
    const { state, link } = this.#host;
    // The server has not sent more than this on the connection, and would refuse what is above it. [ack.read.1]
    const seq = Math.min(this.taken, state.wireSeq);
    if (!this.queue.ended && state.accepted && seq > state.asked) link.send({ type: "ack", seq });
  }
}
