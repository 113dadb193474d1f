/** Messages: chunks that say who speaks, in which parts, and whether more is to come. */
import type { Message } from "./gen/types.ts";
import { isJsonObject } from "./json.ts";

const STATUSES: readonly unknown[] = ["in_progress", "incomplete", "completed"];

/** True when a chunk is a message: it has a role, parts that each name their type, and a status. [message.chunk.1] */
export function isMessage(value: unknown): value is Message {
  return (
    isJsonObject(value) &&
    typeof value.role === "string" &&
    Array.isArray(value.parts) &&
    value.parts.every((part) => isJsonObject(part) && typeof part.type === "string") &&
    STATUSES.includes(value.status)
  );
}

/** The text of a message: that of its parts of type text, put together. Parts of other types have none here, even where they hold a text. */
export function textOf(message: Message): string {
  return message.parts.map(({ type, text }) => (type === "text" && typeof text === "string" ? text : "")).join("");
}
