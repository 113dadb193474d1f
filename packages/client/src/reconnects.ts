import { RunAgentError } from "@runagent/core";
import { detailOf, isUnreachable } from "./network-error.ts";
import { decide, retryDelayMs, type Situation } from "./retry.ts";
import { isDeadline, type Timers } from "./timers.ts";

/** What a caller is told of each reconnect. */
export interface RetryInfo {
  /** 1 for the first connection after one that brought something. */
  readonly attempt: number;
  /** Milliseconds until the connection is made. */
  readonly delayMs: number;
  /** Why the connection before it ended. */
  readonly error: RunAgentError;
}

/** How a client reconnects. */
export interface RetryOptions {
  /** From 0 to 1, for the jitter. */
  random(): number;
  /** Bounds the jitter, in milliseconds. */
  readonly maxReconnectDelayMs: number;
  readonly onReconnect: ((info: RetryInfo) => void) | undefined;
  readonly onReconnected: (() => void) | undefined;
  readonly server: KnownVersion;
}

/** What is known of the server's version, over all calls of a client. [negotiate.repeat.1] */
export interface KnownVersion {
  readonly version2: boolean;
  learn(protocol: 1 | 2): void;
  /** Asks it. @throws RunAgentError when there is no answer, or the signal fires. */
  ask(signal: AbortSignal): Promise<boolean>;
}

/** What the session knows of a loss. */
export interface Loss extends Omit<Situation, "reached" | "refusals" | "gaps"> {
  /** How long the server keeps the log. */
  readonly resumeSeconds: number;
}

/** What the session does about it. */
export interface ReconnectEvents {
  /** Makes the next connection. `connectMs`: until when it must be open. */
  dial(delayMs: number, connectMs: number): void;
  /** There will be none. */
  giveUp(error: RunAgentError): void;
}

/** A connection that lasts so long was no failure. [live.reconnect.1] */
const STABLE_MS = 5_000;
/** The longest wait after a connection that the server had accepted: it is there, and so is the way to it, if only for moments. */
const MAX_DELAY_ACCEPTED_MS = 1_000;

/**
 * When a stream's next connection is made, and when none is made any more: the retry predicate, applied over time. [live.giveup.1]
 * The first connection must be open before the connect deadline has passed since the call, with as many attempts as that takes.
 */
export class Reconnects {
  /** Connections after the first. */
  count = 0;
  /** Why the last connection was lost; undefined once a record has come on the next. */
  lastError: RunAgentError | undefined;
  readonly #options: RetryOptions;
  readonly #connectMs: number;
  readonly #timers: Timers;
  readonly #events: ReconnectEvents;
  /** Connections made in vain since the last that brought something. */
  #attempt = 0;
  #refusals = 0;
  #gaps = 0;
  #reached = false;
  readonly #beganMs: number;
  #acceptedMs: number | undefined;
  /** The connection that was lost last had been accepted. */
  #wasAccepted = false;
  #stopWindow: (() => void) | undefined;
  /** Ends the question that is asked now. */
  #asking: AbortController | undefined;

  constructor(options: RetryOptions, connectMs: number, timers: Timers, events: ReconnectEvents) {
    this.#options = options;
    this.#connectMs = connectMs;
    this.#timers = timers;
    this.#events = events;
    this.#beganMs = timers.now();
  }

  /** The connection is open. */
  opened(): void {
    this.#reached = true;
  }

  /** The server has accepted. */
  accepted(): void {
    this.#reached = true;
    this.#acceptedMs = this.#timers.now();
    this.#refusals = 0;
    this.#stopWindow?.();
    this.#stopWindow = undefined;
    const { onReconnected } = this.#options;
    if (this.count > 0 && onReconnected !== undefined) queueMicrotask(() => onReconnected());
  }

  /** A new record has come. */
  progressed(): void {
    this.lastError = undefined;
    this.#attempt = 0;
    this.#gaps = 0;
  }

  /** A record was left out. */
  gap(): void {
    this.#gaps++;
  }

  /** What failed so far says nothing any more. */
  wake(): void {
    this.#attempt = 0;
  }

  /** The stream has ended. */
  stop(): void {
    this.#asking?.abort();
  }

  /** The connection is gone, or was refused. */
  lost(error: RunAgentError, loss: Loss): void {
    this.lastError = error;
    this.#wasAccepted = this.#acceptedMs !== undefined;
    if (this.#acceptedMs !== undefined && this.#timers.now() - this.#acceptedMs >= STABLE_MS) this.#attempt = 0;
    this.#acceptedMs = undefined;
    if (error.origin === "wire" || detailOf(error, "unanswered")) this.#refusals++;
    // Whose version is known has answered an earlier call.
    const reached = this.#reached || (this.#options.server.version2 && !isUnreachable(error));
    switch (decide(error, { ...loss, reached, refusals: this.#refusals, gaps: this.#gaps })) {
      case "give-up":
        this.#events.giveUp(error);
        break;
      case "ask-version":
        this.#ask(error, this.#timers.now());
        break;
      case "reconnect":
        if (loss.accepted && loss.resumable) this.#watchWindow(loss.resumeSeconds, error);
        this.#again(error);
        break;
    }
  }

  #again(error: RunAgentError): void {
    const delayMs = this.#nextDelayMs(error);
    const connectMs = this.#connectMsLeft();
    if (isDeadline(this.#connectMs) && delayMs >= connectMs) {
      // It would not be open in time; why is known better than by a timeout.
      this.#events.giveUp(error);
      return;
    }
    this.count++;
    const { onReconnect } = this.#options;
    const info = { attempt: this.#attempt, delayMs, error };
    // What the caller throws there is not the stream's.
    if (onReconnect !== undefined) queueMicrotask(() => onReconnect(info));
    this.#events.dial(delayMs, this.#reached ? this.#connectMs : connectMs - delayMs);
  }

  /** Whether the start may be sent again; `sinceMs`: when it was lost. [negotiate.repeat.1] */
  #ask(error: RunAgentError, sinceMs: number): void {
    const late = isDeadline(this.#connectMs) && this.#timers.now() - sinceMs >= this.#connectMs;
    if (late) {
      this.#events.giveUp(error);
      return;
    }
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    const answered = (version2: boolean): void => {
      if (signal.aborted) return;
      if (version2) this.#again(error);
      else this.#events.giveUp(error);
    };
    const failed = (cause: unknown): void => {
      if (signal.aborted) return;
      if (RunAgentError.is(cause) && cause.retryable) this.#ask(error, sinceMs);
      else this.#events.giveUp(error);
    };
    const ask = (): void => void this.#options.server.ask(signal).then(answered, failed);
    this.#timers.start(this.#nextDelayMs(error), ask);
  }

  #nextDelayMs(error: RunAgentError): number {
    const { random, maxReconnectDelayMs } = this.#options;
    const maxDelayMs = this.#wasAccepted ? Math.min(MAX_DELAY_ACCEPTED_MS, maxReconnectDelayMs) : maxReconnectDelayMs;
    return retryDelayMs(this.#attempt++, random(), maxDelayMs, error);
  }

  /** Once a server was reached, each connection has a deadline of its own. */
  #connectMsLeft(): number {
    if (this.#reached) return Number.POSITIVE_INFINITY;
    return this.#connectMs - (this.#timers.now() - this.#beganMs);
  }

  /** After this the server has no log any more. */
  #watchWindow(resumeSeconds: number, error: RunAgentError): void {
    this.#stopWindow ??= this.#timers.start(resumeSeconds * 1000, () => {
      const message = `The server was away for ${resumeSeconds} seconds and keeps the log no longer (resume_seconds).`;
      this.#events.giveUp(new RunAgentError("STREAM_TRUNCATED", message, { cause: error, details: error.details }));
    });
  }
}
