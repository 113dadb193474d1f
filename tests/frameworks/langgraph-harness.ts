import { type StructuredToolInterface, tool } from "@langchain/core/tools";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ToolNode, toolsCondition } from "@langchain/langgraph/prebuilt";
import { ChatOpenAI } from "@langchain/openai";
import { fromLangGraph, type LangGraphOptions, type LangGraphSource, type ServableGraph } from "@runagent/server/adapters/langgraph";
import type { RunAgentClient, RunAgentClientOptions } from "runagent";
import { z } from "zod";
import type { ScriptedModel, ScriptedTurn } from "../support/scripted-model.ts";
import { clientOf, serveChat } from "./harness.ts";

// What the tests of LangGraph have in common: a model, clients, a tool and a graph.

/** The scripted model, as LangChain has it. */
export function chatOf(model: ScriptedModel, more: object = {}): ChatOpenAI {
  return new ChatOpenAI({ model: "scripted", apiKey: "none", maxRetries: 0, configuration: { baseURL: model.url }, ...more });
}

/** Serves it, and gives a client. */
export async function clientFor(
  source: LangGraphSource,
  options?: LangGraphOptions,
  clientOptions?: Partial<RunAgentClientOptions>,
): Promise<RunAgentClient<"chat_stream">> {
  return clientOf(await serveChat(fromLangGraph(source, options)), clientOptions);
}

/** A tool that runs at once. */
export const weather: StructuredToolInterface = tool(({ city }: { city: string }) => ({ city, sky: "clear" }), {
  name: "weather",
  description: "Tells the weather.",
  schema: z.object({ city: z.string() }),
});
/** The model calls it, and answers. */
export const script: readonly ScriptedTurn[] = [
  { text: "Let me see.", toolCalls: [{ name: "weather", arguments: { city: "Rome" } }] },
  { text: "Clear in Rome." },
];

/** A graph as people write them by hand. */
export function handmade(chat: ChatOpenAI, tools: StructuredToolInterface[] = [weather]): ServableGraph {
  return new StateGraph(MessagesAnnotation)
    .addNode("forecaster", async ({ messages }) => ({ messages: [await chat.bindTools(tools).invoke(messages)] }))
    .addNode("tools", new ToolNode(tools))
    .addEdge(START, "forecaster")
    .addConditionalEdges("forecaster", toolsCondition, ["tools", END])
    .addEdge("tools", "forecaster")
    .compile();
}
