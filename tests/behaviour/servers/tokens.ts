import { randomUUID } from "node:crypto";
import type { KeyCheck } from "@runagent/server";
import type { Issued } from "../suite/verbs.ts";
import type { Waiting } from "./book.ts";

/** Issues credentials and checks them, as a page's own server would. */
export class Tokens {
  readonly #known = new Map<string, { id: string; expiresAt?: number }>();
  readonly #checks = new Map<string, number>();
  readonly #waiting: Waiting;

  constructor(waiting: Waiting) {
    this.#waiting = waiting;
  }

  issue(user: string, ttlMs: number | undefined): Issued {
    const token = `token-${randomUUID()}`;
    const expiry = ttlMs === undefined ? {} : { expiresAt: Date.now() + ttlMs };
    this.#known.set(token, { id: user, ...expiry });
    return { token, ...expiry };
  }

  revoke(token: string): void {
    this.#known.delete(token);
  }

  /** What a server asks. */
  readonly check: KeyCheck = (token) => {
    this.#checks.set(token, (this.#checks.get(token) ?? 0) + 1);
    // After the server has had its answer.
    setImmediate(() => this.#waiting.changed());
    const principal = this.#known.get(token);
    return principal === undefined || (principal.expiresAt ?? Number.POSITIVE_INFINITY) <= Date.now() ? null : principal;
  };

  checked(token: string, times: number): Promise<void> {
    return this.#waiting.until(`${times} checks of a token`, () => (this.#checks.get(token) ?? 0) >= times);
  }

  /** Resolves when the token has expired, and the servers have had the time to notice. */
  expired(token: string): Promise<void> {
    const { expiresAt = 0 } = this.#known.get(token) ?? {};
    return new Promise((resolve) => setTimeout(resolve, expiresAt - Date.now() + 50));
  }
}
