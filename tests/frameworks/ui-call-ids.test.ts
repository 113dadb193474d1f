/** Models that count their calls anew in each answer: no call is taken for another. */
import { buildResumeArray } from "@ag-ui/client";
import { defineAgent, events, serve } from "@runagent/server";
import { isToolUIPart } from "ai";
import { RunAgentClient } from "runagent";
import { approvalsAnswered, RunAgentChatTransport } from "runagent/ai-sdk";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Assistant } from "./ui/assistant.ts";
import { createChat, VERSIONS } from "./ui/chat.ts";

/** Calls a tool under one id again and again; the second call of each invocation needs a yes. */
async function start(): Promise<RunAgentClient<"chat_stream">> {
  const agent = defineAgent({
    id: "counter",
    entrypoints: {
      chat_stream: async function* (_input, ctx) {
        for (const step of [1, 2, 3]) {
          const call = { call_id: "call_0", tool_name: "count", arguments: { step } };
          await ctx.emit(events.toolCalled(call));
          const answer = step === 2 ? await ctx.requireApproval(call) : undefined;
          const rejected = answer?.decision === "reject";
          await ctx.emit(events.toolOutput({ call_id: "call_0", output: rejected ? "no" : step, ...(rejected && { rejected }) }));
          await ctx.turn();
        }
        yield "Done.";
      },
    },
  });
  const server = await serve(agent, { port: 0 });
  const client = new RunAgentClient({ agentId: "counter", entrypointTag: "chat_stream", baseUrl: server.url });
  onTestFinished(async () => {
    await client.close();
    await server.close();
  });
  return client;
}

describe.each(VERSIONS)("a chat of %s", (_, version) => {
  test.each([true, false])("shows each call with its own input and output (approved: %s)", async (approved) => {
    const transport = new RunAgentChatTransport({ client: await start() });
    const chat = await createChat(version, { transport, sendAutomaticallyWhen: approvalsAnswered });
    const tools = () => (chat.messages.at(-1)?.parts ?? []).filter(isToolUIPart);
    await chat.sendMessage({ text: "Count" });
    expect(tools()).toMatchObject([
      { toolCallId: "call_0", input: { step: 1 }, output: 1 },
      { toolCallId: "call_0~2", input: { step: 2 }, state: "approval-requested" },
    ]);
    await chat.addToolApprovalResponse({ id: tools()[1]?.approval?.id ?? "", approved });
    await vi.waitFor(() => expect(chat.messages.at(-1)?.parts.at(-1)).toMatchObject({ type: "text", text: "Done." }));
    expect(tools()).toMatchObject([
      { input: { step: 1 }, output: 1 },
      { input: { step: 2 }, ...(approved ? { output: 2 } : { state: "output-denied" }) },
      { toolCallId: "call_0~3", input: { step: 3 }, output: 3 },
    ]);
  });
});

test("a thread of AG-UI keeps the calls of its runs apart", async () => {
  const agent = new Assistant(await start());
  for (const round of [1, 2]) {
    await agent.say("Count");
    const [interrupt] = agent.pendingInterrupts;
    const answer = { status: "resolved", payload: { approved: true } } as const;
    await agent.runAgent({ resume: buildResumeArray(agent.pendingInterrupts, { [interrupt?.id ?? ""]: answer }) });
    const asked = agent.messages.findLastIndex(({ role }) => role === "user");
    const calls = agent.messages.slice(asked).flatMap((message) => ("toolCalls" in message && message.toolCalls) || []);
    expect(calls.map(({ function: { arguments: args } }) => args)).toEqual(['{"step":1}', '{"step":2}', '{"step":3}']);
    expect(interrupt?.toolCallId).toBe(calls[1]?.id);
    const results = agent.messages.filter((message) => message.role === "tool");
    expect(results.map(({ content }) => content).slice(-3)).toEqual(["1", "2", "3"]);
    expect(results.map(({ toolCallId }) => toolCallId).slice(-3)).toEqual(calls.map(({ id }) => id));
    expect(results.length).toBe(3 * round);
  }
});
