/**
 * What a client wants of a log. What it does not want is not sent; approvals and the end always are, because a client
 * that does not know of them waits for ever. [filter.only.1]
 */
import { RunAgentError } from "@runagent/core";
import type { LogRecord } from "./log.ts";

/** Types of events, and "data" for chunks. */
export type Filter = ReadonlySet<string>;

const MAX_TYPES = 64;
const MAX_TYPE_LENGTH = 128;
const ALWAYS: ReadonlySet<string> = new Set(["approval_required", "approval_decided"]);

/**
 * Reads `only` of a frame; undefined: everything.
 * @throws RunAgentError VALIDATION_ERROR for what is no list of types.
 */
export function readFilter(only: readonly unknown[] | undefined): Filter | undefined {
  if (only === undefined) return undefined;
  const types = only.filter((type): type is string => typeof type === "string" && type.length <= MAX_TYPE_LENGTH);
  if (types.length === only.length && types.length <= MAX_TYPES) return new Set(types);
  const message = `only must be a list of at most ${MAX_TYPES} types of events, each of at most ${MAX_TYPE_LENGTH} characters.`;
  throw new RunAgentError("VALIDATION_ERROR", message, { field: "only" });
}

/** True when the record is to be sent. */
export function wants(filter: Filter, { kind, eventType }: LogRecord): boolean {
  if (kind === "data") return filter.has("data");
  return kind === "terminal" || eventType === undefined || ALWAYS.has(eventType) || filter.has(eventType);
}
