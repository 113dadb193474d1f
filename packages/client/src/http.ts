import { errorFromHttp, isJsonObject, type JsonObject, type Mode, parseJson, RunAgentError } from "@runagent/core";
import { abortError, onAbort } from "./abort-signal.ts";
import type { NamedDecision } from "./approving.ts";
import { redirectError } from "./network-error.ts";
import { isRefused, withRetryAfter } from "./retry.ts";
import type { HttpOptions, HttpResponse } from "./runtime.ts";
import { isDeadline, Timers } from "./timers.ts";

/** One request of the HTTP part of the protocol. */
export interface HttpRequest {
  readonly method: "GET" | "POST";
  /** Below the API address, segments encoded. */
  readonly path: string;
  /** JSON text. */
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until the whole answer must be there. */
  readonly timeoutMs: number;
}

/**
 * Sends a request and reads the JSON object of its answer; the envelope is the caller's to open.
 * @throws RunAgentError for everything else: no answer, a redirect, an error envelope, something that is not JSON.
 */
export async function requestJson(options: HttpOptions, request: HttpRequest): Promise<JsonObject> {
  const { signal, timeoutMs } = request;
  const address = new URL(options.apiUrl).origin;
  const abort = new AbortController();
  const timers = new Timers();
  let forgetSignal: (() => void) | undefined;
  try {
    // A fetch of the caller's may not heed its signal; the deadline holds all the same.
    return await new Promise<JsonObject>((resolve, reject) => {
      const giveUp = (error: RunAgentError): void => {
        reject(error);
        abort.abort();
      };
      const late = (): void => giveUp(new RunAgentError("TIMEOUT", `${address} did not answer within ${Math.round(timeoutMs)} ms.`));
      if (isDeadline(timeoutMs)) timers.start(timeoutMs, late);
      forgetSignal = signal && onAbort(signal, () => giveUp(abortError(signal)));
      if (signal?.aborted) reject(abortError(signal));
      else exchange(options, request, abort.signal, address).then(resolve, reject);
    });
  } catch (error) {
    throw options.credentials.hide(RunAgentError.is(error) ? error : options.toError(error, address, request.method !== "GET"));
  } finally {
    timers.stopAll();
    forgetSignal?.();
  }
}

/** A credential that is refused is renewed once: what was refused was not looked at. */
async function exchange(options: HttpOptions, request: HttpRequest, signal: AbortSignal, address: string): Promise<JsonObject> {
  const { apiUrl, credentials, maxBodyBytes, pool } = options;
  const { method, path, body } = request;
  const send = async (token: string | undefined): Promise<JsonObject> => {
    const headers = headersOf(token, body !== undefined, "application/json");
    const init = { method, headers, ...(body !== undefined && { body }), signal, redirect: "manual" } as const;
    return openAnswer(await pool.fetch(apiUrl + path, init), maxBodyBytes, address);
  };
  for (let renewed = false; ; renewed = true) {
    const token = await credentials.get();
    try {
      return await send(token);
    } catch (error) {
      if (!RunAgentError.is(error) || !isRefused(error) || !credentials.refused(token) || renewed) throw error;
    }
  }
}

/** The error for an answer that is not the stream that was asked for. */
export async function readFailure(response: HttpResponse, maxBytes: number, address: string): Promise<RunAgentError> {
  try {
    await openAnswer(response, maxBytes, address);
  } catch (error) {
    if (RunAgentError.is(error)) return error;
    throw error;
  }
  return notRunAgent(response.status, address);
}

/** The JSON object of an answer that succeeded. @throws RunAgentError for any other. */
async function openAnswer(response: HttpResponse, maxBytes: number, address: string): Promise<JsonObject> {
  const { type, status, headers } = response;
  if (type === "opaqueredirect" || (status >= 300 && status < 400)) {
    await response.body?.cancel();
    throw redirectError(status, headers.get("location"), address);
  }
  try {
    return openBody(status, await readText(response, maxBytes), address);
  } catch (error) {
    throw RunAgentError.is(error) ? withRetryAfter(error, status, headers.get("retry-after"), Date.now()) : error;
  }
}

/** The request that cancels an invocation. [cancel.rest.1] */
export function cancelRequest(invocationId: string, mode: Mode, timeoutMs: number): HttpRequest {
  const path = `/invocations/${encodeURIComponent(invocationId)}/cancel`;
  return { method: "POST", path, body: JSON.stringify({ mode }), timeoutMs };
}

/** The request that decides an approval. [approval.rest.1] */
export function decideRequest(invocationId: string, { approvalId, decision, reason }: NamedDecision, timeoutMs: number): HttpRequest {
  const path = `/invocations/${encodeURIComponent(invocationId)}/approvals`;
  return { method: "POST", path, body: JSON.stringify({ approval_id: approvalId, decision, reason }), timeoutMs };
}

/** The `data` of an envelope, or the whole answer of a server that sends none. */
export function dataOf(body: JsonObject): unknown {
  return typeof body.success === "boolean" && "data" in body ? body.data : body;
}

/** The headers of a request. */
export function headersOf(token: string | undefined, hasBody: boolean, accept: string): Record<string, string> {
  return {
    accept,
    ...(hasBody && { "content-type": "application/json" }),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
}

function openBody(status: number, text: string, address: string): JsonObject {
  let body: unknown;
  try {
    body = parseJson(text, "answer", "PROTOCOL_ERROR");
  } catch (cause) {
    if (RunAgentError.is(cause) && cause.code === "PAYLOAD_TOO_LARGE") throw cause;
    // A proxy's own error page still says what the trouble is; anything else is no RunAgent server.
    if (status >= 400 && status !== 404 && status !== 405) throw errorFromHttp(status, undefined);
    throw notRunAgent(status, address, cause);
  }
  if (status >= 400) throw errorFromHttp(status, body);
  // Some version 1 servers answer a run with the bare text.
  if (typeof body === "string") return { success: true, data: body };
  if (!isJsonObject(body)) throw notRunAgent(status, address);
  const failed = body.success === false || (body.success === undefined && (body.detail !== undefined || isError(body.error)));
  if (failed) throw errorFromHttp(status, body);
  return body;
}

function isError(value: unknown): boolean {
  return typeof value === "string" || isJsonObject(value);
}

/** The error for an answer that no RunAgent server gives. */
export function notRunAgent(status: number, address: string, cause?: unknown): RunAgentError {
  return new RunAgentError("PROTOCOL_ERROR", `${address} does not answer as a RunAgent server does (HTTP ${status}).`, {
    cause,
    suggestion: "Check host, port or baseUrl: another server may be listening there.",
  });
}

/** Reads a body up to a limit. @throws RunAgentError PAYLOAD_TOO_LARGE beyond it. */
async function readText(response: HttpResponse, maxBytes: number): Promise<string> {
  if (response.body === null) return "";
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let text = "";
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done || value === undefined) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > maxBytes) {
      await reader.cancel();
      throw new RunAgentError("PAYLOAD_TOO_LARGE", `The answer is larger than ${maxBytes} bytes (maxServerFrameBytes).`);
    }
    text += decoder.decode(value, { stream: true });
  }
}
