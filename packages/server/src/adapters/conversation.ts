/**
 * What callers give an agent of a framework: one message, or the conversation so far. It comes from outside, so that all
 * is checked here that a framework would take on trust.
 */
import { isJsonObject, type JsonObject, RunAgentError, typeName } from "@runagent/core";

const TAKEN = 'Give { message: "…" }, or { messages: [{ role, content }] }; a message may have parts in the place of content.';

/** A message of a caller: it has a `role`, and either `content` or `parts`. */
export interface CallerMessage extends JsonObject {
  readonly role: string;
  readonly content?: unknown;
  readonly parts?: readonly JsonObject[];
}

/** The conversation of a caller. */
export interface Conversation {
  /** ui: its messages have `parts`, as useChat sends them. model: they have `content`. */
  readonly form: "model" | "ui";
  readonly messages: readonly CallerMessage[];
}

/**
 * Reads `{ message }` or `{ messages }`.
 * @param allowSystem Callers may write system messages: instructions that the agent trusts.
 * @throws RunAgentError VALIDATION_ERROR that says what is taken.
 */
export function readConversation(input: unknown, allowSystem: boolean): Conversation {
  if (!isJsonObject(input)) throw refused(`The input must be an object, not ${typeName(input)}.`, undefined);
  const { message, messages } = input;
  if ((message === undefined) === (messages === undefined)) {
    throw refused(`The input must have either message or messages${message === undefined ? "" : ", not both"}.`, "message");
  }
  if (message !== undefined) {
    if (typeof message !== "string" || message === "") throw refused("message must be a text that is not empty.", "message");
    return { form: "model", messages: [{ role: "user", content: message }] };
  }
  if (!Array.isArray(messages) || messages.length === 0) throw refused("messages must be a list that is not empty.", "messages");
  const read = messages.flatMap((entry: unknown, index) =>
    isUnspoken(entry) ? [] : readMessage(entry, `messages[${index}]`, allowSystem),
  );
  if (read.length === 0) throw refused("messages holds nothing that a model could be told.", "messages");
  const form = read[0]?.parts === undefined ? "model" : "ui";
  const odd = read.findIndex(({ parts }) => (parts === undefined ? "model" : "ui") !== form);
  if (odd === -1) return { form, messages: read };
  throw refused("All messages must have content, or all must have parts.", `messages[${odd}]`);
}

/**
 * AG-UI has messages of their own for reasoning, activities and what tools gave, and keeps calls beside the text of the assistant: of these
 * the text is read.
 */
function isUnspoken(message: unknown): boolean {
  if (!isJsonObject(message)) return false;
  const { role, content, toolCalls, toolCallId } = message;
  if (role === "tool") return typeof toolCallId === "string";
  if (role === "assistant") return Array.isArray(toolCalls) && (content === undefined || content === "");
  return role === "reasoning" || role === "activity";
}

function readMessage(message: unknown, field: string, allowSystem: boolean): CallerMessage {
  if (!isJsonObject(message)) throw refused(`${field} must be an object, not ${typeName(message)}.`, field);
  const { role, content, parts } = message;
  if (role !== "user" && role !== "assistant" && role !== "tool" && role !== "system") {
    throw refused(`${field}.role must be user, assistant or tool.`, `${field}.role`);
  }
  if (role === "system" && !allowSystem) {
    throw refused(`${field} is a system message, and callers may not write any: instructions are the agent's own.`, `${field}.role`);
  }
  if (parts !== undefined) {
    if (!isListOfParts(parts)) throw refused(`${field}.parts must be a list of objects, each with a type.`, `${field}.parts`);
    return { ...message, role, parts };
  }
  if (typeof content !== "string" && !isListOfParts(content)) {
    throw refused(`${field}.content must be a text, or a list of objects, each with a type.`, `${field}.content`);
  }
  const { parts: _none, toolCalls: _calls, ...rest } = message;
  return { ...rest, role, content };
}

function isListOfParts(value: unknown): value is readonly JsonObject[] {
  return Array.isArray(value) && value.every((part) => isJsonObject(part) && typeof part.type === "string");
}

/** The error for input that is not taken. */
export function refused(message: string, field: string | undefined, suggestion: string = TAKEN): RunAgentError {
  return new RunAgentError("VALIDATION_ERROR", message, { field, suggestion });
}
