import { type JsonObject, RunAgentError } from "@runagent/core";
import { abortError, onAbort } from "./abort-signal.ts";
import { cancelRequest, type HttpRequest, requestJson } from "./http.ts";
import { isLost, isUnreachable, mayBeUnreachable } from "./network-error.ts";
import type { RetryOptions } from "./reconnects.ts";
import { decide, notRepeatable, retryDelayMs } from "./retry.ts";
import type { HttpOptions } from "./runtime.ts";
import { isDeadline, REAL_CLOCK, Timers } from "./timers.ts";

/** How a request is repeated. */
export interface RepeatOptions extends Pick<RetryOptions, "server" | "maxReconnectDelayMs"> {
  readonly http: HttpOptions;
  /** True: asking twice does no harm, whatever the server. */
  readonly idempotent: boolean;
  /** Called before each repetition: the request before may have got through. */
  readonly onRepeat?: (() => void) | undefined;
}

/**
 * Sends a request, again where that cannot run an agent twice, until its `timeoutMs` have passed in all. [http.retry.1]
 * @throws RunAgentError what the last attempt came to.
 */
export async function requestRepeatedly(options: RepeatOptions, request: HttpRequest): Promise<JsonObject> {
  const { http, server, idempotent } = options;
  const { now } = REAL_CLOCK;
  const until = isDeadline(request.timeoutMs) ? now() + request.timeoutMs : Number.POSITIVE_INFINITY;
  // Whose version is known has answered before.
  let reached = server.version2;
  let refusals = 0;
  for (let attempt = 0; ; attempt++) {
    try {
      return await requestJson(http, { ...request, timeoutMs: Math.max(until - now(), 1) });
    } catch (error) {
      if (!RunAgentError.is(error)) throw error;
      if (error.origin === "wire") refusals++;
      reached ||= !mayBeUnreachable(error);
      const version2 = idempotent || server.version2;
      const situation = { reached, sent: !isUnreachable(error), accepted: false, resumable: false, version2, refusals, gaps: 0 };
      const decision = decide(isLost(error) ? error.changed({ retryable: true }) : error, situation);
      const final = situation.sent && !idempotent ? notRepeatable(error) : error;
      if (decision === "give-up") throw final;
      if (decision === "ask-version" && !(await asksYes(server, until - now(), request.signal))) throw final;
      const delayMs = retryDelayMs(attempt, Math.random(), options.maxReconnectDelayMs, error);
      if (now() + delayMs >= until) throw final;
      await wait(delayMs, request.signal);
      options.onRepeat?.();
    }
  }
}

/** Short: a process that is done should not wait long for a server that does not answer. */
const CANCEL_TIMEOUT_MS = 1_000;
const CANCEL_ATTEMPTS = 6;
const CANCEL_DELAY_MS = 50;

/** Cancels an invocation that nobody waits for any more. It may have overtaken its start, so that it is not known at first. [cancel.early.1] */
export async function cancelQuietly(http: HttpOptions, invocationId: string): Promise<void> {
  const request = cancelRequest(invocationId, "immediate", CANCEL_TIMEOUT_MS);
  for (let attempt = 0; attempt < CANCEL_ATTEMPTS; attempt++) {
    try {
      await requestJson(http, request);
      return;
    } catch (error) {
      // The caller has its error already; what else the server says concerns nobody.
      const passes = RunAgentError.is(error) && (error.code === "INVOCATION_NOT_FOUND" || isLost(error)) && !isUnreachable(error);
      if (!passes || attempt === CANCEL_ATTEMPTS - 1) return;
      await wait(CANCEL_DELAY_MS * 2 ** attempt, undefined);
    }
  }
}

/** A server that cannot be asked in time is not known to speak version 2. @throws RunAgentError when the signal fires meanwhile. */
async function asksYes(server: RetryOptions["server"], ms: number, signal: AbortSignal | undefined): Promise<boolean> {
  const asking = new AbortController();
  // What the request itself came to is the error to show.
  const asked = server.ask(asking.signal).catch(() => false);
  try {
    return (await wait(ms, signal, asked)) === true;
  } finally {
    asking.abort();
  }
}

/** Waits, or until `done` settles if that is sooner. @throws RunAgentError when the signal fires meanwhile. */
async function wait<T>(ms: number, signal: AbortSignal | undefined, done?: Promise<T>): Promise<T | undefined> {
  const timers = new Timers();
  let forget = (): void => {};
  const result = await new Promise<T | undefined>((resolve) => {
    const stop = (): void => resolve(undefined);
    if (signal !== undefined) forget = onAbort(signal, stop);
    if (ms < Number.POSITIVE_INFINITY) timers.start(ms, stop);
    void done?.then(resolve);
  });
  timers.stopAll();
  forget();
  if (signal?.aborted) throw abortError(signal);
  return result;
}
