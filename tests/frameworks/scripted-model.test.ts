import OpenAI from "openai";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createScriptedModel, lastUserText, type Script, type ScriptedModel } from "../support/scripted-model.ts";

// The scripted model, read by the package that it stands in for.

const open: ScriptedModel[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((model) => model.close()));
});

async function start(script: Script): Promise<{ model: ScriptedModel; client: OpenAI }> {
  const model = await createScriptedModel(script);
  open.push(model);
  return { model, client: new OpenAI({ baseURL: model.url, apiKey: "none", maxRetries: 0 }) };
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const TURN = {
  reasoning: "Two cities.",
  text: "Sun in Rome, rain in Oslo.",
  toolCalls: [{ name: "weather", arguments: { city: "Rome" } }],
};
const ASK: { model: string; messages: OpenAI.ChatCompletionMessageParam[] } = {
  model: "m",
  messages: [{ role: "user", content: "Weather?" }],
};
const ASK_RESPONSE = { model: "m", input: "Weather?" };

describe("chat completions", () => {
  it("streams text, reasoning and tool calls", async () => {
    const { model, client } = await start([TURN]);
    const chunks = await all(await client.chat.completions.create({ ...ASK, stream: true }));
    const deltas = chunks.flatMap((chunk) => chunk.choices.map((choice) => choice.delta));
    const calls = deltas.flatMap((delta) => delta.tool_calls ?? []);
    expect(deltas.map((delta) => delta.content ?? "").join("")).toBe(TURN.text);
    expect(deltas.map((delta) => ("reasoning" in delta ? delta.reasoning : "")).join("")).toBe(TURN.reasoning);
    expect(calls[0]).toMatchObject({ index: 0, id: "call_0_0", type: "function", function: { name: "weather" } });
    expect(JSON.parse(calls.map((call) => call.function?.arguments ?? "").join(""))).toEqual({ city: "Rome" });
    expect(chunks.flatMap((chunk) => chunk.choices.map((choice) => choice.finish_reason)).at(-1)).toBe("tool_calls");
    expect(chunks.at(-1)?.usage).toMatchObject({ prompt_tokens: 1 });
    expect([model.requests.length, lastUserText(model.requests[0] ?? {}), model.deltas, model.aborted]).toEqual([1, "Weather?", 6, 0]);
  });

  it("answers as a whole", async () => {
    const { client } = await start([TURN]);
    const { choices } = await client.chat.completions.create(ASK);
    expect(choices[0]).toMatchObject({ finish_reason: "tool_calls", message: { content: TURN.text, tool_calls: [{ id: "call_0_0" }] } });
  });
});

describe("responses", () => {
  it("streams every typed event, whole in itself", async () => {
    const { model, client } = await start([TURN]);
    const events = await all(await client.responses.create({ ...ASK_RESPONSE, stream: true }));
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, n) => n));
    expect([...new Set(events.map((event) => event.type.replace("response.", "")))]).toEqual([
      "created",
      "in_progress",
      "output_item.added",
      "reasoning_summary_part.added",
      "reasoning_summary_text.delta",
      "reasoning_summary_text.done",
      "reasoning_summary_part.done",
      "output_item.done",
      "content_part.added",
      "output_text.delta",
      "output_text.done",
      "content_part.done",
      "function_call_arguments.delta",
      "function_call_arguments.done",
      "completed",
    ]);
    const joined = events.map((event) => (event.type === "response.output_text.delta" ? event.delta : "")).join("");
    const args = events.map((event) => (event.type === "response.function_call_arguments.delta" ? event.delta : "")).join("");
    expect([joined, JSON.parse(args), lastUserText(model.requests[0] ?? {})]).toEqual([TURN.text, { city: "Rome" }, "Weather?"]);
  });

  it("is what the package makes a final response of", async () => {
    const { client } = await start([TURN]);
    const final = await client.responses.stream(ASK_RESPONSE).finalResponse();
    expect([final.output_text, final.output.map((item) => item.type)]).toEqual([TURN.text, ["reasoning", "message", "function_call"]]);
  });

  it("answers as a whole", async () => {
    const { client } = await start([{ text: "Hello.", deltas: 2 }]);
    expect(await client.responses.create(ASK_RESPONSE)).toMatchObject({ output_text: "Hello.", status: "completed" });
  });
});

describe("a script", () => {
  it("cuts a text into the pieces that it says", async () => {
    const { client } = await start([{ text: "abcdefghij", deltas: 4 }]);
    const events = await all(await client.responses.create({ ...ASK_RESPONSE, stream: true }));
    const deltas = events.flatMap((event) => (event.type === "response.output_text.delta" ? [event.delta] : []));
    expect([deltas.length, deltas.join("")]).toEqual([4, "abcdefghij"]);
  });

  it("refuses what is beyond it, and answers errors as the API does", async () => {
    const { client } = await start([{ error: { status: 429, message: "Slow down." } }]);
    await expect(client.responses.create(ASK_RESPONSE)).rejects.toMatchObject({ status: 429, message: "429 Slow down." });
    await expect(client.chat.completions.create(ASK)).rejects.toMatchObject({
      status: 500,
      message: "500 The script has no answer for request 2.",
    });
    await expect(client.models.list()).rejects.toMatchObject({ status: 404 });
  });

  it("chooses by the request, so that runs at once can be told apart", async () => {
    const { client } = await start((body) => ({ text: `You said ${lastUserText(body)}` }));
    const answers = await Promise.all(["a", "b", "c"].map((input) => client.responses.create({ model: "m", input })));
    expect(answers.map((answer) => answer.output_text)).toEqual(["You said a", "You said b", "You said c"]);
  });

  it("holds between deltas, and sees who leaves", async () => {
    let release = (): void => {};
    const hold = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { model, client } = await start([
      { text: "one two", hold },
      { text: "one two", hold: new Promise(() => {}) },
    ]);
    const held = await client.responses.create({ ...ASK_RESPONSE, stream: true });
    await vi.waitFor(() => expect(model.deltas).toBe(1));
    release();
    expect((await all(held)).at(-1)?.type).toBe("response.completed");
    const controller = new AbortController();
    const left = await client.responses.create({ ...ASK_RESPONSE, stream: true }, { signal: controller.signal });
    await vi.waitFor(() => expect(model.deltas).toBe(3));
    controller.abort();
    await all(left);
    await vi.waitFor(() => expect(model.aborted).toBe(1));
  });

  it("breaks the connection after the first delta", async () => {
    const { model, client } = await start([{ text: "one two", breaks: true }]);
    const broken = await client.responses.create({ ...ASK_RESPONSE, stream: true });
    await expect(all(broken)).rejects.toThrow();
    expect([model.deltas, model.aborted]).toEqual([1, 0]);
  });
});
