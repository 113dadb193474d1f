import { RunAgentError } from "@runagent/core";

/** The error for a signal that has fired; its reason is the cause. */
export function abortError(signal: AbortSignal | undefined): RunAgentError {
  const reason: unknown = signal?.reason;
  if (RunAgentError.is(reason)) return reason;
  const timedOut = reason instanceof Error && reason.name === "TimeoutError";
  const message = timedOut ? "The caller's signal timed out." : "The caller's signal was aborted.";
  return new RunAgentError(timedOut ? "TIMEOUT" : "CANCELLED", message, { cause: reason });
}
