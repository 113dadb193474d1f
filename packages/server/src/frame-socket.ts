/**
 * A WebSocket as the server uses it: sends texts with a bound on what it holds, joins the frames of one turn into one
 * write, and notices peers that are gone. It knows nothing of frames' meaning.
 */
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { Outlet } from "./attachment.ts";
import { DIALECT_V2, type Dialect } from "./dialects.ts";
import type { SentRecord } from "./reader.ts";

/** Above this many bytes waiting in the socket, records wait in the log instead. */
export const HIGH_WATER_BYTES = 1_048_576;
/** Acknowledgements a peer may have asked for without reading them: more than one read of the socket can ask for. */
const MAX_PENDING_REPLIES = 10_000;
/** Milliseconds of pings without an answer until a peer counts as gone; one that reads slowly answers late. */
const PATIENCE_MS = 60_000;
const PATIENCE_WHEN_STALLED_MS = 600_000;
const MAX_REASON_BYTES = 123;
const AS_TEXT = { binary: false } as const;

/** One end of a WebSocket connection. */
export class FrameSocket implements Outlet {
  readonly #ws: WebSocket;
  readonly #stream: Duplex;
  #corked = false;
  #pendingReplies = 0;
  #unansweredPings = 0;
  /** Bytes waited for the peer since it was heard last: a ping stands behind them, and more of them behind those that left. */
  #hasStalled = false;
  /** Is called in every turn in which something is sent. */
  onTurn: () => void = () => {};
  /** How records are written. */
  dialect: Dialect = DIALECT_V2;

  constructor(ws: WebSocket, stream: Duplex) {
    this.#ws = ws;
    this.#stream = stream;
    ws.on("pong", () => this.heard());
  }

  /** Bytes wait that the peer has not taken. */
  get stalled(): boolean {
    return this.#ws.bufferedAmount > 0;
  }

  /** The peer gave a sign of life. */
  heard(): void {
    this.#unansweredPings = 0;
    this.#hasStalled = false;
  }

  /** Sends a record. False: enough is waiting; `onDrained` is called once that is written. */
  sendRecord(record: SentRecord, onDrained: () => void): boolean {
    const frame = this.dialect.record(record);
    this.#cork();
    if (this.#ws.bufferedAmount + record.data.length < HIGH_WATER_BYTES) {
      this.#ws.send(frame, AS_TEXT);
      return true;
    }
    // With an error the connection closes, and its reader with it.
    this.#ws.send(frame, AS_TEXT, (error) => {
      if (!error) onDrained();
    });
    return false;
  }

  /** Sends a frame that is no record. A peer that asks without ever reading the answers is cut off. */
  sendReply(text: string): void {
    if (++this.#pendingReplies > MAX_PENDING_REPLIES) {
      this.#ws.terminate();
      return;
    }
    this.#cork();
    this.#ws.send(text, () => {
      this.#pendingReplies--;
    });
  }

  /** Closes after everything that was sent. */
  close(code: number, reason: string): void {
    this.#ws.close(code, Buffer.from(reason).subarray(0, MAX_REASON_BYTES).toString());
  }

  /** Reads no more until `resume`. */
  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  /**
   * Called at intervals: pings, and cuts off a peer that has answered none for too long.
   * @param strict The peer takes what it is sent without delay, because it is sent no more than it has room for: one answer may be missing.
   */
  checkAlive(intervalMs: number, strict: boolean): void {
    this.#hasStalled ||= this.stalled;
    const patienceMs = this.#hasStalled ? PATIENCE_WHEN_STALLED_MS : strict ? intervalMs : PATIENCE_MS;
    if (this.#unansweredPings > 0 && this.#unansweredPings * intervalMs >= patienceMs) this.#ws.terminate();
    else if (this.#ws.readyState === this.#ws.OPEN) {
      this.#unansweredPings++;
      this.#ws.ping();
    }
  }

  /** Holds writes back until the work at hand is done, so that a burst of chunks is one system call and not one each. */
  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.onTurn();
    this.#stream.cork();
    process.nextTick(() => {
      this.#corked = false;
      this.#stream.uncork();
    });
  }
}
