import { RunAgentError } from "@runagent/core";
import { certificateError, innermostMessage } from "./network-error.ts";

const CERTIFICATE = /^(CERT_|ERR_TLS_CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH)/;

/** Other failures that no other try would mend. */
const FINAL: readonly { readonly codes: RegExp; readonly says: (address: string) => string; readonly suggestion: string }[] = [
  {
    codes: /^(EPROTO|ERR_TLS_|ERR_SSL_)/,
    says: (address) => `No TLS connection to ${address} could be agreed on`,
    suggestion: "Check whether the server speaks https there, or http.",
  },
  {
    codes: /^HPE_/,
    says: (address) => `${address} does not speak HTTP`,
    suggestion: "Check host, port or baseUrl: another server may be listening there.",
  },
];

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

/** Nothing answered there: the address may be wrong, or the network is away. */
const UNREACHABLE: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** The error for a connection that failed on the way, from the codes of Node, undici and ws, which Bun uses as well. */
export function nodeConnectionError(cause: unknown, address: string, sent: boolean): RunAgentError {
  const code = findCode(cause);
  if (code !== undefined && CERTIFICATE.test(code)) return certificateError(cause, address, code);
  const final = code === undefined ? undefined : FINAL.find(({ codes }) => codes.test(code));
  if (final !== undefined) {
    const { says, suggestion } = final;
    return new RunAgentError("CONNECTION_ERROR", `${says(address)} (${code}).`, { cause, retryable: false, suggestion });
  }
  const unreachable = code !== undefined && UNREACHABLE.has(code);
  // Without a code nothing was said: a port that fetch never connects to, for one.
  const details = code === undefined ? { unreachable: null } : { code, unreachable };
  if (code === "UND_ERR_CONNECT_TIMEOUT") {
    const message = `The connection to ${address} was not open in time (connectTimeoutMs).`;
    return new RunAgentError("TIMEOUT", message, { cause, details, retryable: true });
  }
  const reason = (code !== undefined && REASONS[code]) || innermostMessage(cause) || "the connection failed";
  const suffix = code === undefined ? "" : ` (${code})`;
  return new RunAgentError("CONNECTION_ERROR", `No answer from ${address}: ${reason}${suffix}.`, {
    cause,
    details,
    // A connection that was never made can be tried again; one that broke may have started the agent.
    retryable: !sent || unreachable,
  });
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
