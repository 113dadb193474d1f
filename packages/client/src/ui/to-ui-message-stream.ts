import { checkSource, type EventStream, invalid, sentenceOf, type TranslationOptions } from "./source.ts";
import { Translation } from "./translation.ts";
import type { UIMessageChunk, UIMessageLike } from "./ui-message-chunk.ts";
import { UIMessageWriter } from "./ui-message-writer.ts";

/** How a stream becomes a message of the AI SDK. */
export interface UIMessageStreamOptions extends TranslationOptions {
  /** The message that the stream goes on with, when it was resumed after people were asked: what is in it is not made again. */
  readonly message?: UIMessageLike | undefined;
}

/**
 * A stream as the chunks of one message of the AI SDK, for `useChat` and for `createUIMessageStreamResponse`. It is read as fast as the
 * result is, and never fails: an error is its last chunk.
 * @throws RunAgentError VALIDATION_ERROR for a wrong option; STREAM_CONSUMED when the stream is read by another.
 * @example
 * import { RunAgentClient } from "runagent";
 * import { toUIMessageStream } from "runagent/ai-sdk";
 * const client = new RunAgentClient({ agentId: "storyteller", entrypointTag: "story_stream", port: 8450 });
 * for await (const chunk of toUIMessageStream(client.runStream({ topic: "robots" }))) console.log(chunk.type);
 */
export function toUIMessageStream(stream: EventStream, options: UIMessageStreamOptions = {}): ReadableStream<UIMessageChunk> {
  const translation = translate(stream, options);
  return toReadable(translation, () => translation.leave(options.onClose ?? "cancel"));
}

/** @throws RunAgentError as toUIMessageStream. */
export function translate(stream: EventStream, options: UIMessageStreamOptions): Translation<UIMessageChunk> {
  checkSource(stream, options);
  const { message, onError } = options;
  if (message !== undefined && !Array.isArray(message.parts)) throw invalid("message", "must be a message of the AI SDK");
  const writer = new UIMessageWriter({
    invocationId: () => stream.invocationId,
    message,
    sentenceOf: (error) => sentenceOf(error, onError),
  });
  return new Translation(stream, options, writer);
}

/** @param cancel When the reader lets go of it. */
export function toReadable(
  translation: Pick<Translation<UIMessageChunk>, "next">,
  cancel: () => Promise<void>,
): ReadableStream<UIMessageChunk> {
  return new ReadableStream<UIMessageChunk>(
    {
      async pull(controller) {
        const chunk = await translation.next();
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      },
      cancel,
    },
    // Nothing is read ahead.
    { highWaterMark: 0 },
  );
}
