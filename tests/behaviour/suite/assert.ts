// A few assertions, for runtimes that share none.

/** Fails with a message. */
export function fail(message: string): never {
  throw new Error(message);
}

export function ok(value: unknown, message: string): asserts value {
  if (!value) fail(message);
}

/** Compares as JSON does: what cannot travel is not compared. */
export function equal(actual: unknown, expected: unknown, what = "value"): void {
  const [found, wanted] = [toText(actual), toText(expected)];
  if (found !== wanted) fail(`${what}: expected ${shorten(wanted)}, got ${shorten(found)}`);
}

export function atMost(actual: number, limit: number, what: string): void {
  // Written so that NaN fails.
  if (!(actual <= limit)) fail(`${what}: expected at most ${limit}, got ${actual}`);
}

export function atLeast(actual: number, limit: number, what: string): void {
  if (!(actual >= limit)) fail(`${what}: expected at least ${limit}, got ${actual}`);
}

export function matches(text: string | undefined, pattern: RegExp, what: string): void {
  if (text === undefined || !pattern.test(text)) fail(`${what}: expected ${pattern}, got ${JSON.stringify(text)}`);
}

/** What the promise rejects with. */
export async function thrown(promise: PromiseLike<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  return fail(`expected a failure, got ${shorten(toText(value))}`);
}

/** The numbers from 1 to `count`. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

function toText(value: unknown): string {
  return JSON.stringify(value, sortKeys) ?? "undefined";
}

function sortKeys(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function shorten(text: string): string {
  return text.length <= 300 ? text : `${text.slice(0, 300)}… (${text.length} characters)`;
}
