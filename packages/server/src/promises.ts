/** There is nothing to wait for. */
export const SETTLED: Promise<void> = Promise.resolve();

/** What the agent does not await must not become an unhandled rejection: the end of the invocation says the same. */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
