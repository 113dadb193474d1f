import { type Agent, type FunctionTool, OpenAIProvider, Runner, setTracingDisabled, tool } from "@openai/agents";
import { fromOpenAIAgent, type OpenAIAgentOptions } from "@runagent/server/adapters/openai-agents";
import OpenAI from "openai";
import type { RunAgentStream } from "runagent";
import { z } from "zod";
import type { ScriptedModel } from "../support/scripted-model.ts";
import { clientOf, serveChat } from "./harness.ts";

// What the tests of @openai/agents have in common.

setTracingDisabled(true);

/** What finds its models at the scripted one. */
export function providerOf(model: ScriptedModel, useResponses = true): OpenAIProvider {
  return new OpenAIProvider({ openAIClient: new OpenAI({ baseURL: model.url, apiKey: "none", maxRetries: 0 }), useResponses });
}

/** A runner of such models. */
export function runnerOf(model: ScriptedModel, useResponses = true): Runner {
  return new Runner({ modelProvider: providerOf(model, useResponses), tracingDisabled: true });
}

/** A tool. */
export const weather: FunctionTool<unknown, z.ZodObject<{ city: z.ZodString }>, { city: string; sky: string }> = tool({
  name: "weather",
  description: "Tells the weather.",
  parameters: z.object({ city: z.string() }),
  execute: ({ city }) => ({ city, sky: "clear" }),
});

/** Serves an agent and calls it. */
export async function startStream(
  agent: Agent,
  model: ScriptedModel,
  input: Record<string, unknown> = { message: "Hello" },
  options: OpenAIAgentOptions<unknown> = {},
): Promise<RunAgentStream> {
  const server = await serveChat(fromOpenAIAgent(agent, { runner: runnerOf(model), ...options }));
  return clientOf(server).runStream(input);
}
