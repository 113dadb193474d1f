/** What callers send, as the state of a graph. */
import type { JsonObject } from "@runagent/core";
import { type CallerMessage, readConversation, refused } from "./conversation.ts";

/** The state that a graph of messages begins with. @throws RunAgentError VALIDATION_ERROR for what is no conversation. */
export function readGraphState(input: unknown): JsonObject {
  const { messages } = readConversation(input, false);
  return { messages: messages.flatMap((message, index) => (message.parts === undefined ? message : toGraphMessage(message, index))) };
}

/** A UI message. Of an assistant's, the texts are what the model needs to hear again; one without any is left out. */
function toGraphMessage({ id, role, parts = [] }: CallerMessage, index: number): JsonObject[] {
  const others = parts.filter(({ type }) => type !== "text");
  if (role !== "assistant" && others.length > 0) {
    throw refused(
      `messages[${index}] has a part of type ${JSON.stringify(others[0]?.type)}, and only text is taken.`,
      `messages[${index}].parts`,
    );
  }
  const texts = parts.flatMap(({ type, text }) => (type === "text" && typeof text === "string" && text !== "" ? [text] : []));
  if (role === "assistant" && texts.length === 0) return [];
  // What stood between the texts of an assistant's, a tool or a new step, set them apart.
  const content = texts.join(role === "assistant" ? "\n\n" : "");
  return [{ role, content, ...(typeof id === "string" && { id }) }];
}

/** The thread that an input names. */
export function threadIn({ thread_id: threadId }: JsonObject): string | undefined {
  if (threadId === undefined) return undefined;
  if (typeof threadId !== "string" || threadId === "") {
    throw refused(
      "thread_id must be a text that is not empty.",
      "thread_id",
      "Give the id of the thread to go on with, or none for a new one.",
    );
  }
  return threadId;
}
