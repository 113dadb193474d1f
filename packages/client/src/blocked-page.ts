import { type ErrorCode, RunAgentError } from "@runagent/core";

/** How long a server may take to show that it is there, in milliseconds. */
const PROBE_MS = 3_000;
/** Hosts that have answered: what fails there later is no matter of origins. */
const reached: Set<string> = /* @__PURE__ */ new Set();
/** Origins that the page's Content-Security-Policy kept it from. */
const forbidden: Set<string> = /* @__PURE__ */ new Set();
let watches = false;

/** Takes note of what the page's Content-Security-Policy forbids. */
export function watchPolicy(): void {
  if (watches) return;
  watches = true;
  const target: Partial<EventTarget> = globalThis.document ?? globalThis;
  target.addEventListener?.("securitypolicyviolation", (event) => {
    const { blockedURI } = event as SecurityPolicyViolationEvent;
    if (URL.canParse(blockedURI)) forbidden.add(new URL(blockedURI).origin);
  });
}

/** The server at `url` has answered. */
export function markReached(url: string): void {
  reached.add(new URL(url).host);
}

/**
 * Why the browser kept the page from a server, which it tells nobody: a policy, mixed content, or the server's list of origins.
 * @returns undefined when it was the network, or nothing else can be found out.
 */
export async function explainBlocked(url: string): Promise<RunAgentError | undefined> {
  const { host, hostname, origin } = new URL(url);
  const http = origin.replace(/^ws/, "http");
  const page = globalThis.location;
  if (page?.protocol === "https:" && !http.startsWith("https:") && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)) {
    return blocked(
      `A page that came over https cannot use ${origin}, which is not encrypted (mixed content).`,
      "Serve the agent over https.",
    );
  }
  // The browser tells of a violation in a task of its own.
  await new Promise((resolve) => setTimeout(resolve));
  if (forbidden.has(origin)) {
    const both = `${http} and ${http.replace("http", "ws")}`;
    return blocked(`The page's Content-Security-Policy forbids ${origin}.`, `Add ${both} to its connect-src.`);
  }
  if (reached.has(host)) return undefined;
  // Below the address of the API, which may be a part of what a proxy serves.
  const health = url.replace(/^ws/, "http").replace(/(.*\/api\/v1)\/.*/, "$1/health");
  // There for anybody, and not for this page; asked once more, as the network may have gone in between.
  const refused = (await answers(health, "no-cors")) && !(await answers(health, "cors")) && (await answers(health, "no-cors"));
  if (!refused) return undefined;
  // Not that of the address: what has no origin of its own sends "null".
  const own = globalThis.origin;
  return blocked(
    `${host} does not let pages of ${own} call it (CORS).`,
    own === "null"
      ? "Serve this page over http, and give its frame allow-same-origin: a sandboxed frame and a local file have no origin to allow."
      : `Add ${own} to allowedOrigins of the server.`,
    "PERMISSION_ERROR",
  );
}

async function answers(url: string, mode: RequestMode): Promise<boolean> {
  try {
    // With a header that browsers ask for leave to send, as every call has one.
    const headers = mode === "cors" ? { "content-type": "application/json" } : {};
    await fetch(url, { mode, headers, cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(PROBE_MS) });
    return true;
  } catch {
    return false; // Why is what is being found out.
  }
}

function blocked(message: string, suggestion: string, code: ErrorCode = "CONNECTION_ERROR"): RunAgentError {
  return new RunAgentError(code, message, { retryable: false, suggestion });
}
