import { styleText } from "node:util";
import { type ErrorCode, isJsonObject, RunAgentError } from "@runagent/core";
import { EXIT, exitCodeOf, UsageError } from "../exit-codes.ts";
import { inCommandWords } from "./command-words.ts";
import { isColoured } from "./display.ts";
import { toOneLine } from "./escape.ts";

/** What is known of the stream that has failed. */
export interface FailedStream {
  /** Whether the server had accepted it. */
  readonly accepted: boolean;
  /** From where it can be continued, when it can. */
  readonly position: string | undefined;
}

/** The exit codes after which there is no invocation that could be named. */
const NEVER_STARTED: ReadonlySet<number> = new Set([EXIT.usage, EXIT.notFound, EXIT.notAllowed]);
/** What is answered, or not, where nothing has reached an agent. */
const NOT_REACHED: ReadonlySet<ErrorCode> = new Set(["CONNECTION_ERROR", "PROTOCOL_ERROR", "RATE_LIMITED", "PAYLOAD_TOO_LARGE"]);

/**
 * Says on standard error what went wrong, in at most three lines, and sets the exit code.
 * @param error Whatever was thrown; anything but a RunAgentError or UsageError is a mistake of ours, shown in a line unless RUNAGENT_DEBUG is set.
 * @param stream When it was one that failed.
 */
export function report(error: unknown, stream?: FailedStream): void {
  process.exitCode = error instanceof UsageError ? EXIT.usage : RunAgentError.is(error) ? exitCodeOf(error) : EXIT.failed;
  const [first = "", ...others] = linesOf(error, stream).map(toOneLine);
  const coloured = isColoured(process.stderr);
  const shown = [coloured ? styleText("red", first, { stream: process.stderr }) : first, ...others];
  process.stderr.write(`${shown.join("\n")}\n`);
  if (process.env.RUNAGENT_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
}

function linesOf(error: unknown, stream: FailedStream | undefined): string[] {
  if (error instanceof UsageError) return error.hint === undefined ? [error.message] : [error.message, error.hint];
  if (!RunAgentError.is(error)) return [`error: ${error instanceof Error ? error.message : String(error)}`];
  const { message, suggestion } = inCommandWords(error);
  const first = `error: ${error.code}: ${message}`;
  if (stream?.position !== undefined) {
    // The advice to start again is for what cannot go on.
    const advice = error.code === "STREAM_TRUNCATED" ? [] : [suggestion];
    return [first, ...advice, `Go on with: runagent resume ${stream.position}`].filter((line) => line !== undefined);
  }
  const invocation = mayHaveStarted(error, stream) ? `invocation ${error.invocationId}` : undefined;
  return [first, suggestion, invocation].filter((line) => line !== undefined);
}

/** Whether there may be an invocation of this id, which could be looked at or cancelled. */
function mayHaveStarted(error: RunAgentError, stream: FailedStream | undefined): boolean {
  if (error.invocationId === undefined || NEVER_STARTED.has(exitCodeOf(error))) return false;
  const { code, details } = error;
  return stream?.accepted ?? !(NOT_REACHED.has(code) || (isJsonObject(details) && details.unreachable === true));
}

/** Says that standard output cannot be written; that its reader has gone is no error, it is how `| head` ends. */
export function reportUnwritable(error: Error): void {
  if ("code" in error && error.code === "EPIPE") process.exitCode = EXIT.ok;
  else report(new Error(`Standard output cannot be written: ${error.message}`, { cause: error }));
}
