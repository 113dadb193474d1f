import { RunAgentError } from "@runagent/core";

const HIDDEN = "[key]";

/** The error without the key, should a server or a proxy have repeated it. [sec.key.2] */
export function withoutKey(error: RunAgentError, key: string | undefined): RunAgentError {
  if (key === undefined) return error;
  const hide = (text: string): string => text.replaceAll(key, HIDDEN);
  const shown = JSON.stringify([error, error.stack, describe(error.cause)]);
  if (!shown.includes(key)) return error;
  const { code, details, suggestion, field, retryable, requestId, invocationId, cursor, origin } = error;
  const safe = details === undefined ? undefined : JSON.parse(hide(JSON.stringify(details)));
  const known = { retryable, requestId, invocationId, cursor, origin };
  // The cause would show the key again, and the stack begins with the message.
  return new RunAgentError(code, hide(error.message), {
    ...known,
    suggestion: hide(suggestion),
    details: safe,
    field: field && hide(field),
  });
}

function describe(cause: unknown): unknown {
  return cause instanceof Error ? [cause.message, cause.stack] : cause;
}
