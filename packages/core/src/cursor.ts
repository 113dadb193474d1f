import { RunAgentError } from "./errors.ts";
import { isId } from "./ids.ts";

/** A place in the log of one invocation: after the record `seq` of incarnation `epoch`. */
export interface Cursor {
  readonly invocationId: string;
  readonly epoch: string;
  /** 0 for the place before the first record. */
  readonly seq: number;
}

const TEXT = /^ra2:([A-Za-z0-9_-]{1,64}):(0|[1-9][0-9]{0,15}):(.+)$/;

/** The opaque string of a cursor, the same in every transport and language. [cursor.encode.1] */
export function encodeCursor(cursor: Cursor): string {
  const text = `ra2:${cursor.epoch}:${cursor.seq}:${cursor.invocationId}`;
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/**
 * Reads a cursor that encodeCursor made, in this language or another.
 * @throws RunAgentError VALIDATION_ERROR for anything else. [cursor.decode.1]
 */
export function decodeCursor(position: string): Cursor {
  const cursor = tryDecode(position);
  if (cursor !== undefined && encodeCursor(cursor) === position) return cursor;
  throw new RunAgentError("VALIDATION_ERROR", "The position is not one that a stream gave out.", {
    field: "position",
    suggestion: "Pass stream.position, or the cursor of an error, unchanged.",
  });
}

function tryDecode(position: string): Cursor | undefined {
  let text: string;
  try {
    text = atob(position.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return undefined; // Not base64: the caller says so.
  }
  const [, epoch, digits, invocationId] = TEXT.exec(text) ?? [];
  const seq = Number(digits);
  if (epoch === undefined || !isId(invocationId) || !Number.isSafeInteger(seq)) return undefined;
  return { epoch, seq, invocationId };
}
