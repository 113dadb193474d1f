import { RunAgentError } from "runagent";

/** Says on standard error what went wrong, and lets the program end with exit code 1. */
export function reportFailure(error: unknown): void {
  if (RunAgentError.is(error)) console.error(`${error.code}: ${error.message} ${error.suggestion}`);
  else console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
