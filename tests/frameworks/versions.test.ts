import { readFileSync } from "node:fs";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { Agent, OpenAIProvider, Runner, setTracingDisabled } from "@openai/agents";
import { fromAISDK } from "@runagent/server/adapters/ai-sdk";
import { fromOpenAIAgent } from "@runagent/server/adapters/openai-agents";
import { convertToModelMessages } from "ai";
import { expect, it } from "vitest";
import { clientOf, scriptedModel, serveChat } from "./harness.ts";

// The adapters run the versions that they are said to be tested with: the packages tell theirs to the model.

setTracingDisabled(true);

const folder = process.env.RUNAGENT_FRAMEWORKS === "newest" ? "newest/" : "";
const { devDependencies }: { devDependencies: Record<string, string> } = JSON.parse(
  readFileSync(new URL(`${folder}package.json`, import.meta.url), "utf8"),
);

it("@openai/agents", async () => {
  const model = await scriptedModel([{ text: "Hello." }]);
  const modelProvider = new OpenAIProvider({ baseURL: model.url, apiKey: "none", useResponses: true });
  const runner = new Runner({ modelProvider, tracingDisabled: true });
  const server = await serveChat(fromOpenAIAgent(new Agent({ name: "Greeter" }), { runner }));
  expect(await clientOf(server).runStream({ message: "Hi" }).text()).toBe("Hello.");
  expect(model.headers[0]?.["user-agent"]).toContain(`Agents/JavaScript ${devDependencies["@openai/agents"]}`);
});

it("ai", async () => {
  // It tells nobody, but the folder that it is installed in does.
  const error: unknown = await Promise.resolve()
    .then(() => convertToModelMessages(JSON.parse('[{ "role": "nobody", "parts": [] }]')))
    .catch((thrown: unknown) => thrown);
  expect(error instanceof Error ? error.stack : error).toContain(`/ai@${devDependencies.ai}`);

  const model = await scriptedModel([{ text: "Hello." }]);
  const provider = createOpenAICompatible({ name: "scripted", baseURL: model.url });
  const server = await serveChat(fromAISDK({ model: provider("m") }));
  expect(await clientOf(server).runStream({ message: "Hi" }).text()).toBe("Hello.");
  expect(model.headers[0]?.["user-agent"]).toMatch(new RegExp(`ai-sdk.openai-compatible/${devDependencies["@ai-sdk/openai-compatible"]} `));
});
