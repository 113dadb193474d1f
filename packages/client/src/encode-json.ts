import { RunAgentError } from "@runagent/core";

/** What the caller passed, as JSON text. @throws RunAgentError VALIDATION_ERROR when the value cannot be JSON. */
export function encodeJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RunAgentError("VALIDATION_ERROR", `The input cannot be sent as JSON: ${why}.`, { cause, field: "input" });
  }
}
