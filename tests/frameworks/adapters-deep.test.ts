import { tool as graphTool } from "@langchain/core/tools";
import { Agent, tool as agentTool } from "@openai/agents";
import { fromAISDK } from "@runagent/server/adapters/ai-sdk";
import { fromLangGraph } from "@runagent/server/adapters/langgraph";
import { fromOpenAIAgent } from "@runagent/server/adapters/openai-agents";
import { jsonSchema, stepCountIs, tool } from "ai";
import { expect, it } from "vitest";
import { z } from "zod";
import type { ScriptedModel } from "../support/scripted-model.ts";
import { modelOf } from "./ai-sdk-harness.ts";
import { clientOf, recordsOf, scriptedModel, serveChat, textOfChunks } from "./harness.ts";
import { chatOf, handmade } from "./langgraph-harness.ts";
import { runnerOf } from "./openai-agents-setup.ts";

// What models write and tools give may nest deeper than an event can: that is cut, and the invocation goes on.

const nested: unknown = JSON.parse(`${"[".repeat(100)}${"]".repeat(100)}`);

const ADAPTERS = [
  [
    "openai-agents",
    (model: ScriptedModel) => {
      const parameters = { type: "object" as const, properties: {}, required: [], additionalProperties: true as const };
      const nest = agentTool({ name: "nest", description: "Nests.", parameters, strict: false, execute: () => nested });
      return fromOpenAIAgent(new Agent({ name: "Nester", tools: [nest] }), { runner: runnerOf(model) });
    },
  ],
  [
    "ai-sdk",
    (model: ScriptedModel) => {
      const nest = tool({ inputSchema: jsonSchema<object>({ type: "object" }), execute: () => nested });
      return fromAISDK({ model: modelOf(model), tools: { nest }, stopWhen: stepCountIs(3) });
    },
  ],
  [
    "langgraph",
    (model: ScriptedModel) => {
      const nest = graphTool(() => nested, { name: "nest", description: "Nests.", schema: z.looseObject({}) });
      return fromLangGraph(handmade(chatOf(model), [nest]));
    },
  ],
] as const;

it.each(ADAPTERS)("%s", async (_, adapt) => {
  const model = await scriptedModel([{ toolCalls: [{ name: "nest", arguments: { nested } }] }, { text: "Done." }]);
  const records = await recordsOf(clientOf(await serveChat(adapt(model))).runStream({ message: "Nest" }));
  expect(textOfChunks(records)).toBe("Done.");
  const items = records.flatMap((record) => (record.type === "event" && record.event.type === "run_item_event" ? [record.event] : []));
  expect(items.map(({ name, item }) => [name, JSON.stringify(item).includes("[too deep]")])).toEqual([
    ["tool_called", true],
    ["tool_output", true],
    ["message_output_created", false],
  ]);
});
