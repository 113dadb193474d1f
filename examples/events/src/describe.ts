import { type RunItemEvent, type StreamRecord, textOf } from "runagent";

/** An event of this agent alone: the client is told its type, and knows its fields then. */
export interface UmbrellaReserved {
  readonly type: "umbrella_reserved";
  readonly number: number;
}

/** What a page would show of a record; undefined: nothing. */
export function describe(record: StreamRecord<string, UmbrellaReserved>): string | undefined {
  if (record.type === "data") return record.content;
  if (record.type === "status") return `\n[${record.status}, ${record.total_chunks} chunks]`;
  const { event } = record;
  switch (event.type) {
    case "agent_updated":
      return `[${event.agent.name} answers]\n`;
    case "run_item_event":
      return describeItem(event);
    case "turn_completed":
      return `\n[turn ${event.turn} is over]`;
    case "umbrella_reserved":
      return `\n[umbrella ${event.number} is yours]`;
    default:
      return undefined; // Of what is not shown, and of what a later agent may tell.
  }
}

function describeItem(event: RunItemEvent): string | undefined {
  switch (event.name) {
    case "tool_called":
      return `[${event.item.tool_name} is called with ${JSON.stringify(event.item.arguments)}]\n`;
    case "tool_output":
      return `[${event.item.call_id} gave ${JSON.stringify(event.item.output)}]\n`;
    case "handoff_occurred":
      return `[${event.item.from} hands over to ${event.item.to}]\n`;
    case "message_output_created":
      return `\n[the message is complete: ${textOf(event.item).length} characters]`;
    default:
      return undefined;
  }
}
