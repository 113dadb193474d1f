/**
 * The envelope: the one shape of every HTTP answer, also of those that refuse an upgrade.
 */
import { randomUUID } from "node:crypto";
import { type Envelope, ERRORS, RunAgentError } from "@runagent/core";

/** Headers of every answer: nothing is cached, nothing is guessed. */
export const ANSWER_HEADERS: Readonly<Record<string, string>> = {
  "Content-Type": "application/json; charset=utf-8",
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
};

/** What version 2 answers say beside the data. */
export type EnvelopeExtra = Pick<Envelope, "protocol" | "invocation_id" | "message">;

// What is too many now may be fewer in a second: nobody can know more.
const RETRY_AFTER_SECONDS = 1;

/** The refusal of one too many; it says in headers and in frames when to come back. [http.retry.2] */
export function rateLimited(message: string): RunAgentError {
  return new RunAgentError("RATE_LIMITED", message, { details: { retry_after_seconds: RETRY_AFTER_SECONDS } });
}

/** The envelope of a success. */
export function successEnvelope(data: unknown, requestId: string, extra: EnvelopeExtra = {}): Envelope {
  const timestamp = new Date().toISOString();
  return { success: true, data, message: null, error: null, timestamp, request_id: requestId, ...extra };
}

/** The text of the same around data that is JSON text already. */
export function successText(data: string, requestId: string, extra?: EnvelopeExtra): string {
  // The first that stands there: only success comes before it.
  return JSON.stringify(successEnvelope(null, requestId, extra)).replace('"data":null', () => `"data":${data}`);
}

/** The envelope of a failure. */
export function errorEnvelope(error: RunAgentError, requestId: string = randomUUID()): Envelope {
  const wire = { details: null, field: null, ...error.toWire() };
  const timestamp = new Date().toISOString();
  return { success: false, data: null, message: null, error: wire, timestamp, request_id: requestId };
}

/** The HTTP status of an error. */
export function statusOf(error: RunAgentError): number {
  return ERRORS[error.code].httpStatus ?? 500;
}

/** Headers that an error's answer needs beside the usual. */
export function errorHeaders(error: RunAgentError): Record<string, string> {
  if (error.code === "RATE_LIMITED") return { "Retry-After": String(RETRY_AFTER_SECONDS) };
  return error.code === "AUTHENTICATION_ERROR" ? { "WWW-Authenticate": "Bearer" } : {};
}

/** The error a client may see: one of ours as it is, anything else without what it says. */
export function publicError(error: unknown): RunAgentError {
  return RunAgentError.is(error) ? error : new RunAgentError("SERVER_ERROR", "The server failed to answer this request.");
}
