import { RunAgentError } from "@runagent/core";
import { isDeadline, type Timers } from "./timers.ts";

/** The three deadlines of a stream, in milliseconds; 0 or Infinity: none. [live.deadline.1] */
export interface Deadlines {
  /** Until a connection is open, and until a server of version 2 has accepted on it. */
  readonly connectMs: number;
  /** Without a record, while the consumer waits for one. */
  readonly idleMs: number;
  /** From the call to the end. */
  readonly totalMs: number;
}

/** What the deadlines ask of a session, and tell it. */
export interface Watched {
  /** Somebody waits for the server: for its acceptance, or for a record. */
  isAwaited(): boolean;
  /** Why the stream has no connection now, or had none for a while. */
  lastLoss(): RunAgentError | undefined;
  /** The server is late: what is queued is still delivered. */
  fail(error: RunAgentError): void;
  /** The caller's time is over. */
  abort(error: RunAgentError): void;
}

/** A timer that is later than this did not run meanwhile. */
const MAX_LATE_MS = 1_000;

/** Starts the deadlines of the whole; that of a connection is the link's. @returns What to call when a record has come, and when the consumer begins to wait for one. */
export function startDeadlines({ idleMs, totalMs }: Deadlines, timers: Timers, watched: Watched): () => void {
  let silentSince = timers.now();
  const late = (message: string): RunAgentError => new RunAgentError("TIMEOUT", message, { cause: watched.lastLoss() });
  if (isDeadline(totalMs)) {
    timers.start(totalMs, () => watched.abort(late(`The stream did not end within ${totalMs} ms (timeoutMs).`)));
  }
  // One timer that looks since when it has been silent is cheaper than one for each record.
  const watchIdle = (waitMs: number): void => {
    const dueMs = timers.now() + waitMs;
    timers.start(waitMs, () => {
      // A machine that slept, or a page that was frozen, was not waiting; how long it did, nobody knows.
      const slept = timers.now() - dueMs > MAX_LATE_MS;
      if (slept || !watched.isAwaited()) silentSince = timers.now();
      const silentMs = timers.now() - silentSince;
      if (silentMs >= idleMs) watched.fail(late(`No record came for ${idleMs} ms (idleTimeoutMs).`));
      else watchIdle(Math.max(idleMs - silentMs, 1));
    });
  };
  if (isDeadline(idleMs)) watchIdle(idleMs);
  return () => {
    silentSince = timers.now();
  };
}
