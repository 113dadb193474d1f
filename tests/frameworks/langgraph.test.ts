import { AIMessage, AIMessageChunk } from "@langchain/core/messages";
import { type StructuredToolInterface, tool } from "@langchain/core/tools";
import { FakeStreamingChatModel } from "@langchain/core/utils/testing";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { createReactAgent } from "@langchain/langgraph/prebuilt";
import type { ChatOpenAI } from "@langchain/openai";
import type { LangGraphSource } from "@runagent/server/adapters/langgraph";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { lastUserText } from "../support/scripted-model.ts";
import { eventsOf, recordsOf, scriptedModel, signalled, storyOf, textOfChunks } from "./harness.ts";
import { chatOf, clientFor, handmade, script, weather } from "./langgraph-harness.ts";

// What the real LangGraph does with a model that follows a script, served in one line.

/** By name: the same agent in the forms in which LangGraph has it. */
const FORMS: Readonly<Record<string, (chat: ChatOpenAI, tools: StructuredToolInterface[]) => LangGraphSource>> = {
  "a graph": handmade,
  "a graph made for each invocation": (chat, tools) => () => handmade(chat, tools),
  "a prebuilt agent": (llm, tools) => createReactAgent({ llm, tools, name: "forecaster" }),
};

describe("an answer", () => {
  it.each([
    { api: "chat completions", useResponsesApi: false },
    { api: "responses", useResponsesApi: true },
  ])("comes as chunks, a message and a turn, by $api", async ({ useResponsesApi }) => {
    const model = await scriptedModel([{ text: "Good morning, Ada." }]);
    const client = await clientFor(handmade(chatOf(model, { useResponsesApi })));
    const records = await recordsOf(client.runStream({ message: "Hello" }));
    expect(storyOf(records)).toEqual(["agent_updated", "text", "message_output_created", "turn_completed", "stream_completed"]);
    expect(records.flatMap((record) => (record.type === "data" ? [record.content] : []))).toEqual(["Good ", "morning, ", "Ada."]);
    expect(eventsOf(records)).toEqual([
      { type: "agent_updated", agent: { name: "forecaster" } },
      {
        type: "run_item_event",
        name: "message_output_created",
        item: { role: "assistant", parts: [{ type: "text", text: "Good morning, Ada." }], status: "completed", agent: "forecaster" },
      },
      { type: "turn_completed", turn: 1 },
    ]);
    expect(records.map((record) => record.seq)).toEqual(records.map((_, index) => index + 1));
  });

  it.each([
    { api: "chat completions", useResponsesApi: false },
    { api: "responses", useResponsesApi: true },
  ])("is told with its thoughts, by $api", async ({ useResponsesApi }) => {
    const model = await scriptedModel([{ reasoning: "They greet.", text: "Hello." }]);
    const client = await clientFor(handmade(chatOf(model, { useResponsesApi })));
    const thoughts = eventsOf(await recordsOf(client.runStream({ message: "Hi" })))[1];
    expect(thoughts).toEqual({ type: "run_item_event", name: "reasoning_item_created", item: { text: "They greet." } });
  });

  it("of a model that does not stream is one chunk", async () => {
    const model = await scriptedModel(script);
    const client = await clientFor(handmade(chatOf(model, { disableStreaming: true })));
    const records = await recordsOf(client.runStream({ message: "Weather?" }));
    expect(records.flatMap((record) => (record.type === "data" ? [record.content] : []))).toEqual(["Let me see.", "Clear in Rome."]);
    expect(storyOf(records).filter((word) => word === "turn_completed").length).toBe(2);
    expect(storyOf(records).filter((word) => word === "message_output_created").length).toBe(2);
  });

  it("of a node without a model is told the same way", async () => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("first", () => ({ messages: [new AIMessage("One.")] }))
      .addNode("second", () => ({ messages: [new AIMessage("Two.")] }))
      .addEdge(START, "first")
      .addEdge("first", "second")
      .compile();
    const records = await recordsOf((await clientFor(graph)).runStream({ message: "Count." }));
    expect(storyOf(records)).toEqual([
      "agent_updated",
      "text",
      "message_output_created",
      "turn_completed",
      "agent_updated",
      "text",
      "message_output_created",
      "turn_completed",
      "stream_completed",
    ]);
    expect(textOfChunks(records)).toBe("One.Two.");
  });

  it.each([{ id: "always-the-same" }, { id: "" }])("of a model that names all its answers $id is told each time", async ({ id }) => {
    const saying = (text: string) => new FakeStreamingChatModel({ sleep: 0, chunks: [new AIMessageChunk({ content: text, id })] });
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("first", async ({ messages }) => ({ messages: [await saying("One.").invoke(messages)] }))
      .addNode("second", async ({ messages }) => ({ messages: [await saying("Two.").invoke(messages)] }))
      .addEdge(START, "first")
      .addEdge("first", "second")
      .compile();
    const records = await recordsOf((await clientFor(graph)).runStream({ message: "Count." }));
    expect(textOfChunks(records)).toBe("One.Two.");
    expect(storyOf(records).filter((word) => word === "message_output_created").length).toBe(2);
    expect(storyOf(records).filter((word) => word === "turn_completed").length).toBe(2);
  });

  it("that is tagged nostream is not told", async () => {
    const model = await scriptedModel([{ text: "A hidden thought." }, { text: "Said." }]);
    const chat = chatOf(model);
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("thinker", async ({ messages }) => {
        await chat.invoke(messages, { tags: ["nostream"] });
        return {};
      })
      .addNode("speaker", async ({ messages }) => ({ messages: [await chat.invoke(messages)] }))
      .addEdge(START, "thinker")
      .addEdge("thinker", "speaker")
      .compile();
    const records = await recordsOf((await clientFor(graph)).runStream({ message: "Say." }));
    expect(JSON.stringify(records)).not.toContain("hidden");
    expect(storyOf(records)).toEqual(["agent_updated", "text", "message_output_created", "turn_completed", "stream_completed"]);
  });
});

describe.each(Object.entries(FORMS))("tools of %s", (_form, make) => {
  it("are told as called and as done, in one turn with the answer that called them", async () => {
    const model = await scriptedModel(script);
    const records = await recordsOf((await clientFor(make(chatOf(model), [weather]))).runStream({ message: "Weather?" }));
    expect(storyOf(records)).toEqual([
      "agent_updated",
      "text",
      "message_output_created",
      "tool_called",
      "tool_output",
      "turn_completed",
      "text",
      "message_output_created",
      "turn_completed",
      "stream_completed",
    ]);
    expect(eventsOf(records).slice(2, 5)).toEqual([
      { type: "run_item_event", name: "tool_called", item: { call_id: "call_0_0", tool_name: "weather", arguments: { city: "Rome" } } },
      {
        type: "run_item_event",
        name: "tool_output",
        item: { call_id: "call_0_0", tool_name: "weather", output: { city: "Rome", sky: "clear" } },
      },
      { type: "turn_completed", turn: 1 },
    ]);
    expect(model.requests.length).toBe(2);
  });

  it("end with the turn, where a client asks for that: the model is not called again", async () => {
    const running = signalled();
    const asked = signalled();
    const slow = tool(
      async () => {
        running.resolve();
        await asked.promise;
        return "clear";
      },
      { name: "weather", schema: z.object({ city: z.string() }) },
    );
    const model = await scriptedModel(script);
    const stream = (await clientFor(make(chatOf(model), [slow]))).runStream({ message: "Weather?" });
    const reading = recordsOf(stream);
    await running.promise;
    await stream.cancel("after_turn");
    asked.resolve();
    expect(storyOf(await reading).slice(-3)).toEqual(["tool_output", "turn_completed", "stream_cancelled"]);
    await new Promise(setImmediate);
    expect(model.requests.length).toBe(1);
  });
});

it("tools that fail are told as failed, and the model hears it", async () => {
  const failing = tool(
    (): string => {
      throw new Error("The sky has fallen.");
    },
    { name: "weather", schema: z.object({ city: z.string() }) },
  );
  const model = await scriptedModel(script);
  const client = await clientFor(handmade(chatOf(model), [failing]));
  const records = await recordsOf(client.runStream({ message: "Weather?" }));
  expect(eventsOf(records)[3]).toMatchObject({ item: { call_id: "call_0_0", tool_name: "weather", is_error: true } });
  expect(JSON.stringify(eventsOf(records)[3])).toContain("The sky has fallen.");
  expect(textOfChunks(records)).toBe("Let me see.Clear in Rome.");
});

describe("graphs within a graph", () => {
  it("are told once, with their agents by name", async () => {
    const model = await scriptedModel([...script, { text: "In short: sun." }]);
    const llm = chatOf(model);
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("researcher", createReactAgent({ llm, tools: [weather] }))
      .addNode("writer", createReactAgent({ llm, tools: [] }))
      .addEdge(START, "researcher")
      .addEdge("researcher", "writer")
      .compile();
    const records = await recordsOf((await clientFor(graph)).runStream({ message: "Weather?" }));
    expect(textOfChunks(records)).toBe("Let me see.Clear in Rome.In short: sun.");
    const told = eventsOf(records);
    expect(told.filter((event) => JSON.stringify(event).includes('"agent_updated"'))).toEqual([
      { type: "agent_updated", agent: { name: "researcher" } },
      { type: "agent_updated", agent: { name: "writer" } },
    ]);
    expect(storyOf(records).filter((word) => word === "message_output_created").length).toBe(3);
    expect(storyOf(records).filter((word) => word === "turn_completed").length).toBe(3);
  });

  it("that answer at once do not mix, and each answer is told", async () => {
    const model = await scriptedModel((body) => ({ text: `${lastUserText(body)} is done.` }));
    const chat = chatOf(model);
    const node = (name: string) => async () => ({ messages: [await chat.invoke(name)] });
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("left", node("left"))
      .addNode("right", node("right"))
      .addEdge(START, "left")
      .addEdge(START, "right")
      .compile();
    const records = await recordsOf((await clientFor(graph)).runStream({ message: "Go." }));
    const messages = eventsOf(records).filter((event) => JSON.stringify(event).includes("message_output_created"));
    expect(messages.map((event) => JSON.stringify(event)).toSorted()).toEqual([
      expect.stringContaining("left is done."),
      expect.stringContaining("right is done."),
    ]);
    expect(messages).toMatchObject([{ item: { agent: expect.any(String) } }, { item: { agent: expect.any(String) } }]);
  });
});
