/**
 * One call of a function in the Node worker: the same runner as in the server itself, with the host in the place of the log.
 */
import { type AgentEvent, RunAgentError } from "@runagent/core";
import type { Entrypoint } from "../agent.ts";
import type { AgentContext } from "../context.ts";
import { encodeEvent } from "../records.ts";
import { type Execution, runEntrypoint } from "../runner.ts";
import { stackOf } from "./stack.ts";
import type { CallRequest } from "./worker-call.ts";

/** An agent that emits more than this, in characters, while nobody takes it is stopped: emit cannot wait. */
const MAX_EVENTS = 8_388_608;

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
  readonly #send: (kind: "chunk" | "event", json: string) => void;
  /** Characters sent and not acknowledged. */
  #outstanding = 0;
  #wake: (() => void) | undefined;
  #stop: (() => void) | undefined;
  #result = "null";

  constructor(request: CallRequest, entrypoint: Entrypoint, maxBytes: number, send: (kind: "chunk" | "event", json: string) => void) {
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
    };
  }

  /** Runs the function. @returns The message that ends the call; what it rejects with is why it failed. */
  async run(input: Promise<unknown>): Promise<{ readonly kind: "done" | "result" | "cancelled"; readonly json: string }> {
    try {
      const checked = await input;
      if (!this.cancelled) await runEntrypoint(this, checked, this.#context, this.#maxBytes);
    } finally {
      this.#settleEnded();
    }
    if (this.cancelled) return { kind: "cancelled", json: "null" };
    return this.request.entrypoint.streaming ? { kind: "done", json: "null" } : { kind: "result", json: this.#result };
  }

  get running(): boolean {
    return !this.cancelled;
  }

  room(): Promise<void> | undefined {
    if (this.cancelled || this.#outstanding < this.#window) return undefined;
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
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

  cancel(): void {
    if (this.cancelled) return;
    this.cancelled = true;
    this.#controller.abort(new RunAgentError("CANCELLED", "The invocation was cancelled."));
    this.#stop?.();
    this.#wakeUp();
  }

  #emit(event: AgentEvent): void {
    const json = encodeEvent(event, this.#maxBytes);
    if (this.cancelled) return;
    if (this.#outstanding > MAX_EVENTS) throw new RunAgentError("PAYLOAD_TOO_LARGE", "No client takes the events so fast.");
    this.#tell("event", json);
  }

  #tell(kind: "chunk" | "event", json: string): void {
    this.#outstanding += json.length;
    this.#send(kind, json);
  }

  #wakeUp(): void {
    if (!this.cancelled && this.#outstanding >= this.#window) return;
    this.#wake?.();
    this.#wake = undefined;
  }
}
