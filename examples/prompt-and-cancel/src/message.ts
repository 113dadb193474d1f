import { z } from "zod";

/** A chunk of the writer. Its text is what is new since the message before: all texts together are what the model wrote. */
export interface Message {
  readonly role: "assistant";
  readonly parts: readonly { readonly type: "text"; readonly text: string }[];
  /** in_progress: more follows. The last one is completed, or incomplete when the model stopped before its end. */
  readonly status: "in_progress" | "incomplete" | "completed";
}

/** Checks a message, on both sides. See protocol/schemas/message.schema.json. */
export const MessageSchema: z.ZodType<Message> = z.object({
  role: z.literal("assistant"),
  parts: z.array(z.object({ type: z.literal("text"), text: z.string() })),
  status: z.enum(["in_progress", "incomplete", "completed"]),
});

/** A message with one part of text. */
export function createMessage(text: string, status: Message["status"]): Message {
  return { role: "assistant", parts: [{ type: "text", text }], status };
}

/** The text of all parts of a message. */
export function textOf(message: Message): string {
  return message.parts.map(({ text }) => text).join("");
}
