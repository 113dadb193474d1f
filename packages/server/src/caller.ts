/**
 * Who calls on one connection, whatever its transport: the principal, what it counts against, and the time at which its
 * credential expires. [auth.expire.1]
 */
import { RunAgentError } from "@runagent/core";
import { hasExpired } from "./auth.ts";
import { type Principal, toTimerMs } from "./options.ts";
import type { Services } from "./services.ts";

/** The caller of one connection. */
export class Caller {
  readonly #services: Services;
  readonly #onExpired: (error: RunAgentError) => void;
  #principal: Principal | undefined;
  /** The principal whose quota this connection counts against. */
  #countedFor: string | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #left = false;

  /**
   * @param principal Who the upgrade's credential named; undefined when it carried none.
   * @param onExpired Is told that the credential has expired and was not replaced.
   */
  constructor(services: Services, principal: Principal | undefined, onExpired: (error: RunAgentError) => void) {
    this.#services = services;
    this.#onExpired = onExpired;
    if (principal !== undefined) this.#replace(principal);
  }

  get principal(): Principal | undefined {
    return this.#principal;
  }

  /**
   * The credential of the frame counts, where there is none that of the upgrade. [sec.key.1]
   * @throws RunAgentError AUTHENTICATION_ERROR, RATE_LIMITED, or SERVER_ERROR when the check itself failed.
   */
  async authenticate(token: string | undefined): Promise<Principal> {
    const known = token === undefined ? this.#principal : undefined;
    const principal = known ?? (await this.#services.authenticator.authenticate(token));
    this.accept(principal);
    return principal;
  }

  /** From now on the connection is this principal's. @throws RunAgentError RATE_LIMITED when it has too many. */
  accept(principal: Principal): void {
    if (principal.id !== this.#countedFor && !this.#left) {
      this.#services.connectionsPerKey.take(principal.id);
      this.#uncount();
      this.#countedFor = principal.id;
    }
    this.#replace(principal);
  }

  /**
   * Another credential of the same principal takes over, with its own expiry. [auth.refresh.1]
   * @throws RunAgentError AUTHENTICATION_ERROR, or PERMISSION_ERROR for somebody else's.
   */
  async renew(token: string): Promise<void> {
    const principal = await this.#services.authenticator.authenticate(token);
    if (principal.id !== this.#principal?.id) {
      throw new RunAgentError("PERMISSION_ERROR", "The new credential belongs to somebody else.");
    }
    this.#replace(principal);
  }

  /** Tells of a credential that has expired by now. */
  checkExpiry(): void {
    if (!this.#left && this.#principal !== undefined && hasExpired(this.#principal)) this.#onExpired(expired());
  }

  /** The connection is gone. */
  leave(): void {
    this.#left = true;
    clearTimeout(this.#expiry);
    this.#uncount();
  }

  #replace(principal: Principal): void {
    this.#principal = principal;
    this.#awaitExpiry(principal);
  }

  #awaitExpiry(principal: Principal): void {
    clearTimeout(this.#expiry);
    const { expiresAt = Number.POSITIVE_INFINITY } = principal;
    if (this.#left || expiresAt === Number.POSITIVE_INFINITY) return;
    const expiry = setTimeout(
      () => {
        // A timer holds 24 days, and may fire a moment before the clock has got there.
        if (hasExpired(principal)) this.checkExpiry();
        else this.#awaitExpiry(principal);
      },
      toTimerMs(Math.max(0, expiresAt - Date.now()) / 1000),
    );
    expiry.unref();
    this.#expiry = expiry;
  }

  #uncount(): void {
    if (this.#countedFor !== undefined) this.#services.connectionsPerKey.release(this.#countedFor);
    this.#countedFor = undefined;
  }
}

function expired(): RunAgentError {
  return new RunAgentError("AUTHENTICATION_ERROR", "The credential of this connection has expired.", {
    suggestion: "Get a new one and resume with it; the next time send it in an auth frame before it expires.",
  });
}
