import type { RunAgentError } from "@runagent/core";
import { notAdmitted } from "./network-error.ts";
import type { Runtime } from "./runtime.ts";

/** How long the server may take to say it again, in milliseconds. */
const ASK_MS = 3_000;

/**
 * Finds out over HTTP whether a server refused the credential of an upgrade, or showed a certificate that does not verify: a WebSocket
 * of the standard tells neither.
 * @param url The address of the WebSocket.
 */
export async function explainRefusal(
  url: string,
  token: string | undefined,
  toError: Runtime["toError"],
): Promise<RunAgentError | undefined> {
  const { origin } = new URL(url);
  try {
    const architecture = url.replace(/^ws/, "http").replace(/run-stream$/, "architecture");
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(architecture, { headers, redirect: "manual", signal: AbortSignal.timeout(ASK_MS) });
    await response.body?.cancel();
    const { status } = response;
    return status === 401 || status === 403 ? notAdmitted(status, origin) : undefined;
  } catch (cause) {
    const error = toError(cause, origin, false);
    return error.retryable ? undefined : error;
  }
}
