import { Agent, tool } from "@openai/agents";
import { fromOpenAIAgent } from "@runagent/server/adapters/openai-agents";
import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { lastUserText } from "../support/scripted-model.ts";
import { clientOf, eventsOf, failureOf, recordsOf, scriptedModel, serveChat, signalled, storyOf, textOfChunks } from "./harness.ts";
import { runnerOf, startStream, weather } from "./openai-agents-setup.ts";

// How runs of the real @openai/agents end before they are done, go on slowly, and fail.

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

  it("at once, while a tool runs: its signal fires, and nobody is told of an error", async () => {
    const called = signalled<AbortSignal | undefined>();
    const slow = tool({
      name: "weather",
      description: "Waits for its signal.",
      parameters: z.object({ city: z.string() }),
      execute: async (_, __, details) => {
        called.resolve(details?.signal);
        await new Promise((_, reject) => details?.signal?.addEventListener("abort", () => reject(new Error("Given up."))));
        return "never";
      },
    });
    const model = await scriptedModel([{ toolCalls: [{ name: "weather", arguments: { city: "Rome" } }] }, { text: "Never." }]);
    const reported: unknown[] = [];
    const server = await serveChat(fromOpenAIAgent(new Agent({ name: "Forecaster", tools: [slow] }), { runner: runnerOf(model) }), {
      onError: (error) => reported.push(error),
    });
    const stream = clientOf(server).runStream({ message: "Sky?" });
    const reading = recordsOf(stream);
    const signal = await called.promise;
    await stream.cancel();
    expect(storyOf(await reading)).toEqual(["tool_called", "stream_cancelled"]);
    await server.close();
    expect([signal?.aborted, model.requests.length, reported]).toEqual([true, 1, []]);
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

  it("the model calls a tool with what is no JSON: it is told as it is, and the model hears of it", async () => {
    const model = await scriptedModel([{ toolCalls: [{ name: "weather", arguments: "{city:" }] }, { text: "Sorry." }]);
    const records = await recordsOf(await startStream(new Agent({ name: "Forecaster", tools: [weather] }), model));
    expect(eventsOf(records).slice(0, 2)).toMatchObject([
      { name: "tool_called", item: { tool_name: "weather", arguments: "{city:" } },
      { name: "tool_output", item: { is_error: true } },
    ]);
    expect(textOfChunks(records)).toBe("Sorry.");
  });

  it("what is served is no agent", async () => {
    const notOne: unknown = { name: "Nobody" };
    expect(() => fromOpenAIAgent(notOne as Agent)).toThrow("fromOpenAIAgent was not given an agent.");
    const server = await serveChat(fromOpenAIAgent(() => notOne as Agent));
    const error = await failureOf(clientOf(server).runStream({ message: "Hi" }).text());
    expect(error).toMatchObject({ code: "EXECUTION_ERROR", message: "fromOpenAIAgent was not given an agent." });
    expect(error.suggestion).toBe("Give it an Agent of @openai/agents, or a function that returns one.");
  });

  it("a guardrail trips", async () => {
    const model = await scriptedModel([{ text: "Never." }]);
    const agent = new Agent({
      name: "Guarded",
      inputGuardrails: [{ name: "No", execute: async () => ({ tripwireTriggered: true, outputInfo: "rule 7 of our policy" }) }],
    });
    const error = await failureOf((await startStream(agent, model)).text());
    expect(error).toMatchObject({ code: "EXECUTION_ERROR", message: "A guardrail refused the input: No." });
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
