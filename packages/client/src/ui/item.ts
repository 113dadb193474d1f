import { isJsonObject, isMessage, type JsonObject, type Message, RunAgentError } from "@runagent/core";
import type { StreamedRecord } from "./source.ts";

/** A tool call that is asked about. */
export interface AskedCall {
  readonly callId: string;
  readonly toolName: string;
  readonly input: unknown;
}

/** An approval that is asked for. */
export interface AskedApproval {
  readonly approvalId: string;
  readonly calls: readonly AskedCall[];
  readonly expiresAt: string | undefined;
}

/** A tool call that is over. */
export interface ToolOutput {
  readonly kind: "tool_output";
  readonly callId: string;
  readonly toolName: string | undefined;
  readonly output: unknown;
  readonly failed: boolean;
  readonly rejected: boolean;
}

/** What a record means to a user interface. An event whose fields are not what its name promises is "other", and loses nothing. */
export type Item =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "message"; readonly message: Message }
  | { readonly kind: "chunk"; readonly content: unknown }
  | { readonly kind: "message_output"; readonly message: Message }
  | ({ readonly kind: "tool_called" } & AskedCall)
  | ToolOutput
  | { readonly kind: "reasoning"; readonly text: string }
  | { readonly kind: "handoff"; readonly phase: "requested" | "occurred"; readonly item: JsonObject }
  | { readonly kind: "agent"; readonly agent: JsonObject }
  | ({ readonly kind: "approval_required"; readonly event: JsonObject } & AskedApproval)
  | { readonly kind: "approval_decided"; readonly approvalId: string; readonly approved: boolean; readonly event: JsonObject }
  | { readonly kind: "turn" }
  | { readonly kind: "other"; readonly type: string; readonly event: JsonObject };

/**
 * Reads a record of the stream; undefined for one that says nothing to a user interface.
 * @param invocationId Approvals are counted for each invocation; what is named after one has to be its own in a conversation.
 */
export function readItem(record: StreamedRecord, invocationId: string): Item | undefined {
  if (record.type === "data" && "content" in record) return readChunk(record.content);
  if (record.type !== "event" || !("event" in record) || !isJsonObject(record.event)) return undefined;
  const { event } = record;
  const item = readEvent(event, invocationId);
  return item ?? (typeof event.type === "string" ? { kind: "other", type: event.type, event } : undefined);
}

function readChunk(content: unknown): Item {
  if (typeof content === "string") return { kind: "text", text: content };
  // What others say, a question that is repeated for one, is not the answer.
  return isMessage(content) && content.role === "assistant" ? { kind: "message", message: content } : { kind: "chunk", content };
}

function readEvent(event: JsonObject, invocationId: string): Item | undefined {
  switch (event.type) {
    case "run_item_event":
      return isJsonObject(event.item) ? readRunItem(event.name, event.item) : undefined;
    case "agent_updated":
      return isJsonObject(event.agent) ? { kind: "agent", agent: event.agent } : undefined;
    case "approval_required":
      return readApproval(event, invocationId);
    case "approval_decided": {
      const { approval_id: approvalId, decision } = event;
      return typeof approvalId === "string" ? { kind: "approval_decided", approvalId, approved: decision === "approve", event } : undefined;
    }
    case "turn_completed":
      return { kind: "turn" };
    default:
      return undefined;
  }
}

function readRunItem(name: unknown, item: JsonObject): Item | undefined {
  const { call_id: callId, tool_name: toolName, text } = item;
  switch (name) {
    case "tool_called":
      if (typeof callId !== "string" || typeof toolName !== "string") return undefined;
      return { kind: "tool_called", callId, toolName, input: item.arguments ?? {} };
    case "tool_output":
      if (typeof callId !== "string") return undefined;
      return {
        kind: "tool_output",
        callId,
        toolName: typeof toolName === "string" ? toolName : undefined,
        output: item.output ?? null,
        failed: item.is_error === true,
        rejected: item.rejected === true,
      };
    case "message_output_created":
      return isMessage(item) ? { kind: "message_output", message: item } : undefined;
    case "reasoning_item_created":
      return typeof text === "string" ? { kind: "reasoning", text } : undefined;
    case "handoff_requested":
      return { kind: "handoff", phase: "requested", item };
    case "handoff_occurred":
    case "handoff_occured": // The older spelling.
      return { kind: "handoff", phase: "occurred", item };
    default:
      return undefined;
  }
}

function readApproval(event: JsonObject, invocationId: string): Item | undefined {
  const { approval_id: approvalId, requests, expires_at: expiresAt } = event;
  if (typeof approvalId !== "string" || !Array.isArray(requests)) return undefined;
  return {
    kind: "approval_required",
    approvalId,
    calls: requests.filter(isJsonObject).map((request, index) => readCall(request, `${invocationId}-${approvalId}`, index)),
    expiresAt: typeof expiresAt === "string" ? expiresAt : undefined,
    event,
  };
}

/** A call without an id of its own is named after the approval: the same in every reading of the log. */
function readCall(request: JsonObject, name: string, index: number): AskedCall {
  const { call_id: callId, tool_name: toolName } = request;
  return {
    callId: typeof callId === "string" ? callId : index === 0 ? name : `${name}-${index}`,
    toolName: typeof toolName === "string" ? toolName : "tool",
    input: request.arguments ?? {},
  };
}

/** The approvals that end a stream without a handler; undefined for any other error. */
export function readApprovalError(error: unknown, invocationId: string): readonly AskedApproval[] | undefined {
  if (!RunAgentError.is(error) || error.code !== "APPROVAL_REQUIRED" || !("requests" in error)) return undefined;
  const approvals = new Map<string, JsonObject[]>();
  for (const request of Array.isArray(error.requests) ? error.requests.filter(isJsonObject) : []) {
    const { approvalId } = request;
    if (typeof approvalId === "string") approvals.set(approvalId, [...(approvals.get(approvalId) ?? []), request]);
  }
  return [...approvals].map(([approvalId, requests]) => {
    const expiresAt = requests[0]?.expiresAt;
    return {
      approvalId,
      calls: requests.map((request, index) => readCall(request, `${invocationId}-${approvalId}`, index)),
      expiresAt: typeof expiresAt === "string" ? expiresAt : undefined,
    };
  });
}

/** A value as a text: a string as it is, anything else as JSON. */
export function toText(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
