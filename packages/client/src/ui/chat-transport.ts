import { decodeCursor, encodeCursor, RunAgentError } from "@runagent/core";
import { type ChatStorage, KeptChats } from "./kept-chats.ts";
import { checkOnClose, checkOptions, type EventStream, invalid, type OnClose } from "./source.ts";
import { toReadable, translate, type UIMessageStreamOptions } from "./to-ui-message-stream.ts";
import type { Translation } from "./translation.ts";
import { type AnsweredApproval, toolParts, type UIMessageChunk, type UIMessageLike } from "./ui-message-chunk.ts";

/** A stream that says where it began. */
export interface ChatStream extends EventStream {
  readonly started: Promise<{ readonly position: string | undefined }>;
}

/** The part of a RunAgentClient that is used. */
export interface ChatClient<Input> {
  runStream(input: Input): ChatStream;
  resume(position: string): ChatStream;
  decide(invocationId: string, decision: ChatDecision, options: { readonly signal?: AbortSignal | undefined }): Promise<void>;
}

/** A decision as `client.decide` takes it. */
export interface ChatDecision {
  readonly approvalId: string;
  readonly decision: "approve" | "reject";
  readonly reason?: string;
}

/** What `useChat` asks for, as far as it is read here. */
export interface ChatRequest<M> {
  readonly trigger: "submit-message" | "regenerate-message";
  readonly chatId: string;
  readonly messageId: string | undefined;
  readonly messages: readonly M[];
  readonly abortSignal: AbortSignal | undefined;
  readonly body?: object | undefined;
  readonly metadata?: unknown;
}

/** What `useChat` asks for after a reload. */
export interface ReconnectRequest {
  readonly chatId: string;
  readonly abortSignal?: AbortSignal | undefined;
}

/** How a chat is carried. */
export interface ChatTransportOptions<Input, M extends UIMessageLike> extends Pick<UIMessageStreamOptions, "events" | "onError"> {
  /** The client of the entrypoint that answers. */
  readonly client: ChatClient<Input>;
  /** The input of the entrypoint. Default: `{ ...body, messages }`. */
  readonly toInput?: ((request: ChatRequest<M>) => Input) | undefined;
  /** Where it is kept which answer is not complete. Default sessionStorage, which every tab has for itself. */
  readonly storage?: ChatStorage | undefined;
  /**
   * What `stop()` does. "cancel" (default) stops the agent. "detach" leaves it running, and a reload shows its answer: for pages that
   * stop a chat by leaving it, as version 4 of `@ai-sdk/react` does when its component goes.
   */
  readonly onStop?: OnClose | undefined;
}

/** These say that there is no answer to go on with. */
const GONE: readonly unknown[] = ["INVOCATION_NOT_FOUND", "CURSOR_EXPIRED", "EPOCH_CHANGED", "CURSOR_AHEAD"];

/** What goes on for a chat. */
interface Answering {
  readonly stream: ChatStream;
  /** The same answer is read by another, which was asked for later. */
  replaced: boolean;
}

/** What the user has decided, and where the stream goes on. */
interface Decisions {
  readonly invocationId: string;
  readonly position: string;
  readonly decisions: readonly ChatDecision[];
}

/**
 * A ChatTransport of the AI SDK, versions 6 and 7: `useChat` talks with a RunAgent server. Every message is one invocation, whose id is
 * the message's. Connections that drop are mended below; a reload makes the message again and goes on; approvals are answered in the chat.
 * The chat needs an `id` of your own, and `resume: true`.
 * @example
 * import { RunAgentClient } from "runagent";
 * import { RunAgentChatTransport } from "runagent/ai-sdk";
 * const client = new RunAgentClient({ agentId: "storyteller", entrypointTag: "story_stream", port: 8450 });
 * const transport = new RunAgentChatTransport({ client, toInput: () => ({ topic: "robots" }) });
 * // In a component: useChat({ id: "chat-1", transport, resume: true })
 */
export class RunAgentChatTransport<Input = Record<string, unknown>, M extends UIMessageLike = UIMessageLike> {
  /** For useChat: an answer that is resumed comes whole, from its beginning. */
  readonly resumeStreamIsReplay = true;
  readonly #options: ChatTransportOptions<Input, M>;
  readonly #kept: KeptChats;
  readonly #answering = new Map<string, Answering>();

  /** @throws RunAgentError VALIDATION_ERROR that names the option. */
  constructor(options: ChatTransportOptions<Input, M>) {
    checkOptions(options);
    const { client, toInput, onStop, storage }: Partial<ChatTransportOptions<Input, M>> = options;
    if (typeof client?.runStream !== "function") throw invalid("client", "must be a RunAgentClient");
    if (toInput !== undefined && typeof toInput !== "function") throw invalid("toInput", "must be a function");
    if (storage !== undefined && typeof storage?.getItem !== "function") throw invalid("storage", "must be like sessionStorage");
    checkOnClose(onStop, "onStop");
    this.#options = options;
    this.#kept = new KeptChats(storage);
  }

  /** Starts an invocation for what the user says; where the user has answered approvals, goes on with the one that waits for them. */
  async sendMessages(request: ChatRequest<M>): Promise<ReadableStream<UIMessageChunk>> {
    const { chatId, abortSignal } = request;
    const message = answered(request);
    const next = message && this.#decisions(chatId, message);
    // Another invocation would know nothing of the answer, and useChat would send it again and again.
    if (message && next === undefined && toolParts(message).some(({ answer }) => answer !== undefined)) throw unplaced();
    if (next === undefined) {
      const { toInput, client } = this.#options;
      // Without toInput, Input is what is made here.
      const input = toInput ? toInput(request) : ({ ...request.body, messages: request.messages } as Input);
      return this.#open(chatId, client.runStream(input), abortSignal, {});
    }
    await Promise.all(next.decisions.map((decision) => this.#decide(next.invocationId, decision, abortSignal)));
    return this.#open(chatId, this.#options.client.resume(next.position), abortSignal, { message });
  }

  /** The answer that was not complete when the page went, from its beginning; null when there is none. */
  async reconnectToStream({ chatId, abortSignal }: ReconnectRequest): Promise<ReadableStream<UIMessageChunk> | null> {
    const kept = this.#kept.get(chatId);
    if (kept === undefined) return null;
    try {
      return await this.#open(chatId, this.#options.client.resume(kept.position), abortSignal, { replay: true });
    } catch (error) {
      if (!RunAgentError.is(error) || !GONE.includes(error.code)) throw error;
      this.#kept.forget(chatId);
      return null;
    }
  }

  async #decide(invocationId: string, decision: ChatDecision, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#options.client.decide(invocationId, decision, { signal });
    } catch (error) {
      // Somebody else was first, the time was up, or the invocation has ended: the log tells what became of it.
      const late = RunAgentError.is(error) && (error.code === "ALREADY_DECIDED" || error.field === "approval_id");
      if (!late) throw error;
    }
  }

  /** Resolves when the server has accepted, so that the place is kept before anything is shown. */
  async #open(
    chatId: string,
    stream: ChatStream,
    signal: AbortSignal | undefined,
    { message, replay = false }: { readonly message?: M | undefined; readonly replay?: boolean },
  ): Promise<ReadableStream<UIMessageChunk>> {
    const { events, onError, onStop = "cancel" } = this.#options;
    const before = this.#answering.get(chatId);
    if (before !== undefined && replay) before.replaced = true;
    const answering: Answering = { stream, replaced: false };
    this.#answering.set(chatId, answering);
    const translation = translate(stream, { events, onError, message });
    let watched = !replay;
    const leave = async (): Promise<void> => {
      // useChat stops a resume by starting another, in the same turn of the event loop.
      await Promise.resolve();
      const onClose = answering.replaced || !watched ? "detach" : onStop;
      const stops = onClose === "cancel" && translation.ending === undefined;
      await translation.leave(onClose);
      if (stops) this.#forget(chatId, stream);
      else this.#settle(chatId, stream, translation);
    };
    const onAbort = (): void => void leave().catch(() => {}); // Whoever waits for it learns of a failure from `started`.
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted) onAbort();
    try {
      const { position } = await stream.started;
      if (position !== undefined) this.#keep(chatId, position);
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
    const next = async (): Promise<UIMessageChunk | undefined> => {
      watched = true;
      const chunk = await translation.next();
      if (translation.ending?.type === "asked" && chunk?.type === "tool-approval-request") this.#wait(chatId, chunk);
      if (chunk === undefined) this.#settle(chatId, stream, translation);
      return chunk;
    };
    return toReadable({ next }, leave);
  }

  // --- what is kept ---------------------------------------------------------------------------------------------------

  #keep(chatId: string, position: string): void {
    const start = encodeCursor({ ...decodeCursor(position), seq: 0 });
    const waiting = this.#kept.get(chatId)?.waiting ?? {};
    this.#kept.set(chatId, { position: start, waiting });
  }

  #wait(chatId: string, chunk: Extract<UIMessageChunk, { type: "tool-approval-request" }>): void {
    const { approvalId, approvalDescriptor: descriptor } = chunk;
    const kept = this.#kept.get(chatId);
    if (kept !== undefined && descriptor !== undefined) {
      this.#kept.set(chatId, { ...kept, waiting: { ...kept.waiting, [approvalId]: descriptor.position } });
    }
  }

  /** An answer that is complete is the page's own; one that waits, or whose line is gone, is found again. */
  #settle(chatId: string, stream: ChatStream, { ending }: Translation<UIMessageChunk>): void {
    const ended = ending?.type === "ended" && ending.status !== "detached";
    if (ended || (ending?.type === "failed" && isFinal(ending.error))) this.#forget(chatId, stream);
  }

  #forget(chatId: string, stream: ChatStream): void {
    if (this.#answering.get(chatId)?.stream === stream) this.#answering.delete(chatId);
    // The chat may have begun another answer meanwhile.
    const kept = this.#kept.get(chatId);
    if (kept !== undefined && decodeCursor(kept.position).invocationId === stream.invocationId) this.#kept.forget(chatId);
  }

  /** Where the stream goes on with what was answered; undefined when none of it is ours. */
  #decisions(chatId: string, message: M): Decisions | undefined {
    const waiting = this.#kept.get(chatId)?.waiting ?? {};
    const answers = toolParts(message).flatMap(({ answer }) => {
      const position = answer && (answer.position ?? waiting[answer.approvalId]);
      return answer && position !== undefined ? [{ answer, position, ...decodeCursor(position) }] : [];
    });
    const last = answers.reduce<(typeof answers)[number] | undefined>((a, b) => (a !== undefined && a.seq >= b.seq ? a : b), undefined);
    if (last === undefined) return undefined;
    // What was asked before has been decided, or the agent had not got here.
    const open = answers.filter(({ position }) => position === last.position);
    const { invocationId } = last;
    const decisions = new Map(open.map(({ answer }) => [answer.approvalId, toDecision(answer, invocationId)]));
    return { invocationId, position: this.#reached(chatId, last) ?? last.position, decisions: [...decisions.values()] };
  }

  /** Where another try goes on: what was shown of the first is not shown again. */
  #reached(chatId: string, from: { readonly invocationId: string; readonly seq: number }): string | undefined {
    const stream = this.#answering.get(chatId)?.stream;
    if (stream?.position === undefined || stream.invocationId !== from.invocationId) return undefined;
    return decodeCursor(stream.position).seq > from.seq ? stream.position : undefined;
  }
}

/** The message whose approvals the user has answered. */
function answered<M extends UIMessageLike>({ trigger, messageId, messages }: ChatRequest<M>): M | undefined {
  if (trigger !== "submit-message") return undefined;
  const message = messageId === undefined ? messages.at(-1) : messages.find(({ id }) => id === messageId);
  return message?.role === "assistant" ? message : undefined;
}

function unplaced(): RunAgentError {
  return new RunAgentError("VALIDATION_ERROR", "An approval was answered, and where its answer belongs is not known.", {
    field: "messages",
    suggestion: "Keep the messages as useChat gives them, with approval.descriptor, or decide with client.decide().",
  });
}

function toDecision({ approvalId, approved, reason }: AnsweredApproval, invocationId: string): ChatDecision {
  return {
    approvalId: approvalId.slice(invocationId.length + 1),
    decision: approved ? "approve" : "reject",
    ...(reason !== undefined && { reason }),
  };
}

/** What the server said of the invocation is final, unless it passes, or a credential can be renewed; so is the user's own wish. */
function isFinal(error: unknown): boolean {
  if (!RunAgentError.is(error)) return false;
  return error.origin === "wire" ? !error.retryable && error.code !== "AUTHENTICATION_ERROR" : error.code === "CANCELLED";
}
