import { RunAgentError } from "@runagent/core";

/** What the caller passed, as JSON text. @throws RunAgentError VALIDATION_ERROR when the value cannot be JSON. */
export function encodeJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new RunAgentError(
      "VALIDATION_ERROR",
      `The input cannot be sent as JSON: ${cause instanceof Error ? cause.message : String(cause)}.`,
      {
        cause,
        field: "input",
        suggestion: "Pass plain objects, arrays, strings, numbers, booleans and null.",
      },
    );
  }
}
