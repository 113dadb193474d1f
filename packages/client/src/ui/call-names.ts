/** What may be told of calls that the names must not collide with. */
export interface KnownCalls {
  /** The names that were given before, to calls of the same invocation. */
  readonly given: Iterable<string>;
  /** The call of this name has its output. */
  readonly isOver: (name: string) => boolean;
  /** The name of the first call of an id. Default: the id. */
  readonly nameFirst?: (callId: string) => string;
}

const COUNTED = /^(.*)~(\d+)$/s;

/**
 * Names calls by their ids, so that none is taken for another: there are models that count their calls anew in each answer. A call that is
 * told when the one before it of the same id is over is another one, `id~2`. The names follow from the log alone.
 */
export class CallNames {
  readonly #counts = new Map<string, number>();
  readonly #isOver: (name: string) => boolean;
  readonly #nameFirst: (callId: string) => string;

  constructor({ given, isOver, nameFirst = (callId) => callId }: KnownCalls) {
    this.#isOver = isOver;
    this.#nameFirst = nameFirst;
    for (const name of given) {
      const [, first = name, count = "1"] = COUNTED.exec(name) ?? [];
      this.#counts.set(first, Math.max(Number(count), this.#counts.get(first) ?? 1));
    }
  }

  /** The name of the call that an id means now. */
  of(callId: string): string {
    const first = this.#nameFirst(callId);
    const count = this.#counts.get(first) ?? 1;
    return count === 1 ? first : `${first}~${count}`;
  }

  /** The name of a call that is told. */
  called(callId: string): string {
    if (this.#isOver(this.of(callId))) {
      const first = this.#nameFirst(callId);
      this.#counts.set(first, (this.#counts.get(first) ?? 1) + 1);
    }
    return this.of(callId);
  }
}
