/** Agents of real frameworks in the chat that useChat has inside: one conversation with a tool that needs a yes. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { AIMessage, ToolMessage } from "@langchain/core/messages";
import { tool as langchainTool } from "@langchain/core/tools";
import { END, interrupt, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ChatOpenAI } from "@langchain/openai";
import { Agent, OpenAIProvider, tool as openAITool, Runner, setTracingDisabled } from "@openai/agents";
import { fromAISDK } from "@runagent/server/adapters/ai-sdk";
import { fromLangGraph } from "@runagent/server/adapters/langgraph";
import { fromOpenAIAgent } from "@runagent/server/adapters/openai-agents";
import * as ai from "ai";
import { tool, type UIMessage } from "ai";
import OpenAI from "openai";
import { approvalsAnswered, RunAgentChatTransport } from "runagent/ai-sdk";
import { describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { clientOf, scriptedModel, serveChat } from "./harness.ts";
import { createChat } from "./ui/chat.ts";

setTracingDisabled(true);

const inputSchema = z.object({ order: z.string() });
const description = "Pays an order back.";

/** What serves an agent with the tool `refund`, given the model's address. */
type Serve = (url: string, refund: (order: string) => string) => ReturnType<typeof serveChat>;

const FRAMEWORKS: readonly (readonly [string, Serve])[] = [
  [
    "@openai/agents",
    (url, refund) => {
      const parameters = inputSchema;
      const execute = ({ order }: { order: string }): string => refund(order);
      const tools = [openAITool({ name: "refund", description, parameters, needsApproval: true, execute })];
      const openAIClient = new OpenAI({ baseURL: url, apiKey: "none", maxRetries: 0 });
      const runner = new Runner({ modelProvider: new OpenAIProvider({ openAIClient, useResponses: true }), tracingDisabled: true });
      return serveChat(fromOpenAIAgent(new Agent({ name: "Refunder", tools }), { runner }));
    },
  ],
  [
    "ai",
    (url, refund) => {
      const model = createOpenAICompatible({ name: "scripted", baseURL: url })("gpt-scripted");
      const execute = async ({ order }: { order: string }): Promise<string> => refund(order);
      const tools = { refund: tool({ description, inputSchema, needsApproval: true, execute }) };
      return serveChat(fromAISDK({ model, tools, stopWhen: ai.stepCountIs(5) }));
    },
  ],
  [
    "@langchain/langgraph",
    (url, refund) => {
      const tools = [langchainTool(({ order }) => refund(order), { name: "refund", description, schema: inputSchema })];
      const model = new ChatOpenAI({ model: "gpt-scripted", apiKey: "none", configuration: { baseURL: url }, maxRetries: 0 }).bindTools(
        tools,
      );
      const callsOf = ({ messages }: typeof MessagesAnnotation.State) => {
        const last = messages.at(-1);
        return last instanceof AIMessage ? (last.tool_calls ?? []) : [];
      };
      const graph = new StateGraph(MessagesAnnotation)
        .addNode("model", async ({ messages }) => ({ messages: [await model.invoke(messages)] }))
        .addNode("tools", async (state) => {
          const [call] = callsOf(state);
          const tool_call_id = call?.id ?? "";
          const answer = interrupt({ tool_name: call?.name, arguments: call?.args, tool_call_id });
          const content = answer.approved ? await tools[0]?.invoke({ order: String(call?.args.order) }) : "rejected";
          return { messages: [new ToolMessage({ content: String(content), tool_call_id })] };
        })
        .addEdge(START, "model")
        .addConditionalEdges("model", (state) => (callsOf(state).length > 0 ? "tools" : END))
        .addEdge("tools", "model")
        .compile({ checkpointer: new MemorySaver() });
      return serveChat(fromLangGraph(graph));
    },
  ],
];

describe.each(FRAMEWORKS)("an agent of %s", (_name, serve) => {
  test.each([
    [true, { state: "output-available", output: "paid A1" }, ["A1"]],
    [false, { state: "output-denied" }, []],
  ] as const)("approved: %s", async (approved, tool, expected) => {
    const refunded: string[] = [];
    const model = await scriptedModel([
      { text: "Let me see. ", toolCalls: [{ name: "refund", arguments: { order: "A1" } }] },
      { text: "That is all." },
      { text: "You are welcome." },
    ]);
    const server = await serve(model.url, (order) => {
      refunded.push(order);
      return `paid ${order}`;
    });
    const transport = new RunAgentChatTransport({ client: clientOf(server) });
    const chat = await createChat(async () => ai, { transport, sendAutomaticallyWhen: approvalsAnswered });
    await chat.sendMessage({ text: "Pay A1 back" });
    expect(chat.error).toBe(undefined);
    const asked = chat.messages[1]?.parts.find((part) => part.type === "dynamic-tool");
    expect(asked).toMatchObject({ toolName: "refund", input: { order: "A1" }, state: "approval-requested" });
    await chat.addToolApprovalResponse({ id: asked?.approval?.id ?? "", approved });
    await vi.waitFor(() => expect(textsOf(chat.messages[1])).toEqual(["Let me see. ", "That is all."]));
    await vi.waitFor(() => expect(chat.status).toBe("ready"));
    expect(chat.messages[1]?.parts.filter(({ type }) => type === "dynamic-tool")).toMatchObject([tool]);
    expect([refunded, model.requests.length]).toEqual([expected, 2]);
    await chat.sendMessage({ text: "Thanks" });
    expect([chat.error, textsOf(chat.messages[3]), refunded]).toEqual([undefined, ["You are welcome."], expected]);
  });
});

function textsOf(message: UIMessage | undefined): string[] {
  return (message?.parts ?? []).flatMap((part) => (part.type === "text" ? [part.text] : []));
}
