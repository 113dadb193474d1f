/**
 * How many connections are open, of every transport. [limit.named.1]
 */
import { rateLimited } from "./envelope.ts";

/** Counts open connections against their limit. */
export class ConnectionCount {
  readonly #limit: number;
  #open = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Counts one more.
   * @returns Gives it back; called once.
   * @throws RunAgentError RATE_LIMITED when maxConnections are open.
   */
  take(): () => void {
    if (this.#open >= this.#limit) throw rateLimited(`${this.#limit} connections are open, which is the limit (maxConnections).`);
    this.#open++;
    return () => {
      this.#open--;
    };
  }
}
