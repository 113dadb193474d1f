import { RunAgentError } from "@runagent/core";

/**
 * What is translated: a stream of `runStream()` or `resume()`. A shape and no class, so that the stream of every entry of the package
 * fits, and one of your own.
 */
export interface EventStream {
  readonly invocationId: string;
  readonly position?: string | undefined;
  readonly summary?: { readonly status: string } | undefined;
  events(options: { readonly only: readonly string[] }): AsyncIterableIterator<StreamedRecord>;
  detach(): Promise<unknown>;
}

/** A record of it: a chunk or an event, with its place in the log. */
export interface StreamedRecord {
  readonly type: string;
  readonly seq: number;
}

/** What becomes of the invocation when nobody reads on: "cancel" stops it, "detach" leaves it running on the server. */
export type OnClose = "cancel" | "detach";

/** What every translation can be told. */
export interface TranslationOptions {
  /** Types of events of your agent's own that are wanted, too. No others are sent, nor raw model events. */
  readonly events?: readonly string[] | undefined;
  /** What becomes of the invocation when nobody reads on. Default "cancel". */
  readonly onClose?: OnClose | undefined;
  /** The sentence that is shown for an error. Default: that of a RunAgentError; of another error nothing is told, for it may say anything. */
  readonly onError?: ((error: unknown) => string) | undefined;
}

/** The events that have a form of their own in every user interface. */
const ITEMS: readonly string[] = ["data", "run_item_event", "approval_required", "approval_decided", "agent_updated", "turn_completed"];

/** @throws RunAgentError VALIDATION_ERROR that names the option, or the stream. */
export function checkSource(stream: unknown, options: unknown): void {
  const given: Partial<EventStream> | null | undefined = isObject(stream) ? stream : undefined;
  if (typeof given?.events !== "function") throw invalid("stream", "must be a stream of runStream() or resume()");
  checkOptions(options);
}

/** @throws RunAgentError VALIDATION_ERROR that names the option. */
export function checkOptions(options: unknown): void {
  if (!isObject(options)) throw invalid("options", "must be an object");
  const { events, onClose, onError }: Partial<Record<keyof TranslationOptions, unknown>> = options;
  const names = events === undefined || (Array.isArray(events) && events.every((name) => typeof name === "string"));
  if (!names) throw invalid("events", "must be an array of types of events");
  if (onError !== undefined && typeof onError !== "function") throw invalid("onError", "must be a function");
  checkOnClose(onClose, "onClose");
}

/** @throws RunAgentError VALIDATION_ERROR that names the option. */
export function checkOnClose(value: unknown, field: string): void {
  if (value !== undefined && value !== "cancel" && value !== "detach") throw invalid(field, 'must be "cancel" or "detach"');
}

/** What is asked of the stream. */
export function wanted({ events = [] }: TranslationOptions): { readonly only: readonly string[] } {
  return { only: [...new Set([...ITEMS, ...events])] };
}

/** The error for an option that is wrong. */
export function invalid(field: string, problem: string): RunAgentError {
  return new RunAgentError("VALIDATION_ERROR", `${field} ${problem}.`, { field });
}

/** The sentence that is shown for an error. */
export function sentenceOf(error: unknown, onError: TranslationOptions["onError"]): string {
  if (onError !== undefined) return onError(error);
  if (!RunAgentError.is(error)) return "The stream failed before its end.";
  // Its own sentence speaks of streams and clients, to developers.
  return error.code === "CANCELLED" ? "The answer was cancelled elsewhere." : error.message;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
