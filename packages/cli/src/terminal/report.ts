import { styleText } from "node:util";
import { ERRORS, type ErrorCode, RunAgentError } from "@runagent/core";
import { EXIT, exitCodeOf, UsageError } from "../exit-codes.ts";
import { isColoured } from "./display.ts";
import { toOneLine } from "./escape.ts";

/** What to do about an error in the words of the command, where the table speaks of options of a library. */
const ACTIONS: Partial<Record<ErrorCode, string>> = {
  AUTHENTICATION_ERROR: "Pass a valid key with --api-key, or in RUNAGENT_API_KEY.",
  AGENT_NOT_FOUND: "Check --id, and that the agent is served at this address.",
  ENTRYPOINT_NOT_FOUND: "Check --tag: it is one of the tags in runagent.config.json.",
  INVOCATION_NOT_FOUND: "Check the id, the address and the key; a server keeps invocations for a limited time.",
  TIMEOUT: "Allow more with --timeout, or look at why the agent is slow.",
  CONNECTION_ERROR: "Check --host and --port, or --base-url, and that `runagent serve` runs there.",
  AGENT_ADDRESS_NOT_FOUND: "Start the agent with `runagent serve <folder>`, or pass --host and --port.",
};

/** The codes after which there is no invocation that could be named. */
const NEVER_STARTED: ReadonlySet<number> = new Set([EXIT.usage, EXIT.notFound, EXIT.notAllowed]);

/**
 * Says on standard error what went wrong, in at most three lines, and sets the exit code.
 * @param error Whatever was thrown; anything but a RunAgentError or UsageError is a mistake of ours, shown in a line unless RUNAGENT_DEBUG is set.
 * @param position From where the stream can be continued, when it can.
 */
export function report(error: unknown, position?: string): void {
  process.exitCode = error instanceof UsageError ? EXIT.usage : RunAgentError.is(error) ? exitCodeOf(error) : EXIT.failed;
  const [first = "", ...others] = linesOf(error, position).map(toOneLine);
  const coloured = isColoured(process.stderr);
  const shown = [coloured ? styleText("red", first, { stream: process.stderr }) : first, ...others];
  process.stderr.write(`${shown.join("\n")}\n`);
  if (process.env.RUNAGENT_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
}

function linesOf(error: unknown, position: string | undefined): string[] {
  if (error instanceof UsageError) return error.hint === undefined ? [error.message] : [error.message, error.hint];
  if (!RunAgentError.is(error)) return [`error: ${error instanceof Error ? error.message : String(error)}`];
  const { code, message, suggestion, invocationId } = error;
  const first = `error: ${code}: ${message}`;
  const advice = suggestion === ERRORS[code].action ? (ACTIONS[code] ?? suggestion) : suggestion;
  if (position !== undefined) return [first, advice, `Go on with: runagent resume ${position}`];
  const started = invocationId !== undefined && code !== "CONNECTION_ERROR" && !NEVER_STARTED.has(exitCodeOf(error));
  return started ? [first, advice, `invocation ${invocationId}`] : [first, advice];
}

/** Says that standard output cannot be written; that its reader has gone is no error, it is how `| head` ends. */
export function reportUnwritable(error: Error): void {
  if ("code" in error && error.code === "EPIPE") process.exitCode = EXIT.ok;
  else report(new Error(`Standard output cannot be written: ${error.message}`, { cause: error }));
}
