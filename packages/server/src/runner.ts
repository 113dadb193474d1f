/**
 * Runs the agent's function and turns what it returns or yields into records. The generator is asked for its next
 * chunk only when the invocation has room for it: that is how a slow consumer slows the agent down.
 */
import { excerpt, RunAgentError, typeName, validateWith } from "@runagent/core";
import type { Entrypoint } from "./agent.ts";
import type { AgentContext } from "./context.ts";
import type { MaybePromise } from "./log.ts";
import { checkEncoded, encodeContent } from "./records.ts";

// An agent that never waits would keep the event loop to itself: other connections get a turn after this many chunks.
const CHUNKS_PER_TURN = 64;
// Or after this many milliseconds, when its chunks are large or dear.
const TURN_MS = 4;

type ChunkIterator = AsyncIterator<unknown> | Iterator<unknown>;

/** What a running agent needs of its execution. */
export interface Execution {
  readonly request: { readonly entrypoint: Entrypoint };
  readonly running: boolean;
  /** undefined when the agent may be asked for a chunk now; otherwise settles when it may, or when the invocation ends. */
  room(): Promise<void> | undefined;
  /** Appends a data record; `content` is JSON text. */
  appendData(content: string): MaybePromise<void>;
  /** Says how the agent's iterator is closed when the invocation ends before it. */
  onStop(stop: () => void): void;
  /** Takes an error that no client can be told any more. */
  report(error: unknown): void;
}

/** Settles when the agent is done; rejects with whatever it threw. */
export async function runEntrypoint(execution: Execution, input: unknown, context: AgentContext, maxBytes: number): Promise<void> {
  const { entrypoint } = execution.request;
  const returned: unknown = await entrypoint.run(input, context);
  if (entrypoint.streaming) return pull(execution, toIterator(returned, entrypoint), maxBytes);
  if (isGenerator(returned)) throw notStreaming(entrypoint);
  const encoded = encode(entrypoint, returned, "result", maxBytes);
  await execution.appendData(encoded instanceof Promise ? await encoded : encoded);
}

async function pull(execution: Execution, iterator: ChunkIterator, maxBytes: number): Promise<void> {
  const { entrypoint } = execution.request;
  // An iterator that is done or has thrown is over, and must not be closed.
  let open = true;
  let asking = false;
  const close = (): void => {
    if (!open) return;
    open = false;
    closeIterator(iterator, (error) => execution.report(error));
  };
  execution.onStop(close);
  try {
    let turnStart = performance.now();
    for (let index = 1; ; index++) {
      const room = execution.room();
      if (room !== undefined) await room;
      if (!execution.running) return close();
      asking = true;
      const step: unknown = await iterator.next();
      asking = false;
      if (!isIteratorResult(step)) throw notAnIterator(entrypoint);
      if (step.done) open = false;
      if (step.done || !execution.running) return;
      const value: unknown = step.value instanceof Promise ? await step.value : step.value;
      const encoded = encode(entrypoint, value, `chunk ${index}`, maxBytes);
      const stored = execution.appendData(encoded instanceof Promise ? await encoded : encoded);
      if (stored instanceof Promise) await stored;
      if (index % CHUNKS_PER_TURN === 0 || performance.now() - turnStart > TURN_MS) {
        await new Promise(setImmediate);
        turnStart = performance.now();
      }
    }
  } catch (error) {
    if (asking) open = false;
    throw error;
  }
}

/** Runs the iterator's `finally` blocks. Nobody waits for it: an agent that ignores its signal must not hold up the end. */
function closeIterator(iterator: ChunkIterator, report: (error: unknown) => void): void {
  // In a turn of its own: a plain generator that just called emit is still running and cannot be closed.
  Promise.resolve()
    .then(() => iterator.return?.())
    .catch(report);
}

function isIteratorResult(step: unknown): step is IteratorResult<unknown> {
  return typeof step === "object" && step !== null;
}

function notAnIterator(entrypoint: Entrypoint): RunAgentError {
  return new RunAgentError(
    "EXECUTION_ERROR",
    `The iterator of the entrypoint ${excerpt(entrypoint.tag)} gave something else than { value, done }.`,
  );
}

function toIterator(value: unknown, entrypoint: Entrypoint): ChunkIterator {
  if (isAsyncIterable(value)) return value[Symbol.asyncIterator]();
  if (isIterable(value)) return value[Symbol.iterator]();
  const tag = excerpt(entrypoint.tag);
  const what = value === undefined ? "nothing" : typeName(value);
  throw new RunAgentError("EXECUTION_ERROR", `The entrypoint ${tag} must return an iterable or async iterable, not ${what}.`, {
    suggestion: "Write it as async function* and yield its chunks, or give it a tag that does not end in _stream.",
  });
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

// Not strings: a text returned by mistake would arrive letter by letter.
function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}

/** The JSON text of a chunk or result, after its schema has seen it. */
function encode({ output, remote }: Entrypoint, value: unknown, what: string, maxBytes: number): MaybePromise<string> {
  if (remote && typeof value === "string") return checkEncoded(value, what, maxBytes);
  if (output === undefined) return encodeContent(value, what, maxBytes);
  return validateWith(output, value, what, "EXECUTION_ERROR").then((checked) => encodeContent(checked, what, maxBytes));
}

function isGenerator(value: unknown): value is ChunkIterator {
  return (isAsyncIterable(value) || isIterable(value)) && "next" in value && typeof value.next === "function";
}

/** It would be the empty object for the client, and the agent would never run. */
function notStreaming(entrypoint: Entrypoint): RunAgentError {
  return new RunAgentError(
    "EXECUTION_ERROR",
    `The entrypoint ${excerpt(entrypoint.tag)} returned a generator, and its tag does not end in _stream.`,
    {
      suggestion: `Name it ${excerpt(`${entrypoint.tag}_stream`)} to stream its chunks, or return the whole result.`,
    },
  );
}
