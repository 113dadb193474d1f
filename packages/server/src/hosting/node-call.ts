/**
 * One call of a function in the Node worker: the same runner as in the server itself, with the host in the place of the log.
 */
import { type AgentEvent, type KnownEvent, RunAgentError } from "@runagent/core";
import type { Entrypoint } from "../agent.ts";
import { checkRequest, checkShown } from "../approval-request.ts";
import type { AgentContext, ApprovalAnswer, ApprovalRequest } from "../context.ts";
import { handled, SETTLED } from "../promises.ts";
import { encodeEmitted, encodeEvent } from "../records.ts";
import { type Execution, runEntrypoint } from "../runner.ts";
import { stackOf } from "./stack.ts";
import type { CallItemType, CallRequest } from "./worker-call.ts";

/** An agent that emits more than this, in characters, while nobody takes it is stopped: it does not wait. */
const MAX_EVENTS = 8_388_608;

/** What the agent has asked, and waits for. */
interface Asked {
  resolve(answer: ApprovalAnswer | null): void;
  reject(error: RunAgentError): void;
}

/** A call that runs. */
export class NodeCall implements Execution {
  readonly request: { readonly entrypoint: Entrypoint };
  /** Settles when the agent's code is done. */
  readonly ended: Promise<void>;
  cancelled = false;
  #settleEnded: () => void = () => {};
  readonly #context: AgentContext;
  readonly #controller = new AbortController();
  readonly #window: number;
  readonly #maxBytes: number;
  readonly #send: (kind: CallItemType, json: string) => void;
  /** Characters sent and not acknowledged. */
  #outstanding = 0;
  /** What waits for room waits for this; undefined while nothing does. */
  #room: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #stop: (() => void) | undefined;
  #result = "null";
  /** Set when nobody listens to it any more: it was cancelled, or the function is done. */
  #endedBy: RunAgentError | undefined;
  /** What the agent has asked, by number. */
  readonly #asked: Map<number, Asked> = new Map();
  #lastNumber = 0;

  constructor(request: CallRequest, entrypoint: Entrypoint, maxBytes: number, send: (kind: CallItemType, json: string) => void) {
    this.request = { entrypoint };
    this.ended = new Promise((resolve) => {
      this.#settleEnded = resolve;
    });
    this.#window = request.window;
    this.#maxBytes = maxBytes;
    this.#send = send;
    this.#context = {
      invocationId: request.invocation_id,
      args: request.args,
      userId: request.user_id ?? undefined,
      persistentMemory: request.persistent_memory,
      signal: this.#controller.signal,
      emit: (event) => this.#emit(event),
      turn: () => handled(this.#turn()),
      requireApproval: (approval) => handled(this.#requireApproval(approval)),
    };
  }

  /** Runs the function. @returns The message that ends the call; what it rejects with is why it failed. */
  async run(input: Promise<unknown>): Promise<{ readonly kind: "done" | "result" | "cancelled"; readonly json: string }> {
    try {
      const checked = await input;
      if (!this.cancelled) await runEntrypoint(this, checked, this.#context, this.#maxBytes);
    } finally {
      this.#end(new RunAgentError("CANCELLED", "The invocation has ended."));
      this.#settleEnded();
    }
    if (this.cancelled) return { kind: "cancelled", json: "null" };
    return this.request.entrypoint.streaming ? { kind: "done", json: "null" } : { kind: "result", json: this.#result };
  }

  get running(): boolean {
    return !this.cancelled;
  }

  room(): Promise<void> | undefined {
    if (this.#endedBy !== undefined || this.#outstanding < this.#window) return undefined;
    this.#room ??= new Promise((resolve) => {
      this.#wake = resolve;
    });
    return this.#room;
  }

  appendData(content: string): void {
    if (this.cancelled) return;
    if (!this.request.entrypoint.streaming) this.#result = content;
    else this.#tell("chunk", content);
  }

  onStop(stop: () => void): void {
    this.#stop = stop;
  }

  report(error: unknown): void {
    process.stderr.write(`${stackOf(error)}\n`);
  }

  ack(bytes: number): void {
    this.#outstanding -= bytes;
    this.#wakeUp();
  }

  /** The host answers what the agent has asked by this number. */
  answer(number: number, answer: ApprovalAnswer | null, error: RunAgentError | undefined): void {
    const asked = this.#asked.get(number);
    this.#asked.delete(number);
    if (error === undefined) asked?.resolve(answer);
    else asked?.reject(error);
  }

  /** @param why What has ended the invocation. */
  cancel(why: RunAgentError): void {
    if (this.cancelled) return;
    this.cancelled = true;
    this.#controller.abort(why);
    this.#end(why);
    this.#stop?.();
  }

  /** Nobody listens any more. */
  #end(why: RunAgentError): void {
    this.#endedBy ??= why;
    for (const { reject } of this.#asked.values()) reject(this.#endedBy);
    this.#asked.clear();
    this.#wakeUp();
  }

  #emit(event: KnownEvent | AgentEvent): Promise<void> {
    const { text } = encodeEmitted(event, this.#maxBytes);
    if (this.#endedBy !== undefined) return SETTLED;
    if (this.#outstanding > MAX_EVENTS) {
      throw new RunAgentError("PAYLOAD_TOO_LARGE", "No client takes the events so fast.", {
        suggestion: "Await every emit, and the agent waits while a client is slow.",
      });
    }
    this.#tell("event", text);
    return this.room() ?? SETTLED;
  }

  async #turn(): Promise<void> {
    await this.#ask("turn", String);
  }

  async #requireApproval(request: ApprovalRequest): Promise<ApprovalAnswer> {
    checkRequest(request);
    // An event, because what travels in one is what may be asked: the same is refused with the same words.
    const { text } = encodeEvent({ type: "approval_required", request }, this.#maxBytes);
    const { request: encoded = null } = JSON.parse(text);
    checkShown(request, encoded);
    const answer = await this.#ask("approval", (number) => JSON.stringify({ number, request: encoded }));
    if (answer === null) throw new RunAgentError("PROTOCOL_ERROR", "The server has not said what was decided.");
    return answer;
  }

  #ask(kind: "turn" | "approval", toJson: (number: number) => string): Promise<ApprovalAnswer | null> {
    if (this.#endedBy !== undefined) return Promise.reject(this.#endedBy);
    const number = ++this.#lastNumber;
    return new Promise((resolve, reject) => {
      this.#asked.set(number, { resolve, reject });
      this.#tell(kind, toJson(number));
    });
  }

  #tell(kind: CallItemType, json: string): void {
    this.#outstanding += json.length;
    this.#send(kind, json);
  }

  #wakeUp(): void {
    if (this.#endedBy === undefined && this.#outstanding >= this.#window) return;
    this.#wake?.();
    this.#wake = undefined;
    this.#room = undefined;
  }
}
