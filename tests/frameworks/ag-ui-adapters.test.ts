/** A conversation as clients of AG-UI keep it, told to the agents of every framework. */
import { Agent } from "@openai/agents";
import { fromAISDK } from "@runagent/server/adapters/ai-sdk";
import { fromLangGraph } from "@runagent/server/adapters/langgraph";
import { fromOpenAIAgent } from "@runagent/server/adapters/openai-agents";
import { describe, expect, test } from "vitest";
import type { ScriptedModel } from "../support/scripted-model.ts";
import { modelOf } from "./ai-sdk-harness.ts";
import { clientOf, failureOf, scriptedModel, serveChat } from "./harness.ts";
import { chatOf, handmade } from "./langgraph-harness.ts";
import { runnerOf, weather } from "./openai-agents-setup.ts";
import { Assistant } from "./ui/assistant.ts";

const ADAPTERS = [
  [
    "openai-agents",
    (model: ScriptedModel) => fromOpenAIAgent(new Agent({ name: "Forecaster", tools: [weather] }), { runner: runnerOf(model, false) }),
  ],
  ["ai-sdk", (model: ScriptedModel) => fromAISDK({ model: modelOf(model) })],
  ["langgraph", (model: ScriptedModel) => fromLangGraph(handmade(chatOf(model)))],
] as const;

/** Roles and texts of what the model was told. */
function told({ requests }: ScriptedModel): string[] {
  const { messages } = requests.at(-1) ?? {};
  const list: { role?: unknown; content?: unknown }[] = Array.isArray(messages) ? messages : [];
  return list.map(({ role, content }) => {
    const parts: { text?: unknown }[] = Array.isArray(content) ? content : [{ text: content }];
    return `${role}: ${parts.map(({ text }) => text).join("|")}`;
  });
}

describe.each(ADAPTERS)("an agent of %s", (_, adapt) => {
  test("hears the texts of the turns before; tools, reasoning and activities are no obstacle", async () => {
    const model = await scriptedModel([{ text: "Clear." }]);
    const client = clientOf(await serveChat(adapt(model)));
    const messages = [
      { id: "1", role: "user", content: "Rome?" },
      { id: "2", role: "reasoning", content: "A city." },
      { id: "3", role: "assistant", content: "Let me see.", toolCalls: [toolCall("call-1")] },
      { id: "4", role: "tool", toolCallId: "call-1", content: "clear" },
      { id: "5", role: "activity", activityType: "plan", content: { steps: [] } },
      { id: "6", role: "assistant", toolCalls: [toolCall("call-2")] },
      { id: "7", role: "tool", toolCallId: "call-2", content: "clear" },
      { id: "8", role: "user", content: "And tomorrow?" },
    ];
    expect(await client.runStream({ messages }).text()).toBe("Clear.");
    expect(told(model)).toEqual(["user: Rome?", "assistant: Let me see.", "user: And tomorrow?"]);
    expect(await failureOf(client.runStream({ messages: messages.slice(3, 4) }).text())).toMatchObject({ code: "VALIDATION_ERROR" });
  });
});

test.each(ADAPTERS.filter(([name]) => name !== "ai-sdk"))(
  "%s: two turns of AbstractAgent, of which the first calls a tool",
  async (_, adapt) => {
    const model = await scriptedModel([
      { toolCalls: [{ name: "weather", arguments: { city: "Rome" } }] },
      { text: "Clear." },
      { text: "Clear as well." },
    ]);
    const agent = new Assistant(clientOf(await serveChat(adapt(model))));
    await agent.say("Rome?");
    await agent.say("And tomorrow?");
    expect(agent.messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "assistant", "user", "assistant"]);
    expect(told(model)).toEqual(["user: Rome?", "assistant: Clear.", "user: And tomorrow?"]);
  },
);

function toolCall(id: string) {
  return { id, type: "function", function: { name: "weather", arguments: '{"city":"Rome"}' } };
}
