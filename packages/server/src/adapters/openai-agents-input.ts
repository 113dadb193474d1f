/** What callers give an agent, in the form that `@openai/agents` takes. */
import type { AgentInputItem } from "@openai/agents";
import type { JsonObject } from "@runagent/core";
import { type CallerMessage, readConversation, refused } from "./conversation.ts";

const TAKEN = "Give the text of what users and the assistant have said, or read the input yourself with the option toInput of the agent.";

/** The default of `toInput`: reads `{ message }` or `{ messages }`. @throws RunAgentError VALIDATION_ERROR that says what is taken. */
export function readOpenAIInput(input: unknown): AgentInputItem[] {
  const { messages } = readConversation(input, false);
  return messages.flatMap((message, index) => readMessage(message, `messages[${index}]`));
}

/** Nothing for a message of the assistant that has no text: what it called, its next answer does not build on. */
function readMessage({ role, content, parts = [] }: CallerMessage, field: string): AgentInputItem[] {
  const given: unknown = content ?? parts;
  if (role === "user") return [{ role, content: readTexts(given, field, false).join("") }];
  if (role !== "assistant") throw refused(`${field} is of the role ${role}, and only those of user and assistant are taken.`, field, TAKEN);
  // A UI keeps tool calls, reasoning and steps in the messages of the assistant, too; what stood between them are texts of their own.
  const texts = readTexts(given, field, true).filter((text) => text !== "");
  if (texts.length === 0) return [];
  return [{ role, status: "completed", content: texts.map((text) => ({ type: "output_text", text })) }];
}

function readTexts(given: unknown, field: string, skipsOthers: boolean): string[] {
  if (!Array.isArray(given)) return [String(given)];
  return given.map(({ type, text }: JsonObject): string => {
    if (type === "text" && typeof text === "string") return text;
    if (skipsOthers) return "";
    throw refused(`${field} has a part that is not a text.`, field, TAKEN);
  });
}
