/**
 * A streamed run of `@openai/agents` reads its models as fast as they come. Here it waits at them until its reader has taken everything.
 */
import type { Model, ModelProvider } from "@openai/agents";

// How many events of a model a run may be ahead of its reader: enough that waiting costs next to nothing.
const EVENTS_AHEAD = 32;

/** A provider whose models wait. */
export function paceProvider(provider: ModelProvider, drained: () => Promise<void>): ModelProvider {
  const getModel = async (name?: string): Promise<Model> => paceModel(await provider.getModel(name), drained);
  return overriding(provider, { getModel });
}

function paceModel(model: Model, drained: () => Promise<void>): Model {
  const getStreamedResponse: Model["getStreamedResponse"] = async function* (request) {
    let count = 0;
    for await (const event of model.getStreamedResponse(request)) {
      yield event;
      if (++count % EVENTS_AHEAD === 0) await drained();
    }
  };
  return overriding(model, { getStreamedResponse });
}

/** The object with other methods. All else is its own: its private fields, what it is an instance of, what later versions add. */
function overriding<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(_, key) {
      const value: unknown = Reflect.get(Object.hasOwn(methods, key) ? methods : target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
