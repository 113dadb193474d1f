import { type ClientFrame, type ResumeFrame, RunAgentError, type StartFrame } from "@runagent/core";
import { unexpected } from "./network-error.ts";
import { isDeadline, type Timers } from "./timers.ts";
import type { CloseInfo, Connection, Transport, TransportEvents } from "./transport.ts";

/**
 * A stream's way to its server: at most one connection at a time, made anew as often as the session asks.
 * What an old connection still tells is not heard. [live.reconnect.1]
 *
 *   idle ──dial──▶ waiting ──delay──▶ connecting ──▶ open ──accepted──▶ watched ──▶ lost (told once) ──dial──▶ …
 */
export interface LinkEvents {
  /** The first frame is on its way. */
  opened(): void;
  text(frame: string): void;
  /** The connection is gone, or as good as gone; undefined when there was none. */
  lost(info: CloseInfo, connection: LinkConnection | undefined): void;
}

/** What is known of a connection. */
export type LinkConnection = Pick<Connection, "version2" | "credit" | "sent">;

/** How a connection is made. */
export interface Dial {
  /** The credential to open it with. */
  readonly token: () => string | undefined | Promise<string | undefined>;
  /** Makes the first frame, when the connection is made. */
  readonly first: (token: string | undefined) => StartFrame | ResumeFrame;
  /** Milliseconds before it is made. */
  readonly delayMs: number;
  /** Milliseconds until it must be open; 0 or Infinity: no deadline. */
  readonly connectMs: number;
  /** The server speaks version 2: it accepts at once, so that `connectMs` bounds that as well. */
  readonly version2: boolean;
}

/** The watchdog looks so often while twice the heartbeat passes; two fewer in silence are enough, so that it is never late. [live.client.1] */
const LOOKS = 16;
const SILENT_LOOKS = LOOKS - 2;

/** A connection that waited for its use and does not bring the acceptance so soon, in milliseconds, is taken for dead: starting again costs nothing. */
const WARM_ACCEPT_MS = 2_000;

/** One stream's connections, one after the other. */
export class Link {
  readonly #transport: Transport;
  readonly #timers: Timers;
  readonly #events: LinkEvents;
  /** The present connection; undefined between two. */
  connection: Connection | undefined;
  /** True from its first frame on. */
  open = false;
  /** Grows with every connection: what an older one says is dropped. */
  #generation = 0;
  /** A connection is being made. */
  #dialing = false;
  #paused = false;
  /** The deadline or the look that runs now. */
  #stopTimer: () => void = () => {};
  /** Makes the connection that waits for its time. */
  #connectNow: (() => void) | undefined;
  /** Whether a connection that should bring heartbeats may be dead by now. */
  #isSilent: (() => boolean) | undefined;

  constructor(transport: Transport, timers: Timers, events: LinkEvents) {
    this.#transport = transport;
    this.#timers = timers;
    this.#events = events;
  }

  /** Makes a connection, after a while. */
  dial(dial: Dial): void {
    this.drop();
    this.#connectNow = () => {
      this.#stopTimer();
      this.#connectNow = undefined;
      this.#connect(dial);
    };
    if (dial.delayMs > 0) this.#after(dial.delayMs, this.#connectNow);
    else this.#connectNow();
  }

  /**
   * The machine woke up, or its network changed: what waits is done at once, and a connection that may be dead is made anew.
   * @param moved The way to the server may be another now; false: only a connection that is silent is in doubt.
   */
  wake(moved: boolean): void {
    if (this.#connectNow !== undefined) {
      this.#connectNow();
      return;
    }
    const isDead = this.#isSilent === undefined ? moved && this.#dialing : moved || this.#isSilent();
    if (isDead) this.#dead("The network changed, or the machine woke up.");
  }

  /** The server has accepted: from now on its silence counts. `heartbeatSeconds` 0: it sends no heartbeats. */
  watch(heartbeatSeconds: number): void {
    this.#stopTimer();
    if (heartbeatSeconds <= 0) return;
    const lookMs = (2000 * heartbeatSeconds) / LOOKS;
    let looks = 0;
    let read = this.connection?.bytesRead ?? 0;
    let lookedMs = this.#timers.now();
    /** When something had come at the latest. */
    let heardMs = lookedMs;
    const isHeard = (): boolean => this.#paused || read !== (this.connection?.bytesRead ?? 0);
    // What has come since the last look may have come right after it: the machine may have slept since.
    this.#isSilent = () => !this.#paused && this.#timers.now() - (isHeard() ? lookedMs : heardMs) >= 1000 * heartbeatSeconds;
    const look = (): void => {
      // A process that was busy counts one look, however long it was; and a peer cannot be heard while nothing is read.
      if (isHeard()) {
        looks = 0;
        heardMs = lookedMs + lookMs;
      } else looks++;
      lookedMs = this.#timers.now();
      read = this.connection?.bytesRead ?? 0;
      if (looks < SILENT_LOOKS) this.#after(lookMs, look);
      else this.#dead(`Nothing came for twice the heartbeat of ${heartbeatSeconds} seconds.`);
    };
    this.#after(lookMs, look);
  }

  send(frame: ClientFrame): void {
    this.connection?.send(frame);
  }

  /** @returns False when the transport cannot: what the peer sends comes all the same. */
  pause(): boolean {
    if (this.#paused) return true;
    this.#paused = this.connection?.pausable === true;
    if (this.#paused) this.connection?.pause();
    return this.#paused;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.connection?.resume();
  }

  /** Ends the connection in good order. */
  close(code: number | null): void {
    this.#leave()?.close(code);
  }

  /** Gives the connection back: the invocation has ended on it. */
  release(): void {
    this.#leave()?.release();
  }

  /** Lets go of the connection at once. */
  drop(): void {
    this.#leave()?.drop();
  }

  #connect({ token, first, connectMs, version2 }: Dial): void {
    const generation = ++this.#generation;
    const isCurrent = (): boolean => generation === this.#generation;
    if (isDeadline(connectMs)) {
      this.#after(connectMs, () => {
        const message = `The connection was not open after ${Math.round(connectMs)} ms (connectTimeoutMs).`;
        // A request that went out may have arrived, although nothing came back.
        const details = { unreachable: this.connection?.sent !== true };
        this.#fail(new RunAgentError("TIMEOUT", message, { retryable: true, details }));
      });
    }
    const events: TransportEvents = {
      opened: () => {
        if (!isCurrent()) return;
        this.open = true;
        this.#dialing = false;
        this.#stopTimer();
        const acceptMs = this.#acceptMs(connectMs, version2);
        if (isDeadline(acceptMs)) this.#after(acceptMs, () => this.#unanswered(acceptMs));
        this.#events.opened();
      },
      text: (text) => {
        if (isCurrent()) this.#events.text(text);
      },
      closed: (info) => {
        if (isCurrent()) this.#lose(info);
      },
    };
    const failed = (error: unknown): void => {
      if (isCurrent()) this.#fail(unexpected(error));
    };
    const open = (given: string | undefined): void => {
      if (!isCurrent()) return;
      try {
        this.connection = this.#transport.connect(first(given), events);
      } catch (error) {
        failed(error); // What cannot be sent at all; said in the error.
      }
    };
    this.#dialing = true;
    const credential = token();
    if (credential instanceof Promise) credential.then(open, failed);
    else open(credential);
  }

  /** Until when the server must have accepted; 0: it may take its time. */
  #acceptMs(connectMs: number, version2: boolean): number {
    if (this.connection?.warm) return isDeadline(connectMs) ? Math.min(WARM_ACCEPT_MS, connectMs) : WARM_ACCEPT_MS;
    return version2 || this.connection?.version2 ? connectMs : 0;
  }

  #unanswered(ms: number): void {
    const message = `The server did not accept within ${Math.round(ms)} ms (connectTimeoutMs); a proxy may hold back what it sends.`;
    this.#fail(new RunAgentError("CONNECTION_ERROR", message, { details: { unanswered: true } }));
  }

  #dead(message: string): void {
    this.#fail(new RunAgentError("CONNECTION_ERROR", message));
  }

  #fail(error: RunAgentError): void {
    this.#lose({ code: 1006, reason: "", error });
  }

  #lose(info: CloseInfo): void {
    const connection = this.#leave();
    connection?.drop();
    this.#events.lost(info, connection);
  }

  #leave(): Connection | undefined {
    const connection = this.connection;
    this.#generation++;
    this.connection = undefined;
    this.open = false;
    this.#dialing = false;
    this.#paused = false;
    this.#connectNow = undefined;
    this.#isSilent = undefined;
    this.#stopTimer();
    return connection;
  }

  #after(ms: number, callback: () => void): void {
    this.#stopTimer = this.#timers.start(ms, callback);
  }
}
