/**
 * A streamed run of `@openai/agents` reads its models as fast as they come. Here it waits at them until its reader has taken everything.
 */
import type { Model, ModelProvider, ModelRequest } from "@openai/agents";

// How many events of a model a run may be ahead of its reader: enough that waiting costs next to nothing.
const EVENTS_AHEAD = 32;

/** What is told of the models' work. */
export interface Pacing {
  /** Settles when the reader has taken everything. */
  drained(): Promise<void>;
  /** A model is asked, of the run or of an agent that is a tool in it. */
  asked(request: ModelRequest): void;
}

/** A provider whose models wait. */
export function paceProvider(provider: ModelProvider, pacing: Pacing): ModelProvider {
  const getModel = async (name?: string): Promise<Model> => paceModel(await provider.getModel(name), pacing);
  return overriding(provider, { getModel });
}

function paceModel(model: Model, { drained, asked }: Pacing): Model {
  const getResponse: Model["getResponse"] = async (request) => {
    asked(request);
    return model.getResponse(request);
  };
  const getStreamedResponse: Model["getStreamedResponse"] = async function* (request) {
    asked(request);
    let count = 0;
    for await (const event of model.getStreamedResponse(request)) {
      yield event;
      if (++count % EVENTS_AHEAD === 0) await drained();
    }
  };
  return overriding(model, { getResponse, getStreamedResponse });
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
