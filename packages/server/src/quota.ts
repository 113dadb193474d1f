/**
 * How many of a thing each key may have at once. One noisy key must not take the server away from the others.
 */
import { rateLimited } from "./envelope.ts";

/** Counts what each principal holds. */
export class Quota {
  readonly #held: Map<string, number> = new Map();
  readonly #limit: number;
  readonly #what: string;

  /** @param what Names the thing and its limit in the message: "connections are open (maxConnectionsPerKey)". */
  constructor(limit: number, what: string) {
    this.#limit = limit;
    this.#what = what;
  }

  /** @throws RunAgentError RATE_LIMITED when the principal holds as many as it may. */
  take(principalId: string): void {
    const held = this.#held.get(principalId) ?? 0;
    if (held >= this.#limit) throw rateLimited(`${this.#limit} of your ${this.#what}`);
    this.#held.set(principalId, held + 1);
  }

  /** Gives one back. */
  release(principalId: string): void {
    const held = this.#held.get(principalId) ?? 0;
    if (held > 1) this.#held.set(principalId, held - 1);
    else this.#held.delete(principalId);
  }
}
