/**
 * The parts of a stream of the AI SDK, as chunks and events. Versions of the SDK differ in what else a part holds: what is
 * read here is in all of them, and a part that is not known is passed through like the others.
 */
import { events, RunAgentError } from "@runagent/core";
import type { AgentContext } from "../context.ts";
import { toJson } from "./json-safe.ts";
import { toModelError } from "./model-error.ts";

/** A tool call that waits for an approval. */
export interface AskedCall {
  /** The SDK's own name of the request. */
  readonly approvalId: string;
  readonly callId: string;
  readonly toolName: string;
  readonly input: unknown;
  /** Why it needs an approval, where the agent says so. */
  readonly why: string | undefined;
  /** It is run by the model's provider. */
  readonly byProvider: boolean;
}

/** What of a part is read. */
interface Part {
  readonly type: string;
  readonly id?: unknown;
  readonly text?: unknown;
  readonly toolCallId?: unknown;
  readonly toolName?: unknown;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly preliminary?: unknown;
  readonly error?: unknown;
  readonly reason?: unknown;
  readonly approvalId?: unknown;
  readonly approved?: unknown;
  readonly isAutomatic?: unknown;
  readonly toolCall?: Part;
  readonly providerExecuted?: unknown;
}

/** What raw parts are sent without: the request holds the agent's instructions, the headers what the provider tells the agent alone. */
const PRIVATE: ReadonlyMap<string, string> = new Map([
  ["start-step", "request"],
  ["finish-step", "response"],
]);

/** How parts are read. */
export interface ReaderOptions {
  /** Who answers, where the agent has a name. */
  readonly agent: string | undefined;
  /** By call: why it was rejected. */
  readonly rejected: Map<string, string>;
  readonly rawEvents: boolean;
  /** The output of a call is in the log. */
  readonly outputSeen: (callId: string) => void;
}

/** Reads the parts of one run. */
export class PartReader {
  /** Calls that wait for approvals since the last time this was read. */
  asked: AskedCall[] = [];
  readonly #context: AgentContext;
  readonly #options: ReaderOptions;
  readonly #texts: Map<string, string> = new Map();
  readonly #thoughts: Map<string, string> = new Map();

  constructor(context: AgentContext, options: ReaderOptions) {
    this.#context = context;
    this.#options = options;
  }

  /**
   * Emits the events of a part.
   * @returns The text that is a chunk, if it is one.
   * @throws RunAgentError EXECUTION_ERROR for a part that tells of an error.
   */
  async read(raw: object): Promise<string | undefined> {
    // The SDK gives objects with a type, and nothing else.
    const part = raw as Part;
    if (part.type === "error") throw toModelError(part.error);
    if (part.type === "abort") throw aborted(part);
    await this.#emitRaw(part);
    switch (part.type) {
      case "text-start":
        this.#texts.set(textOf(part.id), "");
        return undefined;
      case "text-delta":
        append(this.#texts, part);
        return textOf(part.text) || undefined;
      case "text-end":
        await this.#endText(textOf(part.id));
        return undefined;
      case "reasoning-delta":
        append(this.#thoughts, part);
        return undefined;
      case "reasoning-end":
        await this.#endThought(textOf(part.id));
        return undefined;
      case "finish-step":
        await this.#endAll();
        return undefined;
      default:
        await this.#readTool(part);
        return undefined;
    }
  }

  async #readTool(part: Part): Promise<void> {
    const callId = textOf(part.toolCallId);
    const tool_name = textOf(part.toolName);
    switch (part.type) {
      case "tool-call":
        return this.#context.emit(events.toolCalled({ call_id: callId, tool_name, arguments: toJson(part.input) }));
      case "tool-result":
        if (part.preliminary === true) return;
        await this.#context.emit(events.toolOutput({ call_id: callId, tool_name, output: toJson(part.output) }));
        return this.#options.outputSeen(callId);
      case "tool-error":
        await this.#context.emit(events.toolOutput({ call_id: callId, tool_name, output: messageOf(part.error), is_error: true }));
        return this.#options.outputSeen(callId);
      case "tool-output-denied":
        await this.#context.emit(
          events.toolOutput({ call_id: callId, tool_name, output: this.#options.rejected.get(callId) ?? "rejected", rejected: true }),
        );
        return this.#options.outputSeen(callId);
      case "tool-approval-request":
        if (part.isAutomatic !== true) this.#ask(part);
        return;
      case "tool-approval-response":
        // A rule of the agent decided. Why it was rejected is said here, and that it was, in a part of its own.
        if (part.approved === false && typeof part.reason === "string")
          this.#options.rejected.set(textOf(part.toolCall?.toolCallId), part.reason);
        return;
    }
  }

  #ask({ approvalId, toolCall, reason }: Part): void {
    this.asked.push({
      approvalId: textOf(approvalId),
      callId: textOf(toolCall?.toolCallId),
      toolName: textOf(toolCall?.toolName),
      input: toJson(toolCall?.input),
      why: typeof reason === "string" ? reason : undefined,
      byProvider: toolCall?.providerExecuted === true,
    });
  }

  async #endText(id: string): Promise<void> {
    const text = this.#texts.get(id) ?? "";
    this.#texts.delete(id);
    if (text === "") return;
    const agent = this.#options.agent === undefined ? {} : { agent: this.#options.agent };
    await this.#context.emit(events.messageOutput({ role: "assistant", parts: [{ type: "text", text }], status: "completed", ...agent }));
  }

  async #endThought(id: string): Promise<void> {
    const text = this.#thoughts.get(id) ?? "";
    this.#thoughts.delete(id);
    if (text !== "") await this.#context.emit(events.reasoning({ text }));
  }

  /** For providers that do not say where a text ends. */
  async #endAll(): Promise<void> {
    for (const id of this.#thoughts.keys()) await this.#endThought(id);
    for (const id of this.#texts.keys()) await this.#endText(id);
  }

  async #emitRaw(part: Part): Promise<void> {
    if (!this.#options.rawEvents) return;
    const hidden = PRIVATE.get(part.type);
    const shown = Object.fromEntries(Object.entries(part).filter(([key]) => key !== hidden));
    const data = toJson(shown, readFile);
    try {
      await this.#context.emit(events.rawResponse(part.type, data));
    } catch (error) {
      // Too large for one record: what it means is told by the item that follows.
      if (RunAgentError.is(error) && error.code === "PAYLOAD_TOO_LARGE") throw error;
      await this.#context.emit(events.rawResponse(part.type, { type: part.type, omitted: messageOf(error) }));
    }
  }
}

/** A file keeps its content behind getters, in two forms. */
function readFile(value: object): unknown {
  if (!("uint8Array" in value && "base64" in value && "mediaType" in value)) return value;
  return { mediaType: value.mediaType, base64: value.base64 };
}

function append(texts: Map<string, string>, { id, text }: Part): void {
  const key = textOf(id);
  texts.set(key, (texts.get(key) ?? "") + textOf(text));
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function aborted({ reason }: Part): RunAgentError {
  const why = typeof reason === "string" && reason !== "" ? `: ${reason}` : ", by a signal or a timeout of its settings.";
  return new RunAgentError("EXECUTION_ERROR", `The model call was aborted${why}`);
}
