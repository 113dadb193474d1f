/**
 * What an agent may ask, in process or in a worker of its own: people must be shown exactly what the tool would be called with.
 */
import { isJsonObject, RunAgentError } from "@runagent/core";
import type { ApprovalRequest } from "./context.ts";

/** @throws RunAgentError VALIDATION_ERROR for a request without a tool, or whose arguments JSON would leave out. */
export function checkRequest(request: unknown): asserts request is ApprovalRequest {
  if (!isJsonObject(request) || typeof request.tool_name !== "string" || request.tool_name === "") {
    throw new RunAgentError("VALIDATION_ERROR", "An approval is asked for with an object that has a tool_name.", {
      field: "tool_name",
      suggestion: 'Pass for example { tool_name: "send_mail", arguments: { to: "…" } }.',
    });
  }
  const kind = typeof request.arguments;
  if (kind === "function" || kind === "symbol") {
    throw new RunAgentError("VALIDATION_ERROR", `arguments must be a JSON value, and not a ${kind}.`, { field: "arguments" });
  }
}

/** A toJSON may have made something else of the request. @throws RunAgentError VALIDATION_ERROR when the request as written names another tool. */
export function checkShown({ tool_name }: ApprovalRequest, written: unknown): void {
  if (isJsonObject(written) && written.tool_name === tool_name) return;
  throw new RunAgentError("VALIDATION_ERROR", "The tool_name of an approval must be the same once it is written as JSON.", {
    field: "tool_name",
    suggestion: "Ask with a plain object that has no toJSON.",
  });
}
