import {
  defineAgent,
  type EntrypointFunction,
  type EntrypointOptions,
  type RunningServer,
  type ServeOptions,
  serve,
} from "@runagent/server";
import { RunAgentClient, type RunAgentClientOptions, RunAgentError, type RunAgentStream, type StreamRecord } from "runagent";
import { afterEach } from "vitest";
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
