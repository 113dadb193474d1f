import { get, type IncomingMessage } from "node:http";
import { errorFromHttp, isJsonObject, type JsonObject, parseJson, RunAgentError } from "@runagent/core";

/** Until the whole answer must be there, in milliseconds. */
const TIMEOUT_MS = 10_000;
const MAX_BODY_BYTES = 4 * 1024 * 1024;
const WRONG_SERVER = "Check --host and --port: another server may be listening there.";

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "the host name does not exist",
  EAI_AGAIN: "the host name could not be looked up",
  ECONNRESET: "the connection was reset",
  EHOSTUNREACH: "the host cannot be reached",
  ENETUNREACH: "the network cannot be reached",
};

/**
 * Asks a server near by something small, and gives the `data` of its answer. Over Node's own http, which streams need in any case: what
 * the client uses for requests takes longer to load than all of the command.
 * @param url An http address.
 * @param leftMs What is left of the time that was given; an answer takes at most TIMEOUT_MS in any case.
 * @throws RunAgentError
 */
export async function getJson(
  url: string,
  key: string | undefined,
  signal: AbortSignal,
  leftMs: number = Number.POSITIVE_INFINITY,
): Promise<JsonObject> {
  const { origin } = new URL(url);
  const timeout = AbortSignal.timeout(Math.min(leftMs, TIMEOUT_MS));
  try {
    const { status, text } = await exchange(url, key, AbortSignal.any([signal, timeout]));
    return readAnswer(status, text, origin);
  } catch (error) {
    if (signal.aborted) throw new RunAgentError("CANCELLED", "The question was called off.");
    if (timeout.aborted) throw timeoutError(origin, leftMs);
    throw withoutKey(RunAgentError.is(error) ? error : connectionError(error, origin), key);
  }
}

function exchange(url: string, key: string | undefined, signal: AbortSignal): Promise<{ status: number; text: string }> {
  const headers = { accept: "application/json", ...(key !== undefined && { authorization: `Bearer ${key}` }) };
  return new Promise((resolve, reject) => {
    // A connection of its own: one that is kept would keep the process.
    const request = get(url, { headers, agent: false, signal }, (response) => {
      readText(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject);
    });
    request.on("error", reject);
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response) {
    bytes += part.length;
    if (bytes > MAX_BODY_BYTES) {
      const message = `The answer is larger than ${MAX_BODY_BYTES} bytes.`;
      throw new RunAgentError("PAYLOAD_TOO_LARGE", message, { suggestion: WRONG_SERVER });
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function readAnswer(status: number, text: string, origin: string): JsonObject {
  let body: unknown;
  try {
    body = parseJson(text, "answer", "PROTOCOL_ERROR");
  } catch {
    body = undefined; // What is wrong is said below, in words that help more.
  }
  if (!isJsonObject(body) || (status >= 300 && status < 400)) {
    throw new RunAgentError("PROTOCOL_ERROR", `${origin} does not answer as a RunAgent server does (HTTP ${status}).`, {
      suggestion: WRONG_SERVER,
    });
  }
  if (status >= 400 || body.success === false) throw errorFromHttp(status, body);
  // Some answers of version 1 have no envelope.
  return isJsonObject(body.data) ? body.data : body;
}

function timeoutError(origin: string, leftMs: number): RunAgentError {
  if (leftMs <= TIMEOUT_MS) return new RunAgentError("TIMEOUT", `${origin} did not say within the time of the call which agent it serves.`);
  return new RunAgentError("TIMEOUT", `${origin} did not answer within ${TIMEOUT_MS / 1000} seconds.`, { suggestion: WRONG_SERVER });
}

function connectionError(error: unknown, origin: string): RunAgentError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const reason = REASONS[code] ?? (error instanceof Error ? error.message : String(error));
  return new RunAgentError("CONNECTION_ERROR", `No answer from ${origin}: ${reason}${code === "" ? "" : ` (${code})`}.`, { cause: error });
}

/** The error without the key, should the server have repeated it. [sec.key.2] */
function withoutKey(error: RunAgentError, key: string | undefined): RunAgentError {
  const { code, message, suggestion, origin } = error;
  if (key === undefined || !(message + suggestion).includes(key)) return error;
  return new RunAgentError(code, message.replaceAll(key, "[key]"), { origin, suggestion: suggestion.replaceAll(key, "[key]") });
}
