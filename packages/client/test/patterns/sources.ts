/** The seed of the tests of patterns. */
export const seed: number = Number(process.env.TEST_SEED ?? 20_265);

/** A source that a test feeds, and that says what was done to it. */
export interface Source<T> extends AsyncIterable<T> {
  push(...items: T[]): void;
  end(): void;
  fail(error: unknown): void;
  /** How often it was asked for an item. */
  readonly asked: number;
  /** How often it was left. */
  readonly left: number;
  /** Resolves when it is left. */
  readonly wasLeft: Promise<void>;
}

/** Answers as a stream of the client does: also a read that waits, when it is left. */
export function createSource<T>(...items: T[]): Source<T> {
  let given = 0;
  const waiting: { resolve(result: IteratorResult<T>): void; reject(error: unknown): void }[] = [];
  const done: IteratorResult<T> = { done: true, value: undefined };
  const counts = { asked: 0, left: 0 };
  let end: { readonly error?: unknown } | undefined;
  let onLeft = (): void => {};
  const wasLeft = new Promise<void>((resolve) => {
    onLeft = resolve;
  });
  const finish = (how: { readonly error?: unknown }): void => {
    end ??= how;
    for (const reader of waiting.splice(0)) "error" in end ? reader.reject(end.error) : reader.resolve(done);
  };
  const next = (): Promise<IteratorResult<T>> => {
    counts.asked++;
    if (given < items.length) return Promise.resolve({ done: false, value: items[given++] as T });
    if (end !== undefined) return "error" in end ? Promise.reject(end.error) : Promise.resolve(done);
    return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  };
  return {
    push(...more) {
      for (const value of more) {
        const reader = waiting.shift();
        if (reader === undefined) items.push(value);
        else reader.resolve({ done: false, value });
      }
    },
    end: () => finish({}),
    fail: (error) => finish({ error }),
    get asked() {
      return counts.asked;
    },
    get left() {
      return counts.left;
    },
    wasLeft,
    [Symbol.asyncIterator]: () => ({
      next,
      return: () => {
        counts.left++;
        given = items.length;
        finish({});
        onLeft();
        return Promise.resolve(done);
      },
    }),
  };
}

/** A source that has ended behind these items. */
export function sourceOf<T>(items: readonly T[], ...error: unknown[]): Source<T> {
  const source = createSource<T>();
  for (const item of items) source.push(item);
  if (error.length > 0) source.fail(error[0]);
  else source.end();
  return source;
}

/** What an iterable gave, and what it threw. */
export async function read<T>(iterable: AsyncIterable<T>): Promise<{ items: T[]; error?: unknown }> {
  const items: T[] = [];
  try {
    for await (const item of iterable) items.push(item);
    return { items };
  } catch (error) {
    return { items, error };
  }
}

/** Resolves in the next turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Resolves once it is so; the test's own deadline bounds it. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await nextTurn();
}

/** Resolves after a time that the thing under test is meant to see. */
export function elapse(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
