import { RunAgentError } from "@runagent/core";

const TLS = /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH)/;

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "the host name does not exist",
  EAI_AGAIN: "the host name could not be looked up",
  ECONNRESET: "the connection was reset",
  ETIMEDOUT: "the connection timed out",
  EHOSTUNREACH: "the host cannot be reached",
  ENETUNREACH: "the network cannot be reached",
  EPIPE: "the connection was closed while sending",
  UND_ERR_SOCKET: "the connection was closed before an answer",
};

/**
 * The error for a connection that failed on the way.
 * @param address Where it went, without the key: for the message.
 * @param sent True when the request may have reached the server, so that repeating it may run the agent twice.
 */
export function connectionError(cause: unknown, address: string, sent: boolean): RunAgentError {
  const code = findCode(cause);
  if (code !== undefined && TLS.test(code)) {
    return new RunAgentError("CONNECTION_ERROR", `The certificate of ${address} was not accepted (${code}).`, {
      cause,
      retryable: false,
      suggestion: "Install the certificate authority on this machine, or correct the address; certificates are never skipped.",
    });
  }
  if (code === "UND_ERR_CONNECT_TIMEOUT") {
    const message = `The connection to ${address} was not open in time (connectTimeoutMs).`;
    return new RunAgentError("TIMEOUT", message, { cause, retryable: true });
  }
  const reason = (code !== undefined && REASONS[code]) || innermostMessage(cause) || "the connection failed";
  const suffix = code === undefined ? "" : ` (${code})`;
  return new RunAgentError("CONNECTION_ERROR", `No answer from ${address}: ${reason}${suffix}.`, {
    cause,
    // A connection that was never made can be tried again; one that broke may have started the agent.
    retryable: !sent || code === "ECONNREFUSED",
  });
}

/** The error for an answer that points elsewhere: following it would carry the key there. [sec.redirect.1] */
export function redirectError(status: number, location: string | null | undefined, address: string): RunAgentError {
  const target = location ? ` to ${originOf(location)}` : "";
  return new RunAgentError("CONNECTION_ERROR", `${address} redirects${target} (HTTP ${status}); redirects are not followed.`, {
    retryable: false,
    suggestion: "Set baseUrl to the address that the server redirects to.",
  });
}

function originOf(location: string): string {
  return URL.canParse(location) ? new URL(location).origin : "another path";
}

/** undici and ws wrap the socket's error, and a host with two addresses gives an AggregateError. */
function findCode(error: unknown, depth = 0): string | undefined {
  if (typeof error !== "object" || error === null || depth > 4) return undefined;
  if ("cause" in error && error.cause !== undefined) {
    const inner = findCode(error.cause, depth + 1);
    if (inner !== undefined) return inner;
  }
  if ("errors" in error && Array.isArray(error.errors)) {
    const inner = findCode(error.errors[0], depth + 1);
    if (inner !== undefined) return inner;
  }
  return "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** fetch says "fetch failed" whatever failed. */
function innermostMessage(error: unknown, depth = 0): string {
  if (!(error instanceof Error) || depth > 4) return "";
  return innermostMessage(error.cause, depth + 1) || error.message;
}
