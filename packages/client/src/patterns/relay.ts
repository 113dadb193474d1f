import { RunAgentError } from "@runagent/core";
import { encodeChunk } from "./encode.ts";
import { Line, type RelaySocket } from "./line.ts";
import { checkOptions, invalid, type OnClose, readCount, readOnClose, type StreamParts } from "./options.ts";
import { Reader } from "./reader.ts";

/** How a stream is passed on over a WebSocket. */
export interface RelayOptions<T> {
  /** What is sent for a chunk, given the position after it. Default: the chunk as JSON text. */
  readonly encode?: ((chunk: T, position: string | undefined) => string | Uint8Array<ArrayBuffer>) | undefined;
  /** No more is sent while more than so many bytes wait in the socket. Default 1 MiB. */
  readonly highWaterMark?: number | undefined;
  /** Sending goes on once no more than so many bytes wait. Default: a quarter of highWaterMark. */
  readonly lowWaterMark?: number | undefined;
  /** What becomes of the invocation when the far client goes. Default "cancel". */
  readonly onClose?: OnClose | undefined;
}

/** How a relay ended: the stream did, the far client went, or something failed. */
export interface RelayEnd {
  readonly end: "completed" | "left" | "failed";
  /** Chunks that were sent. */
  readonly chunks: number;
  /** Why it failed. */
  readonly error?: unknown;
}

const NORMAL_CLOSE = 1000;
const FAILED_CLOSE = 4500;
const DEFAULT_HIGH_WATER_MARK = 1_048_576;

/**
 * Sends the chunks of a stream over a WebSocket, no faster than the far client takes them, and closes it: 1000 at the end, with the status
 * as the reason, and 4500 at an error, with the error's code. A far client that goes leaves the stream.
 * @returns How it ended. It does not reject, so that nobody must wait for it.
 * @throws RunAgentError VALIDATION_ERROR for a wrong option, at once.
 */
export function relay<T>(stream: AsyncIterable<T> & StreamParts, webSocket: RelaySocket, options: RelayOptions<T> = {}): Promise<RelayEnd> {
  checkOptions(options);
  const { encode = encodeChunk, onClose } = options;
  if (typeof encode !== "function") throw invalid("encode", "must be a function");
  const high = readCount(options.highWaterMark, "highWaterMark", DEFAULT_HIGH_WATER_MARK);
  const low = readCount(options.lowWaterMark, "lowWaterMark", Math.ceil(high / 4));
  if (low > high) throw invalid("lowWaterMark", "must not be above highWaterMark");
  const reader = new Reader(stream);
  const leave = readOnClose(onClose, stream, () => reader.leave());
  // Nobody is left who could be told that leaving failed.
  const line = new Line(webSocket, high, low, () => void leave().catch(() => {}));
  return pump(reader, line, (chunk) => encode(chunk, stream.position)).then((outcome) => {
    if (outcome.end === "failed") line.close(FAILED_CLOSE, RunAgentError.is(outcome.error) ? outcome.error.code : "SERVER_ERROR");
    else line.close(NORMAL_CLOSE, stream.summary?.status ?? "completed");
    return outcome;
  });
}

async function pump<T>(reader: Reader<T>, line: Line, encode: (chunk: T) => string | Uint8Array<ArrayBuffer>): Promise<RelayEnd> {
  let chunks = 0;
  try {
    while (await line.ready()) {
      const result = await reader.next();
      if (line.gone) break;
      if (result === undefined || result.done) return { end: "completed", chunks };
      line.send(encode(result.value));
      chunks++;
    }
    return { end: "left", chunks };
  } catch (error) {
    await reader.leave().catch(() => {});
    return line.gone ? { end: "left", chunks } : { end: "failed", chunks, error };
  }
}
