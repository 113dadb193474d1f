import { RunAgentError } from "@runagent/core";

/** What waits for each signal. Runtimes warn of a leak when a signal has many listeners, and sharing one is no leak: so each gets one of ours. */
const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls back when the signal fires. @returns What takes the callback away again. */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const callbacks = waiting.get(signal) ?? listen(signal);
  callbacks.add(callback);
  return () => {
    if (!callbacks.delete(callback) || callbacks.size > 0) return;
    signal.removeEventListener("abort", fire);
    waiting.delete(signal);
  };
}

function listen(signal: AbortSignal): Set<() => void> {
  const callbacks = new Set<() => void>();
  waiting.set(signal, callbacks);
  signal.addEventListener("abort", fire, { once: true });
  return callbacks;
}

function fire(this: AbortSignal): void {
  const callbacks = waiting.get(this) ?? [];
  waiting.delete(this);
  for (const callback of callbacks) callback();
}

/** The error for a signal that has fired; its reason is the cause. */
export function abortError(signal: AbortSignal | undefined): RunAgentError {
  const reason: unknown = signal?.reason;
  if (RunAgentError.is(reason)) return reason;
  const timedOut = reason instanceof Error && reason.name === "TimeoutError";
  const message = timedOut ? "The caller's signal timed out." : "The caller's signal was aborted.";
  return new RunAgentError(timedOut ? "TIMEOUT" : "CANCELLED", message, { cause: reason });
}
