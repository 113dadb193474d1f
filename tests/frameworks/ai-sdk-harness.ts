import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { type AISDKOptions, type AISDKSettings, type AISDKSource, fromAISDK } from "@runagent/server/adapters/ai-sdk";
import { type LanguageModel, type StopCondition, stepCountIs, type Tool, type ToolSet, tool } from "ai";
import type { RunAgentClient, RunAgentClientOptions, RunAgentStream } from "runagent";
import { z } from "zod";
import type { ScriptedModel, ScriptedTurn } from "../support/scripted-model.ts";
import { clientOf, serveChat } from "./harness.ts";

// What the tests of the AI SDK have in common: a model, clients, and tools.

/** The scripted model, as the SDK has it. */
export function modelOf(model: ScriptedModel): LanguageModel {
  return createOpenAICompatible({ name: "scripted", baseURL: model.url, apiKey: "none" })("scripted");
}

/** Serves it, and gives a client. */
export async function clientFor(
  source: AISDKSource,
  options?: AISDKOptions,
  clientOptions?: Partial<RunAgentClientOptions>,
): Promise<RunAgentClient<"chat_stream">> {
  return clientOf(await serveChat(fromAISDK(source, options)), clientOptions);
}

/** Serves `streamText` with these settings, and calls it. */
export async function startStream(
  model: ScriptedModel,
  settings: Partial<AISDKSettings> = {},
  input: Record<string, unknown> = { message: "Hello" },
  options?: AISDKOptions,
): Promise<RunAgentStream> {
  const client = await clientFor({ model: modelOf(model), maxRetries: 0, ...settings }, options);
  return client.runStream(input);
}

/** A tool that runs at once. */
export const weather: Tool<{ city: string }, { city: string; sky: string }> = tool({
  description: "Tells the weather.",
  inputSchema: z.object({ city: z.string() }),
  execute: ({ city }) => ({ city, sky: "clear" }),
});

/** The model calls it, and answers. */
export const script: readonly ScriptedTurn[] = [
  { text: "Let me see.", toolCalls: [{ name: "weather", arguments: { city: "Rome" } }] },
  { text: "Clear in Rome." },
];

/** The settings of an agent that has it. */
export const withTools: { readonly tools: ToolSet; readonly stopWhen: StopCondition<ToolSet> } = {
  tools: { weather },
  stopWhen: stepCountIs(5),
};

/** A tool that needs an approval. */
export function payment(runs: unknown[]): Tool<{ amount: number }, { receipt: number }> {
  return tool({
    inputSchema: z.object({ amount: z.number() }),
    needsApproval: true,
    execute: (input) => {
      runs.push(input);
      return { receipt: runs.length };
    },
  });
}
