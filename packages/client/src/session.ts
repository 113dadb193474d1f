import {
  type CancelResult,
  codeOfClose,
  ERRORS,
  encodeCursor,
  type Mode,
  parseJsonObject,
  RunAgentError,
  type StartFrame,
  type StreamCancelledFrame,
  type StreamCompletedFrame,
} from "@runagent/core";
import { abortError, onAbort } from "./abort-signal.ts";
import { type CancelAnswer, CancelRequest } from "./cancel-request.ts";
import { type Deadlines, startDeadlines } from "./deadlines.ts";
import { RecordQueue } from "./queue.ts";
import { createState, type Effect, type QueuedRecord, receive, type StreamState } from "./state.ts";
import { type Clock, Timers } from "./timers.ts";
import type { CloseInfo, Connection, Transport } from "./transport.ts";

/** What the server said when it accepted a start. */
export interface StreamStarted {
  readonly invocationId: string;
  readonly protocol: 1 | 2;
}

/** What the server said of the whole; empty when it did not. */
export type Totals = Partial<Pick<StreamCompletedFrame, "total_chunks" | "execution_time">>;

/** How a stream ended, once it has. */
export type SessionEnd =
  | { readonly status: "completed"; readonly totals: Totals }
  | { readonly status: "cancelled"; readonly totals: Totals }
  | { readonly status: "failed"; readonly error: RunAgentError }
  | { readonly status: "detached" };

export interface SessionOptions {
  readonly transport: Transport;
  readonly invocationId: string;
  /** Rejects when the call was wrong: the stream fails with that, and no connection is made. */
  readonly start: StartFrame | Promise<StartFrame>;
  readonly deadlines: Deadlines;
  readonly signal: AbortSignal | undefined;
  /** How many bytes may wait for the consumer before reading stops. */
  readonly bufferBytes: number;
  readonly clock: Clock;
  /** Takes the key out of an error that repeats it. [sec.key.2] */
  redact(error: RunAgentError): RunAgentError;
}

/** How long a cancel waits for its answer, in milliseconds. */
const CANCEL_ACKNOWLEDGE_MS = 10_000;
/** How long a detach waits for the server to accept, in milliseconds. */
const DETACH_WAIT_MS = 10_000;

/** Before there is a connection, and where none will be. */
const NO_CONNECTION: Connection = { send() {}, pause() {}, resume() {}, close() {} };

/**
 * One stream, from its start to its end: the only place where transport, state and queue meet.
 * Whatever happens, `end` is set once, the queue ends after what it holds, and connection, timers and listeners are gone.
 */
export class Session {
  readonly state: StreamState;
  readonly queue: RecordQueue<QueuedRecord>;
  /** Resolves when the server has accepted; rejects when it never will. */
  readonly started: Promise<StreamStarted>;
  end: SessionEnd | undefined;

  readonly #options: SessionOptions;
  #connection: Connection = NO_CONNECTION;
  #opened = false;
  #accept: (started: StreamStarted) => void = () => {};
  #refuse: (error: RunAgentError) => void = () => {};
  #cancel: CancelRequest | undefined;
  readonly #timers: Timers;
  #onProgress: () => void = () => {};
  #forgetSignal: () => void = () => {};
  readonly #onThrown = (error: unknown): void =>
    this.fail(
      RunAgentError.is(error) ? error : new RunAgentError("PROTOCOL_ERROR", "The stream failed inside the client.", { cause: error }),
    );
  readonly #onAbort = (): void => this.abort(abortError(this.#options.signal));

  constructor(options: SessionOptions) {
    this.#options = options;
    this.state = createState(options.invocationId);
    this.#timers = new Timers(options.clock);
    this.started = new Promise((resolve, reject) => {
      this.#accept = resolve;
      this.#refuse = reject;
    });
    // Whoever reads the stream learns of the failure there; nobody has to look at `started`.
    this.started.catch(() => {});
    this.queue = new RecordQueue(options.bufferBytes, {
      // The answer to a cancel may stand behind more records than the consumer wants to take.
      onFull: () => this.#cancel?.pending || this.#connection.pause(),
      onDrained: () => this.#connection.resume(),
      onAwaited: () => this.#onProgress(),
    });
    if (options.signal?.aborted) {
      // One failure is enough: what else is wrong with the call is not looked at.
      if (options.start instanceof Promise) options.start.catch(() => {});
      this.#onAbort();
      return;
    }
    if (options.signal !== undefined) this.#forgetSignal = onAbort(options.signal, this.#onAbort);
    this.#onProgress = startDeadlines(options.deadlines, this.#timers, {
      isOpen: () => this.#opened,
      isAwaited: () => this.state.phase === "starting" || this.queue.awaited,
      fail: (error) => this.fail(error),
      abort: (error) => this.abort(error),
    });
    if (options.start instanceof Promise) options.start.then((start) => this.#connect(start), this.#onThrown);
    else this.#connect(options.start);
  }

  /** The cursor after `seq`, for continuing elsewhere; undefined in version 1 and before the server accepted. */
  cursorAfter(seq: number): string | undefined {
    const { epoch, invocationId } = this.state;
    return epoch === undefined ? undefined : encodeCursor({ invocationId, epoch, seq });
  }

  /**
   * Asks the server to stop the invocation. What is queued and what still comes is delivered, then the stream ends. [cancel.early.1]
   * @throws RunAgentError when the server speaks version 1 and the mode is after_turn, or when no answer comes.
   */
  cancel(mode: Mode): Promise<CancelAnswer> {
    if (this.end !== undefined) return Promise.resolve(this.#cancelAnswer(mode, "already_ended"));
    if (!this.#opened) {
      // Nothing was sent, so nothing runs.
      this.#finish({ status: "cancelled", totals: {} });
      return Promise.resolve(this.#cancelAnswer(mode, "accepted"));
    }
    if (this.state.protocol === 1) return this.#cancelV1(mode);
    if (this.#cancel?.covers(mode)) return this.#cancel.answer;
    this.#cancel?.settle(this.#cancelAnswer("after_turn", "accepted")); // Overtaken by immediate.
    this.#cancel = new CancelRequest(mode, () => this.#timers.start(CANCEL_ACKNOWLEDGE_MS, () => this.#onCancelUnanswered()));
    // A version 1 server that has not answered yet ignores this frame; #onAccepted sees to it.
    this.#connection.send({ type: "cancel", mode });
    this.#connection.resume();
    return this.#cancel.answer;
  }

  /** Leaves the invocation running and lets go of the connection. What was not taken is not delivered. [conn.detach.1] */
  async detach(): Promise<void> {
    // With the acceptance comes the cursor; a server that does not give it in time is left all the same.
    await Promise.race([this.started, new Promise<void>((resolve) => this.#timers.start(DETACH_WAIT_MS, resolve))]);
    this.queue.clear();
    this.#finish({ status: "detached" });
  }

  /** The consumer has gone: stops the invocation and releases everything at once. */
  leave(): void {
    this.queue.clear();
    if (this.end !== undefined) return;
    if (this.#opened) this.#connection.send({ type: "cancel", mode: "immediate" });
    this.#finish({ status: "cancelled", totals: {} });
  }

  /** Stops the invocation and fails the stream at once, dropping what is queued. */
  abort(error: RunAgentError): void {
    // After the end there is something to drop only while records are queued before it.
    if (this.end !== undefined && this.queue.length === 0) return;
    this.queue.clear();
    if (this.end !== undefined) this.end = { status: "failed", error };
    else {
      if (this.#opened) this.#connection.send({ type: "cancel", mode: "immediate" });
      this.fail(error);
    }
  }

  /** For the reader: the signal may fire after the end has come and before it was read; no listener is left then. */
  checkSignal(): void {
    if (this.#options.signal?.aborted && this.end?.status !== "failed") this.#onAbort();
  }

  /** Fails the stream: what is queued is still delivered. */
  fail(error: RunAgentError): void {
    this.#finish({ status: "failed", error: this.#options.redact(error).with({ invocationId: this.state.invocationId }) });
  }

  #connect(start: StartFrame): void {
    if (this.end !== undefined) return;
    try {
      this.#connection = this.#options.transport.connect(start, {
        opened: () => {
          this.#opened = true;
        },
        text: (text) => this.#onText(text),
        closed: (info) => this.#onClosed(info),
      });
    } catch (error) {
      this.#onThrown(error);
    }
  }

  #onText(text: string): void {
    if (this.end !== undefined) return;
    const starting = this.state.phase === "starting";
    let effect: Effect;
    try {
      effect = receive(this.state, parseJsonObject(text, "frame of the server", "PROTOCOL_ERROR"));
    } catch (error) {
      this.#onThrown(error);
      return;
    }
    if (starting && effect.type !== "failed") this.#onAccepted();
    this.#apply(effect, text.length);
  }

  #apply(effect: Effect, bytes: number): void {
    switch (effect.type) {
      case "record":
        this.#onProgress();
        this.queue.push(effect.record, bytes);
        break;
      case "completed":
        this.queue.push(effect.record, bytes);
        this.#finish({ status: "completed", totals: effect.totals });
        break;
      case "cancelled":
        this.queue.push(effect.record, bytes);
        if (this.#cancel === undefined) this.fail(cancelledByOthers(effect.record));
        else this.#finish({ status: "cancelled", totals: effect.record });
        break;
      case "failed":
        this.fail(effect.error);
        break;
      case "cancel-acknowledged":
        this.#cancel?.settle(this.#cancelAnswer(effect.frame.mode, effect.frame.outcome));
        if (this.queue.full) this.#connection.pause();
        break;
      case "none":
        break;
    }
  }

  #onAccepted(): void {
    const { invocationId, protocol } = this.state;
    this.#onProgress();
    this.#accept({ invocationId, protocol: protocol ?? 1 });
    // The cancel went out before it was known that this server cannot read it.
    const request = this.#cancel;
    if (this.state.protocol === 1 && request !== undefined) {
      this.#cancelV1(request.mode).then(
        (result) => request.settle(result),
        (error) => request.fail(error),
      );
    }
  }

  #onClosed(info: CloseInfo): void {
    if (this.end !== undefined) return;
    this.fail(info.error ?? this.#closeError(info));
  }

  /** A close without a terminal record, always. [stream.end.3] [live.close.1] */
  #closeError({ code, reason }: CloseInfo): RunAgentError {
    const named = codeOfClose(code);
    const said = reason === "" ? `close code ${code}` : `close code ${code}, ${JSON.stringify(reason)}`;
    const details = { closeCode: code, reason };
    if (named !== undefined && this.state.phase === "starting") {
      return new RunAgentError(named, `The server refused the stream (${said}).`, { details, origin: "wire" });
    }
    return new RunAgentError("STREAM_TRUNCATED", `The connection ended without a terminal record (${said}).`, { details });
  }

  #finish(end: SessionEnd): void {
    if (this.end !== undefined) return;
    this.end = end;
    this.state.phase = "ended";
    this.#forgetSignal();
    this.#timers.stopAll();
    if (end.status === "failed") this.#refuse(end.error);
    else this.#refuse(new RunAgentError("CANCELLED", "The stream ended before the server accepted it."));
    if (end.status === "failed") this.#cancel?.fail(end.error);
    else this.#cancel?.settle(this.#cancelAnswer(this.#cancel.mode, end.status === "cancelled" ? "accepted" : "already_ended"));
    const blamesPeer = end.status === "failed" && end.error.code === "PROTOCOL_ERROR" && end.error.origin === "local";
    this.#connection.close(blamesPeer ? ERRORS.PROTOCOL_ERROR.closeCode : null);
    this.queue.end();
  }

  async #cancelV1(mode: Mode): Promise<CancelAnswer> {
    if (mode === "after_turn") {
      const message = "The server speaks protocol version 1, which cannot cancel after the turn.";
      throw new RunAgentError("VALIDATION_ERROR", message, { field: "mode", suggestion: 'Use cancel("immediate").' });
    }
    // Closing is all there is. [cancel.v1.1]
    this.#finish({ status: "cancelled", totals: {} });
    return this.#cancelAnswer(mode, "accepted");
  }

  #onCancelUnanswered(): void {
    this.fail(new RunAgentError("TIMEOUT", `The server did not acknowledge the cancel within ${CANCEL_ACKNOWLEDGE_MS} ms.`));
  }

  #cancelAnswer(mode: Mode, outcome: CancelResult["outcome"]): CancelAnswer {
    return { invocationId: this.state.invocationId, mode, outcome };
  }
}

function cancelledByOthers({ reason }: StreamCancelledFrame): RunAgentError {
  const why = reason === undefined ? "" : ` ${reason}`;
  return new RunAgentError("CANCELLED", `The invocation was cancelled, and not by this stream.${why}`, { origin: "wire" });
}
