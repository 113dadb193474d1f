import {
  defineAgent,
  type EntrypointFunction,
  type EntrypointOptions,
  type RunningServer,
  type ServeOptions,
  serve,
} from "@runagent/server";
import { RunAgentClient, type RunAgentClientOptions, RunAgentError, type RunAgentStream, type StreamRecord } from "runagent";
import { afterEach, expect, vi } from "vitest";
import { createScriptedModel, type Script, type ScriptedModel } from "../support/scripted-model.ts";

// What the tests of every framework need: a scripted model, a server of one agent, clients, and ways to read a stream.

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((item) => item.close()));
});

/** What an adapter makes. */
export type Chat<Schema> = EntrypointFunction<Record<string, unknown>> | EntrypointOptions<Schema>;

/** Closes it after the test. */
export function closing<T extends { close(): Promise<void> }>(item: T): T {
  open.unshift(item);
  return item;
}

/** Starts a model that is closed after the test. */
export async function scriptedModel(script: Script): Promise<ScriptedModel> {
  return closing(await createScriptedModel(script));
}

/** Serves the function as `chat_stream` of the agent `assistant`. */
export async function serveChat<Schema>(chat: Chat<Schema>, options: ServeOptions = {}): Promise<RunningServer> {
  const agent = defineAgent({ id: "assistant", entrypoints: { chat_stream: chat } });
  return closing(await serve(agent, { port: 0, ...options }));
}

/** A client of what `serveChat` serves. */
export function clientOf(server: RunningServer, options: Partial<RunAgentClientOptions> = {}): RunAgentClient<"chat_stream"> {
  return closing(new RunAgentClient({ agentId: "assistant", port: server.port, ...options, entrypointTag: "chat_stream" }));
}

/** Every record of a stream. */
export async function recordsOf(stream: RunAgentStream): Promise<StreamRecord[]> {
  return all(stream.events());
}

/** Everything that an iterable gives. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** The events among records, without those of the model. */
export function eventsOf(records: readonly StreamRecord[]): unknown[] {
  return records.flatMap((record) => (record.type === "event" && record.event.type !== "raw_response_event" ? [record.event] : []));
}

/** The text of the chunks among records. */
export function textOfChunks(records: readonly StreamRecord[]): string {
  return records.map((record) => (record.type === "data" ? String(record.content) : "")).join("");
}

/** A word for each record that is no raw event: what happened in which order. Chunks in a row are one word. */
export function storyOf(records: readonly StreamRecord[]): string[] {
  const words = records.flatMap((record): string[] => {
    if (record.type === "data") return ["text"];
    if (record.type === "status") return [record.status];
    const { event } = record;
    if (event.type === "raw_response_event") return [];
    return [event.type === "run_item_event" ? event.name : String(event.type)];
  });
  return words.filter((word, index) => word !== "text" || words[index - 1] !== "text");
}

/** Pieces of an answer that is more than the network holds on its way. */
const PIECES = 1_700;
const PIECE_LENGTH = 8_192;

/** A model with such an answer. */
export function talkativeModel(): Promise<ScriptedModel> {
  return scriptedModel([{ text: "x".repeat(PIECES * PIECE_LENGTH), deltas: PIECES }]);
}

/** Takes one chunk, until the model waits for more to be taken, then the rest: it was slowed down, and nothing is missing. */
export async function expectPaced(client: RunAgentClient<"chat_stream">, model: ScriptedModel): Promise<void> {
  const chunks = client.runStream({ message: "Much, please." })[Symbol.asyncIterator]();
  let length = String((await chunks.next()).value).length;
  let before = -1;
  await vi.waitFor(
    () => {
      const seen = before;
      before = model.deltas;
      expect(seen).toBe(before);
    },
    { timeout: 20_000, interval: 300 },
  );
  expect(model.deltas).toBeLessThan(PIECES);
  for (let step = await chunks.next(); !step.done; step = await chunks.next()) length += String(step.value).length;
  expect(length).toBe(PIECES * PIECE_LENGTH);
}

/** The words of a turn whose one tool call is asked about and approved. */
export const APPROVED_CALL: readonly string[] = ["tool_called", "approval_required", "approval_decided", "tool_output", "turn_completed"];

/** The words of a last answer, to the end of its stream. */
export const LAST_ANSWER: readonly string[] = ["text", "message_output_created", "turn_completed", "stream_completed"];

/** The error that a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<RunAgentError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof RunAgentError) return error;
  throw new Error(`expected a RunAgentError, got ${String(error)}`);
}

/** A promise and what settles it. */
export function signalled<T = void>(): { readonly promise: Promise<T>; resolve(value: T): void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
