import { RunAgentError } from "@runagent/core";

/** A stream, where the source is one: what the chunks alone do not tell. */
export interface StreamParts {
  readonly position?: string | undefined;
  readonly invocationId?: string | undefined;
  readonly summary?: { readonly status: string } | undefined;
  detach?(): Promise<unknown>;
}

/** The error for an option, or the source, that is wrong. */
export function invalid(field: string, problem: string): RunAgentError {
  return new RunAgentError("VALIDATION_ERROR", `${field} ${problem}.`, { field });
}

/** @throws RunAgentError VALIDATION_ERROR when the options are not an object. */
export function checkOptions(options: unknown): void {
  if (typeof options !== "object" || options === null) throw invalid("options", "must be an object");
}

/**
 * A number above 0, or the default when it is not given. Infinity is a way to say "no bound".
 * @throws RunAgentError VALIDATION_ERROR that names the option.
 */
export function readNumber(value: unknown, field: string, fallback: number = Number.POSITIVE_INFINITY): number {
  if (value === undefined) return fallback;
  if (typeof value === "number" && value > 0) return value;
  throw invalid(field, `must be a number above 0, not ${String(value)}`);
}

/**
 * As readNumber, without fractions.
 * @throws RunAgentError VALIDATION_ERROR that names the option.
 */
export function readCount(value: unknown, field: string, fallback?: number): number {
  const count = readNumber(value, field, fallback);
  if (Number.isInteger(count) || count === Number.POSITIVE_INFINITY) return count;
  throw invalid(field, `must be a whole number, not ${count}`);
}

/** What becomes of the invocation when the far client goes: "cancel" stops it, "detach" leaves it running on the server. */
export type OnClose = "cancel" | "detach";

/**
 * How a source is left when the far client goes. The detaching itself is nothing that anybody waits for.
 * @throws RunAgentError VALIDATION_ERROR for another value, and for a source that cannot be detached.
 */
export function readOnClose(value: unknown, source: StreamParts, leave: () => Promise<void>): () => Promise<void> {
  if (value === undefined || value === "cancel") return leave;
  if (value !== "detach") throw invalid("onClose", 'must be "cancel" or "detach"');
  if (typeof source.detach !== "function") throw invalid("onClose", 'is "detach", which only a stream of runStream() or resume() can');
  return async () => {
    await source.detach?.();
    await leave();
  };
}
