import {
  type DataFrame,
  type EventFrame,
  type KnownEvent,
  type Mode,
  RunAgentError,
  type StandardSchemaV1,
  validateWith,
} from "@runagent/core";
import type { CancelAnswer } from "./cancelling.ts";
import { checkMode, invalid } from "./checks.ts";
import { StreamCursor } from "./cursor.ts";
import type { Session, SessionEnd, StreamStarted, Totals } from "./session.ts";
import type { ChunkRecord, QueuedRecord, StreamRecord } from "./state.ts";

/** The records of these types: of events, and "data" for chunks. */
export type SelectedRecord<T, Type extends string> =
  | ("data" extends Type ? ChunkRecord<T> : never)
  | ([Type] extends ["data"] ? never : Omit<EventFrame, "event"> & { event: SelectedEvent<Type> });

/** Distributes over the types: those of the protocol have their fields, all others any. */
type SelectedEvent<Type extends string> = Type extends "data"
  ? never
  : Type extends KnownEvent["type"]
    ? Extract<KnownEvent, { readonly type: Type }>
    : { readonly type: Type; readonly [field: string]: unknown };

/** How a stream ended. */
export interface StreamSummary {
  readonly status: SessionEnd["status"];
  readonly invocationId: string;
  readonly protocol: 1 | 2 | undefined;
  /** Chunks that the consumer took. */
  readonly chunks: number;
  /** Chunks in the whole log, as the server counted; undefined unless it said. */
  readonly totalChunks: number | undefined;
  /** Seconds the invocation took, as the server measured; undefined unless it said. */
  readonly executionTime: number | undefined;
  /** Why it was cancelled, or why a cancel after the turn stopped nothing, where the server said so. */
  readonly reason: string | undefined;
  /** Connections that were made after the first. */
  readonly reconnects: number;
}

/**
 * The stream of one invocation. It has started when it is made; it is read once, in one of these ways: `for await`,
 * `events()`, `cursor()`, `collect()`, `text()`, `toReadableStream()`. Whatever goes wrong is thrown by the first read
 * after the records that came before it.
 */
export class RunAgentStream<T = unknown> implements AsyncIterable<T> {
  readonly #session: Session;
  readonly #output: StandardSchemaV1<unknown, T> | undefined;
  #consumer: string | undefined;
  #chunksTaken = 0;
  #error: RunAgentError | undefined;

  /** @internal Streams are made by `client.runStream()`. */
  constructor(session: Session, output: StandardSchemaV1<unknown, T> | undefined) {
    this.#session = session;
    this.#output = output;
  }

  /** Resolves when the server has accepted the invocation; rejects with what the first read would throw. */
  get started(): Promise<StreamStarted> {
    return this.#session.started;
  }

  /** The id of the invocation: chosen by the client, or by a version 1 server once it has accepted. */
  get invocationId(): string {
    return this.#session.state.invocationId;
  }

  /** The opaque cursor after the last record that was taken; undefined before the server accepted, and in version 1. [cursor.taken.1] */
  get position(): string | undefined {
    return this.#session.position;
  }

  /** How the stream ended; undefined until then, and while records before the end wait to be read. */
  get summary(): StreamSummary | undefined {
    const { end, state, queue } = this.#session;
    if (end === undefined || queue.length > 0) return undefined;
    const totals: Totals = "totals" in end ? end.totals : {};
    return {
      status: end.status,
      invocationId: state.invocationId,
      protocol: state.protocol,
      chunks: this.#chunksTaken,
      totalChunks: totals.total_chunks,
      executionTime: totals.execution_time,
      reason: totals.reason,
      reconnects: this.#session.reconnects.count,
    };
  }

  /** Iterates over the chunks. Leaving the loop early cancels the invocation and releases the connection. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return this.#iterate("for await", CHUNKS, itself);
  }

  /**
   * Iterates over every record, typed: chunks, events and the terminal record. `Own` adds events of the agent to those that
   * `record.event.type` tells apart.
   */
  events<Own extends { readonly type: string } = never>(options?: {
    readonly only?: undefined;
  }): AsyncIterableIterator<StreamRecord<T, Own>>;
  /**
   * Iterates over the records of these types alone; the others are not sent, where the server can leave them out.
   * @param options only: types of events, and "data" for chunks. [filter.only.1]
   */
  events<const Type extends string>(options: { readonly only: readonly Type[] }): AsyncIterableIterator<SelectedRecord<T, Type>>;
  events({ only }: { readonly only?: readonly string[] | undefined } = {}): AsyncIterableIterator<StreamRecord<T>> {
    const wanted = only === undefined ? undefined : new Set(checkOnly(only));
    return this.#iterate<StreamRecord<T>>(
      "events()",
      only,
      (content, record) => ({ ...record, content }),
      // The types say what the protocol says of its own events; all others are typed as unknown.
      (record) => (record.type === "unknown" || (wanted && !isWanted(record, wanted)) ? SKIP : (record as StreamRecord<T>)),
    );
  }

  /** A cursor over the chunks, for loops that ask: `next()` gives `{hasMore: true, data, seq}` or `{hasMore: false}`. */
  cursor(): StreamCursor<T> {
    return new StreamCursor(this.#iterate("cursor()", CHUNKS, (data, { seq }) => ({ data, seq })));
  }

  /** Every chunk, in an array. */
  async collect(): Promise<T[]> {
    const chunks: T[] = [];
    for await (const chunk of this.#iterate("collect()", CHUNKS, itself)) chunks.push(chunk);
    return chunks;
  }

  /** Every chunk, as one text: strings as they are, other values as JSON. */
  async text(): Promise<string> {
    let text = "";
    for await (const chunk of this.#iterate("text()", CHUNKS, itself)) {
      text += typeof chunk === "string" ? chunk : JSON.stringify(chunk);
    }
    return text;
  }

  /** The chunks as a web stream; cancelling it cancels the invocation. */
  toReadableStream(): ReadableStream<T> {
    const iterator = this.#iterate("toReadableStream()", CHUNKS, itself);
    return new ReadableStream<T>(
      {
        async pull(controller) {
          const result = await iterator.next();
          if (result.done) controller.close();
          else controller.enqueue(result.value);
        },
        async cancel() {
          await iterator.return?.();
        },
      },
      { highWaterMark: 0 },
    );
  }

  /**
   * Stops the invocation; valid at any time, and may be repeated. The chunks that are on their way are still delivered, then the
   * stream ends without an error. The answer need not be awaited. [cancel.early.1] [cancel.v1.1]
   * @param mode `immediate` (default): now. `after_turn`: when the turn in progress is complete.
   * @returns What the server answered: `accepted`, or `already_ended` when the invocation had ended first.
   * @throws RunAgentError VALIDATION_ERROR for another mode, and for after_turn with a version 1 server.
   */
  cancel(mode: Mode = "immediate"): Promise<CancelAnswer> {
    const answer = this.#cancel(mode);
    // A key handler does not await it; whoever does still sees the failure.
    answer.catch(() => {});
    return answer;
  }

  async #cancel(mode: Mode): Promise<CancelAnswer> {
    checkMode(mode);
    return this.#session.cancel(mode);
  }

  /**
   * Leaves the invocation running on the server and lets go of it here: the stream ends. [conn.detach.1]
   * @returns The position from which it can be continued; undefined with a version 1 server, where closing ends it.
   */
  detach(): Promise<string | undefined> {
    const position = this.#detach();
    // Whoever does not wait for the position learns of a failure at the next read.
    position.catch(() => {});
    return position;
  }

  async #detach(): Promise<string | undefined> {
    if (this.#session.end === undefined) await this.#session.detach();
    return this.position;
  }

  // --- reading --------------------------------------------------------------------------------------------------------

  /**
   * @param only What the server may leave out the rest of.
   * @param other What becomes of a record that is no chunk.
   */
  #iterate<R>(
    consumer: string,
    only: readonly string[] | undefined,
    map: (data: T, record: DataFrame) => R,
    other: (record: OtherRecord) => R | typeof SKIP = () => SKIP,
  ): AsyncIterableIterator<R> {
    if (this.#consumer !== undefined) {
      throw new RunAgentError("STREAM_CONSUMED", `The stream was read by ${this.#consumer}, so ${consumer} cannot: it is read once.`);
    }
    this.#consumer = consumer;
    if (only !== undefined) this.#session.filter(only, only !== CHUNKS);
    const takesChunks = only?.includes("data") ?? true;
    return this.#createIterator<R>((record) => {
      if (record.type !== "data") return other(record);
      if (!takesChunks) return SKIP;
      const data = this.#readContent(record.content);
      return data instanceof Promise ? data.then((value) => map(value, record)) : map(data, record);
    });
  }

  #readContent(content: unknown): T | Promise<T> {
    // Without a schema the type is what the caller said it is.
    if (this.#output === undefined) return content as T;
    return validateWith(this.#output, content, "chunk", "VALIDATION_ERROR").catch((error: unknown) => {
      if (RunAgentError.is(error)) this.#session.abort(error);
      throw error;
    });
  }

  /** Reads are answered in the order in which they were asked for. */
  #createIterator<R>(read: (record: QueuedRecord) => R | typeof SKIP | Promise<R>): AsyncIterableIterator<R> {
    const waiters: Waiter<R>[] = [];
    let left = false;
    const serve = (): void => {
      for (let waiter = waiters[0]; waiter !== undefined; waiter = waiters[0]) {
        const result = left ? DONE : this.#poll(read);
        if (result === undefined) {
          this.#session.queue.onReadable(serve);
          return;
        }
        waiters.shift();
        if (result instanceof RunAgentError) waiter.reject(result);
        else waiter.resolve(result);
      }
    };
    return {
      next: () => {
        if (waiters.length === 0) {
          const result = left ? DONE : this.#poll(read);
          if (result instanceof RunAgentError) return Promise.reject(result);
          if (result !== undefined) return Promise.resolve(result);
        }
        return new Promise((resolve, reject) => {
          waiters.push({ resolve, reject });
          this.#session.queue.onReadable(serve);
        });
      },
      return: () => {
        left = true;
        this.#session.leave();
        serve();
        return Promise.resolve(DONE);
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** The next result, the error that ended the stream, or undefined when there is nothing yet. */
  #poll<R>(
    read: (record: QueuedRecord) => R | typeof SKIP | Promise<R>,
  ): IteratorResult<R> | Promise<IteratorResult<R>> | RunAgentError | undefined {
    const { queue } = this.#session;
    this.#session.checkSignal();
    for (let record = this.#session.intake.take(); record !== undefined; record = this.#session.intake.take()) {
      if (record.type === "data") this.#chunksTaken++;
      else if (record.type === "event") this.#session.approving.taken(record.event);
      const value = read(record);
      if (value === SKIP) continue;
      return value instanceof Promise ? value.then((settled) => ({ done: false, value: settled })) : { done: false, value };
    }
    if (!queue.ended) {
      this.#session.approving.awaited();
      return undefined;
    }
    const { end } = this.#session;
    if (end?.status !== "failed") return DONE;
    this.#error ??= end.error.with({ cursor: this.position });
    return this.#error;
  }
}

type OtherRecord = Exclude<QueuedRecord, { readonly type: "data" }>;

interface Waiter<R> {
  resolve(result: IteratorResult<R> | Promise<IteratorResult<R>>): void;
  reject(error: RunAgentError): void;
}

const CHUNKS: readonly string[] = ["data"];
const MAX_ONLY = 64;
const itself = <T>(data: T): T => data;
const SKIP: unique symbol = Symbol("skip");
const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** What the server would refuse is refused here. @throws RunAgentError VALIDATION_ERROR. */
function checkOnly(only: unknown): readonly string[] {
  const isTypes = Array.isArray(only) && only.length <= MAX_ONLY && only.every((type) => typeof type === "string" && type.length <= 128);
  if (isTypes) return only;
  throw invalid("only", `must be an array of at most ${MAX_ONLY} types of events`);
}

function isWanted(record: OtherRecord, wanted: ReadonlySet<string>): boolean {
  // "data" are the chunks, whatever an agent calls its events.
  return record.type === "event" && record.event.type !== "data" && wanted.has(record.event.type);
}
