import type { Seen, Until } from "../suite/verbs.ts";

/** How long a wait of a case may take, in milliseconds. */
const WAIT_MS = 15_000;

/** Waits for something to become true; whoever changes something calls `changed`. */
export class Waiting {
  readonly #checks = new Set<() => void>();

  changed(): void {
    for (const check of this.#checks) check();
  }

  /** @throws Error when it does not become so in time. */
  until(what: string, holds: () => boolean, signal?: AbortSignal): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        clearTimeout(late);
        this.#checks.delete(check);
        signal?.removeEventListener("abort", leave);
        settle();
      };
      const check = (): void => {
        if (holds()) end(resolve);
      };
      const leave = (): void => end(resolve);
      const late = setTimeout(() => end(() => reject(new Error(`${what} did not come within ${WAIT_MS} ms.`))), WAIT_MS);
      this.#checks.add(check);
      signal?.addEventListener("abort", leave, { once: true });
    });
  }
}

/** What happened, by invocation; and the gates at which agents wait. */
export class Book {
  readonly waiting: Waiting = new Waiting();
  readonly #seen = new Map<string, { runs: number; yielded: number; aborted: boolean; ended: boolean }>();
  readonly #gates = new Map<string, number>();

  /** An agent was started. */
  started(id: string): void {
    this.#entry(id).runs++;
    this.waiting.changed();
  }

  yielded(id: string): void {
    this.#entry(id).yielded++;
    this.waiting.changed();
  }

  ended(id: string, aborted: boolean): void {
    const entry = this.#entry(id);
    entry.ended = true;
    entry.aborted ||= aborted;
    this.waiting.changed();
  }

  async seen(id: string, until: Until | undefined): Promise<Seen> {
    if (until !== undefined) await this.waiting.until(`${id}: ${JSON.stringify(until)}`, () => holds(this.#entry(id), until));
    return { ...this.#entry(id) };
  }

  open(gate: string, to: number): void {
    this.#gates.set(gate, to);
    this.waiting.changed();
  }

  /** Resolves when the gate is open up to `place`, or the signal fires. */
  async pass(gate: string, place: number, signal: AbortSignal): Promise<void> {
    await this.waiting.until(`gate ${gate} at ${place}`, () => (this.#gates.get(gate) ?? 0) >= place, signal);
  }

  #entry(id: string): { runs: number; yielded: number; aborted: boolean; ended: boolean } {
    const known = this.#seen.get(id) ?? { runs: 0, yielded: 0, aborted: false, ended: false };
    this.#seen.set(id, known);
    return known;
  }
}

function holds(seen: Seen, until: Until): boolean {
  if ("runs" in until) return seen.runs >= until.runs;
  if ("yielded" in until) return seen.yielded >= until.yielded;
  return "aborted" in until ? seen.aborted : seen.ended;
}
