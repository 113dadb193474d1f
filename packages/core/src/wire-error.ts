import { codeOfStatus, isErrorCode, RunAgentError, type RunAgentErrorOptions } from "./errors.ts";
import type { ErrorCode } from "./gen/errors.ts";
import { isJsonObject, type JsonObject } from "./json.ts";

type Known = Pick<RunAgentErrorOptions, "requestId" | "invocationId" | "cursor">;

/**
 * The error for what a server sent in an `error` field or frame: an object, or a plain sentence (version 1).
 * @param fallback The code when the object names none of the table. [error.code.1]
 */
export function errorFromWire(value: unknown, fallback: ErrorCode, known: Known = {}): RunAgentError {
  if (typeof value === "string") {
    return new RunAgentError(fallback, value === "" ? "The server sent an empty error." : value, { ...known, origin: "wire" });
  }
  const error: JsonObject = isJsonObject(value) ? value : {};
  const code = isErrorCode(error.code) ? error.code : fallback;
  const message =
    typeof error.message === "string" && error.message !== "" ? error.message : `The server sent an error without a message (${code}).`;
  return new RunAgentError(code, message, {
    ...known,
    origin: "wire",
    suggestion: typeof error.suggestion === "string" ? error.suggestion : undefined,
    field: typeof error.field === "string" ? error.field : undefined,
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
  if (!isJsonObject(body)) {
    const options = { ...known, origin: "wire" } as const;
    return new RunAgentError(fallback, `The server answered with HTTP status ${status} and no error envelope.`, options);
  }
  const requestId = typeof body.request_id === "string" ? body.request_id : known.requestId;
  const context = { ...known, requestId };
  if (isJsonObject(body.error) || typeof body.error === "string") {
    // The route exists, so what a version 1 server did not find is the entrypoint.
    const notFound = isJsonObject(body.error) && body.error.code === "NOT_FOUND";
    return errorFromWire(body.error, notFound ? "ENTRYPOINT_NOT_FOUND" : fallback, context);
  }
  if (body.detail !== undefined) return errorFromWire(describeDetail(body.detail), fallback, context);
  if (typeof body.message === "string") return errorFromWire(body.message, fallback, context);
  return errorFromWire(`The server answered with HTTP status ${status} and no error.`, fallback, context);
}

/** FastAPI's detail: a sentence, or a list of `{loc, msg}`. */
export function describeDetail(detail: unknown): string {
  if (typeof detail === "string") return detail;
  const items = Array.isArray(detail) ? detail : [detail];
  const parts = items.filter(isJsonObject).map((item) => {
    const where = Array.isArray(item.loc) ? item.loc.join(".") : "";
    const what = typeof item.msg === "string" ? item.msg : JSON.stringify(item);
    return where === "" ? what : `${where}: ${what}`;
  });
  return parts.length > 0 ? parts.join("; ") : JSON.stringify(detail);
}
