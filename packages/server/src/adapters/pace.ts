/**
 * Lets clients set the pace of a framework that pushes: its stream takes whatever comes and keeps what nobody has taken yet. What
 * produces waits here until all that was pushed has been taken.
 */

/** What reads the streams of an invocation, one after the other. */
export interface PacedReader<T> {
  /** Gives what a stream holds; who leaves the loop early stops it. */
  read(source: AsyncIterable<T>): AsyncGenerator<T>;
  /** Settles when all that there is has been taken, or when nobody takes any more. */
  drained(): Promise<void>;
  /** Lets go who waits: nobody takes any more. */
  close(): void;
}

/** Makes a reader. */
export function createPacedReader<T>(): PacedReader<T> {
  let reads = 0;
  let isReading = false;
  let isClosed = false;
  let waiting: (() => void)[] = [];

  const wake = (): void => {
    for (const go of waiting) go();
    waiting = [];
  };

  async function* read(source: AsyncIterable<T>): AsyncGenerator<T> {
    const iterator = source[Symbol.asyncIterator]();
    try {
      for (;;) {
        reads++;
        isReading = true;
        wake();
        const step = await iterator.next();
        isReading = false;
        if (step.done) return;
        yield step.value;
      }
    } finally {
      isReading = false;
      await iterator.return?.();
    }
  }

  async function drained(): Promise<void> {
    while (!isClosed) {
      if (isReading) {
        // What was pushed is read in the same turn of the event loop: who still reads after it has found nothing.
        const before = reads;
        await new Promise(setImmediate);
        if (isReading && reads === before) return;
      } else {
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    }
  }

  const close = (): void => {
    isClosed = true;
    wake();
  };
  return { read, drained, close };
}
