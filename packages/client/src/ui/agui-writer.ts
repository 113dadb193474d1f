import { type Message, RunAgentError } from "@runagent/core";
import type { AGUIEvent, RunInput, RunInterrupt, RunMessage, RunOutcome } from "./agui-event.ts";
import { CallNames } from "./call-names.ts";
import { type AskedApproval, type AskedCall, type Item, type ToolOutput, toText } from "./item.ts";
import { Prose } from "./prose.ts";
import type { Writer } from "./translation.ts";

/** What the writer is told beside the records. */
export interface AGUIWriterOptions {
  readonly invocationId: () => string;
  readonly input: RunInput;
  readonly sentenceOf: (error: unknown) => string;
}

/** What people may answer. */
const ANSWER: Record<string, unknown> = {
  type: "object",
  properties: { approved: { type: "boolean" }, reason: { type: "string" } },
  required: ["approved"],
};
const RAW_EVENT = "raw_response_event";

/** Says a stream as one run of AG-UI. The ids follow from the log alone. */
export class AGUIWriter implements Writer<AGUIEvent> {
  readonly #options: AGUIWriterOptions;
  readonly #prose: Prose;
  readonly #calls: Set<string>;
  /** Those of them that have their result. */
  readonly #over: Set<string>;
  readonly #names: CallNames;
  /** The run answers another, in which calls may have begun that are not known here. */
  readonly #answers: boolean;
  /** The text message that is open. */
  #text: string | undefined;
  /** The assistant's message that tool calls belong to. */
  #parent: string | undefined;
  #step: string | undefined;
  #turns = 0;
  #out: AGUIEvent[] = [];

  constructor(options: AGUIWriterOptions) {
    const { messages = [], resume = [] } = options.input;
    this.#options = options;
    this.#answers = resume.length > 0;
    // A run that answers goes on with what followed the last question.
    const asked = messages.findLastIndex(({ role }) => role === "user") + 1;
    const before = this.#answers ? messages.slice(asked) : [];
    const texts = before.map(({ role, content }) => (role === "assistant" && typeof content === "string" ? content : ""));
    this.#prose = new Prose({ steps: ["", texts.join("")], last: texts.findLast((text) => text !== "") ?? "" });
    this.#calls = new Set(callsIn(before));
    this.#over = new Set(before.flatMap(({ toolCallId }) => toolCallId ?? []));
    // A call is looked for in the whole thread.
    const taken = new Set(callsIn(messages.slice(0, asked)));
    this.#names = new CallNames({
      given: this.#calls,
      isOver: (name) => this.#over.has(name),
      nameFirst: (callId) => (taken.has(callId) ? `${this.#options.invocationId()}-${callId}` : callId),
    });
  }

  begin(): readonly AGUIEvent[] {
    const { threadId, runId } = this.#options.input;
    return [{ type: "RUN_STARTED", threadId, runId }];
  }

  item(item: Item, seq: number): readonly AGUIEvent[] {
    this.#write(item, `${this.#options.invocationId()}-${seq}`);
    return this.#take();
  }

  asked(approvals: readonly AskedApproval[], position: string | undefined): readonly AGUIEvent[] {
    const named = approvals.map((approval) => ({ ...approval, calls: approval.calls.map((call) => this.#named(call)) }));
    for (const { calls } of named) for (const call of calls) this.#call(call, call.callId);
    return this.#finish({ type: "interrupt", interrupts: named.map((approval) => toInterrupt(approval, position)) });
  }

  end(status: string): readonly AGUIEvent[] {
    if (status === "cancelled") return this.#finish({ type: "cancelled" });
    // The tools run on the server: none is left for the page to answer.
    return this.#finish({ type: "success", pendingToolCallIds: [] });
  }

  failed(error: unknown): readonly AGUIEvent[] {
    this.#endStep();
    const code = RunAgentError.is(error) && { code: error.code };
    this.#out.push({ type: "RUN_ERROR", message: this.#options.sentenceOf(error), ...(code || {}) });
    return this.#take();
  }

  #write(item: Item, id: string): void {
    switch (item.kind) {
      case "text":
        this.#prose.text(item.text);
        this.#addText(item.text, id);
        break;
      case "message":
        this.#addMessage(item.message, id);
        break;
      case "message_output": {
        const text = this.#prose.output(item.message);
        if (text === "") break;
        this.#endText();
        this.#addText(text, id);
        this.#endText();
        break;
      }
      case "reasoning":
        this.#addReasoning(item.text, id);
        break;
      case "tool_called":
        this.#call({ ...item, callId: this.#names.called(item.callId) }, id);
        break;
      case "tool_output":
        this.#output(item, id);
        break;
      case "approval_required":
        for (const call of item.calls) this.#call(this.#named(call), `${id}-${call.callId}`);
        this.#addCustom("approval_required", item.event);
        break;
      case "approval_decided":
        this.#addCustom("approval_decided", item.event);
        break;
      case "turn":
        this.#endStep();
        break;
      case "chunk":
        this.#addCustom("chunk", item.content);
        break;
      case "agent":
        this.#addCustom("agent_updated", item.agent);
        break;
      case "handoff":
        this.#addCustom(`handoff_${item.phase}`, item.item);
        break;
      case "other":
        if (item.type === RAW_EVENT) this.#out.push({ type: "RAW", event: item.event.data ?? null, source: toText(item.event.name) });
        else this.#addCustom(item.type, item.event);
        break;
    }
  }

  #take(): readonly AGUIEvent[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }

  #finish(outcome: RunOutcome): readonly AGUIEvent[] {
    const { threadId, runId } = this.#options.input;
    this.#endStep();
    this.#out.push({ type: "RUN_FINISHED", threadId, runId, outcome });
    return this.#take();
  }

  // --- text -----------------------------------------------------------------------------------------------------------

  #addText(delta: string, id: string): void {
    if (delta === "") return;
    this.#beginStep();
    if (this.#text === undefined) {
      this.#text = id;
      this.#parent = id;
      this.#out.push({ type: "TEXT_MESSAGE_START", messageId: id, role: "assistant" });
    }
    this.#out.push({ type: "TEXT_MESSAGE_CONTENT", messageId: this.#text, delta });
  }

  #endText(): void {
    if (this.#text !== undefined) this.#out.push({ type: "TEXT_MESSAGE_END", messageId: this.#text });
    this.#text = undefined;
  }

  #addMessage(message: Message, id: string): void {
    const { text, continues } = this.#prose.message(message);
    if (!continues) this.#endText();
    this.#addText(text, id);
    if (message.status === "in_progress") return;
    this.#endText();
    for (const part of message.parts) if (part.type !== "text") this.#addCustom("part", part);
  }

  #addReasoning(delta: string, messageId: string): void {
    if (delta === "") return;
    this.#endText();
    this.#beginStep();
    this.#out.push(
      { type: "REASONING_START", messageId },
      { type: "REASONING_MESSAGE_START", messageId, role: "reasoning" },
      { type: "REASONING_MESSAGE_CONTENT", messageId, delta },
      { type: "REASONING_MESSAGE_END", messageId },
      { type: "REASONING_END", messageId },
    );
  }

  #addCustom(name: string, value: unknown): void {
    this.#endText();
    this.#out.push({ type: "CUSTOM", name, value });
  }

  #beginStep(): void {
    if (this.#step !== undefined) return;
    this.#step = `turn-${this.#turns + 1}`;
    this.#out.push({ type: "STEP_STARTED", stepName: this.#step });
  }

  #endStep(): void {
    this.#endText();
    this.#parent = undefined;
    if (this.#step === undefined) return;
    this.#out.push({ type: "STEP_FINISHED", stepName: this.#step });
    this.#step = undefined;
    this.#prose.endStep();
    this.#turns++;
  }

  // --- tools ----------------------------------------------------------------------------------------------------------

  /** The call by its name in the thread. */
  #named(call: AskedCall): AskedCall {
    return { ...call, callId: this.#names.of(call.callId) };
  }

  #call({ callId: toolCallId, toolName: toolCallName, input }: AskedCall, id: string): void {
    if (this.#calls.has(toolCallId)) return;
    this.#calls.add(toolCallId);
    this.#endText();
    this.#beginStep();
    // Calls that the model makes at once are one message, that of its text where it wrote one.
    this.#parent ??= id;
    this.#out.push(
      { type: "TOOL_CALL_START", toolCallId, toolCallName, parentMessageId: this.#parent },
      { type: "TOOL_CALL_ARGS", toolCallId, delta: toText(input) },
      { type: "TOOL_CALL_END", toolCallId },
    );
  }

  #output({ callId, toolName = "tool", output }: ToolOutput, messageId: string): void {
    const toolCallId = this.#names.of(callId);
    this.#over.add(toolCallId);
    if (!this.#answers) this.#call({ callId: toolCallId, toolName, input: {} }, `${messageId}-call`);
    this.#endText();
    this.#parent = undefined;
    this.#out.push({ type: "TOOL_CALL_RESULT", messageId, toolCallId, content: toText(output), role: "tool" });
  }
}

function callsIn(messages: readonly RunMessage[]): string[] {
  return messages.flatMap(({ toolCalls = [] }) => toolCalls.map(({ id }) => id));
}

function toInterrupt({ approvalId, calls, expiresAt }: AskedApproval, position: string | undefined): RunInterrupt {
  const [only, ...others] = calls;
  const names = calls.map(({ toolName }) => toolName).join(", ");
  return {
    id: approvalId,
    reason: "tool_call",
    message: `May the agent call ${names}?`,
    ...(only !== undefined && others.length === 0 && { toolCallId: only.callId }),
    responseSchema: ANSWER,
    ...(expiresAt !== undefined && { expiresAt }),
    metadata: {
      ...(position !== undefined && { position }),
      calls: calls.map(({ callId, toolName, input }) => ({ call_id: callId, tool_name: toolName, arguments: input })),
    },
  };
}
