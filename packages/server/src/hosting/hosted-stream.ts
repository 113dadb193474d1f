/**
 * The chunks of one call of a worker, as the iterator that the invocation pulls. The worker runs ahead by a window at most: what was
 * pulled is acknowledged, and that is how a slow client slows the agent down.
 */
import { type AgentEvent, RunAgentError } from "@runagent/core";
import type { CallEnd, CallEvents, WorkerCall } from "./worker-call.ts";

/** How many characters of chunks a worker may send ahead. */
export const WINDOW = 65_536;

const MAX_HANDED_OUT = 1024;

type Item = { readonly type: "chunk" | "event"; readonly text: string };

/** Receives a call's chunks, and gives them to one reader. */
export class HostedStream implements AsyncIterableIterator<string>, CallEvents {
  readonly #emit: (event: AgentEvent) => void;
  readonly #extract: (text: string) => string;
  #call: WorkerCall | undefined;
  #items: Item[] = [];
  /** Of the items, those before it were handed out. */
  #next = 0;
  #end: CallEnd | undefined;
  #taken = 0;
  #left = false;
  #waiting: { resolve(result: IteratorResult<string>): void; reject(error: unknown): void } | undefined;

  /** @param extract Makes the chunk from what the agent gave, both as JSON text. */
  constructor(emit: (event: AgentEvent) => void, extract: (text: string) => string) {
    this.#emit = emit;
    this.#extract = extract;
  }

  /** The call has started. */
  set call(call: WorkerCall) {
    this.#call = call;
    if (this.#left) call.cancel();
  }

  chunk(text: string): void {
    this.#add({ type: "chunk", text });
  }

  event(text: string): void {
    this.#add({ type: "event", text });
  }

  end(end: CallEnd): void {
    this.#end = end;
    this.#serve();
  }

  next(): Promise<IteratorResult<string>> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#serve();
    });
  }

  return(): Promise<IteratorResult<string>> {
    this.#left = true;
    if (this.#end === undefined) this.#call?.cancel();
    this.#items = [];
    this.#next = 0;
    this.#waiting?.resolve({ done: true, value: undefined });
    this.#waiting = undefined;
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #add(item: Item): void {
    if (this.#left) return;
    this.#items.push(item);
    this.#serve();
  }

  /** Gives the reader that waits what there is. Events go out in their place among the chunks. */
  #serve(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    for (let item = this.#items[this.#next]; item !== undefined; item = this.#items[this.#next]) {
      this.#next++;
      this.#taken += item.text.length;
      if (this.#taken >= WINDOW / 2) this.#ack();
      if (item.type === "chunk") {
        this.#compact();
        this.#waiting = undefined;
        waiting.resolve({ done: false, value: this.#extract(item.text) });
        return;
      }
      try {
        this.#emit(JSON.parse(item.text));
      } catch (error) {
        void this.return();
        waiting.reject(error);
        return;
      }
    }
    this.#items = [];
    this.#next = 0;
    if (this.#end === undefined) {
      this.#ack();
      return;
    }
    this.#waiting = undefined;
    if (this.#end.type === "failed") waiting.reject(this.#end.error);
    else waiting.resolve({ done: true, value: undefined });
  }

  /** A worker that is always a little ahead would leave the handed out ones here for ever. */
  #compact(): void {
    if (this.#next < MAX_HANDED_OUT) return;
    this.#items.splice(0, this.#next);
    this.#next = 0;
  }

  /** A worker waits for the last of it when its next chunk is larger than the window. */
  #ack(): void {
    if (this.#taken === 0) return;
    this.#call?.ack(this.#taken);
    this.#taken = 0;
  }
}

/** The result of a call that does not stream. */
export class HostedResult implements CallEvents {
  readonly promise: Promise<string>;
  readonly #emit: (event: AgentEvent) => void;
  #settle: (end: CallEnd) => void = () => {};
  #call: WorkerCall | undefined;

  constructor(emit: (event: AgentEvent) => void) {
    this.#emit = emit;
    this.promise = new Promise((resolve, reject) => {
      this.#settle = (end) => {
        if (end.type === "result") resolve(end.text);
        else reject(end.type === "failed" ? end.error : new RunAgentError("CANCELLED", "The invocation was cancelled."));
      };
    });
  }

  set call(call: WorkerCall) {
    this.#call = call;
  }

  chunk(): void {}

  event(text: string): void {
    try {
      this.#emit(JSON.parse(text));
      this.#call?.ack(text.length);
    } catch (error) {
      this.#settle({ type: "failed", error: RunAgentError.is(error) ? error : new RunAgentError("EXECUTION_ERROR", String(error)) });
      this.#call?.cancel();
    }
  }

  end(end: CallEnd): void {
    this.#settle(end);
  }
}
