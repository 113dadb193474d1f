import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { configOf, folderOf, type Hosted, hostFolder } from "../support/hosted.ts";
import type { ScriptedModel } from "../support/scripted-model.ts";
import { APPROVED_CALL, eventsOf, failureOf, LAST_ANSWER, recordsOf, scriptedModel, storyOf, textOfChunks } from "./harness.ts";

// Agents of the AI SDK and of LangGraph in a folder, as `runagent serve` hosts them: in a process of their own, with what is built.

const AGENTS: Readonly<Record<string, (url: string) => string>> = {
  "the AI SDK": (url) => `
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { fromAISDK } from "@runagent/server/adapters/ai-sdk";
import { stepCountIs, tool } from "ai";
import { z } from "zod";

const refund = tool({
  inputSchema: z.object({ order: z.string() }),
  needsApproval: true,
  execute: ({ order }) => {
    console.log("paid", order);
    return "paid back " + order;
  },
});
const model = createOpenAICompatible({ name: "scripted", baseURL: ${JSON.stringify(url)} })("scripted");
export const chat = fromAISDK({ model, tools: { refund }, stopWhen: stepCountIs(5) });
`,
  LangGraph: (url) => `
import { tool } from "@langchain/core/tools";
import { interrupt, MemorySaver } from "@langchain/langgraph";
import { createReactAgent } from "@langchain/langgraph/prebuilt";
import { ChatOpenAI } from "@langchain/openai";
import { fromLangGraph } from "@runagent/server/adapters/langgraph";
import { z } from "zod";

const refund = tool(
  ({ order }) => {
    if (!interrupt({ name: "refund", args: { order } }).approved) return "rejected";
    console.log("paid", order);
    return "paid back " + order;
  },
  { name: "refund", description: "Pays an order back.", schema: z.object({ order: z.string() }) },
);
const llm = new ChatOpenAI({ model: "scripted", apiKey: "none", configuration: { baseURL: ${JSON.stringify(url)} } });
export const chat = fromLangGraph(createReactAgent({ llm, tools: [refund], version: "v2", checkpointer: new MemorySaver() }));
`,
};

async function host(make: (url: string) => string): Promise<{ readonly model: ScriptedModel; readonly hosted: Hosted }> {
  const model = await scriptedModel([
    { text: "One moment.", toolCalls: [{ name: "refund", arguments: { order: "A1" } }] },
    { text: " Done." },
  ]);
  const folder = await folderOf({
    "agent.ts": make(model.url),
    "package.json": '{ "type": "module" }',
    "runagent.config.json": configOf({ chat_stream: "agent.ts:chat" }),
  });
  await symlink(fileURLToPath(new URL("node_modules", import.meta.url)), join(folder, "node_modules"));
  return { model, hosted: await hostFolder(folder) };
}

it.each(Object.entries(AGENTS))(
  "an agent of %s is exported as it is: text, tools, approvals and turns cross the process",
  async (_of, make) => {
    const { hosted, model } = await host(make);
    const client = hosted.client("chat_stream");
    expect(await failureOf(client.runStream({}).text())).toMatchObject({ code: "VALIDATION_ERROR", field: "message" });
    const records = await recordsOf(client.runStream({ message: "Pay A1 back" }, { onApproval: () => "approve" }));
    expect(storyOf(records).filter((word) => word !== "agent_updated")).toEqual([
      "text",
      "message_output_created",
      ...APPROVED_CALL,
      ...LAST_ANSWER,
    ]);
    expect(textOfChunks(records)).toBe("One moment. Done.");
    expect(eventsOf(records)).toEqual(
      expect.arrayContaining([expect.objectContaining({ item: { call_id: "call_0_0", tool_name: "refund", output: "paid back A1" } })]),
    );
    expect(hosted.log.filter((line) => line.includes("paid A1")).length).toBe(1);
    expect(model.requests.length).toBe(2);
  },
);
