/**
 * What of a message of LangChain is read. Several versions of its classes can be loaded at once, so messages are known by
 * what they have, not by their class.
 */
import { isJsonObject, type JsonObject } from "@runagent/core";
import { toJson } from "./json-safe.ts";

/** A message of a graph. */
export interface GraphMessage {
  readonly id?: unknown;
  readonly content: unknown;
  readonly tool_calls?: unknown;
  readonly tool_call_id?: unknown;
  readonly name?: unknown;
  readonly status?: unknown;
  readonly additional_kwargs?: unknown;
  readonly contentBlocks?: unknown;
  getType(): string;
  toDict(): unknown;
}

/** A tool call of a message. */
export interface GraphToolCall {
  readonly call_id: string;
  readonly tool_name: string;
  readonly arguments: unknown;
}

/** True for a message of LangChain. */
export function isGraphMessage(value: unknown): value is GraphMessage {
  if (typeof value !== "object" || value === null || !("content" in value && "getType" in value && "toDict" in value)) return false;
  return typeof value.getType === "function" && typeof value.toDict === "function";
}

/** True for a piece of a message: more of it comes. */
export function isPiece(message: GraphMessage): boolean {
  return "concat" in message && typeof message.concat === "function";
}

/** The text of a message: that of its parts of type text. */
export function textOfMessage({ content }: GraphMessage): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .map((part: unknown) => (isJsonObject(part) && part.type === "text" && typeof part.text === "string" ? part.text : ""))
    .join("");
}

/** What the model thought, where its provider tells it. */
export function thoughtOf(message: GraphMessage): string {
  const blocks = Array.isArray(message.contentBlocks) ? message.contentBlocks.filter(isJsonObject) : [];
  const thoughts = blocks.flatMap(({ type, reasoning }) => (type === "reasoning" && typeof reasoning === "string" ? reasoning : []));
  if (thoughts.length > 0) return thoughts.join("\n\n");
  const { reasoning_content: text } = isJsonObject(message.additional_kwargs) ? message.additional_kwargs : {};
  return typeof text === "string" ? text : "";
}

/** The tool calls of an answer. */
export function toolCallsOf({ id, tool_calls }: GraphMessage): GraphToolCall[] {
  const calls = Array.isArray(tool_calls) ? tool_calls.filter(isJsonObject) : [];
  return calls.map((call, index) => ({
    call_id: typeof call.id === "string" ? call.id : `${String(id)}-${index}`,
    tool_name: String(call.name),
    arguments: toJson(call.args ?? {}),
  }));
}

/** What a tool gave: LangChain makes text of it, and where it was an object, it is one again. */
export function outputOf({ content }: GraphMessage): unknown {
  if (typeof content !== "string") return toJson(content);
  if (!/^\s*[[{]/.test(content)) return content;
  try {
    return toJson(JSON.parse(content));
  } catch {
    return content; // It only looks like JSON.
  }
}

/** What a graph gives, as JSON; its messages without what LangChain needs to load them again. */
export function toGraphJson(value: unknown): unknown {
  return toJson(value, (object) => (isGraphMessage(object) ? object.toDict() : object));
}

/** What clients are told of where a message comes from. The rest is the graph's own: it holds what was configured. */
export function placeOf(metadata: JsonObject): JsonObject {
  const { langgraph_node, langgraph_step, tags } = metadata;
  return { langgraph_node, langgraph_step, tags };
}

/** The nodes of an agent of the package `langchain` that answer: its model, and the hooks of its middleware. */
const AGENT_NODE = /^model_request$|\.(?:before|after)_(?:agent|model)$/;

/**
 * Who answers: an agent of the package `langchain` by its name; else the node of the outermost graph, which is the agent where
 * agents are graphs within a graph. Models that a tool calls are told by the node: it is not the agent who speaks.
 */
export function agentOf(metadata: JsonObject): string {
  const { lc_agent_name: agent, langgraph_node: node } = metadata;
  if (typeof agent === "string" && node !== "tools") return agent;
  const place = metadata.langgraph_checkpoint_ns ?? metadata.checkpoint_ns;
  const [outermost = ""] = typeof place === "string" ? place.split("|", 1) : [];
  const [name = ""] = outermost.split(":", 1);
  if (AGENT_NODE.test(name)) return "agent";
  return name === "" ? String(node ?? "agent") : name;
}
