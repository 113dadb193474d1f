/**
 * Who calls: keys are compared by their hashes and in constant time, so that neither time nor a memory dump tells them.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { RunAgentError } from "@runagent/core";
import type { MaybePromise } from "./log.ts";
import type { ErrorContext, Principal, ServeOptions } from "./options.ts";

/** Checks credentials. */
export interface Authenticator {
  /** False: no keys are configured, anybody may call. */
  readonly required: boolean;
  /**
   * The principal of a token.
   * @throws RunAgentError AUTHENTICATION_ERROR when the token is missing or refused, SERVER_ERROR when the check itself failed.
   */
  authenticate(token: string | undefined): MaybePromise<Principal>;
}

const ANYBODY: Principal = { id: "anybody" };

/** Builds the authenticator for the `apiKeys` option. */
export function createAuthenticator(
  apiKeys: ServeOptions["apiKeys"],
  onError: (error: unknown, context: ErrorContext) => void,
): Authenticator {
  if (apiKeys === undefined) return { required: false, authenticate: () => ANYBODY };
  const check = typeof apiKeys === "function" ? apiKeys : compareWith(apiKeys);
  const settle = (principal: Principal | null): Principal => {
    if (principal === null) throw new RunAgentError("AUTHENTICATION_ERROR", "The API key is not one that this server knows.");
    const { expiresAt } = principal;
    if (expiresAt !== undefined && (typeof expiresAt !== "number" || Number.isNaN(expiresAt))) {
      return failed(new TypeError(`apiKeys gave an expiresAt that is not a number of milliseconds: ${String(expiresAt)}.`));
    }
    if (hasExpired(principal)) throw new RunAgentError("AUTHENTICATION_ERROR", "The credential has expired.");
    return principal;
  };
  const failed = (error: unknown): never => {
    onError(error, { where: "auth" });
    throw new RunAgentError("SERVER_ERROR", "The credential could not be checked.");
  };
  return {
    required: true,
    authenticate: (token) => {
      if (token === undefined || token === "")
        throw new RunAgentError("AUTHENTICATION_ERROR", "This server needs an API key, and none came.");
      let checked: MaybePromise<Principal | null>;
      try {
        checked = check(token);
      } catch (error) {
        return failed(error);
      }
      return checked instanceof Promise ? checked.catch(failed).then(settle) : settle(checked);
    },
  };
}

/** True once a credential no longer counts. */
export function hasExpired({ expiresAt }: Principal): boolean {
  return expiresAt !== undefined && expiresAt <= Date.now();
}

/** The token of an Authorization header, or undefined when it is absent or of another scheme. */
export function bearerToken(header: string | null | undefined): string | undefined {
  const match = /^Bearer +(\S+)$/i.exec(header ?? "");
  return match?.[1];
}

function compareWith(keys: readonly string[]): (token: string) => Principal | null {
  const known = keys.map((key) => {
    if (typeof key === "string" && key !== "") return hashOf(key);
    throw new RunAgentError("VALIDATION_ERROR", "An entry of apiKeys is empty: remove it, or leave apiKeys out for no keys.", {
      field: "apiKeys",
    });
  });
  return (token) => {
    const hash = hashOf(token);
    let found = false;
    // Every key is compared, so that the time does not tell which one was right.
    for (const candidate of known) found = timingSafeEqual(candidate, hash) || found;
    // The id is the server's own; the name is shown to others, and too short to find the key by it.
    return found ? { id: `key:${hash.toString("hex", 0, 16)}`, name: `key:${hash.toString("hex", 0, 3)}` } : null;
  };
}

function hashOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
