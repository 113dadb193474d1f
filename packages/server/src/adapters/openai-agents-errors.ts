/** What clients are told when a run of `@openai/agents` fails: one sentence, without keys and stacks. */
import { RunAgentError } from "@runagent/core";
import { sentenceOf, toModelError } from "./model-error.ts";

type Errors = Pick<
  typeof import("@openai/agents"),
  | "InputGuardrailTripwireTriggered"
  | "MaxTurnsExceededError"
  | "OutputGuardrailTripwireTriggered"
  | "ToolInputGuardrailTripwireTriggered"
  | "ToolOutputGuardrailTripwireTriggered"
>;

/** The error for clients; a RunAgentError is one already. */
export function toRunError(error: unknown, known: Errors): RunAgentError {
  const what = describe(error, known);
  if (what === undefined) return toModelError(error);
  const suggestion = error instanceof known.MaxTurnsExceededError ? "Raise maxTurns, or let the agent finish sooner." : undefined;
  return new RunAgentError("EXECUTION_ERROR", `${what}: ${reasonOf(error, known)}`, { suggestion, cause: error });
}

/** What a guardrail found is for the agent's people; clients are told its name. */
function reasonOf(error: unknown, known: Errors): string {
  const isGuardrail = error instanceof known.InputGuardrailTripwireTriggered || error instanceof known.OutputGuardrailTripwireTriggered;
  return isGuardrail ? `${error.result.guardrail.name}.` : sentenceOf(error);
}

function describe(error: unknown, known: Errors): string | undefined {
  if (error instanceof known.MaxTurnsExceededError) return "The agent did not finish within its turns";
  if (error instanceof known.InputGuardrailTripwireTriggered) return "A guardrail refused the input";
  if (error instanceof known.OutputGuardrailTripwireTriggered) return "A guardrail refused the answer";
  if (error instanceof known.ToolInputGuardrailTripwireTriggered) return "A guardrail refused what a tool was called with";
  if (error instanceof known.ToolOutputGuardrailTripwireTriggered) return "A guardrail refused what a tool answered";
  return undefined;
}
