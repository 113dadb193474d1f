import { encodeChunk, encodeError } from "./encode.ts";
import { checkOptions, invalid, type OnClose, readNumber, readOnClose, type StreamParts } from "./options.ts";
import { Reader } from "./reader.ts";

/** How a stream is told to a far client. */
export interface SSEOptions<T> {
  /** Milliseconds of silence after which a comment is sent, so that nobody on the way takes the line for dead. Default 15000. */
  readonly heartbeatMs?: number | undefined;
  /** What becomes of the invocation when the far client goes. Default "cancel"; "detach" where it may come back. */
  readonly onClose?: OnClose | undefined;
  /** The id of the event of a chunk. Default: the stream's position, which `client.resume()` takes; no id where the source has none. */
  readonly id?: ((chunk: T) => string | undefined) | undefined;
  /** Headers beside, or in place of, those of an event stream. */
  readonly headers?: ConstructorParameters<typeof Headers>[0];
}

const DEFAULT_HEARTBEAT_MS = 15_000;
const HEADERS: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream",
  // no-transform: whoever compresses on the way would hold events back.
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
};

/**
 * The stream as server-sent events: one for each chunk, its data as JSON and its id the position after it, then `event: end` with the
 * status, or `event: error` with the error. It is read as fast as the body is; a body that is cancelled is a far client that has gone.
 * @throws RunAgentError VALIDATION_ERROR for a wrong option.
 */
export function toSSE<T>(stream: AsyncIterable<T> & StreamParts, options: SSEOptions<T> = {}): Response {
  checkOptions(options);
  const { id, onClose } = options;
  const heartbeatMs = readNumber(options.heartbeatMs, "heartbeatMs", DEFAULT_HEARTBEAT_MS);
  if (id !== undefined && typeof id !== "function") throw invalid("id", "must be a function");
  const reader = new Reader(stream);
  const close = readOnClose(onClose, stream, () => reader.leave());
  const encoder = new TextEncoder();
  let begun = false;

  /** The next event; `last` when nothing comes after it. */
  async function read(): Promise<{ readonly text: string; readonly last?: boolean }> {
    try {
      const result = await reader.next(heartbeatMs);
      if (result === undefined) return { text: ": heartbeat\n\n" };
      if (result.done) return { text: event(stream.position, `{"status":"${stream.summary?.status ?? "completed"}"}`, "end"), last: true };
      return { text: event(id === undefined ? stream.position : id(result.value), encodeChunk(result.value)) };
    } catch (error) {
      await reader.leave().catch(() => {});
      return { text: event(undefined, encodeError(error), "error"), last: true };
    }
  }

  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        // The first comes at once: servers and browsers hold the headers back until something does.
        const { text, last = false } = begun ? await read() : { text: ": open\n\n" };
        begun = true;
        controller.enqueue(encoder.encode(text));
        if (last) controller.close();
      },
      cancel: close,
    },
    { highWaterMark: 0 },
  );
  const headers = new Headers(HEADERS);
  for (const [name, value] of new Headers(options.headers)) headers.set(name, value);
  return new Response(body, { headers });
}

/** @param data JSON, which has no line breaks. */
function event(id: string | undefined, data: string, type?: string): string {
  if (id !== undefined && /[\r\n\0]/.test(id)) throw invalid("id", "must give a text without line breaks");
  return `${type === undefined ? "" : `event: ${type}\n`}${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`;
}
