/**
 * The owner of one execution: it alone appends to the log, and it writes the one terminal record, whatever happens first:
 *
 *   running --(agent returns)--> completed      (throws, bad chunk, deadline, log lost, shutdown)--> failed
 *           --(cancel immediate; after_turn at turn_completed; last reader gone with on_disconnect cancel)--> cancelled
 *
 * While an approval waits for its decision it is running all the same, and its deadline stands still.
 * Readers attach and leave at any time. The agent is asked for its next chunk only while one of them can take it.
 */
import { type CancelResult, type Mode, RunAgentError, type Invocation as Summary } from "@runagent/core";
import { Approvals } from "./approvals.ts";
import type { AgentContext } from "./context.ts";
import { Deadline } from "./deadline.ts";
import type { InvocationLog, MaybePromise } from "./log.ts";
import type { LogBudget } from "./log-budget.ts";
import { LogWriter } from "./log-writer.ts";
import { type ErrorContext, type Limits, toTimerMs } from "./options.ts";
import { handled, SETTLED } from "./promises.ts";
import { dataRecord, type EncodedEvent, encodeEmitted, encodeEvent, eventRecord, type Outcome, terminalRecord } from "./records.ts";
import type { InvocationInfo, InvocationRequest } from "./request.ts";
import { type AttachedReader, Room } from "./room.ts";
import { runEntrypoint } from "./runner.ts";
import { toToldError } from "./thrown.ts";

/** What an invocation needs from its server. */
export interface InvocationHost {
  readonly budget: LogBudget;
  readonly limits: Limits;
  readonly onError: (error: unknown, context: ErrorContext) => void;
  readonly onInvocation: ((invocation: Summary) => void) | undefined;
}

/** One execution of an entrypoint. */
export class Invocation {
  /** What was asked for; its input is given to the agent and not kept: an invocation outlives it by a day. */
  readonly request: InvocationInfo;
  readonly startedAt: Date = new Date();
  /** Settles after the terminal record is in the log. */
  readonly ended: Promise<Outcome>;
  endedAt: Date | undefined;
  /** A client was attached when it ended; of a run, one waits for its answer. */
  seen = false;
  /** The log can no longer be written: it has no end, and never will. */
  lost = false;
  /** How it ended; undefined until the log has the terminal record. */
  outcome: Outcome | undefined;
  /** The result of a run, as JSON text. */
  resultText: string | undefined;
  readonly #host: InvocationHost;
  readonly #writer: LogWriter;
  readonly #controller = new AbortController();
  readonly #readers: Set<AttachedReader> = new Set();
  readonly #startMs = performance.now();
  #settle: (outcome: Outcome) => void = () => {};
  /** Set at the first reason to end; from then on nothing else ends it, and nothing but the terminal record is appended. */
  #ending: Outcome | undefined;
  #cancelAfterTurn = false;
  /** Turns that the agent has marked. */
  #turns = 0;
  #chunks = 0;
  #executionTime: number | undefined;
  #deadline: Deadline | undefined;
  /** Runs while the last client, which was lost, may come back. */
  #grace: NodeJS.Timeout | undefined;
  /** Closes the agent's iterator. */
  #stop: (() => void) | undefined;
  readonly #room: Room;
  /** What the agent has asked its clients. */
  readonly approvals: Approvals;
  /** Called when one more of them waits, or one less. */
  onApprovals: () => void = () => {};

  constructor({ args: _args, kwargs: _kwargs, ...request }: InvocationRequest, log: InvocationLog, host: InvocationHost) {
    this.request = request;
    this.#host = host;
    this.#writer = new LogWriter(
      log,
      (error) => this.#logLost(error),
      () => this.readerChanged(),
      (change) => host.budget.change(change),
    );
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const keepsUnacknowledged = request.protocol === 2;
    this.#room = new Room({
      writer: this.#writer,
      readers: this.#readers,
      budget: host.budget,
      keepsUnacknowledged,
      keepsUnread: request.entrypoint.streaming,
      isOpen: () => this.running,
    });
    this.approvals = new Approvals({
      maxSeconds: host.limits.maxApprovalSeconds,
      maxBytes: host.limits.maxServerFrameBytes / 2,
      endedBy: () => this.#endedBy,
      lost: () => this.lost,
      room: () => this.#room.inLog(),
      encode: (event) => this.#encode(event),
      append: (event) => this.#appendEvent(event),
      changed: () => this.#approvalsChanged(),
    });
  }

  get log(): InvocationLog {
    return this.#writer.log;
  }

  get running(): boolean {
    return this.#ending === undefined;
  }

  get status(): Summary["status"] {
    return this.outcome?.status ?? (this.approvals.waiting ? "waiting_approval" : "running");
  }

  /** What a cancel is answered with now. [cancel.outcome.1] */
  get cancelOutcome(): CancelResult["outcome"] {
    return this.outcome === undefined ? "accepted" : "already_ended";
  }

  /** Seq of the last record. */
  get seq(): number {
    return this.#writer.seq;
  }

  /** Data records so far. */
  get chunks(): number {
    return this.#chunks;
  }

  /** Bytes that are kept of it beside its log. */
  get resultBytes(): number {
    return this.resultText?.length ?? 0;
  }

  /** Bytes in the log. */
  get bytes(): number {
    return this.#writer.bytes;
  }

  get readerCount(): number {
    return this.#readers.size;
  }

  /** Seconds so far, or in all. */
  get executionTime(): number {
    return this.#executionTime ?? Math.round((performance.now() - this.#startMs) * 1000) / 1e6;
  }

  /** Runs the agent, unless the invocation was cancelled before. Called once. */
  begin(input: unknown, args: readonly unknown[]): void {
    if (!this.running) return;
    const seconds = Math.min(this.request.timeoutSeconds ?? Number.POSITIVE_INFINITY, this.#host.limits.maxInvocationSeconds);
    this.#deadline = new Deadline(seconds, () => this.#timeOut(seconds));
    runEntrypoint(this, input, this.#context(args), this.#host.limits.maxServerFrameBytes).then(
      () => this.#end({ status: "completed", ...(this.#cancelAfterTurn && { reason: noTurn(this.#turns) }) }),
      (error: unknown) => this.#agentFailed(error),
    );
  }

  /** The server ends: it can tell no client later, so it tells them now. */
  shutDown(): void {
    const message = "The server is shutting down, and the invocation with it.";
    const suggestion = "Start it again in a few seconds, when the server is back, if the agent may run twice.";
    this.#end({ status: "failed", error: new RunAgentError("OWNER_LOST", message, { suggestion }) });
  }

  /**
   * Cancels. A second cancel changes nothing, but `immediate` after `after_turn` stops it now.
   * @param reason A sentence for the terminal record.
   */
  cancel(mode: Mode, reason: string): void {
    if (mode === "immediate") this.#end({ status: "cancelled", mode, reason });
    else this.#cancelAfterTurn = true;
  }

  attach(reader: AttachedReader): void {
    clearTimeout(this.#grace);
    this.#readers.add(reader);
    this.readerChanged();
  }

  /**
   * A reader leaves; with `on_disconnect` "cancel" the last one takes the invocation with it.
   * @param mayReturn The client was lost: the cancel waits for disconnectGraceSeconds, and a reader that attaches calls it off.
   */
  detach(reader: AttachedReader, mayReturn: boolean): void {
    if (!this.#readers.delete(reader)) return;
    if (this.request.onDisconnect === "cancel" && this.#readers.size === 0 && this.running) this.#cancelSoon(mayReturn);
    this.readerChanged();
  }

  /** A reader has room, or came, or went: the agent may go on. */
  readerChanged(): void {
    this.#room.changed();
  }

  /** undefined when the agent may be asked for a chunk now; otherwise settles when it may, or when the invocation ends. */
  room(): Promise<void> | undefined {
    return this.#room.wait();
  }

  /** Appends a data record; `content` is JSON text. After the end it is dropped. */
  appendData(content: string): MaybePromise<void> {
    if (!this.running) return;
    this.#chunks++;
    if (!this.request.entrypoint.streaming) {
      this.resultText = content;
      this.#host.budget.change(this.resultBytes);
    }
    return this.#writer.append((seq) => dataRecord(seq, content));
  }

  /** Says how the agent's iterator is closed when the invocation ends before it. */
  onStop(stop: () => void): void {
    this.#stop = stop;
  }

  /** Hands an error of the agent that no client can be told any more to the server's onError. */
  report(error: unknown): void {
    const { agent, entrypoint, invocationId } = this.request;
    this.#host.onError(error, { where: "agent", agentId: agent.id, entrypointTag: entrypoint.tag, invocationId });
  }

  /** Time stands still while a person is asked. */
  #approvalsChanged(): void {
    if (this.approvals.waiting) this.#deadline?.pause();
    else this.#deadline?.run();
    this.onApprovals();
  }

  #cancelSoon(mayReturn: boolean): void {
    const cancel = (): void => this.cancel("immediate", "The last client disconnected.");
    if (mayReturn) this.#grace = setTimeout(cancel, toTimerMs(this.#host.limits.disconnectGraceSeconds)).unref();
    else cancel();
  }

  #context(args: readonly unknown[]): AgentContext {
    const { invocationId, userId, persistentMemory } = this.request;
    return {
      invocationId,
      args,
      userId,
      persistentMemory,
      signal: this.#controller.signal,
      emit: (event) => this.#emit(event),
      turn: () => handled(this.#turn()),
      requireApproval: (request) => handled(this.approvals.require(request)),
    };
  }

  #emit(event: unknown): Promise<void> {
    const encoded = encodeEmitted(event, this.#host.limits.maxServerFrameBytes);
    // The agent cannot know that it was cancelled a moment ago; an event after the end has nowhere to go.
    if (!this.running) return SETTLED;
    if (this.#room.isFlooded()) {
      throw new RunAgentError("PAYLOAD_TOO_LARGE", "The log is full (maxLogBytes, maxLogRecords): no client takes the events so fast.", {
        suggestion: "Await every emit, and the agent waits while a client is slow.",
      });
    }
    void this.#appendEvent(encoded);
    return this.room() ?? SETTLED;
  }

  async #turn(): Promise<void> {
    await this.#room.inLog();
    const stored = this.#appendEvent(this.#encode({ type: "turn_completed", turn: this.#turns + 1 }));
    if (stored instanceof Promise) await stored;
    if (this.#endedBy !== undefined) throw this.#endedBy;
    await this.room();
  }

  #encode(event: unknown): EncodedEvent {
    return encodeEvent(event, this.#host.limits.maxServerFrameBytes);
  }

  #appendEvent(event: EncodedEvent): MaybePromise<void> {
    if (!this.running) return;
    const stored = this.#writer.append((seq) => eventRecord(seq, event));
    if (event.type === "turn_completed") this.#turns++;
    if (this.#cancelAfterTurn && event.type === "turn_completed") {
      this.#end({ status: "cancelled", mode: "after_turn", reason: "A client asked to stop after the turn." });
    }
    return stored;
  }

  /** Why it has ended, as the agent is told; undefined while it runs. */
  get #endedBy(): RunAgentError | undefined {
    const ending = this.#ending;
    if (ending === undefined) return undefined;
    return ending.status === "failed" ? ending.error : new RunAgentError("CANCELLED", ending.reason ?? "The invocation has ended.");
  }

  #timeOut(seconds: number): void {
    const message = `The invocation took longer than ${seconds} seconds (timeout_seconds, or maxInvocationSeconds of the server).`;
    this.#end({ status: "failed", error: new RunAgentError("TIMEOUT", message) });
  }

  #agentFailed(error: unknown): void {
    // After an end, a throw is most often the agent's answer to its abort signal.
    if (!this.running) return;
    const told = toToldError(error, this.request.entrypoint.remote ?? false);
    // What the caller did wrong is the caller's alone.
    if (told.code !== "VALIDATION_ERROR") this.report(error);
    this.#end({ status: "failed", error: told });
  }

  #end(outcome: Outcome): void {
    if (this.#ending !== undefined) return;
    this.#ending = outcome;
    this.seen = this.#readers.size > 0 || !this.request.entrypoint.streaming;
    this.#executionTime = this.executionTime;
    this.#clearTimers();
    const endedBy = this.#endedBy;
    if (outcome.status !== "completed") this.#controller.abort(endedBy);
    if (endedBy !== undefined) this.approvals.end(endedBy);
    this.#stop?.();
    const { invocationId } = this.request;
    const totals = { invocationId, chunks: this.#chunks, executionTime: this.#executionTime };
    const stored = this.#writer.append((seq) => terminalRecord(seq, outcome, totals));
    const finish = (): void => this.#finish(outcome);
    if (stored instanceof Promise) void stored.then(finish);
    else finish();
    this.readerChanged();
  }

  #finish(outcome: Outcome): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.endedAt = new Date();
    this.#settle(outcome);
  }

  #clearTimers(): void {
    this.#deadline?.pause();
    this.#deadline = undefined;
    clearTimeout(this.#grace);
  }

  #logLost(cause: unknown): void {
    if (this.outcome !== undefined) return;
    this.#host.onError(cause, { where: "log", invocationId: this.request.invocationId });
    const code = RunAgentError.is(cause) && cause.code === "OWNER_LOST" ? "OWNER_LOST" : "SERVER_ERROR";
    const error = new RunAgentError(code, "The log of the invocation can no longer be written.", { retryable: false });
    const outcome: Outcome = { status: "failed", error };
    this.lost = true;
    this.#ending = outcome;
    this.#clearTimers();
    this.#controller.abort(error);
    this.approvals.end(error);
    this.#stop?.();
    this.#finish(outcome);
    for (const reader of [...this.#readers]) reader.fail(error);
    this.readerChanged();
  }
}

/** Says why a cancel after_turn has stopped nothing. [cancel.turn.1] */
function noTurn(turns: number): string {
  const marked = turns === 0 ? "the agent marks none" : "the agent began no other";
  return `A client asked to stop after the turn, and ${marked}: it ran to its end.`;
}
