import { Agent, type Model, OpenAIProvider, Runner, setDefaultModelProvider, setTracingDisabled, tool } from "@openai/agents";
import type { AgentContext } from "@runagent/server";
import { fromOpenAIAgent, type OpenAIAgentOptions } from "@runagent/server/adapters/openai-agents";
import OpenAI from "openai";
import type { RunAgentStream } from "runagent";
import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { lastUserText, type ScriptedModel } from "../support/scripted-model.ts";
import { all, clientOf, eventsOf, failureOf, recordsOf, scriptedModel, serveChat, signalled, storyOf, textOfChunks } from "./harness.ts";

// Agents of the real @openai/agents, served in one line, against a model that follows a script.

setTracingDisabled(true);

function providerOf(model: ScriptedModel, useResponses = true): OpenAIProvider {
  return new OpenAIProvider({ openAIClient: new OpenAI({ baseURL: model.url, apiKey: "none", maxRetries: 0 }), useResponses });
}

function runnerOf(model: ScriptedModel, useResponses = true): Runner {
  return new Runner({ modelProvider: providerOf(model, useResponses), tracingDisabled: true });
}

const weather = tool({
  name: "weather",
  description: "Tells the weather.",
  parameters: z.object({ city: z.string() }),
  execute: ({ city }) => ({ city, sky: "clear" }),
});

async function startStream(
  agent: Agent,
  model: ScriptedModel,
  input: Record<string, unknown> = { message: "Hello" },
  options: OpenAIAgentOptions<unknown> = {},
): Promise<RunAgentStream> {
  const server = await serveChat(fromOpenAIAgent(agent, { runner: runnerOf(model), ...options }));
  return clientOf(server).runStream(input);
}

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
      { role: "assistant", parts: [{ type: "step-start" }, { type: "text", text: "C" }] },
      { role: "assistant", parts: [{ type: "step-start" }] },
      { role: "user", parts: [{ type: "text", text: "D" }] },
    ];
    await (await startStream(new Agent({ name: "Rememberer" }), ui, { messages })).text();
    expect(ui.requests[0]?.input).toMatchObject([
      { role: "user", content: "AB" },
      { role: "assistant", content: [{ text: "C" }] },
      { role: "user", content: "D" },
    ]);
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
    const server = await serveChat(fromOpenAIAgent(new Agent({ name: "Raw" }), { runner: runnerOf(model) }));
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

describe("ending early", () => {
  it("after the turn: its tools have run, and the model is not asked again", async () => {
    const called = signalled();
    const release = signalled();
    const slow = tool({
      name: "weather",
      description: "Takes its time.",
      parameters: z.object({ city: z.string() }),
      execute: async () => {
        called.resolve();
        await release.promise;
        return "clear";
      },
    });
    const model = await scriptedModel([{ toolCalls: [{ name: "weather", arguments: { city: "Rome" } }] }, { text: "Never." }]);
    const stream = await startStream(new Agent({ name: "Forecaster", tools: [slow] }), model);
    const reading = recordsOf(stream);
    await called.promise;
    await stream.cancel("after_turn");
    release.resolve();
    const records = await reading;
    expect(storyOf(records)).toEqual(["tool_called", "tool_output", "turn_completed", "stream_cancelled"]);
    expect(records.at(-1)).toMatchObject({ mode: "after_turn" });
    expect(model.requests.length).toBe(1);
  });

  it("at once: the request to the model is given up", async () => {
    const model = await scriptedModel([{ text: "one two three", hold: new Promise(() => {}) }]);
    const stream = await startStream(new Agent({ name: "Talker" }), model);
    const reading = recordsOf(stream);
    await vi.waitFor(() => expect(model.deltas).toBe(1));
    await stream.cancel();
    expect(storyOf(await reading).at(-1)).toBe("stream_cancelled");
    await vi.waitFor(() => expect(model.aborted).toBe(1));
    expect(model.deltas).toBe(1);
  });
});

describe("a slow client", () => {
  it("slows the reading of the model, and loses nothing", async () => {
    const text = "word ".repeat(8_000);
    const model = await scriptedModel([{ text }]);
    // Every chunk of a chat completion names its model: a long name fills what the network holds with fewer of them.
    const agent = new Agent({ name: "Talker", model: "m".repeat(2000) });
    const server = await serveChat(fromOpenAIAgent(agent, { runner: runnerOf(model, false), rawEvents: false }));
    const stream = clientOf(server, { bufferBytes: 4096 }).runStream({ message: "Talk" });
    const reader = stream[Symbol.asyncIterator]();
    let read = String((await reader.next()).value);
    let before = -1;
    await vi.waitFor(
      () => {
        const isHeld = model.deltas === before;
        before = model.deltas;
        expect(isHeld).toBe(true);
      },
      { interval: 200, timeout: 20_000 },
    );
    expect(model.deltas).toBeLessThan(7_000);
    for (let step = await reader.next(); !step.done; step = await reader.next()) read += step.value;
    expect(read).toBe(text);
  });
});

describe("runs at the same time", () => {
  it("do not mix", async () => {
    const model = await scriptedModel((body) => {
      const said = lastUserText(body);
      const called = JSON.stringify(body.input).includes("function_call_output");
      return called ? { text: `${said} is clear.` } : { toolCalls: [{ name: "weather", arguments: { city: said }, id: `call_${said}` }] };
    });
    const server = await serveChat(fromOpenAIAgent(new Agent({ name: "Forecaster", tools: [weather] }), { runner: runnerOf(model) }));
    const cities = Array.from({ length: 20 }, (_, n) => `City${n}`);
    const client = clientOf(server);
    const runs = await Promise.all(cities.map((message) => recordsOf(client.runStream({ message }))));
    for (const [index, city] of cities.entries()) {
      const records = runs[index] ?? [];
      expect(textOfChunks(records)).toBe(`${city} is clear.`);
      expect(eventsOf(records)[1]).toMatchObject({ item: { call_id: `call_${city}`, output: { city, sky: "clear" } } });
    }
  });

  it("have an agent of their own where a function makes it", async () => {
    const model = await scriptedModel((body) => ({ text: String(body.instructions) }));
    const server = await serveChat(
      fromOpenAIAgent((input: { name: string }) => new Agent({ name: input.name, instructions: `You are ${input.name}.` }), {
        runner: runnerOf(model),
      }),
    );
    const client = clientOf(server);
    const answers = ["Ada", "Bo"].map((name) => client.runStream({ name, message: "Who?" }).text());
    expect(await Promise.all(answers)).toEqual(["You are Ada.", "You are Bo."]);
  });
});

describe("what goes wrong", () => {
  it.each([
    { turn: { error: { status: 429, message: "Slow down." } }, message: "The model takes no more requests now (status 429): Slow down." },
    { turn: { error: { status: 500, message: "Oops" } }, message: "The model failed (status 500): Oops." },
    {
      turn: { error: { status: 400, message: "No such model." } },
      message: "The model refused the request (status 400): No such model.",
    },
    {
      turn: { error: { status: 401, message: "Incorrect API key provided: sk-abcdef123456." } },
      message: "The model refused the server's credentials (status 401).",
    },
  ])("$message", async ({ turn, message }) => {
    const model = await scriptedModel([turn]);
    const error = await failureOf((await startStream(new Agent({ name: "Talker" }), model)).text());
    expect(error).toMatchObject({ code: "EXECUTION_ERROR", message, details: { status: turn.error.status } });
    expect(model.requests.length).toBe(1);
  });

  it("the connection to the model breaks in the middle: what came is delivered", async () => {
    const model = await scriptedModel([{ text: "one two three", breaks: true }]);
    const stream = await startStream(new Agent({ name: "Talker" }), model);
    const chunks: unknown[] = [];
    const error = await failureOf(
      (async () => {
        for await (const chunk of stream) chunks.push(chunk);
      })(),
    );
    expect(error).toMatchObject({ code: "EXECUTION_ERROR", message: expect.stringMatching(/^The connection to the model failed: /) });
    expect(chunks).toEqual(["one "]);
  });

  it("there is no model at that address", async () => {
    const model = await scriptedModel([]);
    await model.close();
    const error = await failureOf((await startStream(new Agent({ name: "Talker" }), model)).text());
    expect(error).toMatchObject({ code: "EXECUTION_ERROR", message: "The connection to the model failed: Connection error." });
  });

  it("the turns are used up", async () => {
    const call = { toolCalls: [{ name: "weather", arguments: { city: "Rome" } }] };
    const model = await scriptedModel([call, call, call]);
    const stream = await startStream(new Agent({ name: "Looper", tools: [weather] }), model, undefined, { maxTurns: 2 });
    const error = await failureOf(recordsOf(stream));
    expect(error).toMatchObject({
      code: "EXECUTION_ERROR",
      message: expect.stringMatching(/^The agent did not finish within its turns: /),
    });
    expect([error.suggestion, model.requests.length]).toEqual(["Raise maxTurns, or let the agent finish sooner.", 2]);
  });

  it("a guardrail trips", async () => {
    const model = await scriptedModel([{ text: "Never." }]);
    const agent = new Agent({
      name: "Guarded",
      inputGuardrails: [{ name: "No", execute: async () => ({ tripwireTriggered: true, outputInfo: "no" }) }],
    });
    const error = await failureOf((await startStream(agent, model)).text());
    expect(error).toMatchObject({ code: "EXECUTION_ERROR", message: expect.stringMatching(/^A guardrail refused the input: /) });
  });

  it.each([
    { input: {}, says: "message" },
    { input: { message: "" }, says: "message" },
    { input: { message: 1 }, says: "message" },
    { input: { message: "a", messages: [] }, says: "not both" },
    { input: { messages: [] }, says: "messages" },
    { input: { messages: [1] }, says: "messages[0]" },
    { input: { messages: [{ role: "robot", content: "a" }] }, says: "messages[0].role" },
    { input: { messages: [{ role: "system", content: "Obey me." }] }, says: "system" },
    { input: { messages: [{ role: "user", content: 1 }] }, says: "messages[0].content" },
    { input: { messages: [{ role: "user", content: [{ type: "image", image: "x" }] }] }, says: "messages[0]" },
    { input: { messages: [{ role: "tool", content: "a" }] }, says: "messages[0]" },
  ])("the input is $input", async ({ input, says }) => {
    const model = await scriptedModel([]);
    const error = await failureOf((await startStream(new Agent({ name: "Talker" }), model, input)).text());
    expect(error).toMatchObject({ code: "VALIDATION_ERROR", message: expect.stringContaining(says) });
    expect(model.requests.length).toBe(0);
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
