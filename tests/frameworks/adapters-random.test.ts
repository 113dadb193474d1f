import { tool as graphTool } from "@langchain/core/tools";
import { interrupt, MemorySaver } from "@langchain/langgraph";
import { createReactAgent } from "@langchain/langgraph/prebuilt";
import { type AdaptedEntrypoint, fromAISDK } from "@runagent/server/adapters/ai-sdk";
import { fromLangGraph } from "@runagent/server/adapters/langgraph";
import { stepCountIs, ToolLoopAgent, tool } from "ai";
import type { StreamRecord } from "runagent";
import { expect, it } from "vitest";
import { z } from "zod";
import type { ScriptedModel, ScriptedRequest, ScriptedToolCall, ScriptedTurn } from "../support/scripted-model.ts";
import { modelOf, weather } from "./ai-sdk-harness.ts";
import { clientOf, recordsOf, scriptedModel, serveChat, storyOf } from "./harness.ts";
import { chatOf, weather as graphWeather } from "./langgraph-harness.ts";

// Many invocations at once, approved, rejected and cancelled at random places.

const SEED = Number(process.env.TEST_SEED ?? Date.now()) % 2_147_483_647 || 1;
const INVOCATIONS = 30;
const ASKED = 3;

/** Called by each tool that was approved, with the id of its call. */
type Ran = (callId: string) => void;

const AGENTS: Readonly<Record<string, (model: ScriptedModel, ran: Ran) => AdaptedEntrypoint>> = {
  "settings of the AI SDK": (model, ran) => fromAISDK(settingsOf(model, ran)),
  "an agent of the AI SDK": (model, ran) => fromAISDK(new ToolLoopAgent(settingsOf(model, ran))),
  "a graph": (model, ran) => {
    const pay = graphTool(
      ({ call }: { call: string }) => {
        const { approved } = z.object({ approved: z.boolean() }).parse(interrupt({ name: "pay", args: { call } }));
        if (approved) ran(call);
        return approved ? "paid" : "rejected";
      },
      { name: "pay", description: "Pays.", schema: z.object({ call: z.string() }) },
    );
    const tools = [pay, graphWeather];
    return fromLangGraph(createReactAgent({ llm: chatOf(model), tools, version: "v2", checkpointer: new MemorySaver() }));
  },
};

function settingsOf(model: ScriptedModel, ran: Ran) {
  const pay = tool({
    inputSchema: z.object({ call: z.string() }),
    needsApproval: true,
    execute: ({ call }) => {
      ran(call);
      return "paid";
    },
  });
  return { model: modelOf(model), tools: { pay, weather }, stopWhen: stepCountIs(10), maxRetries: 0 };
}

/** Which invocation asks, and for which time. */
function placeOf(body: ScriptedRequest): { readonly run: string; readonly step: number } {
  const messages: { readonly role?: unknown; readonly content?: unknown }[] = Array.isArray(body.messages) ? body.messages : [];
  return {
    run: /run\d+/.exec(JSON.stringify(messages))?.[0] ?? "",
    step: messages.filter(({ role }) => role === "assistant").length,
  };
}

function answerTo(body: ScriptedRequest): ScriptedTurn {
  const { run, step } = placeOf(body);
  if (step >= ASKED) return { text: "All is paid now." };
  const call = `${run}-${step}`;
  const toolCalls: ScriptedToolCall[] = [{ name: "pay", arguments: { call }, id: call }];
  if (step === 0) toolCalls.push({ name: "weather", arguments: { city: "Rome" }, id: `${call}-weather` });
  return { text: "I pay some more.", toolCalls };
}

it.each(Object.entries(AGENTS))(`%s: no tool runs twice, and no model is asked after the last turn (seed ${SEED})`, async (_of, make) => {
  let state = SEED;
  const random = (): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const ran = new Map<string, number>();
  const model = await scriptedModel(answerTo);
  const failures: unknown[] = [];
  const entrypoint = make(model, (callId) => ran.set(callId, (ran.get(callId) ?? 0) + 1));
  const client = clientOf(await serveChat(entrypoint, { onError: (error) => failures.push(error) }));

  const invoke = async (index: number): Promise<void> => {
    const stopAt = Math.floor(random() * 60);
    const mode = random() < 0.4 ? "immediate" : "after_turn";
    const run = `run${index}`;
    const stream = client.runStream({ message: run }, { onApproval: () => (random() < 0.7 ? "approve" : "reject") });
    const records: StreamRecord[] = [];
    const cancels: Promise<unknown>[] = [];
    for await (const record of stream.events()) {
      if (records.push(record) === stopAt) cancels.push(stream.cancel(mode));
    }
    await Promise.all(cancels);
    const story = storyOf(records);
    expect(records.map((record) => record.seq)).toEqual(records.map((_, seq) => seq + 1));
    if (mode === "immediate" || story.at(-1) !== "stream_cancelled") return;
    expect(story.at(-2)).toBe("turn_completed");
    const asked = model.requests.filter((body) => placeOf(body).run === run).length;
    expect(asked).toBe(story.filter((word) => word === "turn_completed").length);
  };
  await Promise.all(Array.from({ length: INVOCATIONS }, (_, index) => invoke(index)));
  expect(Math.max(...ran.values())).toBe(1);
  expect(failures).toEqual([]);
  const last = await recordsOf(client.runStream({ message: "run999" }, { onApproval: () => "approve" }));
  expect(storyOf(last).filter((word) => word === "turn_completed").length).toBe(ASKED + 1);
});
