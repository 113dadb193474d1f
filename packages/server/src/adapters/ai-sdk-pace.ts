/**
 * Lets clients set the pace of a model. Version 6 of the AI SDK takes the whole answer of a model as fast as it comes, whoever
 * reads it; here the model itself waits.
 */
import type { LanguageModel } from "ai";

/** How many parts a model may be ahead of the clients: enough that waiting costs next to nothing. */
const PARTS_AHEAD = 16;

/** The same model, one that waits. A model that is only named is found by the SDK, and stays as it is. */
export function paceModel(model: LanguageModel, drained: () => Promise<void>): LanguageModel {
  if (typeof model === "string") return model;
  return new Proxy(model, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== "function") return value;
      if (key !== "doStream") return value.bind(target);
      return async (options: unknown) => {
        const result: unknown = await value.call(target, options);
        return isStreamed(result) ? { ...result, stream: result.stream.pipeThrough(pacing(drained)) } : result;
      };
    },
  });
}

function pacing(drained: () => Promise<void>): TransformStream<unknown, unknown> {
  let parts = 0;
  return new TransformStream({
    async transform(part, controller) {
      controller.enqueue(part);
      if (++parts % PARTS_AHEAD === 0) await drained();
    },
  });
}

function isStreamed(result: unknown): result is { readonly stream: ReadableStream<unknown> } {
  return typeof result === "object" && result !== null && "stream" in result && result.stream instanceof ReadableStream;
}
