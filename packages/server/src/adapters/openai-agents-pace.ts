/**
 * Lets clients set the pace. A streamed run of `@openai/agents` reads its models as fast as they come and keeps what nobody has
 * taken yet in memory; here the run waits at its models until everything before has been taken.
 */
import type { Model, ModelProvider, RunStreamEvent, StreamedRunResult } from "@openai/agents";

// How many events of a model a run may be ahead of its reader: enough that waiting costs nothing.
const EVENTS_AHEAD = 32;

/** What reads the events of runs, one run after the other. */
export interface PacedReader {
  /** Gives the events of a run. Ending early, and closing, stops the run. */
  read(run: RunEvents): AsyncGenerator<RunStreamEvent>;
  /** Settles when all events that there are have been taken, or when nobody takes any more. */
  drained(): Promise<void>;
  /** Lets everybody go who waits. */
  close(): void;
}

/** What is read of a run. */
export interface RunEvents {
  toStream(): ReturnType<StreamedRunResult<unknown, never>["toStream"]>;
}

/** Makes a reader. */
export function createPacedReader(): PacedReader {
  let reads = 0;
  let isReading = false;
  let isClosed = false;
  let wake = (): void => {};

  async function* read(run: RunEvents): AsyncGenerator<RunStreamEvent> {
    const reader = run.toStream().getReader();
    try {
      for (;;) {
        reads++;
        isReading = true;
        wake();
        const step = await reader.read();
        isReading = false;
        if (step.done) return;
        yield step.value;
      }
    } finally {
      isReading = false;
      // After an error or the end there is nothing to stop.
      await reader.cancel().catch(() => {});
    }
  }

  async function drained(): Promise<void> {
    while (!isClosed) {
      if (!isReading) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      // An event that is there is read in the same turn of the event loop: who still reads after it has found none.
      const before = reads;
      await new Promise(setImmediate);
      if (isReading && reads === before) return;
    }
  }

  const close = (): void => {
    isClosed = true;
    wake();
  };
  return { read, drained, close };
}

/** A provider whose models wait for the reader. */
export function paceProvider(provider: ModelProvider, drained: () => Promise<void>): ModelProvider {
  return overriding(provider, {
    getModel: async (name?: string): Promise<Model> => paceModel(await provider.getModel(name), drained),
  });
}

function paceModel(model: Model, drained: () => Promise<void>): Model {
  return overriding(model, {
    async *getStreamedResponse(request: Parameters<Model["getStreamedResponse"]>[0]) {
      let count = 0;
      for await (const event of model.getStreamedResponse(request)) {
        yield event;
        if (++count % EVENTS_AHEAD === 0) await drained();
      }
    },
  });
}

/** The object with other methods. Everything else is its own: private fields, what it is an instance of, what later versions add. */
function overriding<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(_, key) {
      const value: unknown = Reflect.get(Object.hasOwn(methods, key) ? methods : target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
