import { tool } from "@langchain/core/tools";
import { Annotation, END, interrupt, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { createReactAgent, ToolNode, toolsCondition } from "@langchain/langgraph/prebuilt";
import { fromLangGraph, type LangGraphOptions, type LangGraphSource } from "@runagent/server/adapters/langgraph";
import { ApprovalRequiredError, type RunAgentStream } from "runagent";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { ScriptedModel } from "../support/scripted-model.ts";
import {
  APPROVED_CALL,
  all,
  clientOf,
  eventsOf,
  failureOf,
  LAST_ANSWER,
  recordsOf,
  scriptedModel,
  serveChat,
  storyOf,
  textOfChunks,
} from "./harness.ts";
import { chatOf, clientFor } from "./langgraph-harness.ts";

// Graphs that ask with interrupt(): asked over the wire, and resumed from their checkpoint.

/** A tool that asks before it pays. */
function payment(paid: number[]) {
  return tool(
    ({ amount }: { amount: number }) => {
      const answer: unknown = interrupt({ name: "pay", args: { amount }, description: `Pay ${amount}?` });
      const { approved, reason } = z.object({ approved: z.boolean(), reason: z.string().optional() }).parse(answer);
      if (!approved) return `Not paid: ${reason ?? "rejected"}`;
      paid.push(amount);
      return { receipt: paid.length };
    },
    { name: "pay", description: "Pays.", schema: z.object({ amount: z.number() }) },
  );
}

/** Every tool call is a task of its own. */
function payerOf(model: ScriptedModel, paid: number[]): LangGraphSource {
  return createReactAgent({ llm: chatOf(model), tools: [payment(paid)], version: "v2", checkpointer: new MemorySaver() });
}

/** An action with a yes or no, asked with any value. */
function asking(value: unknown) {
  const State = Annotation.Root({ answer: Annotation<unknown>() });
  return new StateGraph(State)
    .addNode("asker", () => ({ answer: interrupt(value) }))
    .addEdge(START, "asker")
    .compile({ checkpointer: new MemorySaver() });
}

/** What interrupt() has returned. */
async function answerTo(stream: RunAgentStream): Promise<unknown> {
  const updates = await all(stream.events({ only: ["raw_response_event"] }));
  const answers = updates.flatMap(({ event: { data } }) => (JSON.stringify(data).startsWith('{"asker"') ? [data] : []));
  return z.object({ asker: z.object({ answer: z.unknown() }) }).parse(answers.at(-1)).asker.answer;
}

const call = (amount: number) => ({ name: "pay", arguments: { amount } });
const toState = () => ({});

describe("a tool that asks", () => {
  it("runs once it is approved", async () => {
    const paid: number[] = [];
    const model = await scriptedModel([{ text: "I pay.", toolCalls: [call(5)] }, { text: "Paid." }]);
    const client = await clientFor(payerOf(model, paid));
    const asked: unknown[] = [];
    const onApproval = (request: unknown): "approve" => {
      asked.push(request);
      return "approve";
    };
    const records = await recordsOf(client.runStream({ message: "Pay 5." }, { onApproval }));
    expect(asked).toMatchObject([
      { tool_name: "pay", arguments: { amount: 5 }, requests: [{ call_id: "call_0_0", description: "Pay 5?" }] },
    ]);
    expect(storyOf(records)).toEqual(["agent_updated", "text", "message_output_created", ...APPROVED_CALL, ...LAST_ANSWER]);
    expect(textOfChunks(records)).toBe("I pay.Paid.");
    expect(paid).toEqual([5]);
    expect(model.requests.length).toBe(2);
  });

  it("is rejected with a reason, which the model hears", async () => {
    const paid: number[] = [];
    const model = await scriptedModel([{ toolCalls: [call(5)] }, { text: "I did not." }]);
    const client = await clientFor(payerOf(model, paid));
    const onApproval = () => ({ decision: "reject", reason: "Too dear." }) as const;
    const records = await recordsOf(client.runStream({ message: "Pay 5." }, { onApproval }));
    expect(eventsOf(records).filter((event) => JSON.stringify(event).includes('"tool_output"'))).toEqual([
      {
        type: "run_item_event",
        name: "tool_output",
        item: { call_id: "call_0_0", tool_name: "pay", output: "Too dear.", rejected: true },
      },
    ]);
    expect(JSON.stringify(model.requests[1]?.messages)).toContain("Not paid: Too dear.");
    expect(paid).toEqual([]);
  });

  it("beside others is asked with them at once, and decided by itself", async () => {
    const paid: number[] = [];
    const model = await scriptedModel([{ toolCalls: [call(1), call(1000), call(2)] }, { text: "Two paid." }]);
    const client = await clientFor(payerOf(model, paid));
    const records = await recordsOf(
      client.runStream(
        { message: "Pay." },
        { onApproval: (request) => (JSON.stringify(request.arguments).includes("1000") ? "reject" : "approve") },
      ),
    );
    const story = storyOf(records);
    expect(story.filter((word) => word === "approval_required").length).toBe(3);
    expect(story.indexOf("approval_decided")).toBeGreaterThan(story.lastIndexOf("approval_required"));
    expect(paid.toSorted()).toEqual([1, 2]);
    expect(eventsOf(records).filter((event) => JSON.stringify(event).includes('"rejected":true'))).toMatchObject([
      { item: { call_id: "call_0_1" } },
    ]);
    expect(story.filter((word) => word === "turn_completed").length).toBe(2);
  });

  it("never runs twice: where LangGraph would run it again for the next that asks, the invocation ends", async () => {
    const paid: number[] = [];
    const model = await scriptedModel([{ toolCalls: [call(1), call(2)] }, { text: "Paid." }]);
    const graph = createReactAgent({ llm: chatOf(model), tools: [payment(paid)], version: "v1", checkpointer: new MemorySaver() });
    const stream = (await clientFor(graph)).runStream({ message: "Pay 1 and 2." }, { onApproval: () => "approve" });
    const outputs: unknown[] = [];
    const error = await failureOf(
      (async () => {
        for await (const { event } of stream.events({ only: ["run_item_event"] }))
          if (event.name === "tool_output") outputs.push(event.item);
      })(),
    );
    expect(error).toMatchObject({ code: "EXECUTION_ERROR", message: expect.stringContaining("a second time") });
    expect(error.suggestion).toContain('version: "v2"');
    expect(outputs).toMatchObject([{ call_id: "call_0_0", output: { receipt: 1 } }]);
    expect(paid).toEqual([1]);
  });

  it("is asked in one process, decided in another, and finished in a third", async () => {
    const paid: number[] = [];
    const model = await scriptedModel([{ text: "I pay.", toolCalls: [call(5)] }, { text: "Paid." }]);
    const server = await serveChat(fromLangGraph(payerOf(model, paid)));
    const first = clientOf(server);
    const stream = first.runStream({ message: "Pay 5." });
    const error = await failureOf(stream.text());
    if (!(error instanceof ApprovalRequiredError)) throw error;
    await first.close();
    const approvalId = error.requests[0]?.approvalId ?? "";
    await clientOf(server).decide(stream.invocationId, { approvalId, decision: "approve" });
    const records = await recordsOf(clientOf(server).resume(error.position));
    expect(textOfChunks(records)).toBe("Paid.");
    expect(storyOf(records).at(-1)).toBe("stream_completed");
    expect(paid).toEqual([5]);
    const late = await failureOf(clientOf(server).decide(stream.invocationId, { approvalId, decision: "reject" }));
    expect(late.code).toBe("ALREADY_DECIDED");
  });

  it("in a graph within a graph goes on there", async () => {
    const paid: number[] = [];
    const model = await scriptedModel([{ text: "I pay.", toolCalls: [call(5)] }, { text: "Paid." }]);
    const payer = createReactAgent({ llm: chatOf(model), tools: [payment(paid)], version: "v2" });
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("payer", payer)
      .addEdge(START, "payer")
      .compile({ checkpointer: new MemorySaver() });
    const records = await recordsOf((await clientFor(graph)).runStream({ message: "Pay 5." }, { onApproval: () => "approve" }));
    expect(textOfChunks(records)).toBe("I pay.Paid.");
    expect(storyOf(records).filter((word) => word === "approval_required").length).toBe(1);
    expect(storyOf(records).filter((word) => word === "message_output_created").length).toBe(2);
    expect(paid).toEqual([5]);
  });

  it("ends with the turn, where a client asks for that", async () => {
    const paid: number[] = [];
    const model = await scriptedModel([{ toolCalls: [call(5)] }, { text: "Paid." }]);
    const client = await clientFor(payerOf(model, paid));
    const stream: RunAgentStream = client.runStream(
      { message: "Pay 5." },
      {
        onApproval: async (): Promise<"approve"> => {
          await stream.cancel("after_turn");
          return "approve";
        },
      },
    );
    expect(storyOf(await recordsOf(stream)).slice(-3)).toEqual(["tool_output", "turn_completed", "stream_cancelled"]);
    expect([paid.length, model.requests.length]).toEqual([1, 1]);
  });

  it("that waits when the invocation is cancelled never runs", async () => {
    const paid: number[] = [];
    const model = await scriptedModel([{ toolCalls: [call(5)] }]);
    const client = await clientFor(payerOf(model, paid));
    const stream: RunAgentStream = client.runStream(
      { message: "Pay 5." },
      {
        onApproval: async () => {
          await stream.cancel();
        },
      },
    );
    expect(storyOf(await recordsOf(stream)).at(-1)).toBe("stream_cancelled");
    expect(paid).toEqual([]);
  });
});

describe("an interrupt", () => {
  it("of any value is asked for its node, and told what was decided", async () => {
    const client = await clientFor(asking("May I?"), { toInput: toState });
    const asked: unknown[] = [];
    const stream = client.runStream(
      {},
      {
        onApproval: (request) => {
          asked.push(request);
          return { decision: "reject", reason: "No." };
        },
      },
    );
    expect(await answerTo(stream)).toEqual({ type: "reject", decision: "reject", approved: false, reason: "No." });
    expect(asked).toMatchObject([{ tool_name: "asker", arguments: "May I?" }]);
  });

  it("of LangChain's middleware is asked action by action, and told decision by decision", async () => {
    const actionRequests = [
      { name: "pay", args: { amount: 1 }, description: "Pay 1?" },
      { name: "pay", args: { amount: 2 } },
      { name: "mail", args: {} },
    ];
    const client = await clientFor(asking({ actionRequests, reviewConfigs: [] }), { toInput: toState });
    const stream = client.runStream(
      {},
      {
        onApproval: ({ tool_name, arguments: args }) => {
          if (tool_name === "mail") return "reject";
          return JSON.stringify(args) === '{"amount":1}' ? "approve" : { decision: "reject", reason: "Too dear." };
        },
      },
    );
    expect(await answerTo(stream)).toEqual({
      decisions: [{ type: "approve" }, { type: "reject", message: "Too dear." }, { type: "reject" }],
    });
  });

  it("is told in the graph's own words", async () => {
    const options: LangGraphOptions = { toInput: toState, toResume: ({ decision }, value) => `${JSON.stringify(value)}: ${decision}` };
    const client = await clientFor(asking({ tool_name: "pay", arguments: { amount: 1 } }), options);
    const stream = client.runStream({}, { onApproval: () => "approve" });
    expect(await answerTo(stream)).toBe('{"tool_name":"pay","arguments":{"amount":1}}: approve');
  });

  it("that nobody decides in time is rejected", async () => {
    const client = await clientFor(asking("May I?"), { toInput: toState, approvalExpiresIn: 0.05 });
    expect(await answerTo(client.runStream({}, { onApproval: () => {} }))).toMatchObject({ approved: false });
  });

  it("needs a checkpointer, and says so", async () => {
    const State = Annotation.Root({ answer: Annotation<unknown>() });
    const graph = new StateGraph(State)
      .addNode("asker", () => ({ answer: interrupt("May I?") }))
      .addEdge(START, "asker")
      .compile();
    const error = await failureOf((await clientFor(graph, { toInput: toState })).runStream({}).text());
    expect(error).toMatchObject({ code: "EXECUTION_ERROR", message: expect.stringContaining("no checkpointer") });
    expect(error.suggestion).toContain("graph.compile({ checkpointer: new MemorySaver() })");
  });

  it("several times in a row is asked each time", async () => {
    const State = Annotation.Root({ answer: Annotation<unknown>() });
    const graph = new StateGraph(State)
      .addNode("asker", () => ({ answer: [interrupt({ name: "one" }), interrupt({ name: "two" })] }))
      .addEdge(START, "asker")
      .compile({ checkpointer: new MemorySaver() });
    const client = await clientFor(graph, { toInput: toState });
    const stream = client.runStream({}, { onApproval: ({ tool_name }) => (tool_name === "one" ? "approve" : "reject") });
    expect(await answerTo(stream)).toMatchObject([{ approved: true }, { approved: false }]);
  });
});

describe("a breakpoint before the tools", () => {
  function stopping(model: ScriptedModel, paid: number[]): LangGraphSource {
    const pay = tool(({ amount }: { amount: number }) => String(paid.push(amount)), {
      name: "pay",
      schema: z.object({ amount: z.number() }),
    });
    return new StateGraph(MessagesAnnotation)
      .addNode("payer", async ({ messages }) => ({ messages: [await chatOf(model).bindTools([pay]).invoke(messages)] }))
      .addNode("tools", new ToolNode([pay]))
      .addEdge(START, "payer")
      .addConditionalEdges("payer", toolsCondition, ["tools", END])
      .addEdge("tools", "payer")
      .compile({ checkpointer: new MemorySaver(), interruptBefore: ["tools"] });
  }

  it.each([
    { decision: "approve", paid: [5], story: ["text", "message_output_created", "turn_completed", "stream_completed"] },
    { decision: "reject", paid: [], story: ["tool_called", "approval_required", "approval_decided", "stream_completed"] },
  ] as const)("is asked: $decision", async ({ decision, paid: expected, story }) => {
    const paid: number[] = [];
    const model = await scriptedModel([{ toolCalls: [call(5)] }, { text: "Paid." }]);
    const client = await clientFor(stopping(model, paid));
    const records = await recordsOf(client.runStream({ message: "Pay 5." }, { onApproval: () => decision }));
    expect(eventsOf(records)).toEqual(expect.arrayContaining([expect.objectContaining({ type: "approval_required" })]));
    expect(storyOf(records).slice(-4)).toEqual(story);
    expect(paid).toEqual(expected);
  });
});
