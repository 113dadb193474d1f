import { ChatOpenAI } from "@langchain/openai";
import { fromLangGraph } from "@runagent/server/adapters/langgraph";
import { createReactAgent, ToolNode, toolsCondition } from "@langchain/langgraph/prebuilt";
import { interrupt, MemorySaver, MessagesAnnotation, StateGraph } from "@langchain/langgraph";
import { tool } from "@langchain/core/tools";
import { expect, it } from "vitest";
import { z } from "zod";
import { createScriptedModel } from "../support/scripted-model.ts";

function ctxOf(log: unknown[], more: object = {}) {
  const controller = new AbortController();
  return Object.assign({ controller }, {
    invocationId: "i", args: [], userId: undefined, persistentMemory: false, signal: controller.signal,
    async emit(event: any) { if (event.type !== "raw_response_event") log.push(event); else if (process.env.RAW) log.push(event); else log.push(event.name); },
    async turn() { log.push("TURN"); },
    async requireApproval(r: any) { log.push(["ask", r]); return { approvalId: "a", decision: "approve" as const }; },
  }, more);
}
const weather = (runs: unknown[], asks = false) => tool((i: any) => { if (asks) { const a = interrupt({ name: "weather", args: i }); if (!a.approved) return "no"; } runs.push(i); return { celsius: 21 }; }, { name: "weather", schema: z.object({ city: z.string() }) });

function graphOf(kind: string, model: any, tools: any[]) {
  if (kind === "react") return createReactAgent({ llm: model, tools, checkpointer: new MemorySaver() });
  return new StateGraph(MessagesAnnotation).addNode("assistant", async (s) => ({ messages: [await model.bindTools(tools).invoke(s.messages)] }))
   .addNode("tools", new ToolNode(tools)).addEdge("__start__", "assistant").addConditionalEdges("assistant", toolsCondition, ["tools", "__end__"]).addEdge("tools", "assistant").compile({ checkpointer: new MemorySaver() });
}
for (const api of [false, true]) for (const streaming of [true, false]) for (const kind of ["react", "own"]) for (const needs of [false, true]) it(`${kind} asks ${needs} responses ${api} streaming ${streaming}`, async () => {
  const model = await createScriptedModel([{ reasoning: "hm hm", text: "Let me look.", toolCalls: [{ name: "weather", arguments: { city: "Rome" } }] }, { text: "It is warm." }]);
  const chat = new ChatOpenAI({ model: "m", apiKey: "none", maxRetries: 0, configuration: { baseURL: model.url }, useResponsesApi: api, disableStreaming: !streaming });
  const runs: unknown[] = [];
  const log: unknown[] = [];
  const fn = fromLangGraph(graphOf(kind, chat, [weather(runs, needs)]) as any);
  for await (const chunk of fn({ message: "hi" }, ctxOf(log)) as AsyncIterable<string>) log.push(chunk);
  console.log(JSON.stringify(log, null, 1).replace(/\n\s*/g, " "));
  expect(runs.length).toBe(1);
  expect(model.requests.length).toBe(2);
  expect(log.filter((e) => e === "TURN").length).toBe(2);
  await model.close();
});
for (const kind of ["react", "own"]) for (const needs of [false, true]) it(`after turn ${kind} ${needs}`, async () => {
  const model = await createScriptedModel([{ text: "Let me look.", toolCalls: [{ name: "weather", arguments: { city: "Rome" } }] }, { text: "It is warm." }]);
  const chat = new ChatOpenAI({ model: "m", apiKey: "none", maxRetries: 0, configuration: { baseURL: model.url } });
  const runs: unknown[] = [];
  const log: unknown[] = [];
  const ctx = ctxOf(log);
  ctx.turn = async () => { log.push("TURN"); ctx.controller.abort(new Error("cancelled")); throw new Error("cancelled"); };
  const fn = fromLangGraph(graphOf(kind, chat, [weather(runs, needs)]) as any);
  await expect((async () => { for await (const chunk of fn({ message: "hi" }, ctx) as AsyncIterable<string>) log.push(chunk); })()).rejects.toThrow("cancelled");
  await new Promise((r) => setTimeout(r, 300));
  expect(model.requests.length).toBe(1);
  expect(log).toContain("TURN");
  expect(runs.length).toBe(1);
  expect(log.filter((e) => (e as any).name === "tool_output").length).toBe(1);
  await model.close();
});
