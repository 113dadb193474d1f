import { codeOfStatus, isJsonObject, RunAgentError } from "@runagent/core";

/** The error for what was thrown where nothing should be. */
export function unexpected(error: unknown): RunAgentError {
  return RunAgentError.is(error) ? error : new RunAgentError("PROTOCOL_ERROR", "The client itself failed.", { cause: error });
}

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

/** The error for a server that is not who it says, which no other try would mend. */
export function certificateError(cause: unknown, address: string, reason: string): RunAgentError {
  return new RunAgentError("CONNECTION_ERROR", `The certificate of ${address} was not accepted (${reason}).`, {
    cause,
    retryable: false,
    suggestion: "Install the certificate authority on this machine, or correct the address; certificates are never skipped.",
  });
}

/** What the details of an error say under a name. */
export function detailOf({ details }: RunAgentError, name: string): unknown {
  return isJsonObject(details) ? details[name] : undefined;
}

/** True when nothing answered at the address: it may be wrong. */
export function isUnreachable(error: RunAgentError): boolean {
  return detailOf(error, "unreachable") === true;
}

/** True unless something is known to have been there. */
export function mayBeUnreachable(error: RunAgentError): boolean {
  return isUnreachable(error) || detailOf(error, "unreachable") === null;
}

/** True for a failure of the network, which says nothing of what the server did. */
export function isLost(error: RunAgentError): boolean {
  return error.origin === "local" && detailOf(error, "unreachable") !== undefined;
}

/** The error for an answer that points elsewhere: following it would carry the key there. [sec.redirect.1] */
export function redirectError(status: number, location: string | null | undefined, address: string): RunAgentError {
  const target = location && URL.canParse(location) ? new URL(location).origin : "another path";
  return new RunAgentError("CONNECTION_ERROR", `${address} redirects to ${target} (HTTP ${status}), which is not followed.`, {
    retryable: false,
    suggestion: "Set baseUrl to that address.",
  });
}

/** The error for a stream whose caller was not let in. Version 1 servers answer so for an agent that they do not host, too. */
export function notAdmitted(status: 401 | 403, address: string): RunAgentError {
  return new RunAgentError(codeOfStatus(status), `${address} refused the stream with HTTP status ${status}.`, {
    origin: "wire",
    suggestion: "Check the API key and the agent id: some servers answer so for an agent that they do not host.",
  });
}

/** fetch says "fetch failed" whatever failed. */
export function innermostMessage(error: unknown, depth = 0): string {
  if (!(error instanceof Error) || depth > 4) return "";
  return innermostMessage(error.cause, depth + 1) || error.message;
}
