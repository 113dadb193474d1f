import type { Message } from "@runagent/core";
import { CallNames } from "./call-names.ts";
import { type AskedApproval, type AskedCall, type Item, type ToolOutput, toText } from "./item.ts";
import { Prose } from "./prose.ts";
import type { Writer } from "./translation.ts";
import { type ApprovalDescriptor, shownOf, toolParts, type UIMessageChunk, type UIMessageLike } from "./ui-message-chunk.ts";

/** What the writer is told beside the records. */
export interface UIMessageWriterOptions {
  readonly invocationId: () => string;
  /** The message that goes on. */
  readonly message: UIMessageLike | undefined;
  readonly sentenceOf: (error: unknown) => string;
}

/** A tool call in the message. */
interface Call {
  /** The approval that the message shows. */
  asked: string | undefined;
  approved: boolean;
  /** It has its output, or was denied. */
  over: boolean;
}

/** Says a stream as one message of the AI SDK. The ids follow from the log alone: a replay makes the same message. */
export class UIMessageWriter implements Writer<UIMessageChunk> {
  readonly #options: UIMessageWriterOptions;
  readonly #prose: Prose;
  /** By the names of the calls in the message. */
  readonly #calls = new Map<string, Call>();
  readonly #names: CallNames;
  /** The calls that each approval is about, by the approval's name in the message. */
  readonly #approvals = new Map<string, readonly string[]>();
  /** The text block that is open. */
  #text: string | undefined;
  #inStep: boolean;
  #out: UIMessageChunk[] = [];

  constructor(options: UIMessageWriterOptions) {
    const { message } = options;
    this.#options = options;
    this.#prose = new Prose(message && shownOf(message));
    // The people who were asked in the middle of a step have answered: it goes on.
    this.#inStep = message !== undefined;
    for (const { toolCallId, state, approvalId, answer } of message ? toolParts(message) : []) {
      const over = state.startsWith("output-");
      this.#calls.set(toolCallId, { asked: approvalId, approved: answer?.approved === true, over });
      if (approvalId !== undefined) this.#approvals.set(approvalId, [...(this.#approvals.get(approvalId) ?? []), toolCallId]);
    }
    this.#names = new CallNames({ given: this.#calls.keys(), isOver: (name) => this.#calls.get(name)?.over === true });
  }

  begin(): readonly UIMessageChunk[] {
    return [{ type: "start", ...(this.#options.message === undefined && { messageId: this.#options.invocationId() }) }];
  }

  item(item: Item, seq: number): readonly UIMessageChunk[] {
    this.#write(item, `${this.#options.invocationId()}-${seq}`);
    return this.#take();
  }

  asked(approvals: readonly AskedApproval[], position: string | undefined): readonly UIMessageChunk[] {
    for (const { approvalId, calls, expiresAt } of approvals) {
      this.#hold(approvalId, calls);
      const descriptor = position === undefined ? undefined : { position, ...(expiresAt !== undefined && { expiresAt }) };
      for (const { callId } of calls) this.#ask(this.#nameOf(approvalId), this.#names.of(callId), descriptor);
    }
    this.#endStep();
    this.#out.push({ type: "finish", finishReason: "tool-calls" });
    return this.#take();
  }

  end(status: string): readonly UIMessageChunk[] {
    this.#endText();
    if (status === "completed") {
      // A call that was approved and never told its output would wait for ever, and useChat would send its answer again and again.
      for (const [toolCallId, call] of this.#calls) {
        if (call.approved && !call.over) this.#out.push({ type: "tool-output-available", toolCallId, output: null });
      }
    }
    this.#endStep();
    if (status === "completed") this.#out.push({ type: "finish", finishReason: "stop" });
    if (status === "cancelled") this.#out.push({ type: "abort" });
    return this.#take();
  }

  failed(error: unknown): readonly UIMessageChunk[] {
    this.#endText();
    this.#out.push({ type: "error", errorText: this.#options.sentenceOf(error) });
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
      case "message_output":
        this.#addBlock("text", this.#prose.output(item.message), id);
        break;
      case "reasoning":
        this.#addBlock("reasoning", item.text, id);
        break;
      case "tool_called":
        this.#call(item, this.#names.called(item.callId));
        break;
      case "tool_output":
        this.#output(item);
        break;
      case "approval_required":
        this.#hold(item.approvalId, item.calls);
        break;
      case "approval_decided":
        this.#decided(item.approvalId, item.approved);
        break;
      case "turn":
        this.#endStep();
        break;
      case "chunk":
        this.#addData("chunk", item.content, id);
        break;
      case "agent":
        this.#addData("agent", item.agent, id);
        break;
      case "handoff":
        this.#addData("handoff", { phase: item.phase, ...item.item }, id);
        break;
      case "other":
        this.#addData(item.type, item.event, id);
        break;
    }
  }

  #take(): readonly UIMessageChunk[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }

  // --- text -----------------------------------------------------------------------------------------------------------

  #addText(delta: string, id: string): void {
    if (delta === "") return;
    this.#beginStep();
    if (this.#text === undefined) {
      this.#text = id;
      this.#out.push({ type: "text-start", id });
    }
    this.#out.push({ type: "text-delta", id: this.#text, delta });
  }

  #endText(): void {
    if (this.#text !== undefined) this.#out.push({ type: "text-end", id: this.#text });
    this.#text = undefined;
  }

  #addMessage(message: Message, id: string): void {
    const { text, continues } = this.#prose.message(message);
    if (!continues) this.#endText();
    this.#addText(text, id);
    if (message.status === "in_progress") return;
    this.#endText();
    for (const [index, part] of message.parts.entries()) if (part.type !== "text") this.#addData("part", part, `${id}-${index}`);
  }

  #addBlock(kind: "text" | "reasoning", delta: string, id: string): void {
    if (delta === "") return;
    this.#endText();
    this.#beginStep();
    this.#out.push({ type: `${kind}-start`, id }, { type: `${kind}-delta`, id, delta }, { type: `${kind}-end`, id });
  }

  #addData(name: string, data: unknown, id: string): void {
    this.#endText();
    this.#beginStep();
    this.#out.push({ type: `data-${name}`, id, data });
  }

  #beginStep(): void {
    if (!this.#inStep) this.#out.push({ type: "start-step" });
    this.#inStep = true;
  }

  #endStep(): void {
    this.#endText();
    if (!this.#inStep) return;
    this.#out.push({ type: "finish-step" });
    this.#prose.endStep();
    this.#inStep = false;
  }

  // --- tools ----------------------------------------------------------------------------------------------------------

  #call({ toolName, input }: Pick<AskedCall, "toolName" | "input">, toolCallId: string): Call {
    const known = this.#calls.get(toolCallId);
    if (known !== undefined) return known;
    const call: Call = { asked: undefined, approved: false, over: false };
    this.#calls.set(toolCallId, call);
    this.#endText();
    this.#beginStep();
    this.#out.push({ type: "tool-input-available", toolCallId, toolName, input, dynamic: true });
    return call;
  }

  #output({ callId, toolName = "tool", output, failed, rejected }: ToolOutput): void {
    this.#endText();
    const toolCallId = this.#names.of(callId);
    const call = this.#call({ toolName, input: {} }, toolCallId);
    const denied = rejected && call.asked !== undefined;
    if (denied && call.over) return;
    call.over = true;
    if (denied) this.#out.push({ type: "tool-output-denied", toolCallId });
    else if (failed || rejected) this.#out.push({ type: "tool-output-error", toolCallId, errorText: toText(output) });
    else this.#out.push({ type: "tool-output-available", toolCallId, output });
  }

  /** People are asked. Whether the message shows it is known later: a replay holds what has been decided long ago. */
  #hold(approvalId: string, calls: readonly AskedCall[]): void {
    // What follows is a part of its own, in the same step, whether people are asked here or have been.
    this.#endText();
    this.#beginStep();
    for (const call of calls) this.#call(call, this.#names.of(call.callId));
    this.#approvals.set(this.#nameOf(approvalId), [...new Set(calls.map(({ callId }) => this.#names.of(callId)))]);
  }

  /** Approvals are counted for each invocation, and useChat looks for them in all messages of the chat. */
  #nameOf(approvalId: string): string {
    return `${this.#options.invocationId()}-${approvalId}`;
  }

  #ask(approvalId: string, toolCallId: string, approvalDescriptor: ApprovalDescriptor | undefined): void {
    const call = this.#calls.get(toolCallId);
    if (call === undefined || call.asked === approvalId) return;
    call.asked = approvalId;
    call.over = false; // Asked once more, after a no or an output.
    this.#out.push({ type: "tool-approval-request", toolCallId, approvalId, ...(approvalDescriptor && { approvalDescriptor }) });
  }

  #decided(approvalId: string, approved: boolean): void {
    const name = this.#nameOf(approvalId);
    for (const toolCallId of this.#approvals.get(name) ?? []) {
      const call = this.#calls.get(toolCallId);
      if (call === undefined) continue;
      call.approved = approved;
      if (approved) call.over = false; // A no before counts no longer.
      if (approved || (call.over && call.asked === name)) continue;
      this.#ask(name, toolCallId, undefined);
      this.#out.push({ type: "tool-output-denied", toolCallId });
      call.over = true;
    }
  }
}
