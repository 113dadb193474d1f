import { RunAgentError } from "@runagent/core";

/**
 * A chunk as JSON, on one line.
 * @throws RunAgentError VALIDATION_ERROR for what JSON cannot hold.
 */
export function encodeChunk(chunk: unknown): string {
  let text: string | undefined;
  let cause: unknown;
  try {
    text = JSON.stringify(chunk);
  } catch (error) {
    cause = error;
  }
  if (text !== undefined) return text;
  throw new RunAgentError(
    "VALIDATION_ERROR",
    `A chunk cannot be written as JSON: ${cause instanceof Error ? cause.message : `JSON has no ${typeof chunk}`}.`,
    { field: "chunk", cause },
  );
}

/** An error as JSON, for a far client: no stack, and nothing of an error that is not ours, which may say anything. */
export function encodeError(error: unknown): string {
  const known = RunAgentError.is(error) ? error : new RunAgentError("SERVER_ERROR", "The stream failed before its end.");
  try {
    const { code, invocationId: invocation_id, cursor } = known;
    // Whoever is to decide needs to know where.
    return JSON.stringify({ ...known.toWire(), ...(code === "APPROVAL_REQUIRED" && { invocation_id, cursor }) });
  } catch {
    // Its details are not JSON.
    return JSON.stringify({ code: known.code, message: known.message, suggestion: known.suggestion });
  }
}
