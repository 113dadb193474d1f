import { RunAgentError } from "./errors.ts";
import type { ErrorCode } from "./gen/errors.ts";

/** A JSON object as it came from the wire. */
export type JsonObject = Record<string, unknown>;

/** Deepest nesting of arrays and objects that is read. [json.depth.1] */
export const MAX_JSON_DEPTH = 64;

/** Whose fault malformed text is: PROTOCOL_ERROR blames a server, VALIDATION_ERROR a client. */
export type BlameCode = Extract<ErrorCode, "PROTOCOL_ERROR" | "VALIDATION_ERROR">;

const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_ARRAY = 91;
const CLOSE_ARRAY = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

/** True when the text nests deeper than `limit`. Looked at before parsing: JSON.parse takes any depth, and what walks the value later does not. */
export function isDeeperThan(text: string, limit: number): boolean {
  // Each level needs two characters, so a short text cannot be deep: most frames end here.
  if (text.length < 2 * limit) return false;
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) index = endOfString(text, index);
    else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      if (++depth > limit) return true;
    } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) depth--;
  }
  return false;
}

/** The index of the quote that closes the string opened at `start`. */
function endOfString(text: string, start: number): number {
  for (;;) {
    const end = text.indexOf('"', start + 1);
    if (end === -1) return text.length;
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return end;
    start = end;
  }
}

/**
 * Parses JSON text from a peer.
 * @param what What is being read, for the message: "frame", "body".
 * @throws RunAgentError with code `blame` when it is not JSON, PAYLOAD_TOO_LARGE when it nests too deep.
 */
export function parseJson(text: string, what: string, blame: BlameCode): unknown {
  if (isDeeperThan(text, MAX_JSON_DEPTH)) {
    throw new RunAgentError("PAYLOAD_TOO_LARGE", `The ${what} nests deeper than ${MAX_JSON_DEPTH} levels (maxJsonDepth).`);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RunAgentError(blame, `The ${what} is not valid JSON: ${excerpt(text)}.`, { cause });
  }
}

/**
 * Parses JSON text that must be an object.
 * @throws RunAgentError as parseJson, and with code `blame` for any other value.
 */
export function parseJsonObject(text: string, what: string, blame: BlameCode): JsonObject {
  const value = parseJson(text, what, blame);
  if (!isJsonObject(value)) throw new RunAgentError(blame, `The ${what} must be a JSON object, not ${typeName(value)}.`);
  return value;
}

/** True for an object that is neither null nor an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value where it is text. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** The JSON name of a value's type. */
export function typeName(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}

/** The beginning of a text from the wire, safe to show: control characters are escaped. */
export function excerpt(text: string, limit = 80): string {
  const shown = JSON.stringify(text.slice(0, limit));
  return text.length > limit ? `${shown}…` : shown;
}
