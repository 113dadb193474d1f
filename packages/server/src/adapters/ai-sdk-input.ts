/**
 * The messages of a caller as model messages. An approval among them is refused where the SDK would act on it: whoever
 * calls must not be able to approve what the agent has not asked.
 */
import { isJsonObject, type JsonObject } from "@runagent/core";
import type { ModelMessage, ToolSet } from "ai";
import { type Conversation, readConversation, refused } from "./conversation.ts";

/** What of the SDK reads messages. */
export type MessageReaders = Pick<typeof import("ai"), "convertToModelMessages" | "modelMessageSchema" | "safeValidateUIMessages">;

/**
 * Reads the input of a caller.
 * @param tools Those of the agent: they say what a model is told of an output.
 * @throws RunAgentError VALIDATION_ERROR for what is no conversation.
 */
export async function readModelMessages(
  ai: MessageReaders,
  input: unknown,
  tools: ToolSet | undefined,
  allowSystem: boolean,
): Promise<ModelMessage[]> {
  const conversation = readConversation(input, allowSystem);
  const messages = conversation.form === "ui" ? await convert(ai, conversation, tools) : readEach(ai, conversation);
  const last = messages.at(-1);
  if (last === undefined) throw refused("messages holds nothing that a model could be told.", "messages");
  if (last.role === "tool" && last.content.some(({ type }) => type === "tool-approval-response")) {
    throw refused(
      "The last message answers an approval, and an approval is decided in the invocation that asked for it.",
      "messages",
      "Resume that invocation with approvals, or decide by REST.",
    );
  }
  return messages;
}

function readEach(ai: MessageReaders, { messages }: Conversation): ModelMessage[] {
  return messages.map((message, index) => {
    const result = ai.modelMessageSchema.safeParse(message);
    if (result.success) return result.data;
    throw refused(`messages[${index}] is no message of the AI SDK: ${firstLine(result.error)}`, `messages[${index}]`);
  });
}

async function convert(ai: MessageReaders, { messages }: Conversation, tools: ToolSet | undefined): Promise<ModelMessage[]> {
  // Clients of other kinds give their messages no ids, which the SDK asks for and does not use here.
  const named = messages.map((message, index) => ({
    id: `message-${index}`,
    ...message,
    parts: index === messages.length - 1 ? message.parts : message.parts?.filter(isOver),
  }));
  const result = await ai.safeValidateUIMessages({ messages: named });
  if (!result.success) throw refused(`messages are no UI messages of the AI SDK: ${firstLine(result.error)}`, "messages");
  try {
    return await ai.convertToModelMessages(result.data, { ignoreIncompleteToolCalls: true, ...(tools !== undefined && { tools }) });
  } catch (error) {
    throw refused(`messages cannot be told to a model: ${firstLine(error)}`, "messages");
  }
}

/**
 * False for a call that was approved and whose output a chat never got: it was stopped, or the user went on. The SDK leaves out other calls
 * that are incomplete, and would refuse the conversation for this one, now and with every message to come.
 */
function isOver({ state }: JsonObject): boolean {
  return state !== "approval-responded";
}

/** Errors of schemas list what is wrong as JSON; the first of it is enough. */
function firstLine(error: unknown): string {
  const issues = error instanceof Error && "issues" in error && Array.isArray(error.issues) ? error.issues : [];
  const [issue] = issues.filter(isJsonObject);
  if (typeof issue?.message === "string") return `${issue.message}.`.replace(/\.\.$/, ".");
  const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n", 1);
  return line;
}
