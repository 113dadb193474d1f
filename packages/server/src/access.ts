/**
 * Which web pages and which names may reach the server. A page of a foreign origin, or one that made its own name point
 * at this machine (DNS rebinding), is refused before anything else is looked at. [sec.origin.1]
 */
import { RunAgentError } from "@runagent/core";

/** The two headers that are judged. */
export interface RequestOrigin {
  readonly host: string | undefined;
  readonly origin: string | undefined;
}

/** Judges requests. */
export interface AccessRules {
  /**
   * @returns The origin to allow in CORS headers, or undefined when the request has none.
   * @throws RunAgentError PERMISSION_ERROR for a foreign Host or Origin.
   */
  check(request: RequestOrigin): string | undefined;
}

/** True for an address that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/**
 * Builds the rules. `host` is the address that will be bound.
 * @throws RunAgentError VALIDATION_ERROR for a list that could never match.
 */
export function createAccessRules(options: {
  readonly host: string;
  readonly allowedHosts: readonly string[] | undefined;
  readonly allowedOrigins: readonly string[] | undefined;
}): AccessRules {
  const isAllowed = createHostCheck(options.host, readList(options.allowedHosts, "allowedHosts"));
  const allowedOrigins = new Set(readList(options.allowedOrigins, "allowedOrigins") ?? []);
  for (const origin of allowedOrigins) checkOrigin(origin);
  const isSame = (origin: string, host: string | undefined): boolean => {
    // Only where the Host was held against a list: otherwise a rebound name would agree with itself.
    return isAllowed !== undefined && origin === `http://${host}`;
  };
  return {
    check({ host, origin }) {
      if (isAllowed !== undefined && (host === undefined || !isAllowed(host))) {
        throw new RunAgentError("PERMISSION_ERROR", "The Host header is not one that this server answers to.", {
          suggestion: "Use http://localhost or http://127.0.0.1 with the port, or add the name to the server's allowedHosts.",
        });
      }
      if (origin === undefined || allowedOrigins.has(origin) || isSame(origin, host)) return origin;
      throw new RunAgentError("PERMISSION_ERROR", "The Origin of this page is not allowed to call this server.", {
        suggestion: "Add the origin, exactly as the browser sends it, to the server's allowedOrigins.",
      });
    },
  };
}

/** A string would be taken apart into its letters, without a word. */
function readList(list: readonly string[] | undefined, field: string): readonly string[] | undefined {
  if (list === undefined || (Array.isArray(list) && list.every((entry) => typeof entry === "string" && entry !== ""))) return list;
  throw new RunAgentError("VALIDATION_ERROR", `${field} must be a list of strings that are not empty.`, { field });
}

/** Anything that a browser does not send exactly so would never match, and its page be refused for no reason that shows. [sec.origin.1] */
function checkOrigin(origin: string): void {
  const sent = originOf(origin);
  if (sent === origin) return;
  const shown = JSON.stringify(origin);
  const suggestion =
    sent === undefined
      ? "Write each origin out: scheme, host, and the port where it is not the scheme's own, as in https://app.example.com."
      : `Write ${JSON.stringify(sent)}.`;
  const why = origin === "null" ? "stands for every sandboxed page and local file" : "is no origin as browsers send it";
  throw new RunAgentError("VALIDATION_ERROR", `${shown} in allowedOrigins ${why}.`, { field: "allowedOrigins", suggestion });
}

/** The origin that was meant, as browsers write it; undefined when that cannot be told. */
function originOf(text: string): string | undefined {
  const address = text.replace(/^ws(?=s?:)/i, "http");
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || url.host === "" || url.host.includes("*")) return undefined;
  // Of other schemes than those of the web (an app's, an extension's) URL knows no origin; browsers send scheme and host.
  return url.origin === "null" ? `${url.protocol}//${url.host}` : url.origin;
}

/** undefined: every Host is answered, because nobody said which. */
function createHostCheck(host: string, allowedHosts: readonly string[] | undefined): ((host: string) => boolean) | undefined {
  if (allowedHosts !== undefined) {
    const exact = new Set(allowedHosts);
    return (given) => exact.has(given);
  }
  if (!isLoopback(host)) return undefined;
  const names = new Set(["localhost", "127.0.0.1", "[::1]", host]);
  // With any port: a tunnel or proxy on this machine has another, and no name that was made to point here is among these.
  return (given) => names.has(given.replace(/:\d{1,5}$/, ""));
}
