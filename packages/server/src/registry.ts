/**
 * Every invocation of a server: starts each id once, finds them for those who may see them, and forgets the ended ones
 * after their retention, so that memory is bounded.
 */
import { RunAgentError, validateWith } from "@runagent/core";
import { summariseInvocation } from "./describe.ts";
import { rateLimited } from "./envelope.ts";
import { Invocation, type InvocationHost } from "./invocation.ts";
import type { LogStore } from "./log.ts";
import type { Principal } from "./options.ts";
import { Quota } from "./quota.ts";
import { contentHash, type InvocationRequest } from "./request.ts";

/** An id that was started. */
interface Entry {
  readonly contentHash: string;
  /** Settles once the input is valid and the log exists; a refused start leaves no entry. */
  readonly opening: Promise<Invocation>;
  invocation: Invocation | undefined;
}

/** An invocation that has ended. */
interface Retained {
  readonly invocation: Invocation;
  /** When it goes, in epoch milliseconds. */
  readonly expiresAt: number;
}

/** The invocations of one server. */
export class InvocationRegistry {
  readonly #entries: Map<string, Entry> = new Map();
  /** Ended invocations, oldest first: those that a client saw to their end go before those whose client may still come for it. */
  readonly #seen: Map<string, Retained> = new Map();
  readonly #unseen: Map<string, Retained> = new Map();
  readonly #store: LogStore;
  readonly #host: InvocationHost;
  readonly #running: Quota;
  #sweep: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(store: LogStore, host: InvocationHost) {
    this.#store = store;
    this.#host = host;
    host.budget.evict = () => this.#forgetOld();
    this.#running = new Quota(host.limits.maxInvocationsPerKey, "invocations are running, which is the limit (maxInvocationsPerKey).");
  }

  /**
   * Starts an invocation, or finds the one that was started with the same id and content. [start.idempotent.1]
   * @throws RunAgentError INVOCATION_CONFLICT, RATE_LIMITED, or VALIDATION_ERROR when the input does not fit its schema.
   */
  async start(request: InvocationRequest): Promise<Invocation> {
    const { invocationId } = request;
    const hash = contentHash(request);
    const known = this.#entries.get(invocationId);
    if (known !== undefined) {
      if (known.contentHash === hash) return known.opening;
      throw new RunAgentError("INVOCATION_CONFLICT", `The invocation ${invocationId} was started before with other content.`);
    }
    this.#checkRoom();
    this.#running.take(request.principal.id);
    const entry: Entry = { contentHash: hash, opening: this.#open(request), invocation: undefined };
    this.#entries.set(invocationId, entry);
    try {
      entry.invocation = await entry.opening;
      return entry.invocation;
    } catch (error) {
      this.#entries.delete(invocationId);
      this.#running.release(request.principal.id);
      throw error;
    }
  }

  /** The invocation of this id, whoever started it. */
  find(invocationId: string): Invocation | undefined {
    return this.#entries.get(invocationId)?.invocation;
  }

  /**
   * The invocation of this id.
   * @throws RunAgentError INVOCATION_NOT_FOUND when there is none, or it belongs to somebody else.
   */
  get(invocationId: string, principal: Principal): Invocation {
    const invocation = this.find(invocationId);
    if (invocation !== undefined && invocation.request.principal.id === principal.id) return invocation;
    throw new RunAgentError("INVOCATION_NOT_FOUND", `There is no invocation ${invocationId} here.`);
  }

  /** The invocations of an agent that this principal started, newest first. */
  list(agentId: string, principal: Principal): Invocation[] {
    const found: Invocation[] = [];
    for (const { invocation } of this.#entries.values()) {
      if (invocation?.request.agent.id === agentId && invocation.request.principal.id === principal.id) found.push(invocation);
    }
    return found.reverse();
  }

  /** Ends what runs, and starts nothing more. [stop.server.1] */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#sweep);
    for (const { invocation } of this.#entries.values()) invocation?.shutDown();
  }

  async #open(request: InvocationRequest): Promise<Invocation> {
    const schema = request.entrypoint.input;
    const input = schema === undefined ? request.kwargs : await validateWith(schema, request.kwargs, "input", "VALIDATION_ERROR");
    const invocation = new Invocation(request, await this.#store.create(request.invocationId), this.#host);
    invocation.ended.then(
      () => {
        this.#retain(invocation);
        this.#host.onInvocation?.(summariseInvocation(invocation));
      },
      () => {}, // It never rejects.
    );
    this.#host.onInvocation?.(summariseInvocation(invocation));
    invocation.onApprovals = () => this.#host.onInvocation?.(summariseInvocation(invocation));
    if (this.#closed) invocation.shutDown();
    // In the next turn: a cancel that came right behind the start is heard before the agent runs.
    setImmediate(() => invocation.begin(input, request.args));
    return invocation;
  }

  #checkRoom(): void {
    if (this.#closed) throw new RunAgentError("SERVER_ERROR", "The server is shutting down.");
    const { maxInvocations, maxTotalLogBytes } = this.#host.limits;
    if (this.#host.budget.exceeded) throw rateLimited(`The logs hold ${maxTotalLogBytes} bytes, which is the limit (maxTotalLogBytes).`);
    if (this.#entries.size - this.#endedCount < maxInvocations) return;
    throw rateLimited(`${maxInvocations} invocations are running, which is the limit (maxInvocations).`);
  }

  #retain(invocation: Invocation): void {
    this.#running.release(invocation.request.principal.id);
    const expiresAt = Date.now() + this.#host.limits.retentionSeconds * 1000;
    const retained = invocation.seen ? this.#seen : this.#unseen;
    retained.set(invocation.request.invocationId, { invocation, expiresAt });
    this.#forgetOld();
  }

  get #endedCount(): number {
    return this.#seen.size + this.#unseen.size;
  }

  /** Forgets what is too old or too much; what a client still reads stays, and is looked at again later. */
  #forgetOld(): void {
    const { maxRetainedInvocations } = this.#host.limits;
    const now = Date.now();
    for (const retained of [this.#seen, this.#unseen]) {
      for (const [id, { invocation, expiresAt }] of retained) {
        // Half of the places for each kind, so that neither takes them all.
        const tooMany = retained.size > maxRetainedInvocations / 2 && this.#endedCount > maxRetainedInvocations;
        if (expiresAt > now && !tooMany && !this.#host.budget.exceeded) break;
        if (invocation.readerCount === 0) this.#forget(id, invocation);
      }
    }
    this.#scheduleSweep(now);
  }

  #forget(id: string, invocation: Invocation): void {
    this.#seen.delete(id);
    this.#unseen.delete(id);
    this.#entries.delete(id);
    this.#host.budget.change(-invocation.bytes - invocation.resultBytes);
    Promise.resolve(invocation.log.drop()).catch((error: unknown) => {
      this.#host.onError(error, { where: "log", invocationId: id });
    });
  }

  #scheduleSweep(now: number): void {
    const oldest = [...first(this.#seen), ...first(this.#unseen)].sort((a, b) => a.expiresAt - b.expiresAt)[0];
    if (oldest === undefined || this.#sweep !== undefined || this.#closed) return;
    // At least a second: an expired log that is still read must not make the timer spin.
    const wait = Math.min(Math.max(oldest.expiresAt - now, 1000), 2_147_483_647);
    this.#sweep = setTimeout(() => {
      this.#sweep = undefined;
      this.#forgetOld();
    }, wait);
    this.#sweep.unref();
  }
}

/** The first value of a map, or none. */
function first<T>(map: ReadonlyMap<string, T>): T[] {
  for (const value of map.values()) return [value];
  return [];
}
