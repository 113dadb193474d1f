import { RunAgentError } from "@runagent/core";
import type { Timers } from "./timers.ts";

/** The three deadlines of a stream, in milliseconds; 0 or Infinity: none. [live.deadline.1] */
export interface Deadlines {
  /** Until the connection is open. */
  readonly connectMs: number;
  /** Without a record, while the consumer waits for one. */
  readonly idleMs: number;
  /** From the call to the end. */
  readonly totalMs: number;
}

/** What the deadlines ask of a session, and tell it. */
export interface Watched {
  isOpen(): boolean;
  /** With records queued it is the consumer that is slow, not the server. */
  hasQueued(): boolean;
  /** The server is late: what is queued is still delivered. */
  fail(error: RunAgentError): void;
  /** The caller's time is over. */
  abort(error: RunAgentError): void;
}

/** Starts the deadlines. @returns What to call when a record has come, or the server has accepted. */
export function startDeadlines({ connectMs, idleMs, totalMs }: Deadlines, timers: Timers, watched: Watched): () => void {
  let lastRecordAt = timers.now();
  if (isDeadline(connectMs)) {
    timers.start(connectMs, () => {
      if (watched.isOpen()) return;
      watched.fail(
        new RunAgentError("TIMEOUT", `The connection was not open after ${connectMs} ms (connectTimeoutMs).`, { retryable: true }),
      );
    });
  }
  if (isDeadline(totalMs)) {
    timers.start(totalMs, () => watched.abort(new RunAgentError("TIMEOUT", `The stream did not end within ${totalMs} ms (timeoutMs).`)));
  }
  // One timer that looks when the last record came is cheaper than one for each record.
  const watchIdle = (waitMs: number): void => {
    timers.start(waitMs, () => {
      if (watched.hasQueued()) lastRecordAt = timers.now();
      const silentMs = timers.now() - lastRecordAt;
      if (silentMs >= idleMs) watched.fail(new RunAgentError("TIMEOUT", `No record came for ${idleMs} ms (idleTimeoutMs).`));
      else watchIdle(Math.max(idleMs - silentMs, 1));
    });
  };
  if (isDeadline(idleMs)) watchIdle(idleMs);
  return () => {
    lastRecordAt = timers.now();
  };
}

function isDeadline(ms: number): boolean {
  return ms > 0 && Number.isFinite(ms);
}
