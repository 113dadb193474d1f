/**
 * Tells clients what a graph does: what its stream and its models say, as chunks and events. A message may be told several
 * times, by a model, by its node and by the graph around it: clients hear of it once.
 */
import { events, isJsonObject, type JsonObject, RunAgentError } from "@runagent/core";
import type { AgentContext } from "../context.ts";
import {
  agentOf,
  type GraphMessage,
  type GraphToolCall,
  isPiece,
  outputOf,
  placeOf,
  textOfMessage,
  thoughtOf,
  toGraphJson,
  toolCallsOf,
} from "./langgraph-messages.ts";
import { sentenceOf } from "./model-error.ts";

/** What is told of one invocation. */
export class GraphTeller {
  readonly #context: AgentContext;
  readonly #rawEvents: boolean;
  /** Messages whose text was sent. */
  readonly #streamed: Set<unknown> = new Set();
  /** Messages that are told completely. */
  readonly #told: Set<unknown> = new Set();
  /** Tool calls whose outputs are told. */
  readonly #outputs: Set<string> = new Set();
  /** Tools that were called, and have given nothing yet; with the message that called them. */
  readonly #calls: Map<string, { readonly call: GraphToolCall; readonly answer: unknown }> = new Map();
  /** By call: why it was rejected. */
  readonly #rejected: Map<string, string> = new Map();
  /** Calls beside one that was rejected, which may not run for that. */
  readonly #doubtful: Set<string> = new Set();
  #agent: string | undefined;

  constructor(context: AgentContext, rawEvents: boolean) {
    this.#context = context;
    this.#rawEvents = rawEvents;
  }

  /**
   * @param isNew A model is answering there: what comes under a known id is another answer, of a model that names all alike.
   * @returns The text of it that is a chunk.
   */
  async readMessage(message: GraphMessage, metadata: JsonObject, isNew: boolean): Promise<string> {
    await this.raw("messages", [message, placeOf(metadata)]);
    const type = message.getType();
    if (type === "tool") await this.#readOutput(message);
    if (type !== "ai") return "";
    const id = idOf(message);
    if (isNew && this.#told.delete(id)) this.#streamed.delete(id);
    if (this.#told.has(id) || (this.#streamed.has(id) && !isPiece(message))) return "";
    if (id !== message) this.#streamed.add(id);
    await this.#answeredBy(agentOf(metadata));
    return textOfMessage(message);
  }

  /** True for a message that clients know already. */
  knows(message: GraphMessage): boolean {
    return this.#told.has(idOf(message));
  }

  /** True for a tool call whose output clients know already. */
  knowsOutput(callId: string): boolean {
    return this.#outputs.has(callId);
  }

  /** An answer is complete. @returns False when that was known. */
  async completeMessage(message: GraphMessage, agent: string): Promise<boolean> {
    const id = idOf(message);
    if (this.#told.has(id)) return false;
    this.#told.add(id);
    const thought = thoughtOf(message);
    if (thought !== "") await this.#context.emit(events.reasoning({ text: thought }));
    const text = textOfMessage(message);
    if (text !== "") {
      await this.#context.emit(events.messageOutput({ role: "assistant", parts: [{ type: "text", text }], status: "completed", agent }));
    }
    for (const call of toolCallsOf(message)) {
      this.#calls.set(call.call_id, { call, answer: id });
      await this.#context.emit(events.toolCalled({ ...call }));
    }
    return true;
  }

  /** What a node has written itself: an event where it looks like one. */
  async custom(payload: unknown): Promise<void> {
    const json = toGraphJson(payload);
    if (isJsonObject(json) && typeof json.type === "string") await this.#context.emit({ ...json, type: json.type });
    else await this.raw("custom", payload);
  }

  /** Anything else of the stream, passed through. */
  async raw(mode: string, payload: unknown, namespace: readonly string[] = []): Promise<void> {
    if (!this.#rawEvents) return;
    const place = namespace.length === 0 ? {} : { namespace };
    try {
      await this.#context.emit({ ...events.rawResponse(mode, toGraphJson(payload)), ...place });
    } catch (error) {
      // Too large for one record; a state that grows becomes that one day.
      if (RunAgentError.is(error) && error.code === "PAYLOAD_TOO_LARGE") throw error;
      await this.#context.emit(events.rawResponse(mode, { omitted: sentenceOf(error) }));
    }
  }

  /** The call that an interrupt is about, as far as it can be known: one of that name with those arguments that has given nothing yet. */
  callFor(toolName: string, args: unknown, taken: ReadonlySet<string>): string | undefined {
    const text = JSON.stringify(args);
    for (const { call } of this.#calls.values()) {
      if (!taken.has(call.call_id) && call.tool_name === toolName && JSON.stringify(call.arguments) === text) return call.call_id;
    }
    return undefined;
  }

  /** What the tool gives is the word of who rejected it. */
  reject(callId: string, reason: string | undefined): void {
    this.#rejected.set(callId, reason ?? "rejected");
  }

  /** What was rejected may keep the other calls of its answer from running, approved or not. */
  doubtOthers(): void {
    const answers = new Set([...this.#rejected.keys()].map((callId) => this.#calls.get(callId)?.answer));
    for (const [callId, { answer }] of this.#calls) {
      if (answers.has(answer) && !this.#rejected.has(callId)) this.#doubtful.add(callId);
    }
  }

  /** The turn is over: calls that were in doubt and have given nothing did not run. */
  async tellSkipped(): Promise<void> {
    const skipped = [...this.#doubtful].flatMap((callId) => this.#calls.get(callId) ?? []);
    this.#doubtful.clear();
    for (const { call } of skipped) {
      const { call_id, tool_name } = call;
      this.#calls.delete(call_id);
      const output = "It did not run, because another call of the same answer was rejected.";
      await this.#context.emit(events.toolOutput({ call_id, tool_name, output, is_error: true }));
    }
  }

  async #readOutput(message: GraphMessage): Promise<void> {
    const id = idOf(message);
    if (this.#told.has(id)) return;
    this.#told.add(id);
    const call_id = String(message.tool_call_id);
    this.#outputs.add(call_id);
    const tool_name = typeof message.name === "string" ? message.name : this.#calls.get(call_id)?.call.tool_name;
    const item = { call_id, ...(tool_name !== undefined && { tool_name }) };
    this.#calls.delete(call_id);
    const rejected = this.#rejected.get(call_id);
    this.#rejected.delete(call_id);
    if (rejected !== undefined) return this.#context.emit(events.toolOutput({ ...item, output: rejected, rejected: true }));
    const failed = message.status === "error" ? { is_error: true } : {};
    await this.#context.emit(events.toolOutput({ ...item, output: outputOf(message), ...failed }));
  }

  async #answeredBy(agent: string): Promise<void> {
    if (this.#agent === agent) return;
    this.#agent = agent;
    await this.#context.emit(events.agentUpdated({ name: agent }));
  }
}

/** A message that no model has named is known by itself. */
function idOf(message: GraphMessage): unknown {
  return message.id || message;
}
