import { codeOfStatus, isErrorCode, RunAgentError, type RunAgentErrorOptions } from "./errors.ts";
import type { ErrorCode } from "./gen/errors.ts";
import { isJsonObject, type JsonObject, textOf } from "./json.ts";

type Known = Pick<RunAgentErrorOptions, "requestId" | "invocationId" | "cursor">;

/**
 * The error for what a server sent in an `error` field or frame: an object, or a plain sentence (version 1).
 * @param fallback The code when the object names none of the table. [error.code.1]
 */
export function errorFromWire(value: unknown, fallback: ErrorCode, known: Known = {}): RunAgentError {
  if (typeof value === "string")
    return new RunAgentError(fallback, value || "The server sent an empty error.", { ...known, origin: "wire" });
  const error: JsonObject = isJsonObject(value) ? value : {};
  const code = isErrorCode(error.code) ? error.code : fallback;
  return new RunAgentError(code, textOf(error.message) || `The server sent an error without a message (${code}).`, {
    ...known,
    origin: "wire",
    suggestion: textOf(error.suggestion),
    field: textOf(error.field),
    // A code that is not in the table still tells people something.
    details: error.details ?? (typeof error.code === "string" && error.code !== code ? { code: error.code } : undefined),
  });
}

/**
 * The error for an HTTP answer that failed: the envelope of either version, or a web framework's `{"detail": …}`.
 * @param body The parsed JSON body, or undefined when it was none.
 */
export function errorFromHttp(status: number, body: unknown, known: Known = {}): RunAgentError {
  // A version 1 server reports an agent's failure with status 200.
  const fallback: ErrorCode = status < 400 ? "EXECUTION_ERROR" : codeOfStatus(status);
  const answered = `The server answered with HTTP status ${status} and no error`;
  if (!isJsonObject(body)) return errorFromWire(`${answered} envelope.`, fallback, known);
  const context = { ...known, requestId: textOf(body.request_id) ?? known.requestId };
  const { error, detail } = body;
  if (isJsonObject(error) || typeof error === "string") {
    // The route exists, so what a version 1 server did not find is the entrypoint.
    const notFound = isJsonObject(error) && error.code === "NOT_FOUND";
    return errorFromWire(error, notFound ? "ENTRYPOINT_NOT_FOUND" : fallback, context);
  }
  return errorFromWire(detail === undefined ? (textOf(body.message) ?? `${answered}.`) : describeDetail(detail), fallback, context);
}

/** FastAPI's detail: a sentence, or a list of `{loc, msg}`. */
export function describeDetail(detail: unknown): string {
  if (typeof detail === "string") return detail;
  const items = Array.isArray(detail) ? detail : [detail];
  const parts = items.filter(isJsonObject).map((item) => {
    const where = Array.isArray(item.loc) ? item.loc.join(".") : "";
    const what = textOf(item.msg) ?? JSON.stringify(item);
    return where === "" ? what : `${where}: ${what}`;
  });
  return parts.length > 0 ? parts.join("; ") : JSON.stringify(detail);
}
