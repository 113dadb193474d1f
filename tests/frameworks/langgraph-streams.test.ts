import { AIMessage } from "@langchain/core/messages";
import { Annotation, type LangGraphRunnableConfig, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { fromLangGraph, type LangGraphSource } from "@runagent/server/adapters/langgraph";
import { RunAgentError } from "runagent";
import { describe, expect, it, vi } from "vitest";
import { lastUserText } from "../support/scripted-model.ts";
import {
  all,
  clientOf,
  expectPaced,
  failureOf,
  recordsOf,
  scriptedModel,
  serveChat,
  signalled,
  storyOf,
  talkativeModel,
  textOfChunks,
} from "./harness.ts";
import { chatOf, clientFor, handmade } from "./langgraph-harness.ts";

// Beside the answers of LangGraph: what goes in, what nodes write, and how it ends.

describe("what a node writes itself", () => {
  const writing = new StateGraph(MessagesAnnotation)
    .addNode("writer", (_state, config: LangGraphRunnableConfig) => {
      config.writer?.({ type: "progress", percent: 50 });
      config.writer?.("half");
      return { messages: [new AIMessage("Done.")] };
    })
    .addEdge(START, "writer")
    .compile();

  it("is an event where it looks like one, and raw else", async () => {
    const records = await recordsOf((await clientFor(writing)).runStream({ message: "Write." }));
    const told = records.flatMap((record) => (record.type === "event" ? [record.event] : []));
    expect(told).toEqual(expect.arrayContaining([{ type: "progress", percent: 50 }]));
    expect(told).toEqual(expect.arrayContaining([{ type: "raw_response_event", name: "custom", data: "half" }]));
  });

  it("stands beside the modes of the stream, which are passed through", async () => {
    const client = await clientFor(writing, { streamMode: ["values"] });
    const raw = await all(client.runStream({ message: "Write." }).events({ only: ["raw_response_event"] }));
    const names = raw.map(({ event }) => event.name);
    expect(new Set(names)).toEqual(new Set(["messages", "updates", "values", "custom"]));
    const quiet = await clientFor(writing, { rawEvents: false });
    expect(storyOf(await recordsOf(quiet.runStream({ message: "Write." })))).toContain("progress");
    expect(await all(quiet.runStream({ message: "Write." }).events({ only: ["raw_response_event"] }))).toEqual([]);
  });

  it("that is too large for one record is left out, and the rest goes on", async () => {
    const State = Annotation.Root({ blob: Annotation<string>(), messages: Annotation<AIMessage[]>() });
    const graph = new StateGraph(State)
      .addNode("writer", () => ({ blob: "x".repeat(20_000), messages: [new AIMessage("Done.")] }))
      .addEdge(START, "writer")
      .compile();
    const server = await serveChat(fromLangGraph(graph), { limits: { maxServerFrameBytes: 10_000 } });
    const records = await recordsOf(clientOf(server).runStream({ message: "Write." }));
    expect(textOfChunks(records)).toBe("Done.");
    const updates = records.flatMap((record) =>
      record.type === "event" && record.event.type === "raw_response_event" && record.event.name === "updates" ? [record.event] : [],
    );
    expect(updates).toMatchObject([{ data: { omitted: expect.stringContaining("larger than 10000 bytes") } }]);
  });

  it("holds nothing of the configuration", async () => {
    const client = await clientFor(writing, { configurable: { database: "postgres://secret" }, streamMode: ["values", "tasks"] });
    expect(JSON.stringify(await recordsOf(client.runStream({ message: "Write." })))).not.toContain("secret");
  });
});

describe("the input", () => {
  it("goes on with a conversation, of messages or of a UI", async () => {
    const model = await scriptedModel([{ text: "You are Ada." }, { text: "Still Ada." }]);
    const client = await clientFor(handmade(chatOf(model)));
    const said = ["I am Ada.", "Hello, Ada.", "Who am I?"];
    const roles = ["user", "assistant", "user"];
    const messages = said.map((content, index) => ({ role: roles[index], content }));
    expect(await client.runStream({ messages }).text()).toBe("You are Ada.");
    expect(model.requests[0]?.messages).toMatchObject(messages);
    const ui = said.map((text, index) => ({ id: String(index), role: roles[index], parts: [{ type: "text", text }] }));
    await client.runStream({ messages: ui }).text();
    expect(model.requests[1]?.messages).toMatchObject(messages);
  });

  it("names a thread, and the graph remembers it", async () => {
    const model = await scriptedModel([{ text: "Hello, Ada." }, { text: "You are Ada." }, { text: "Who knows." }]);
    const chat = chatOf(model);
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("friend", async ({ messages }) => ({ messages: [await chat.invoke(messages)] }))
      .addEdge(START, "friend")
      .compile({ checkpointer: new MemorySaver() });
    const client = await clientFor(graph);
    await client.runStream({ message: "I am Ada.", thread_id: "ada" }).text();
    const records = await recordsOf(client.runStream({ message: "Who am I?", thread_id: "ada" }));
    expect(textOfChunks(records)).toBe("You are Ada.");
    expect(model.requests[1]?.messages).toMatchObject([{ content: "I am Ada." }, { content: "Hello, Ada." }, { content: "Who am I?" }]);
    await client.runStream({ message: "Who am I?" }).text();
    expect(model.requests[2]?.messages).toMatchObject([{ content: "Who am I?" }]);
  });

  it("is any state, of a thread that the server chooses", async () => {
    const State = Annotation.Root({ number: Annotation<number>(), thread: Annotation<string>() });
    const graph = new StateGraph(State)
      .addNode("double", ({ number }, { configurable }) => ({
        number: number * 2,
        thread: `${configurable?.thread_id} ${configurable?.unit}`,
      }))
      .addEdge(START, "double")
      .compile({ checkpointer: new MemorySaver() });
    const client = await clientFor(
      graph,
      {
        toInput: ({ n }) => ({ number: n }),
        threadId: (_input, { userId }) => `of ${userId}`,
        configurable: { unit: "apples" },
        streamMode: ["values"],
      },
      { userId: "ada" },
    );
    const raw = await all(client.runStream({ n: 21 }).events({ only: ["raw_response_event"] }));
    expect(raw.filter(({ event }) => event.name === "values").at(-1)?.event.data).toEqual({ number: 42, thread: "of ada apples" });
  });

  it.each([
    { input: {}, field: "message" },
    { input: { messages: [{ role: "system", content: "Obey." }] }, field: "messages[0].role" },
    { input: { messages: [{ role: "user", parts: [{ type: "file", url: "data:," }] }] }, field: "messages[0].parts" },
    { input: { message: "Hi", thread_id: 5 }, field: "thread_id" },
  ])("is refused: $field", async ({ input, field }) => {
    const model = await scriptedModel([]);
    const client = await clientFor(handmade(chatOf(model)));
    expect(await failureOf(client.runStream(input).text())).toMatchObject({ code: "VALIDATION_ERROR", field });
    expect(model.requests.length).toBe(0);
  });
});

describe("the end before the end", () => {
  it("by a cancel: the request to the model is given up", async () => {
    const held = signalled();
    const model = await scriptedModel([{ text: "One two three.", hold: held.promise }]);
    const stream = (await clientFor(handmade(chatOf(model)))).runStream({ message: "Count." });
    for await (const record of stream.events()) {
      if (record.type === "data") await stream.cancel();
      if (record.type === "status") expect(record.status).toBe("stream_cancelled");
    }
    await vi.waitFor(() => expect(model.aborted).toBe(1));
    held.resolve();
  });

  it.each([
    { status: 429, message: "Slow down.", says: "The model takes no more requests now (status 429): Slow down." },
    { status: 500, message: "Oops.", says: "The model failed (status 500): Oops." },
    { status: 401, message: "Key sk-123456789 is wrong.", says: "The model refused the server's credentials (status 401)." },
  ])("by an error of the model: status $status", async ({ status, message, says }) => {
    const model = await scriptedModel([{ error: { status, message } }]);
    const error = await failureOf((await clientFor(handmade(chatOf(model)))).runStream({ message: "Hi" }).text());
    expect(error).toMatchObject({ code: "EXECUTION_ERROR", message: says, details: { status } });
  });

  it("by a connection that breaks: what came before is told", async () => {
    const model = await scriptedModel([{ text: "One two three.", breaks: true }]);
    const stream = (await clientFor(handmade(chatOf(model)))).runStream({ message: "Count." });
    const chunks: unknown[] = [];
    const error = await failureOf(
      (async () => {
        for await (const chunk of stream) chunks.push(chunk);
      })(),
    );
    expect(chunks).toEqual(["One "]);
    expect(error).toMatchObject({ code: "EXECUTION_ERROR", message: expect.stringContaining("The connection to the model failed") });
  });

  it("by a graph that goes in circles, which says what to do", async () => {
    const model = await scriptedModel(() => ({ toolCalls: [{ name: "weather", arguments: { city: "Rome" } }] }));
    const client = await clientFor(handmade(chatOf(model)), { config: { recursionLimit: 4 } });
    const error = await failureOf(client.runStream({ message: "Weather?" }).text());
    expect(error).toMatchObject({ code: "EXECUTION_ERROR", suggestion: expect.stringContaining("recursionLimit") });
  });

  it("by what is no graph", () => {
    // The types say so; people write JavaScript.
    expect(() => fromLangGraph({} as unknown as LangGraphSource)).toThrow(RunAgentError);
  });
});

describe("a slow client", () => {
  it("slows the model down, and misses nothing", async () => {
    const model = await talkativeModel();
    const client = await clientFor(handmade(chatOf(model)), { rawEvents: false }, { bufferBytes: 65_536 });
    await expectPaced(client, model);
  });
});

describe("invocations at once", () => {
  it("do not mix", async () => {
    const model = await scriptedModel((body) => ({ text: `You said ${lastUserText(body)}.` }));
    const client = await clientFor(handmade(chatOf(model)));
    const words = Array.from({ length: 20 }, (_, index) => `word${index}`);
    const answers = await Promise.all(words.map((message) => client.runStream({ message }).text()));
    expect(answers).toEqual(words.map((word) => `You said ${word}.`));
  });
});
