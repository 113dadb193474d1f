import { encodeChunk, encodeError } from "./encode.ts";
import { checkOptions, invalid } from "./options.ts";
import { Reader } from "./reader.ts";

/** What becomes of an error. */
export interface JSONLinesOptions {
  /** "line" (default): a last line `{"error":{"code","message",…}}`, and the body ends. "throw": the body fails, and has no such line. */
  readonly onError?: "line" | "throw" | undefined;
}

/**
 * The chunks as newline-delimited JSON, one a line: the body of a `Response` with the type `application/x-ndjson`. It is read as fast as
 * the body is; a body that is cancelled leaves the source.
 * @throws RunAgentError VALIDATION_ERROR for a wrong option.
 */
export function toJSONLines(source: AsyncIterable<unknown>, options: JSONLinesOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
  checkOptions(options);
  const { onError = "line" } = options;
  if (onError !== "line" && onError !== "throw") throw invalid("onError", 'must be "line" or "throw"');
  const reader = new Reader(source);
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        try {
          const result = await reader.next();
          if (result === undefined || result.done) controller.close();
          else controller.enqueue(encoder.encode(`${encodeChunk(result.value)}\n`));
        } catch (error) {
          // A chunk that is not JSON is an end too: the source has more.
          await reader.leave().catch(() => {});
          if (onError === "throw") throw error;
          controller.enqueue(encoder.encode(`{"error":${encodeError(error)}}\n`));
          controller.close();
        }
      },
      cancel: () => reader.leave(),
    },
    { highWaterMark: 0 },
  );
}
