/** What a run of `@openai/agents` tells, as the events of the protocol: the same for every framework, so that a UI needs to know none. */
import type {
  RunItem,
  RunItemStreamEvent,
  RunMessageOutputItem,
  RunReasoningItem,
  RunToolApprovalItem,
  RunToolCallOutputItem,
} from "@openai/agents";
import { events, isJsonObject, type KnownEvent, type MessagePart, type ToolCallItem } from "@runagent/core";
import { toJson } from "./json-safe.ts";

// What the package answers in the place of a tool that threw, took too long, or was called with no JSON: nothing else marks it.
const TOOL_FAILED = /^An error occurred while (?:running the tool|parsing tool arguments)\.|^Tool '.+' timed out after \d+ms\.$/;

/** What is known of a run beside its items. */
export interface RunKnowledge {
  /** Why humans rejected calls, by call id. */
  readonly rejected: ReadonlyMap<string, string | undefined>;
  /** The agent that a call of this name hands over to. */
  handoffTarget(agent: ItemAgent, toolName: string): string | undefined;
}

/** An agent as items name it. */
export type ItemAgent = Extract<RunItem, { type: "handoff_call_item" }>["agent"];

/** The events of a step of the run: most have one. */
export function toItemEvents({ name, item }: RunItemStreamEvent, known: RunKnowledge): KnownEvent[] {
  switch (item.type) {
    case "message_output_item":
      return [messageOutput(item)];
    case "reasoning_item":
      return [reasoning(item)];
    case "tool_call_item":
      return toolCalled(item.rawItem);
    case "tool_call_output_item":
      return [toolOutput(item, known)];
    case "handoff_call_item": {
      const { callId, name: toolName } = item.rawItem;
      const to = known.handoffTarget(item.agent, toolName) ?? toolName;
      return [events.handoffRequested({ from: item.agent.name, to, call_id: callId })];
    }
    case "handoff_output_item":
      return [events.handoffOccurred({ from: item.sourceAgent.name, to: item.targetAgent.name })];
    case "tool_approval_item":
      return []; // The request for approval says so.
    default:
      return [events.rawResponse(name, toJson("rawItem" in item ? item.rawItem : item))];
  }
}

/** The call that needs a human's yes. */
export function toApprovalRequest(item: RunToolApprovalItem): ToolCallItem & { readonly agent: string } {
  const call = toToolCall(item.rawItem);
  return { ...call, tool_name: item.name ?? call.tool_name, agent: item.agent.name };
}

function messageOutput({ rawItem, agent }: RunMessageOutputItem): KnownEvent {
  const parts = rawItem.content.map((part): MessagePart => {
    if (part.type === "output_text") return { type: "text", text: part.text };
    const { providerData, ...rest } = part;
    return rest;
  });
  return events.messageOutput({ role: "assistant", parts, status: "completed", agent: agent.name });
}

/** Open models tell their thoughts themselves, others a summary of them. */
function reasoning({ rawItem }: RunReasoningItem): KnownEvent {
  const parts = rawItem.content.length > 0 ? rawItem.content : (rawItem.rawContent ?? []);
  return events.reasoning({ text: parts.map(({ text }) => text).join("\n\n") });
}

function toolCalled(rawItem: object): KnownEvent[] {
  const call = toToolCall(rawItem);
  const called = events.toolCalled(call);
  if (Reflect.get(rawItem, "type") !== "hosted_tool_call") return [called];
  // The model's side has run it already: nobody else tells its output.
  const output = toJson(Reflect.get(rawItem, "output"));
  return [called, events.toolOutput({ call_id: call.call_id, tool_name: call.tool_name, output })];
}

function toolOutput({ rawItem, output }: RunToolCallOutputItem, { rejected }: RunKnowledge): KnownEvent {
  const { call_id, tool_name } = toToolCall(rawItem);
  if (rejected.has(call_id)) {
    return events.toolOutput({ call_id, tool_name, output: rejected.get(call_id) ?? "rejected", rejected: true });
  }
  const failed = typeof output === "string" && TOOL_FAILED.test(output);
  return events.toolOutput({ call_id, tool_name, output: toJson(output), ...(failed && { is_error: true }) });
}

/** Reads what the kinds of calls and outputs have in common; those that are no functions are called by their kind. */
function toToolCall(rawItem: object): ToolCallItem {
  const { callId, id, name, type, arguments: args, action, actions, operation, providerData }: Record<string, unknown> = { ...rawItem };
  const provided: Record<string, unknown> = isJsonObject(providerData) ? providerData : {};
  const kind = String(type).replace(/_(?:call|call_output|call_result)$/, "");
  return {
    call_id: String(callId ?? id ?? provided.id ?? ""),
    tool_name: typeof name === "string" ? name : kind,
    arguments: readArguments(args ?? actions ?? action ?? operation ?? provided.arguments),
  };
}

function readArguments(value: unknown): unknown {
  if (typeof value !== "string") return value === undefined ? {} : toJson(value);
  try {
    return toJson(JSON.parse(value));
  } catch {
    return value; // The model wrote something else: people see what.
  }
}
