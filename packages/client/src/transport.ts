import type { ClientFrame, ResumeFrame, RunAgentError, StartFrame } from "@runagent/core";

/**
 * The seam between a session and whatever carries its frames. A transport knows connections; it knows
 * nothing of records, order or retries.
 */
export interface Transport {
  /**
   * Opens a connection, or takes a warm one, and sends `first` on it. Returns at once; what happens is told to `events`, later.
   * A connection that cannot be made is a `closed` event.
   * @throws RunAgentError VALIDATION_ERROR when `first` cannot be JSON.
   */
  connect(first: StartFrame | ResumeFrame, events: TransportEvents): Connection;
  /** Closes the connections that wait for their next use; one that is released later is closed at once. */
  close(): void;
}

/** What a connection tells, in this order: opened at most once, texts, closed exactly once and last. */
export interface TransportEvents {
  /** The connection is open and the first frame is on its way. */
  opened(): void;
  /** One frame of the server, as JSON text. */
  text(frame: string): void;
  closed(info: CloseInfo): void;
}

/** How a connection ended. */
export interface CloseInfo {
  /** The WebSocket close code; 1006 when there was none. */
  readonly code: number;
  readonly reason: string;
  /** Set when the end was a failure that is known better than by its code. */
  readonly error?: RunAgentError | undefined;
  /** Something on the way, or an older server, does not do WebSockets: another transport may get through. */
  readonly upgradeRefused?: boolean;
}

/** One connection, for one invocation. */
export interface Connection {
  /** True: only servers of version 2 can be reached so, and repeating a start does no harm. */
  readonly version2: boolean;
  /** True: the server sends as far as acknowledgements allow; false: as far as reading goes. [flow.window.1] */
  readonly credit: boolean;
  /** False: `pause` cannot stop what the peer sends. */
  readonly pausable: boolean;
  /** It was open before, for another invocation: it may be dead by now. */
  readonly warm: boolean;
  /** The first frame may have arrived at a server. */
  readonly sent: boolean;
  /** Bytes that have come so far, as finely as the runtime can tell. [live.client.1] */
  readonly bytesRead: number;
  /** Sends a frame; does nothing once the connection is closed. */
  send(frame: ClientFrame): void;
  /** Stops reading from the network, where the runtime can; frames already read may still arrive. */
  pause(): void;
  resume(): void;
  /**
   * Ends the connection. No event follows but `closed`.
   * @param code A close code of the error table, where the transport has such codes; null: nothing is wrong.
   */
  close(code: number | null): void;
  /** The invocation has ended: the connection may be kept for the next one. No event follows. [conn.warm.1] */
  release(): void;
  /** Lets go of a connection that is dead, without a word to the peer. No event follows but `closed`. */
  drop(): void;
}
