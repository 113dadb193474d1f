import { tool } from "@langchain/core/tools";
import { interrupt, MemorySaver } from "@langchain/langgraph";
import { fromLangGraph } from "@runagent/server/adapters/langgraph";
import { ApprovalRequiredError, type RunAgentStream } from "runagent";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { all, clientOf, failureOf, recordsOf, scriptedModel, serveChat, storyOf, textOfChunks } from "./harness.ts";
import { agentWith, asking, count, look, outputsOf, pay, payerOf, toolbox } from "./langchain-harness.ts";
import { clientFor } from "./langgraph-harness.ts";

// Approvals of the package langchain: its human-in-the-loop middleware, and tools that ask themselves.

const SEED = Number(process.env.TEST_SEED ?? Date.now()) % 2_147_483_647 || 1;

describe("tools that the human-in-the-loop middleware asks about", () => {
  it("run once they are approved, beside one that needs none", async () => {
    const { ran, tools } = toolbox();
    const model = await scriptedModel([{ text: "I pay.", toolCalls: [pay(1), look("x"), pay(2)] }, { text: "Paid." }]);
    const asked: unknown[] = [];
    const onApproval = (request: unknown): "approve" => {
      asked.push(request);
      return "approve";
    };
    const records = await recordsOf((await clientFor(payerOf(model, tools))).runStream({ message: "Pay." }, { onApproval }));
    expect(asked).toMatchObject([
      { tool_name: "pay", arguments: { amount: 1 }, requests: [{ call_id: "call_0_0", description: expect.stringContaining("pay") }] },
      { tool_name: "pay", arguments: { amount: 2 }, requests: [{ call_id: "call_0_2" }] },
    ]);
    expect(ran.toSorted()).toEqual(["look x", "pay 1", "pay 2"]);
    expect(storyOf(records)).toEqual([
      ...["agent_updated", "text", "message_output_created", "tool_called", "tool_called", "tool_called"],
      ...["approval_required", "approval_required", "approval_decided", "approval_decided"],
      ...["tool_output", "tool_output", "tool_output", "turn_completed"],
      ...["text", "message_output_created", "turn_completed", "stream_completed"],
    ]);
    expect(textOfChunks(records)).toBe("I pay.Paid.");
    expect(model.requests.length).toBe(2);
  });

  it("are all rejected with a reason, which the model hears", async () => {
    const { ran, tools } = toolbox();
    const model = await scriptedModel([{ toolCalls: [pay(1), pay(2)] }, { text: "I did not." }]);
    const onApproval = () => ({ decision: "reject", reason: "Too dear." }) as const;
    const records = await recordsOf((await clientFor(payerOf(model, tools))).runStream({ message: "Pay." }, { onApproval }));
    const rejected = { tool_name: "pay", output: "Too dear.", rejected: true };
    expect(outputsOf(records)).toEqual(["call_0_0", "call_0_1"].map((call_id) => ({ call_id, ...rejected })));
    expect(model.requests[1]?.messages).toMatchObject([{}, {}, { content: "Too dear." }, { content: "Too dear." }]);
    expect([ran, textOfChunks(records), count(records, "turn_completed")]).toEqual([[], "I did not.", 2]);
  });

  it("do not run beside one that is rejected, and are told so", async () => {
    const { ran, tools } = toolbox();
    const model = await scriptedModel([{ toolCalls: [pay(1), look("x"), pay(2)] }, { toolCalls: [pay(1)] }, { text: "One paid." }]);
    const asked: unknown[] = [];
    const records = await recordsOf(
      (await clientFor(payerOf(model, tools))).runStream(
        { message: "Pay." },
        {
          onApproval: ({ arguments: args, requests }) => {
            asked.push(requests[0]?.call_id);
            return JSON.stringify(args).includes("2") ? "reject" : "approve";
          },
        },
      ),
    );
    const skipped = { output: expect.stringContaining("did not run"), is_error: true };
    expect(outputsOf(records)).toEqual([
      { call_id: "call_0_2", tool_name: "pay", output: "rejected", rejected: true },
      { call_id: "call_0_0", tool_name: "pay", ...skipped },
      { call_id: "call_0_1", tool_name: "look", ...skipped },
      { call_id: "call_1_0", tool_name: "pay", output: { receipt: 1 } },
    ]);
    // What did not run is no longer taken for what is asked about next.
    expect(asked).toEqual(["call_0_0", "call_0_2", "call_1_0"]);
    expect(ran).toEqual(["pay 1"]);
    expect(storyOf(records).indexOf("turn_completed")).toBeGreaterThan(storyOf(records).indexOf("tool_output") + 2);
  });

  it("are asked about turn by turn, of a model that names all calls alike too", async () => {
    const { ran, tools } = toolbox();
    const calls = [1, 2, 3].map((amount) => ({ toolCalls: [{ ...pay(amount), id: "call" }] }));
    const model = await scriptedModel([...calls, { text: "Done." }]);
    const client = await clientFor(payerOf(model, tools));
    const records = await recordsOf(
      client.runStream(
        { message: "Pay." },
        { onApproval: (request) => (JSON.stringify(request.arguments).includes("2") ? "reject" : "approve") },
      ),
    );
    expect(ran).toEqual(["pay 1", "pay 3"]);
    expect(outputsOf(records)).toMatchObject([{ output: { receipt: 1 } }, { rejected: true }, { output: { receipt: 2 } }]);
    expect(count(records, "turn_completed")).toBe(4);
  });

  it("are asked about in one process, decided on in another, and the run is read to its end in a third", async () => {
    const { ran, tools } = toolbox();
    const model = await scriptedModel([{ text: "I pay.", toolCalls: [pay(1), pay(2)] }, { text: "Paid." }]);
    const server = await serveChat(fromLangGraph(payerOf(model, tools)));
    const first = clientOf(server);
    const stream = first.runStream({ message: "Pay." });
    const error = await failureOf(stream.text());
    if (!(error instanceof ApprovalRequiredError)) throw error;
    await first.close();
    const [one] = error.requests;
    await clientOf(server).decide(stream.invocationId, { approvalId: one?.approvalId ?? "", decision: "approve" });
    const onApproval = (): "approve" => "approve";
    const records = await recordsOf(clientOf(server).resume(error.position, { onApproval }));
    expect(textOfChunks(records)).toBe("Paid.");
    expect(storyOf(records).at(-1)).toBe("stream_completed");
    expect(ran.toSorted()).toEqual(["pay 1", "pay 2"]);
  });

  it("run, and the model is not called again, where a client asks to end with the turn", async () => {
    const { ran, tools } = toolbox();
    const model = await scriptedModel([{ toolCalls: [pay(1)] }, { text: "Paid." }]);
    const stream: RunAgentStream = (await clientFor(payerOf(model, tools))).runStream(
      { message: "Pay." },
      {
        onApproval: async (): Promise<"approve"> => {
          await stream.cancel("after_turn");
          return "approve";
        },
      },
    );
    expect(storyOf(await recordsOf(stream)).slice(-3)).toEqual(["tool_output", "turn_completed", "stream_cancelled"]);
    expect([ran, model.requests.length]).toEqual([["pay 1"], 1]);
  });

  it.each([
    { allowed: ["approve", "edit"], asked: [{ allowed_decisions: ["approve"] }], says: "takes no reject" },
    { allowed: ["edit"], asked: [], says: "takes no approve or reject" },
  ] as const)("take the decisions that the agent allows: $allowed", async ({ allowed, asked, says }) => {
    const { ran, tools } = toolbox();
    const model = await scriptedModel([{ toolCalls: [pay(1)] }, { text: "Never." }]);
    const requests: unknown[] = [];
    const stream = (await clientFor(payerOf(model, tools, allowed))).runStream(
      { message: "Pay." },
      {
        onApproval: (request) => {
          requests.push(...request.requests);
          return "reject";
        },
      },
    );
    const error = await failureOf(all(stream.events()));
    expect(error).toMatchObject({ code: "EXECUTION_ERROR", message: expect.stringContaining(says) });
    expect(error.suggestion).toContain("allowedDecisions");
    expect(requests).toMatchObject(asked);
    expect([ran, model.requests.length]).toEqual([[], 1]);
  });

  it("need a checkpointer, and say so", async () => {
    const { ran, tools } = toolbox();
    const model = await scriptedModel([{ toolCalls: [pay(1)] }]);
    const error = await failureOf(
      (await clientFor(agentWith(model, { tools, middleware: [asking()] }))).runStream({ message: "Pay." }).text(),
    );
    expect(error).toMatchObject({ code: "EXECUTION_ERROR", suggestion: expect.stringContaining("createAgent") });
    expect(ran).toEqual([]);
  });
});

it(`calls at random, decided on at random: each has one output, and none runs that was not approved (seed ${SEED})`, async () => {
  let state = SEED;
  const below = (limit: number): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state % limit;
  };
  const { ran, tools } = toolbox();
  // No two alike, so that what ran can be told from what did not.
  const turns = Array.from({ length: 15 }, (_turn, turn) =>
    Array.from({ length: 1 + below(4) }, (_call, index) => {
      const number = turn * 10 + index;
      return below(3) === 0 ? { what: `look ${number}`, call: look(String(number)) } : { what: `pay ${number}`, call: pay(number) };
    }),
  );
  const rejected = new Set(turns.flat().flatMap(({ what }) => (what.startsWith("pay") && below(4) === 0 ? [what] : [])));
  const model = await scriptedModel([
    ...turns.map((calls, turn) => ({ text: `Turn ${turn}.`, toolCalls: calls.map(({ call }) => call) })),
    { text: "Done." },
  ]);
  const client = await clientFor(payerOf(model, tools), { config: { recursionLimit: 200 } });
  const onApproval = ({ arguments: args }: { arguments: unknown }): "approve" | "reject" => {
    const { amount } = z.object({ amount: z.number() }).parse(args);
    return rejected.has(`pay ${amount}`) ? "reject" : "approve";
  };
  const records = await recordsOf(client.runStream({ message: "Go." }, { onApproval }));
  const runs = turns.filter((calls) => !calls.some(({ what }) => rejected.has(what))).flatMap((calls) => calls.map(({ what }) => what));
  expect(ran.toSorted()).toEqual(runs.toSorted());
  const told = outputsOf(records).map((item) => z.object({ call_id: z.string() }).parse(item).call_id);
  const called = turns.flatMap((calls, turn) => calls.map((_call, index) => `call_${turn}_${index}`));
  expect(told.toSorted()).toEqual(called.toSorted());
  expect(textOfChunks(records)).toBe(`${turns.map((_calls, turn) => `Turn ${turn}.`).join("")}Done.`);
  expect(count(records, "turn_completed")).toBe(turns.length + 1);
});

describe("tools that ask themselves", () => {
  it("run once each, decided each by itself", async () => {
    const ran: unknown[] = [];
    const asker = tool(
      ({ amount }: { amount: number }) => {
        const { approved } = z.object({ approved: z.boolean() }).parse(interrupt({ name: "pay", args: { amount } }));
        ran.push([amount, approved]);
        return approved ? "Paid." : "Not paid.";
      },
      { name: "pay", schema: z.object({ amount: z.number() }) },
    );
    const model = await scriptedModel([{ toolCalls: [pay(1), pay(2)] }, { text: "Done." }]);
    const client = await clientFor(agentWith(model, { tools: [asker], checkpointer: new MemorySaver() }));
    const records = await recordsOf(
      client.runStream(
        { message: "Pay." },
        { onApproval: ({ arguments: args }) => (JSON.stringify(args).includes("2") ? "reject" : "approve") },
      ),
    );
    expect(ran.toSorted()).toEqual([
      [1, true],
      [2, false],
    ]);
    expect(outputsOf(records)).toMatchObject([
      { call_id: "call_0_0", output: "Paid." },
      { call_id: "call_0_1", rejected: true },
    ]);
  });
});
