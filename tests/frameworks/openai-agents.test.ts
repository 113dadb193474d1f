import { Agent, type Model, Runner, setDefaultModelProvider, tool } from "@openai/agents";
import type { AgentContext } from "@runagent/server";
import { fromOpenAIAgent, type OpenAIAgentOptions } from "@runagent/server/adapters/openai-agents";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { lastUserText } from "../support/scripted-model.ts";
import { all, clientOf, eventsOf, recordsOf, scriptedModel, serveChat, storyOf, textOfChunks } from "./harness.ts";
import { providerOf, runnerOf, startStream, weather } from "./openai-agents-setup.ts";

// Agents of the real @openai/agents, served in one line, against a model that follows a script.

describe("an answer", () => {
  it.each([
    { api: "responses", useResponses: true },
    { api: "chat completions", useResponses: false },
  ])("comes as chunks, a message and a turn, by $api", async ({ useResponses }) => {
    const model = await scriptedModel([{ text: "Good morning, Ada." }]);
    const records = await recordsOf(
      await startStream(new Agent({ name: "Greeter", instructions: "Greet." }), model, undefined, {
        runner: runnerOf(model, useResponses),
      }),
    );
    expect(storyOf(records)).toEqual(["text", "message_output_created", "turn_completed", "stream_completed"]);
    expect(records.flatMap((record) => (record.type === "data" ? [record.content] : []))).toEqual(["Good ", "morning, ", "Ada."]);
    expect(eventsOf(records)).toEqual([
      {
        type: "run_item_event",
        name: "message_output_created",
        item: { role: "assistant", parts: [{ type: "text", text: "Good morning, Ada." }], status: "completed", agent: "Greeter" },
      },
      { type: "turn_completed", turn: 1 },
    ]);
    expect(records.map((record) => record.seq)).toEqual(records.map((_, index) => index + 1));
  });

  it("needs one line where the package knows its model", async () => {
    const model = await scriptedModel([{ text: "One line." }]);
    setDefaultModelProvider(providerOf(model));
    const server = await serveChat(fromOpenAIAgent(new Agent({ name: "Short" })));
    expect(await clientOf(server).runStream({ message: "Hi" }).text()).toBe("One line.");
  });

  it("continues a conversation: text content and parts of UI messages", async () => {
    const model = await scriptedModel([{ text: "You are Ada." }]);
    const stream = await startStream(new Agent({ name: "Rememberer" }), model, {
      messages: [
        { role: "user", content: [{ type: "text", text: "I am Ada." }] },
        { role: "assistant", content: "Hello, Ada." },
        { role: "user", content: "Who am I?" },
      ],
    });
    expect(await stream.text()).toBe("You are Ada.");
    expect(model.requests[0]?.input).toMatchObject([
      { role: "user", content: "I am Ada." },
      { role: "assistant", content: [{ type: "output_text", text: "Hello, Ada." }] },
      { role: "user", content: "Who am I?" },
    ]);
    const ui = await scriptedModel([{ text: "Yes." }]);
    const messages = [
      {
        role: "user",
        parts: [
          { type: "text", text: "A" },
          { type: "text", text: "B" },
        ],
      },
      { role: "assistant", parts: [{ type: "text", text: "C" }, { type: "step-start" }, { type: "text", text: "c" }] },
      { role: "assistant", parts: [{ type: "step-start" }] },
      { role: "user", parts: [{ type: "text", text: "D" }] },
    ];
    await (await startStream(new Agent({ name: "Rememberer" }), ui, { messages })).text();
    expect(ui.requests[0]?.input).toMatchObject([
      { role: "user", content: "AB" },
      { role: "assistant", content: [{ text: "C" }, { text: "c" }] },
      { role: "user", content: "D" },
    ]);
  });

  it("takes input of another form where toInput reads it", async () => {
    const model = await scriptedModel([{ text: "Ciao." }]);
    const toInput = (input: { question: string }, ctx: AgentContext) => [
      { role: "user" as const, content: `${ctx.userId}: ${input.question}` },
    ];
    const server = await serveChat(fromOpenAIAgent(new Agent({ name: "Asker" }), { runner: runnerOf(model), toInput }));
    expect(await clientOf(server, { userId: "ada" }).runStream({ question: "Ciao?" }).text()).toBe("Ciao.");
    expect(lastUserText(model.requests[0] ?? {})).toBe("ada: Ciao?");
  });

  it("tells the reasoning before it", async () => {
    const model = await scriptedModel([{ reasoning: "Two cities, one sky.", text: "Clear." }]);
    const records = await recordsOf(await startStream(new Agent({ name: "Thinker" }), model));
    expect(storyOf(records)).toEqual(["text", "reasoning_item_created", "message_output_created", "turn_completed", "stream_completed"]);
    expect(eventsOf(records)[0]).toMatchObject({ name: "reasoning_item_created", item: { text: "Two cities, one sky." } });
  });

  it("passes the events of the model through, unless they are not wanted", async () => {
    const script = [{ text: "a b c" }, { text: "a b c" }];
    const model = await scriptedModel(script);
    const raw = new Agent({ name: "Raw", instructions: "Tell nobody of this.", tools: [weather] });
    const server = await serveChat(fromOpenAIAgent(raw, { runner: runnerOf(model) }));
    const records = await all(
      clientOf(server)
        .runStream({ message: "Hi" })
        .events({ only: ["data", "raw_response_event"] }),
    );
    const names = records.map((record) =>
      record.type === "event" && record.event.type === "raw_response_event" ? record.event.name : record.type,
    );
    expect(names.filter((name) => name !== "data")).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.delta",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
    ]);
    expect(records.find((record) => record.type === "event" && record.event.name === "response.output_text.delta")).toMatchObject({
      event: { data: { type: "response.output_text.delta", delta: "a ", item_id: "msg_0" } },
    });
    // The Responses API repeats what the agent told the model: that is not for clients.
    expect(model.requests[0]).toMatchObject({ instructions: "Tell nobody of this.", tools: [{ name: "weather" }] });
    expect(JSON.stringify(records)).not.toMatch(/Tell nobody|"tools"/);
    const quiet = await serveChat(fromOpenAIAgent(new Agent({ name: "Raw" }), { runner: runnerOf(model), rawEvents: false }));
    const told = await recordsOf(clientOf(quiet).runStream({ message: "Hi" }));
    expect(told.map((record) => (record.type === "event" ? String(record.event.type) : record.type))).toEqual([
      "data",
      "data",
      "data",
      "run_item_event",
      "turn_completed",
      "status",
    ]);
  });
});

describe("tools", () => {
  const script = [{ text: "Let me see.", toolCalls: [{ name: "weather", arguments: { city: "Rome" } }] }, { text: "Clear in Rome." }];

  it("are told with their call and their output, in one turn", async () => {
    const model = await scriptedModel(script);
    const records = await recordsOf(await startStream(new Agent({ name: "Forecaster", tools: [weather] }), model));
    expect(storyOf(records)).toEqual([
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
    const told = eventsOf(records);
    expect(told.slice(1, 4)).toEqual([
      {
        type: "run_item_event",
        name: "tool_called",
        item: { call_id: "call_0_0", tool_name: "weather", arguments: { city: "Rome" } },
      },
      {
        type: "run_item_event",
        name: "tool_output",
        item: { call_id: "call_0_0", tool_name: "weather", output: { city: "Rome", sky: "clear" } },
      },
      { type: "turn_completed", turn: 1 },
    ]);
    expect(textOfChunks(records)).toBe("Let me see.Clear in Rome.");
    expect(records.map((record) => record.seq)).toEqual(records.map((_, index) => index + 1));
  });

  it("that fail are told as failed, and the model goes on", async () => {
    const broken = tool({
      name: "weather",
      description: "Breaks.",
      parameters: z.object({ city: z.string() }),
      execute: () => {
        throw new Error("The sky is down.");
      },
    });
    const model = await scriptedModel(script);
    const records = await recordsOf(await startStream(new Agent({ name: "Forecaster", tools: [broken] }), model));
    expect(eventsOf(records)[2]).toMatchObject({ name: "tool_output", item: { call_id: "call_0_0", is_error: true } });
    expect(storyOf(records).at(-1)).toBe("stream_completed");
  });

  it("that take too long are told as failed", async () => {
    const slow = tool({
      name: "weather",
      description: "Never answers.",
      parameters: z.object({ city: z.string() }),
      timeoutMs: 20,
      execute: () => new Promise<string>(() => {}),
    });
    const model = await scriptedModel(script);
    const records = await recordsOf(await startStream(new Agent({ name: "Forecaster", tools: [slow] }), model));
    expect(eventsOf(records)[2]).toMatchObject({ name: "tool_output", item: { is_error: true } });
  });

  it("get the context of the invocation", async () => {
    const seen: unknown[] = [];
    const looking = tool({
      name: "weather",
      description: "Looks.",
      parameters: z.object({ city: z.string() }),
      execute: (_, run) => {
        seen.push(run?.context);
        return "seen";
      },
    });
    const model = await scriptedModel(script);
    const options: OpenAIAgentOptions<unknown> = {
      context: (input: { message: string }, ctx: AgentContext) => ({ said: input.message, user: ctx.userId }),
    };
    await (await startStream(new Agent({ name: "Forecaster", tools: [looking] }), model, { message: "Sky?" }, options)).text();
    expect(seen).toEqual([{ said: "Sky?", user: undefined }]);
  });
});

describe("handoffs", () => {
  it("are told as requested, as occurred, and by who answers from then on", async () => {
    const model = await scriptedModel([{ toolCalls: [{ name: "transfer_to_Booking_desk", arguments: {} }] }, { text: "Booked." }]);
    const booking = new Agent({ name: "Booking desk", instructions: "Book." });
    const records = await recordsOf(await startStream(Agent.create({ name: "Front desk", handoffs: [booking] }), model));
    expect(eventsOf(records)).toMatchObject([
      { name: "handoff_requested", item: { from: "Front desk", to: "Booking desk", call_id: "call_0_0" } },
      { name: "handoff_occurred", item: { from: "Front desk", to: "Booking desk" } },
      { type: "agent_updated", agent: { name: "Booking desk" } },
      { type: "turn_completed", turn: 1 },
      { name: "message_output_created", item: { agent: "Booking desk" } },
      { type: "turn_completed", turn: 2 },
    ]);
    expect(storyOf(records).at(-1)).toBe("stream_completed");
  });
});

describe("a runner", () => {
  it("keeps its hooks, its guardrails and its filter of what the model gets", async () => {
    const model = await scriptedModel([{ text: "Hello." }]);
    const heard: string[] = [];
    const runner = new Runner({
      modelProvider: providerOf(model),
      tracingDisabled: true,
      callModelInputFilter: ({ modelData }) => ({ ...modelData, instructions: "Filtered." }),
    });
    runner.on("agent_start", (_, agent) => heard.push(`start ${agent.name}`));
    runner.on("agent_end", (_, agent, output) => heard.push(`end ${agent.name} ${String(output)}`));
    const stream = await startStream(new Agent({ name: "Hooked", instructions: "Unfiltered." }), model, undefined, { runner });
    expect(await stream.text()).toBe("Hello.");
    expect([heard, model.requests[0]?.instructions]).toEqual([["start Hooked", "end Hooked Hello."], "Filtered."]);
  });

  it("is not needed by an agent that has its model", async () => {
    const model = await scriptedModel([{ toolCalls: [{ name: "weather", arguments: { city: "Rome" } }] }, { text: "Clear." }]);
    const own: Model = await providerOf(model).getModel("m");
    const server = await serveChat(fromOpenAIAgent(new Agent({ name: "Own", model: own, tools: [weather] })));
    expect(storyOf(await recordsOf(clientOf(server).runStream({ message: "Sky?" })))).toEqual([
      "tool_called",
      "tool_output",
      "turn_completed",
      "text",
      "message_output_created",
      "turn_completed",
      "stream_completed",
    ]);
  });
});
