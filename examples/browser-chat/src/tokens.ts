/**
 * Short-lived credentials, so that no key lies in the page: a token names its visitor and its expiry and is signed by this server.
 * Nothing is stored, so nothing grows, and the agent's server can check what the page's server gave out.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Principal } from "@runagent/server";

/** What `getToken` of the page gets. */
export interface IssuedToken {
  readonly token: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/** Gives out tokens and checks them. */
export interface Tokens {
  /** A token for a visitor: an invocation belongs to the visitor, and may be resumed with any later token of the same. */
  issue(visitor: string): IssuedToken;
  /** Who a token stands for; null when it is not ours. Its expiry is checked by the server that is told of it. */
  check(token: string): Principal | null;
}

/**
 * @param secret Whoever knows it can make tokens.
 * @param seconds How long a token counts.
 */
export function createTokens(secret: Buffer, seconds: number): Tokens {
  const sign = (text: string): Buffer => createHmac("sha256", secret).update(text).digest();
  return {
    issue(visitor) {
      const expiresAt = Date.now() + seconds * 1000;
      const text = `${visitor}.${expiresAt}`;
      return { token: `${text}.${sign(text).toString("base64url")}`, expiresAt };
    },
    check(token) {
      const [, text = "", visitor = "", expiry = "", signature = ""] = /^(([\w-]{1,64})\.(\d{1,15}))\.([\w-]{43})$/.exec(token) ?? [];
      const given = Buffer.from(signature, "base64url");
      const right = sign(text);
      return given.length === right.length && timingSafeEqual(given, right) ? { id: visitor, expiresAt: Number(expiry) } : null;
    },
  };
}
