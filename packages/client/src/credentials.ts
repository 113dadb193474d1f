import { RunAgentError } from "@runagent/core";
import { withoutKey } from "./redact.ts";
import { Timers } from "./timers.ts";

/** A credential; with `expiresAt`, in epoch milliseconds, it is renewed before it expires. */
export type Token = string | { readonly token: string; readonly expiresAt?: number | undefined };

/** Gives a credential: when one is needed, when the last was refused, and before the last expires. */
export type GetToken = () => Token | Promise<Token>;

/** What a client's calls authenticate with. */
export interface Credentials {
  /** The credential to use now; undefined when there is none. @throws RunAgentError when getToken fails. */
  get(): string | undefined | Promise<string | undefined>;
  /** A server refused `token`. @returns True when `get` may give another. */
  refused(token: string | undefined): boolean;
  /** Calls back with each renewed credential, for a connection that lasts longer than the one before. @returns What ends that. */
  onRenewed(callback: (token: string) => void): () => void;
  /** The error without any credential in it. [sec.key.2] */
  hide(error: RunAgentError): RunAgentError;
}

/** The longest time before its expiry at which a credential is renewed; a short-lived one is renewed when a quarter of its life is left. */
const MAX_MARGIN_MS = 30_000;
const PART_OF_LIFE = 4;
/** Who needs a credential then asks anew, in milliseconds. */
const MAX_ASK_MS = 5_000;

/** A line break in a header would be refused by every runtime, in words that name the key. */
export function isToken(text: unknown): text is string {
  return typeof text === "string" && /^[\x21-\x7e]+$/.test(text);
}

/** Credentials that stay the same, or that getToken renews. */
export function createCredentials(apiKey: string | undefined, getToken: GetToken | undefined): Credentials {
  return getToken === undefined ? fixed(apiKey) : new RenewedCredentials(getToken);
}

function fixed(apiKey: string | undefined): Credentials {
  return {
    get: () => apiKey,
    refused: () => false,
    onRenewed: () => () => {},
    hide: (error) => withoutKey(error, apiKey),
  };
}

class RenewedCredentials implements Credentials {
  readonly #getToken: GetToken;
  readonly #listeners = new Set<(token: string) => void>();
  readonly #timers = new Timers();
  #token: string | undefined;
  /** The one before, which a server may still repeat in an error. */
  #before: string | undefined;
  /** Epoch milliseconds from which on the token is renewed. */
  #renewAtMs = 0;
  #asking: Promise<string> | undefined;
  #askedMs = 0;

  constructor(getToken: GetToken) {
    this.#getToken = getToken;
  }

  get(): string | Promise<string> {
    return this.#token !== undefined && Date.now() < this.#renewAtMs ? this.#token : this.#ask();
  }

  refused(token: string | undefined): boolean {
    if (token === this.#token) this.#renewAtMs = 0;
    return true;
  }

  onRenewed(callback: (token: string) => void): () => void {
    this.#listeners.add(callback);
    this.#schedule();
    return () => {
      this.#listeners.delete(callback);
      if (this.#listeners.size === 0) this.#timers.stopAll();
    };
  }

  hide(error: RunAgentError): RunAgentError {
    return withoutKey(withoutKey(error, this.#token), this.#before);
  }

  /** Calls that need a credential at the same time share one; a question that hangs is asked again. */
  #ask(): Promise<string> {
    if (this.#asking !== undefined && Date.now() - this.#askedMs < MAX_ASK_MS) return this.#asking;
    this.#askedMs = Date.now();
    const asking: Promise<string> = this.#renew(() => this.#asking === asking).finally(() => {
      if (this.#asking === asking) this.#asking = undefined;
    });
    this.#asking = asking;
    return asking;
  }

  async #renew(isLatest: () => boolean): Promise<string> {
    let given: Token;
    try {
      given = await this.#getToken();
    } catch (cause) {
      if (RunAgentError.is(cause)) throw cause;
      // Usually the page's own server could not be reached: as a connection that was not made.
      throw new RunAgentError("CONNECTION_ERROR", "getToken failed; its error is the cause.", { cause, details: { unreachable: true } });
    }
    const { token, expiresAt = Number.POSITIVE_INFINITY } = typeof given === "object" && given !== null ? given : { token: given };
    if (!isToken(token) || !(expiresAt > 0)) {
      const message = "getToken must give a credential of printable ASCII without spaces, or {token, expiresAt}.";
      throw new RunAgentError("VALIDATION_ERROR", message, { field: "getToken" });
    }
    if (!isLatest()) return token;
    const lifeMs = Math.max(expiresAt - Date.now(), 0);
    this.#renewAtMs = expiresAt - Math.min(MAX_MARGIN_MS, lifeMs / PART_OF_LIFE);
    if (token !== this.#token) {
      this.#before = this.#token;
      this.#token = token;
      for (const callback of this.#listeners) callback(token);
    }
    this.#schedule();
    return token;
  }

  /** While a connection needs it, the credential is renewed in time. */
  #schedule(): void {
    this.#timers.stopAll();
    const waitMs = this.#renewAtMs - Date.now();
    // One that has expired when it is given is the server's to refuse.
    if (this.#listeners.size === 0 || waitMs <= 0 || waitMs === Number.POSITIVE_INFINITY) return;
    this.#timers.start(waitMs, () => {
      // Fails without a word: the server will say when it wants another.
      if (Date.now() >= this.#renewAtMs) this.#ask().catch(() => {});
      else this.#schedule();
    });
  }
}
