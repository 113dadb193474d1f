/** What clients send to an agent, in the form that `@openai/agents` takes. */
import { isJsonObject, RunAgentError } from "@runagent/core";
import type { AgentInputItem } from "@openai/agents";

const TAKEN =
  'Pass { "message": "…" }, or { "messages": [{ "role": "user", "content": "…" }] } with the roles user, assistant and system; ' +
  "the messages may have text parts in place of content.";

/** The default of `toInput`. @throws RunAgentError VALIDATION_ERROR that says what is taken. */
export function readOpenAIInput(input: unknown): string | AgentInputItem[] {
  const { message, messages }: Record<string, unknown> = isJsonObject(input) ? input : {};
  if (messages === undefined) {
    if (typeof message === "string" && message !== "") return message;
    throw refuse("The agent needs a message.", "message");
  }
  if (message !== undefined) throw refuse("The agent takes message or messages, not both.", "message");
  if (!Array.isArray(messages) || messages.length === 0) throw refuse("messages must be a list of at least one message.", "messages");
  return messages.flatMap((item: unknown, index) => readMessage(item, `messages.${index}`));
}

/** None for a message of the assistant that has no text: what it called is nothing that the model could be told. */
function readMessage(message: unknown, field: string): AgentInputItem[] {
  if (!isJsonObject(message)) throw refuse(`${field} must be an object.`, field);
  const { role } = message;
  const text = readText(message, field);
  switch (role) {
    case "user":
    case "system":
      return [{ role, content: text }];
    case "assistant":
      return text === "" ? [] : [{ role, status: "completed", content: [{ type: "output_text", text }] }];
    default:
      throw refuse(`${field} has a role that is not user, assistant or system.`, `${field}.role`);
  }
}

function readText({ role, content, parts }: Record<string, unknown>, field: string): string {
  const given: unknown = content ?? parts;
  if (typeof given === "string") return given;
  const name = `${field}.${content === undefined ? "parts" : "content"}`;
  if (!Array.isArray(given)) throw refuse(`${name} must be a text or a list of parts.`, name);
  return given
    .map((part: unknown, index) => {
      if (isJsonObject(part) && typeof part.text === "string" && part.type === "text") return part.text;
      // A UI keeps its tool calls and steps in the messages of the assistant; a user's part that is left out would be a loss.
      if (role === "assistant" && isJsonObject(part)) return "";
      throw refuse(`${name}.${index} is not a text part.`, `${name}.${index}`);
    })
    .join("");
}

function refuse(message: string, field: string): RunAgentError {
  return new RunAgentError("VALIDATION_ERROR", `${message} ${TAKEN}`, { field, suggestion: TAKEN });
}
