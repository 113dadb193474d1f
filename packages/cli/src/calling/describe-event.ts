import { isJsonObject } from "@runagent/core";
import type { TypedEvent } from "runagent";
import { clip, toOneLine } from "../terminal/escape.ts";

const MAX_LENGTH = 200;

/** One line that says what an event is about: its name, and the essential. */
export function describeEvent(event: TypedEvent): string {
  return clip(toOneLine(describe({ ...event, type: String(event.type) })), MAX_LENGTH);
}

function describe({ type, ...rest }: { readonly type: string; readonly [field: string]: unknown }): string {
  switch (type) {
    case "raw_response_event":
      return join(rest.name, rest.data);
    case "run_item_event":
      return join(rest.name, rest.item);
    case "approval_required":
      return join(type, rest.approval_id, ...toList(rest.requests).map(describeRequest));
    case "approval_decided":
      return join(
        type,
        rest.approval_id,
        rest.decision,
        rest.decided_by && `by ${String(rest.decided_by)}`,
        rest.reason && `(${String(rest.reason)})`,
      );
    case "agent_updated":
      return join(type, isJsonObject(rest.agent) && typeof rest.agent.name === "string" ? rest.agent.name : rest.agent);
    case "turn_completed":
      return join(type, rest.turn);
    default:
      return Object.keys(rest).length === 0 ? type : join(type, rest);
  }
}

function describeRequest(request: unknown): unknown {
  return isJsonObject(request) && typeof request.tool_name === "string" ? join(request.tool_name, request.arguments) : request;
}

function toList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Texts as they are, other values as JSON. */
function join(...parts: readonly unknown[]): string {
  return parts
    .filter((part) => part !== undefined && part !== null)
    .map((part) => (typeof part === "string" ? part : JSON.stringify(part)))
    .join(" ");
}
