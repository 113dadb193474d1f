import type { RunAgentError } from "@runagent/core";
import { notAdmitted } from "./network-error.ts";

/** How long the server may take to say it again, in milliseconds. */
const ASK_MS = 3_000;

/**
 * Whether a server refused the credential of an upgrade, which a WebSocket of the standard does not tell: asked once more over HTTP.
 * @param url The address of the WebSocket.
 */
export async function explainRefusal(url: string, token: string | undefined): Promise<RunAgentError | undefined> {
  if (token === undefined) return undefined;
  try {
    const architecture = url.replace(/^ws/, "http").replace(/run-stream$/, "architecture");
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(architecture, { headers, redirect: "manual", signal: AbortSignal.timeout(ASK_MS) });
    await response.body?.cancel();
    const { status } = response;
    return status === 401 || status === 403 ? notAdmitted(status, new URL(url).origin) : undefined;
  } catch {
    return undefined; // It was the network, then.
  }
}
