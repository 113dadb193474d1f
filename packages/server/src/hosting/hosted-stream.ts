/**
 * What one call of a worker says, as the iterator that the invocation pulls. The worker runs ahead by a window at most: what was
 * pulled is acknowledged, and that is how a slow client slows the agent down. What the agent tells and asks goes to the invocation in
 * its place among the chunks. A call that does not stream has no chunks: its result is what the iterator returns.
 */
import { RunAgentError } from "@runagent/core";
import type { AgentContext, ApprovalAnswer } from "../context.ts";
import { type CallEnd, type CallEvents, type CallItemType, reasonOf, type WorkerCall } from "./worker-call.ts";
import { readApproval, readEvent, readTurn } from "./worker-messages.ts";

/** How many characters of chunks a worker may send ahead. */
export const WINDOW = 65_536;

const MAX_HANDED_OUT = 1024;

type Step = IteratorResult<string, string | undefined>;

interface Item {
  /** Of its JSON text: what is acknowledged. */
  readonly length: number;
  /** The JSON text of a chunk; otherwise what hands it to the invocation, and settles when that takes more. */
  readonly content: string | (() => Promise<void>);
}

/** Receives what a call says, and gives it to one reader. */
export class HostedStream implements AsyncIterableIterator<string, string | undefined>, CallEvents {
  readonly #ctx: AgentContext;
  readonly #extract: (text: string) => string;
  #call: WorkerCall | undefined;
  #items: Item[] = [];
  /** Of the items, those before it were handed out. */
  #next = 0;
  #end: CallEnd | undefined;
  #taken = 0;
  #left = false;
  /** An item is being handed to the invocation. */
  #busy = false;
  #waiting: { resolve(step: Step): void; reject(error: unknown): void } | undefined;

  /** @param extract Makes the chunk from what the agent gave, both as JSON text. */
  constructor(ctx: AgentContext, extract: (text: string) => string) {
    this.#ctx = ctx;
    this.#extract = extract;
  }

  /** The call has started. */
  set call(call: WorkerCall) {
    this.#call = call;
    if (this.#left) this.#cancel();
  }

  item(type: CallItemType, text: string): void {
    // Read before it is dropped: whoever writes what is no message is told, cancelled or not.
    const content = this.#read(type, text);
    if (this.#left) return;
    this.#items.push({ length: text.length, content });
    this.#serve();
  }

  end(end: CallEnd): void {
    this.#end = end;
    this.#serve();
  }

  next(): Promise<Step> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#serve();
    });
  }

  return(): Promise<Step> {
    this.#leave();
    this.#waiting?.resolve({ done: true, value: undefined });
    this.#waiting = undefined;
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #read(type: CallItemType, text: string): Item["content"] {
    switch (type) {
      case "chunk":
        return text;
      case "event": {
        const event = readEvent(text);
        return async () => {
          try {
            return await this.#ctx.emit(event);
          } catch (error) {
            // The worker has let it pass, and cannot be told any more: the fault is the agent's, and not the caller's.
            throw new RunAgentError("EXECUTION_ERROR", reasonOf(error).message, { cause: error });
          }
        };
      }
      case "turn": {
        const number = readTurn(text);
        return () =>
          this.#answer(
            number,
            this.#ctx.turn().then(() => undefined),
          );
      }
      case "approval": {
        const { number, request } = readApproval(text);
        return () => {
          void this.#answer(number, this.#ctx.requireApproval(request));
          // It is in the log a few steps later, and what follows must come behind it.
          return new Promise(setImmediate);
        };
      }
    }
  }

  async #answer(number: number, asked: Promise<ApprovalAnswer | undefined>): Promise<void> {
    try {
      this.#call?.answer(number, (await asked) ?? null);
    } catch (error) {
      // An agent whose invocation has ended is not answered: it is cancelled.
      if (this.#ctx.signal.aborted) this.#leave();
      else this.#call?.refuse(number, reasonOf(error));
    }
  }

  /** Gives the reader that waits what there is. */
  #serve(): void {
    const waiting = this.#waiting;
    if (waiting === undefined || this.#busy) return;
    const item = this.#items[this.#next];
    if (item === undefined) {
      this.#items = [];
      this.#next = 0;
      this.#finish();
      return;
    }
    this.#next++;
    this.#taken += item.length;
    if (this.#taken >= WINDOW / 2) this.#ack();
    this.#compact();
    if (typeof item.content === "string") {
      this.#waiting = undefined;
      waiting.resolve({ done: false, value: this.#extract(item.content) });
      return;
    }
    this.#busy = true;
    item.content().then(
      () => {
        this.#busy = false;
        this.#serve();
      },
      (error: unknown) => {
        this.#leave();
        this.#waiting?.reject(error);
        this.#waiting = undefined;
      },
    );
  }

  #finish(): void {
    const end = this.#end;
    if (end === undefined) {
      this.#ack();
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (end.type === "failed") waiting?.reject(end.error);
    else if (end.type === "cancelled") waiting?.reject(processEnds());
    else waiting?.resolve({ done: true, value: end.type === "result" ? end.text : undefined });
  }

  /** Nobody wants any more of it. */
  #leave(): void {
    this.#left = true;
    this.#items = [];
    this.#next = 0;
    this.#cancel();
  }

  #cancel(): void {
    if (this.#end === undefined) this.#call?.cancel(reasonOf(this.#ctx.signal.reason));
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

/** Nobody here has cancelled it. */
function processEnds(): RunAgentError {
  return new RunAgentError("OWNER_LOST", "The process of the agent ends, and the invocation with it.", {
    suggestion: "Start the invocation again, if the agent may run twice.",
  });
}
