import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { configOf, folderOf, type Hosted, hostFolder } from "../support/hosted.ts";
import type { Script, ScriptedModel } from "../support/scripted-model.ts";
import { APPROVED_CALL, eventsOf, failureOf, LAST_ANSWER, recordsOf, scriptedModel, storyOf, textOfChunks } from "./harness.ts";

// An agent of @openai/agents in a folder, as `runagent serve` hosts it: in a process of its own, with what is built.

const AGENT = (url: string): string => `
import { Agent, OpenAIProvider, Runner, tool } from "@openai/agents";
import { fromOpenAIAgent } from "@runagent/server/adapters/openai-agents";
import { z } from "zod";

const refund = tool({
  name: "refund",
  description: "Pays an order back.",
  parameters: z.object({ order: z.string() }),
  needsApproval: true,
  execute: ({ order }) => {
    console.log("paid", order);
    return "paid back " + order;
  },
});
const modelProvider = new OpenAIProvider({ baseURL: ${JSON.stringify(url)}, apiKey: "none", useResponses: true });
export const chat = fromOpenAIAgent(new Agent({ name: "Refunder", tools: [refund] }), {
  runner: new Runner({ modelProvider, tracingDisabled: true }),
});
`;

async function host(script: Script): Promise<{ readonly model: ScriptedModel; readonly hosted: Hosted }> {
  const model = await scriptedModel(script);
  const folder = await folderOf({
    "agent.ts": AGENT(model.url),
    "package.json": '{ "type": "module" }',
    "runagent.config.json": configOf({ chat_stream: "agent.ts:chat" }),
  });
  await symlink(fileURLToPath(new URL("node_modules", import.meta.url)), join(folder, "node_modules"));
  return { model, hosted: await hostFolder(folder) };
}

it("is exported as it is: text, tools, approvals and turns cross the process", async () => {
  const { hosted } = await host([{ text: "One moment.", toolCalls: [{ name: "refund", arguments: { order: "A1" } }] }, { text: " Done." }]);
  const records = await recordsOf(hosted.client("chat_stream").runStream({ message: "Pay A1 back" }, { onApproval: () => "approve" }));
  expect(storyOf(records)).toEqual(["text", "message_output_created", ...APPROVED_CALL, ...LAST_ANSWER]);
  expect(textOfChunks(records)).toBe("One moment. Done.");
  expect(eventsOf(records)[4]).toMatchObject({ item: { output: "paid back A1" } });
  expect(hosted.log.filter((line) => line.includes("paid A1")).length).toBe(1);
});

it("stops after the turn, and refuses bad input before anything starts", async () => {
  const { model, hosted } = await host([{ toolCalls: [{ name: "refund", arguments: { order: "A1" } }] }, { text: "Never." }]);
  const client = hosted.client("chat_stream");
  expect(await failureOf(client.runStream({}).text())).toMatchObject({ code: "VALIDATION_ERROR" });
  const stream = client.runStream(
    { message: "Pay A1 back" },
    {
      onApproval: async (): Promise<"approve"> => {
        await stream.cancel("after_turn");
        return "approve";
      },
    },
  );
  expect(storyOf(await recordsOf(stream)).slice(-3)).toEqual(["tool_output", "turn_completed", "stream_cancelled"]);
  expect(model.requests.length).toBe(1);
});
