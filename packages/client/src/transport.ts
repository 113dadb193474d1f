import type { ClientFrame, ResumeFrame, RunAgentError, StartFrame } from "@runagent/core";

/**
 * The seam between a session and whatever carries its frames. A transport knows connections; it knows
 * nothing of records, order or retries.
 */
export interface Transport {
  /**
   * Opens a connection and sends `first` on it. Returns at once; what happens is told to `events`, later.
   * A connection that cannot be made is a `closed` event.
   * @throws RunAgentError VALIDATION_ERROR when `first` cannot be JSON.
   */
  connect(first: StartFrame | ResumeFrame, events: TransportEvents): Connection;
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
  readonly error?: RunAgentError;
}

/** One connection that carries one invocation. */
export interface Connection {
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
}
