import { codeOfStatus, isJsonObject, RunAgentError } from "@runagent/core";

/**
 * The error for a connection that failed on the way, where the runtime does not tell why.
 * @param address Where it went, without the key: for the message.
 * @param sent True when the request may have reached the server, so that repeating it may run the agent twice.
 */
export function connectionError(cause: unknown, address: string, sent: boolean): RunAgentError {
  return new RunAgentError("CONNECTION_ERROR", `No answer from ${address}: ${innermostMessage(cause) || "the connection failed"}.`, {
    cause,
    details: { unreachable: null },
    retryable: !sent,
  });
}

/** True when nothing answered at the address: it may be wrong. */
export function isUnreachable(error: RunAgentError): boolean {
  return isJsonObject(error.details) && error.details.unreachable === true;
}

/** True unless something is known to have been there. */
export function mayBeUnreachable({ details }: RunAgentError): boolean {
  return isJsonObject(details) && (details.unreachable === true || details.unreachable === null);
}

/** True for a failure of the network, which says nothing of what the server did. */
export function isLost(error: RunAgentError): boolean {
  return error.origin === "local" && isJsonObject(error.details) && "unreachable" in error.details;
}

/** True for a connection that was open, and on which a server did not accept in time. */
export function isUnanswered(error: RunAgentError): boolean {
  return isJsonObject(error.details) && error.details.unanswered === true;
}

/** The error for an answer that points elsewhere: following it would carry the key there. [sec.redirect.1] */
export function redirectError(status: number, location: string | null | undefined, address: string): RunAgentError {
  const target = location ? ` to ${originOf(location)}` : "";
  return new RunAgentError("CONNECTION_ERROR", `${address} redirects${target} (HTTP ${status}); redirects are not followed.`, {
    retryable: false,
    suggestion: "Set baseUrl to the address that the server redirects to.",
  });
}

/** The error for a stream whose caller was not let in. Version 1 servers answer so for an agent that they do not host, too. */
export function notAdmitted(status: 401 | 403, address: string): RunAgentError {
  return new RunAgentError(codeOfStatus(status), `${address} refused the stream with HTTP status ${status}.`, {
    origin: "wire",
    suggestion: "Check the API key and the agent id: some servers answer so for an agent that they do not host.",
  });
}

function originOf(location: string): string {
  return URL.canParse(location) ? new URL(location).origin : "another path";
}

/** fetch says "fetch failed" whatever failed. */
export function innermostMessage(error: unknown, depth = 0): string {
  if (!(error instanceof Error) || depth > 4) return "";
  return innermostMessage(error.cause, depth + 1) || error.message;
}
