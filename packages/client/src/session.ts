import {
  type ApprovalFrame,
  encodeCursor,
  type Mode,
  PROTOCOL_ERROR_CLOSE,
  parseJsonObject,
  RunAgentError,
  type StreamCancelledFrame,
  type StreamCompletedFrame,
} from "@runagent/core";
import { abortError, onAbort } from "./abort-signal.ts";
import { type ApprovalHandler, Approving, type NamedDecision, standingDecision } from "./approving.ts";
import { type CancelAnswer, Cancelling } from "./cancelling.ts";
import { type Deadlines, startDeadlines } from "./deadlines.ts";
import { type FirstFrame, FirstFrames } from "./first-frame.ts";
import { Intake } from "./intake.ts";
import { Link, type LinkConnection } from "./link.ts";
import { isUnreachable, unexpected } from "./network-error.ts";
import type { RecordQueue } from "./queue.ts";
import { type Loss, Reconnects, type RetryOptions } from "./reconnects.ts";
import { asksToWait, errorOfClose, finalError, isRefused } from "./retry.ts";
import type { HttpOptions, Runtime } from "./runtime.ts";
import { createState, type Effect, type QueuedRecord, receive, type StreamState } from "./state.ts";
import { Timers } from "./timers.ts";
import type { Transport } from "./transport.ts";

/** What the server said when it accepted a start. */
export interface StreamStarted {
  readonly invocationId: string;
  /** From where the stream goes; undefined in version 1. */
  readonly position: string | undefined;
  readonly protocol: 1 | 2;
}

/** What the server said of the whole; empty when it did not. */
export type Totals = Partial<Pick<StreamCompletedFrame, "total_chunks" | "execution_time" | "reason">>;

/** How a stream ended, once it has. */
export type SessionEnd =
  | { readonly status: "completed"; readonly totals: Totals }
  | { readonly status: "cancelled"; readonly totals: Totals }
  | { readonly status: "failed"; readonly error: RunAgentError }
  | { readonly status: "detached" };

export interface SessionOptions extends RetryOptions {
  readonly transport: Transport;
  /** Of a new invocation. */
  readonly invocationId: string;
  /** Rejects when the call was wrong: the stream fails with that, and no connection is made. */
  readonly first: FirstFrame | Promise<FirstFrame>;
  readonly deadlines: Deadlines;
  readonly signal: AbortSignal | undefined;
  /** How many bytes may wait for the consumer: the window, and where there is none, when reading stops. */
  readonly bufferBytes: number;
  readonly http: Pick<HttpOptions, "credentials">;
  readonly runtime: Pick<Runtime, "onWake">;
  readonly onApproval: ApprovalHandler | undefined;
  readonly approvals: readonly NamedDecision[];
  /** Tells the server a decision. @throws RunAgentError what it answered. */
  decide(invocationId: string, decision: NamedDecision): Promise<void>;
  /** Asks the server over HTTP to stop the invocation; nobody waits for the answer. */
  cancelInBackground(invocationId: string): void;
}

/** How long a detach waits for the server to accept, in milliseconds. */
const DETACH_WAIT_MS = 10_000;

/**
 * One stream, from its start to its end, over as many connections as it takes: the only place where link, state and queue meet.
 * Whatever happens, `end` is set once, the queue ends after what it holds, and connection, timers and listeners are gone.
 */
export class Session {
  readonly state: StreamState;
  /** Resolves when the server has accepted; rejects when it never will. */
  readonly started: Promise<StreamStarted>;
  end: SessionEnd | undefined;

  readonly #options: SessionOptions;
  readonly #timers: Timers;
  readonly #link: Link;
  /** What has come, and what the consumer has taken. */
  readonly intake: Intake;
  readonly queue: RecordQueue<QueuedRecord>;
  readonly approving: Approving;
  readonly reconnects: Reconnects;
  readonly #first: FirstFrames;
  #sent = false;
  #acceptedOnce = false;
  #accept: (started: StreamStarted) => void = () => {};
  #refuse: (error: RunAgentError) => void = () => {};
  readonly #cancelling: Cancelling;
  #onProgress: () => void = () => {};
  /** Takes back what was left with the signal, the credentials and the runtime. */
  #forget: () => void = () => {};
  /** The credential of the present connection. */
  #token: string | undefined;
  /** A refused credential was renewed, and no server has accepted since. */
  #renewed = false;
  readonly #onThrown = (error: unknown): void => this.fail(unexpected(error));
  readonly #onAbort = (): void => this.abort(abortError(this.#options.signal));

  constructor(options: SessionOptions) {
    const { first, invocationId, bufferBytes, deadlines, signal } = options;
    this.#options = options;
    const resumed = !(first instanceof Promise) && first.type === "resume" ? first : undefined;
    this.state = createState(resumed?.invocation_id ?? invocationId, resumed && { epoch: resumed.epoch, seq: resumed.after_seq });
    this.#timers = new Timers();
    this.#link = new Link(options.transport, this.#timers, {
      opened: () => this.#onOpened(),
      text: (text) => this.#onText(text),
      lost: (info, connection) => this.#onLost(errorOfClose(info, this.state.accepted), connection),
    });
    this.#cancelling = new Cancelling(this.#timers, {
      state: this.state,
      send: (mode) => this.#link.open && this.#sendCancel(mode),
      finish: () => this.#endCancelled(),
      fail: (error) => this.fail(error),
    });
    this.intake = new Intake({
      state: this.state,
      link: this.#link,
      timers: this.#timers,
      bufferBytes,
      mustRead: () => this.#cancelling.pending,
      onAwaited: () => this.#onProgress(),
      fail: (error) => this.fail(error),
    });
    this.queue = this.intake.queue;
    this.#first = new FirstFrames({ state: this.state, link: this.#link, bufferBytes, taken: () => this.intake.taken });
    this.approving = new Approving({
      ...options,
      state: this.state,
      timers: this.#timers,
      taken: () => this.intake.taken,
      isAwaited: () => this.queue.awaited,
      send: (frame) => this.#sendApproval(frame),
      isConnected: () => this.#link.open && this.state.accepted,
      decide: (decision) => options.decide(this.state.invocationId, decision),
      lost: (error) => this.#onLost(error),
      fail: (error) => this.fail(error),
    });
    this.reconnects = new Reconnects(options, deadlines.connectMs, this.#timers, {
      dial: (delayMs, connectMs) => this.#dial(delayMs, connectMs),
      giveUp: (error) => this.fail(finalError(error, this.#loss())),
    });
    this.started = new Promise((resolve, reject) => {
      this.#accept = resolve;
      this.#refuse = reject;
    });
    // Whoever reads the stream learns of the failure there; nobody has to look at `started`.
    this.started.catch(() => {});
    if (signal?.aborted) {
      // One failure is enough: what else is wrong with the call is not looked at.
      if (first instanceof Promise) first.catch(() => {});
      // Not as an abort later on: nothing was done here yet that there is to undo.
      this.fail(abortError(signal));
      return;
    }
    const forgetSignal = signal && onAbort(signal, this.#onAbort);
    const forgetWake = options.runtime.onWake?.((moved) => this.#onWake(moved));
    // In time, and on the open connection: the stream goes on without a gap. [auth.refresh.1]
    const forgetToken = options.http.credentials.onRenewed((token) => {
      // Over server-sent events a connection keeps the credential it began with. [sse.verbs.1]
      if (!this.#link.open || this.state.protocol !== 2 || !this.#link.connection?.credit) return;
      this.#token = token;
      this.#link.send({ type: "auth", token });
    });
    this.#forget = () => {
      forgetSignal?.();
      forgetWake?.();
      forgetToken();
    };
    this.#onProgress = startDeadlines(deadlines, this.#timers, {
      isAwaited: () => !this.#acceptedOnce || (this.queue.awaited && this.state.pendingApprovals.size === 0),
      lastLoss: () => this.reconnects.lastError,
      fail: (error) => this.fail(error),
      abort: (error) => this.abort(error),
    });
    if (first instanceof Promise) first.then((frame) => this.#begin(frame), this.#onThrown);
    else this.#begin(first);
  }

  /** The cursor after the last record that was taken; undefined in version 1 and before the server accepted. [cursor.taken.1] */
  get position(): string | undefined {
    const { epoch, invocationId } = this.state;
    return epoch === undefined ? undefined : encodeCursor({ invocationId, epoch, seq: this.intake.taken });
  }

  /**
   * Asks the server to stop the invocation. What is queued and what still comes is delivered, then the stream ends. [cancel.early.1]
   * @throws RunAgentError when the server speaks version 1 and the mode is after_turn, or when no answer comes.
   */
  cancel(mode: Mode): Promise<CancelAnswer> {
    if (this.end !== undefined) return Promise.resolve(this.#cancelling.answer(mode, "already_ended"));
    if (this.#mayRun) return this.#cancelling.request(mode);
    // Nothing was sent, so nothing runs.
    this.#endCancelled();
    return Promise.resolve(this.#cancelling.answer(mode, "accepted"));
  }

  /** The reader wants these records alone. @param asked The user said so, rather than the way in which the stream is read. */
  filter(only: readonly string[], asked: boolean): void {
    this.#first.filter(only, asked);
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
    this.#stop();
    this.#endCancelled();
  }

  /** Stops the invocation and fails the stream at once, dropping what is queued. */
  abort(error: RunAgentError): void {
    // After the end there is something to drop only while records are queued before it.
    if (this.end !== undefined && this.queue.length === 0) return;
    this.queue.clear();
    if (this.end !== undefined) this.end = { status: "failed", error: this.#complete(error) };
    else {
      this.#stop();
      this.fail(error);
    }
  }

  /** For the reader: the signal may fire after the end has come and before it was read; no listener is left then. */
  checkSignal(): void {
    if (this.#options.signal?.aborted && this.end?.status !== "failed") this.#onAbort();
  }

  /** Fails the stream: what is queued is still delivered. */
  fail(error: RunAgentError): void {
    this.#finish({ status: "failed", error: this.#complete(error) });
  }

  /** What every error of this stream says, and what none may show. */
  #complete(error: RunAgentError): RunAgentError {
    return this.#options.http.credentials.hide(error).with({ invocationId: this.state.invocationId });
  }

  // --- connections ----------------------------------------------------------------------------------------------------

  /** The invocation may be running: the start went out, or this stream goes on with one that was started before. */
  get #mayRun(): boolean {
    return this.#sent || this.#link.connection?.sent === true || this.state.epoch !== undefined;
  }

  #loss(connection: LinkConnection | undefined = this.#link.connection): Loss {
    const { epoch, protocol, resumeSeconds } = this.state;
    const version2 = protocol === 2 || this.#options.server.version2 || connection?.version2 === true;
    // A stream that goes on from a position has not been told yet how long the log is kept.
    const resumable = epoch !== undefined && (resumeSeconds > 0 || !this.#acceptedOnce);
    return { sent: this.#sent, accepted: this.#acceptedOnce, resumable, version2, resumeSeconds };
  }

  #begin(first: FirstFrame): void {
    if (this.end !== undefined) return;
    try {
      this.#first.keep(first);
    } catch (error) {
      this.#onThrown(error);
      return;
    }
    // Once the caller has said how the stream is read: the start carries what of it is wanted.
    queueMicrotask(() => {
      const decided = this.#options.approvals.length > 0 ? this.#decide() : undefined;
      if (decided === undefined) this.#open();
      else decided.then(() => this.#open(), this.#onThrown);
    });
  }

  #open(): void {
    if (this.end === undefined) this.#dial(0, this.#options.deadlines.connectMs);
  }

  /** What the caller has decided, before anything is read: another decision that stands is not missed. @throws RunAgentError ALREADY_DECIDED. */
  async #decide(): Promise<void> {
    for (const approval of this.#options.approvals) {
      if (this.end !== undefined) return;
      await this.#options.decide(this.state.invocationId, approval).catch((error: unknown) => {
        // It may be this one, from a process that ended before it had the answer.
        if (standingDecision(error) !== approval.decision) throw error;
      });
    }
  }

  #dial(delayMs: number, connectMs: number): void {
    this.#link.dial({
      token: () => this.#options.http.credentials.get(),
      first: (token) => {
        this.#token = token;
        return this.#first.next(token);
      },
      delayMs,
      connectMs,
      version2: this.#loss().version2,
    });
  }

  #onOpened(): void {
    this.#sent = true;
    this.reconnects.opened();
  }

  #onText(text: string): void {
    if (this.end !== undefined) return;
    const { accepted } = this.state;
    let effect: Effect;
    try {
      effect = receive(this.state, parseJsonObject(text, "frame of the server", "PROTOCOL_ERROR"));
    } catch (error) {
      this.#onThrown(error);
      return;
    }
    // Of version 1 the first frame may be its failure.
    if (!accepted && this.state.accepted && effect.type !== "failed") this.#onAccepted();
    this.#apply(effect, text.length);
  }

  #apply(effect: Effect, bytes: number): void {
    switch (effect.type) {
      case "record":
        this.#onProgress();
        this.reconnects.progressed();
        this.queue.push(effect.record, bytes);
        break;
      case "completed":
        this.queue.push(effect.record, bytes);
        this.#finish({ status: "completed", totals: effect.totals });
        break;
      case "cancelled":
        this.queue.push(effect.record, bytes);
        if (!this.#cancelling.requested) this.fail(cancelledByOthers(effect.record));
        else this.#finish({ status: "cancelled", totals: effect.record });
        break;
      case "failed":
        this.fail(effect.error);
        break;
      case "refused":
        this.#onLost(effect.error);
        break;
      case "gap":
        this.reconnects.gap();
        this.#onLost(effect.error);
        break;
      case "cancel-acknowledged":
        this.#cancelling.acknowledged(effect.frame);
        if (this.queue.full) this.intake.checkFull();
        break;
      case "approval-acknowledged":
        this.approving.acknowledged(effect.frame);
        break;
      case "duplicate":
        this.intake.duplicate(bytes);
        break;
      case "none":
        break;
    }
  }

  #onAccepted(): void {
    const { invocationId, protocol, heartbeatSeconds } = this.state;
    // The first is news for whoever waits; a server that accepts again and again and brings nothing is none.
    if (!this.#acceptedOnce) this.#onProgress();
    this.#acceptedOnce = true;
    this.#renewed = false;
    this.#first.forget();
    this.#options.server.learn(protocol ?? 1);
    this.#link.watch(protocol === 2 ? heartbeatSeconds : 0);
    this.reconnects.accepted();
    this.#accept({ invocationId, position: this.position, protocol: protocol ?? 1 });
    this.intake.accepted();
    this.#cancelling.accepted();
    this.#first.tellFilter();
    this.approving.accepted();
    if (this.queue.awaited) this.approving.awaited();
  }

  /** The connection has failed, or the server does not take it. */
  #onLost(error: RunAgentError, connection: LinkConnection | undefined = this.#link.connection): void {
    if (this.end !== undefined) return;
    if (connection?.sent && !isUnreachable(error)) this.#sent = true;
    const renews = isRefused(error) && this.#options.http.credentials.refused(this.#token) && !this.#renewed;
    if (renews) this.#renewed = true;
    const loss = this.#loss(connection);
    this.#link.drop();
    this.#cancelling.lost();
    this.approving.lost();
    this.reconnects.lost(renews ? error.changed({ retryable: true }) : error, loss);
  }

  /** The machine woke up, or its network changed. */
  #onWake(moved: boolean): void {
    const { lastError } = this.reconnects;
    if (this.#link.connection === undefined && lastError !== undefined && asksToWait(lastError)) return;
    // In doubt a connection is left only where that loses nothing.
    if (this.#acceptedOnce && !this.#loss().resumable) return;
    this.reconnects.wake();
    this.#link.wake(moved);
  }

  // --- the end --------------------------------------------------------------------------------------------------------------

  /** Asks the server to stop, while the stream itself does not wait for it. */
  #stop(): void {
    const { invocationId, protocol } = this.state;
    if (!this.#mayRun || protocol === 1) return;
    if (this.#link.open) this.#link.send({ type: "cancel", mode: "immediate" });
    else this.#options.cancelInBackground(invocationId);
  }

  #endCancelled(): void {
    this.#finish({ status: "cancelled", totals: {} });
  }

  #finish(end: SessionEnd): void {
    if (this.end !== undefined) return;
    this.end = end;
    // With the terminal record and no answer outstanding, the connection is free for the next invocation. [conn.warm.1]
    const free = this.state.phase === "ended" && this.state.protocol === 2 && !this.#cancelling.outstanding && !this.approving.outstanding;
    this.state.phase = "ended";
    this.#first.forget();
    this.#forget();
    this.#timers.stopAll();
    this.reconnects.stop();
    this.approving.end();
    const error = end.status === "failed" ? end.error : undefined;
    this.#refuse(error ?? new RunAgentError("CANCELLED", "The stream ended before the server accepted it."));
    this.#cancelling.ended(end.status === "cancelled", error);
    const blamesPeer = error?.code === "PROTOCOL_ERROR" && error.origin === "local";
    if (free) this.#link.release();
    else this.#link.close(blamesPeer ? PROTOCOL_ERROR_CLOSE : null);
    this.queue.end();
  }

  #sendApproval(frame: ApprovalFrame): boolean {
    // Over server-sent events decisions go over REST. [sse.verbs.1]
    if (!this.#link.connection?.credit) return false;
    this.#link.send(frame);
    return true;
  }

  #sendCancel(mode: Mode): boolean {
    this.#link.send({ type: "cancel", mode });
    // The answer may stand behind what the consumer has not wanted to take so far.
    this.#link.resume();
    return true;
  }
}

function cancelledByOthers({ reason }: StreamCancelledFrame): RunAgentError {
  const why = reason === undefined ? "" : ` ${reason}`;
  return new RunAgentError("CANCELLED", `The invocation was cancelled, and not by this stream.${why}`, { origin: "wire" });
}
