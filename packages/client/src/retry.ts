import { codeOfClose, isJsonObject, RunAgentError } from "@runagent/core";
import { detailOf, mayBeUnreachable } from "./network-error.ts";
import type { CloseInfo } from "./transport.ts";

/**
 * What is to be done when a connection or a request has failed: one predicate over the error table. Pure: no I/O, no timers,
 * chance is passed by value.
 *
 *   not retryable, or refused or out of order too often in a row ───────────────▶ give-up
 *   nothing was ever reached, so that the address may be wrong ─────────────────▶ give-up
 *   there is a cursor and the server keeps the log ─────────────────────────────▶ reconnect (with resume)
 *   accepted without a cursor (version 1) or by a server that keeps no log ─────▶ give-up
 *   nothing was sent, or the server said that it did nothing ───────────────────▶ reconnect (with start)
 *   sent and not answered: version 2 known ─────────────────────────────────────▶ reconnect (with start)
 *                          otherwise ───────────────────────────────────────────▶ ask-version
 */
export type Decision = "reconnect" | "ask-version" | "give-up";

/** What is known of a call when its connection fails. */
export interface Situation {
  /** A connection was open once. */
  readonly reached: boolean;
  /** The start may have arrived at a server. */
  readonly sent: boolean;
  /** The server has accepted. */
  readonly accepted: boolean;
  /** There is a cursor, and a log behind it. */
  readonly resumable: boolean;
  /** The server is known to speak version 2: sending the same start twice runs the agent once. */
  readonly version2: boolean;
  /** Answers in a row that refused, or did not come. */
  readonly refusals: number;
  /** Connections in a row that left out a record. */
  readonly gaps: number;
}

/** A server that refuses a start or request so often will not take it. */
const MAX_REFUSALS = 5;
/** Nor will one that leaves out the same record so often have it. */
const MAX_GAPS = 5;
const FIRST_DELAY_MS = 50;
/** What a server may ask for by Retry-After. [http.retry.2] */
const MAX_RETRY_AFTER_MS = 60_000;

/** @returns What becomes of a call that failed with `error`. [negotiate.repeat.1] [http.retry.1] [live.close.1] */
export function decide(error: RunAgentError, situation: Situation): Decision {
  const { reached, sent, accepted, resumable, version2, refusals, gaps } = situation;
  if (!error.retryable || gaps >= MAX_GAPS) return "give-up";
  if (!accepted && refusals >= MAX_REFUSALS) return "give-up";
  if (!reached && mayBeUnreachable(error)) return "give-up";
  if (resumable) return "reconnect";
  if (accepted) return "give-up";
  return !sent || version2 || didNothing(error) ? "reconnect" : "ask-version";
}

/**
 * How long to wait before the next connection: none at first, then full jitter, and never less than the server asked for. [live.reconnect.1]
 * @param attempt Connections made in vain since the last that brought something.
 * @param random From 0 to 1.
 * @param maxDelayMs Bounds the jitter, in milliseconds.
 */
export function retryDelayMs(attempt: number, random: number, maxDelayMs: number, error: RunAgentError): number {
  // Who was told to come back later does not come back at once.
  const rank = error.code === "RATE_LIMITED" ? attempt + 1 : attempt;
  const jitter = rank === 0 ? 0 : random * Math.min(maxDelayMs, FIRST_DELAY_MS * 2 ** (rank - 1));
  return Math.max(jitter, Math.min(retryAfterMs(error) ?? 0, MAX_RETRY_AFTER_MS));
}

/** The error for a connection that has ended without a terminal record. [live.close.1] */
export function errorOfClose({ code, reason, error }: CloseInfo, accepted: boolean): RunAgentError {
  if (error !== undefined) return error;
  const said = reason === "" ? `close code ${code}` : `close code ${code}, ${JSON.stringify(reason)}`;
  const details = { closeCode: code, reason };
  // Once it has accepted, only one who has too much to do is believed.
  const named = accepted && code !== 4429 ? undefined : codeOfClose(code);
  if (named !== undefined) return new RunAgentError(named, `The server closed the stream (${said}).`, { details, origin: "wire" });
  if (code === 1015) {
    return new RunAgentError("CONNECTION_ERROR", `The certificate of the server was not accepted (${said}).`, {
      details,
      retryable: false,
    });
  }
  const lost = LOST.has(code) ? "CONNECTION_ERROR" : "STREAM_TRUNCATED";
  return new RunAgentError(lost, `The connection ended without a terminal record (${said}).`, { details });
}

/** Close codes of a network or server that failed for now. */
const LOST: ReadonlySet<number> = new Set([1000, 1001, 1005, 1006, 1011, 1012, 1013, 1014]);

/** What the caller is told when a stream is given up: a lost connection that may have carried records is a truncated stream. [stream.end.3] */
export function finalError(error: RunAgentError, { sent, accepted }: Pick<Situation, "sent" | "accepted">): RunAgentError {
  if (sent && (error.code === "TIMEOUT" || error.code === "SERVER_ERROR")) return notRepeatable(error);
  // Nothing is known to have been there: the address is the better guess.
  if (!accepted && detailOf(error, "unreachable") === null) return notRepeatable(error);
  const lost = error.code === "CONNECTION_ERROR" && error.retryable && (sent || accepted);
  const overloaded = error.code === "RATE_LIMITED" && detailOf(error, "closeCode") !== undefined && accepted;
  if (!lost && !overloaded) return error;
  return new RunAgentError("STREAM_TRUNCATED", error.message, { details: error.details, cause: error.cause });
}

/** The same error of a call that may have run the agent: the caller's own repeat, under another id, would run it again. */
export function notRepeatable(error: RunAgentError): RunAgentError {
  return error.retryable && !didNothing(error) ? error.changed({ retryable: false }) : error;
}

/** True when the credential was refused: what came with it was not looked at. */
export function isRefused(error: RunAgentError): boolean {
  return error.code === "AUTHENTICATION_ERROR";
}

/** True when the server said to come back later. [http.retry.2] */
export function asksToWait(error: RunAgentError): boolean {
  return error.code === "RATE_LIMITED" || retryAfterMs(error) !== undefined;
}

/** True for an answer that says that the request was not looked at. */
function didNothing(error: RunAgentError): boolean {
  return asksToWait(error) || isRefused(error);
}

/** What the server asked to wait, in milliseconds; undefined unless it said so in a way that makes sense. [http.retry.2] */
function retryAfterMs(error: RunAgentError): number | undefined {
  const seconds = detailOf(error, "retry_after_seconds");
  return typeof seconds === "number" && seconds >= 0 ? seconds * 1000 : undefined;
}

/**
 * The error with what the Retry-After header of a 429 or 503 says, in seconds or as a date; the body's own word counts first. Of any
 * other answer it says nothing: such a request may have been carried out. [http.retry.1] [http.retry.2]
 */
export function withRetryAfter(error: RunAgentError, status: number, header: string | null | undefined, nowMs: number): RunAgentError {
  const seconds = status === 429 || status === 503 ? readRetryAfter(header?.trim() ?? "", nowMs) : undefined;
  const details = error.details ?? {};
  if (seconds === undefined || retryAfterMs(error) !== undefined || !isJsonObject(details)) return error;
  return error.changed({ details: { ...details, retry_after_seconds: seconds } });
}

function readRetryAfter(text: string, nowMs: number): number | undefined {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  // A date has letters in it; anything else that Date.parse would take is no HTTP date.
  if (!/^[A-Za-z]{3},? /.test(text)) return undefined;
  const seconds = (Date.parse(text) - nowMs) / 1000;
  return seconds >= 0 ? seconds : undefined;
}
