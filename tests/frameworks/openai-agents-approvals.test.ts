import { Agent, tool } from "@openai/agents";
import { fromOpenAIAgent, type OpenAIAgentOptions } from "@runagent/server/adapters/openai-agents";
import { type ApprovalQuestion, ApprovalRequiredError, type RunAgentClient } from "runagent";
import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import type { Script, ScriptedModel } from "../support/scripted-model.ts";
import {
  APPROVED_CALL,
  clientOf,
  eventsOf,
  failureOf,
  LAST_ANSWER,
  recordsOf,
  scriptedModel,
  serveChat,
  signalled,
  storyOf,
  textOfChunks,
} from "./harness.ts";
import { runnerOf } from "./openai-agents-setup.ts";

// Tools of @openai/agents that need a human's yes: asked over the wire, and the run goes on from its own serialised state.

/** An agent that refunds, and what its tool was called with. */
function refunder(): { readonly agent: Agent; readonly refunded: string[] } {
  const refunded: string[] = [];
  const refund = tool({
    name: "refund",
    description: "Pays an order back.",
    parameters: z.object({ order: z.string() }),
    needsApproval: true,
    execute: ({ order }) => {
      refunded.push(order);
      return `paid back ${order}`;
    },
  });
  const look = tool({
    name: "look",
    description: "Looks an order up.",
    parameters: z.object({ order: z.string() }),
    execute: ({ order }) => {
      refunded.push(`look ${order}`);
      return `order ${order}`;
    },
  });
  return { agent: new Agent({ name: "Refunder", tools: [refund, look] }), refunded };
}

function callOf(order: string): { readonly name: string; readonly arguments: { readonly order: string } } {
  return { name: "refund", arguments: { order } };
}

async function start(
  agent: Agent,
  script: Script,
  options: OpenAIAgentOptions<unknown> = {},
): Promise<{ readonly model: ScriptedModel; readonly client: RunAgentClient<"chat_stream">; another(): RunAgentClient<"chat_stream"> }> {
  const model = await scriptedModel(script);
  const server = await serveChat(fromOpenAIAgent(agent, { runner: runnerOf(model), ...options }));
  return { model, client: clientOf(server), another: () => clientOf(server) };
}

async function requiredBy(promise: Promise<unknown>): Promise<ApprovalRequiredError> {
  const error = await failureOf(promise);
  if (error instanceof ApprovalRequiredError) return error;
  throw error;
}

/** What the model was told that its tools gave. */
function outputsIn(model: ScriptedModel, request: number): unknown[] {
  const { input } = model.requests[request] ?? {};
  const items: { readonly type?: unknown; readonly output?: unknown }[] = Array.isArray(input) ? input : [];
  return items.filter((item) => item.type === "function_call_output").map((item) => item.output);
}

describe("one tool", () => {
  it("approved by the handler of the stream: it runs once, in the turn that called it", async () => {
    const { agent, refunded } = refunder();
    const { model, client } = await start(agent, [{ toolCalls: [callOf("A1")] }, { text: "Done." }]);
    const asked: ApprovalQuestion[] = [];
    const onApproval = (question: ApprovalQuestion): "approve" => {
      asked.push(question);
      return "approve";
    };
    const records = await recordsOf(client.runStream({ message: "Pay A1 back" }, { onApproval }));
    expect(storyOf(records)).toEqual([...APPROVED_CALL, ...LAST_ANSWER]);
    expect(asked).toMatchObject([{ tool_name: "refund", arguments: { order: "A1" }, call_id: "call_0_0", agent: "Refunder" }]);
    expect(eventsOf(records)[3]).toMatchObject({ item: { call_id: "call_0_0", tool_name: "refund", output: "paid back A1" } });
    expect(eventsOf(records)[4]).toEqual({ type: "turn_completed", turn: 1 });
    expect([refunded, outputsIn(model, 1), model.requests.length]).toEqual([["A1"], ["paid back A1"], 2]);
    expect(records.map((record) => record.seq)).toEqual(records.map((_, index) => index + 1));
  });

  it("rejected: it does not run, and the model is told why", async () => {
    const { agent, refunded } = refunder();
    const { model, client } = await start(agent, [{ toolCalls: [callOf("A1")] }, { text: "I may not." }]);
    const onApproval = () => ({ decision: "reject" as const, reason: "Too dear." });
    const records = await recordsOf(client.runStream({ message: "Pay A1 back" }, { onApproval }));
    expect(eventsOf(records).slice(2, 4)).toMatchObject([
      { type: "approval_decided", decision: "reject", reason: "Too dear." },
      { name: "tool_output", item: { call_id: "call_0_0", tool_name: "refund", output: "Too dear.", rejected: true } },
    ]);
    expect([textOfChunks(records), refunded, outputsIn(model, 1)]).toEqual(["I may not.", [], ["Too dear."]]);
  });

  it("expires where nobody decides in time", async () => {
    const { agent, refunded } = refunder();
    const script = [{ toolCalls: [callOf("A1")] }, { text: "Nobody answered." }];
    const { client } = await start(agent, script, { approvalExpiresIn: 0.1 });
    const records = await recordsOf(client.runStream({ message: "Pay A1 back" }, { onApproval: () => {} }));
    expect(eventsOf(records)).toMatchObject([
      {},
      { expires_at: expect.any(String) },
      { decision: "reject" },
      { item: { rejected: true } },
      {},
      {},
      {},
    ]);
    expect([textOfChunks(records), refunded]).toEqual(["Nobody answered.", []]);
  });
});

describe("several tools", () => {
  it("are asked for at once and decided one by one; what needs no approval runs before", async () => {
    const { agent, refunded } = refunder();
    const { model, client } = await start(agent, [
      { toolCalls: [callOf("A1"), callOf("B2"), { name: "look", arguments: { order: "C3" } }] },
      { text: "One of two." },
    ]);
    const asked: string[] = [];
    const both = signalled();
    const onApproval = async ({ arguments: args }: ApprovalQuestion): Promise<"approve" | "reject"> => {
      const { order } = z.object({ order: z.string() }).parse(args);
      if (asked.push(order) === 2) both.resolve();
      await both.promise;
      return order === "A1" ? "reject" : "approve";
    };
    const records = await recordsOf(client.runStream({ message: "Pay back" }, { onApproval }));
    expect(asked.toSorted()).toEqual(["A1", "B2"]);
    expect(refunded).toEqual(["look C3", "B2"]);
    const outputs = eventsOf(records).filter(
      (event) => typeof event === "object" && event !== null && "name" in event && event.name === "tool_output",
    );
    expect(outputs).toMatchObject([
      { item: { call_id: "call_0_2", output: "order C3" } },
      { item: { call_id: "call_0_0", output: "rejected", rejected: true } },
      { item: { call_id: "call_0_1", output: "paid back B2" } },
    ]);
    expect(model.requests.length).toBe(2);
    expect(storyOf(records).filter((word) => word === "turn_completed").length).toBe(2);
  });

  it("one after the other, each in its turn", async () => {
    const { agent, refunded } = refunder();
    const { client } = await start(agent, [{ toolCalls: [callOf("A1")] }, { toolCalls: [callOf("B2")] }, { text: "Both." }]);
    const records = await recordsOf(client.runStream({ message: "Pay back" }, { onApproval: () => "approve" }));
    expect([refunded, textOfChunks(records)]).toEqual([["A1", "B2"], "Both."]);
    expect(storyOf(records).filter((word) => word === "turn_completed").length).toBe(3);
  });
});

describe("an agent that is the tool of another", () => {
  it("asks for its own tools, and both runs go on", async () => {
    const { agent: inner, refunded } = refunder();
    const outer = new Agent({ name: "Desk", tools: [inner.asTool({ toolName: "refunds", toolDescription: "Pays back." })] });
    const { client } = await start(outer, [
      { toolCalls: [{ name: "refunds", arguments: { input: "Pay A1 back" }, id: "outer" }] },
      { toolCalls: [{ ...callOf("A1"), id: "inner" }] },
      { text: "Paid back." },
      { text: "It is done." },
    ]);
    const asked: unknown[] = [];
    const onApproval = ({ tool_name, call_id, agent }: ApprovalQuestion): "approve" => {
      asked.push({ tool_name, call_id, agent });
      return "approve";
    };
    const records = await recordsOf(client.runStream({ message: "Pay A1 back" }, { onApproval }));
    expect(asked).toEqual([{ tool_name: "refund", call_id: "inner", agent: "Refunder" }]);
    expect(eventsOf(records)).toMatchObject([
      { name: "tool_called", item: { call_id: "outer", tool_name: "refunds", arguments: { input: "Pay A1 back" } } },
      { type: "approval_required" },
      { type: "approval_decided" },
      { name: "tool_output", item: { call_id: "outer", output: "Paid back." } },
      { type: "turn_completed", turn: 1 },
      { name: "message_output_created", item: { agent: "Desk" } },
      { type: "turn_completed", turn: 2 },
    ]);
    expect([refunded, textOfChunks(records)]).toEqual([["A1"], "It is done."]);
  });
});

describe("nobody at the stream", () => {
  it("another client decides, and a third finishes", async () => {
    const { agent, refunded } = refunder();
    const { client, another } = await start(agent, [{ text: "I will.", toolCalls: [callOf("A1")] }, { text: " Done." }]);
    const first = client.runStream({ message: "Pay A1 back" });
    const chunks: unknown[] = [];
    const required = await requiredBy(
      (async () => {
        for await (const chunk of first) chunks.push(chunk);
      })(),
    );
    expect(required).toMatchObject({ code: "APPROVAL_REQUIRED", requests: [{ tool_name: "refund", arguments: { order: "A1" } }] });
    const [request] = required.requests;
    await another().decide(first.invocationId, { approvalId: request?.approvalId ?? "", decision: "approve" });
    const rest = await recordsOf(another().resume(required.position));
    expect(storyOf(rest)).toEqual(["approval_decided", "tool_output", "turn_completed", ...LAST_ANSWER]);
    expect([chunks.join("") + textOfChunks(rest), refunded]).toEqual(["I will. Done.", ["A1"]]);
  });

  it("the client itself comes back with its decisions", async () => {
    const { agent, refunded } = refunder();
    const { client, another } = await start(agent, [{ toolCalls: [callOf("A1"), callOf("B2")] }, { text: "Done." }]);
    const stream = client.runStream({ message: "Pay back" });
    const required = await requiredBy(stream.text());
    expect(required.requests.map(({ arguments: args }) => args)).toEqual([{ order: "A1" }, { order: "B2" }]);
    const approvals = required.requests.map(({ approvalId }) => ({ approvalId, decision: "approve" as const }));
    expect(await another().resume(required.position, { approvals }).text()).toBe("Done.");
    expect(refunded.toSorted()).toEqual(["A1", "B2"]);
    const late = { approvalId: approvals[0]?.approvalId ?? "", decision: "reject" as const };
    const stands = { code: "ALREADY_DECIDED", details: { decision: "approve" } };
    expect(await failureOf(another().decide(stream.invocationId, late))).toMatchObject(stands);
    expect(
      await failureOf(
        another()
          .resume(required.position, { approvals: [late] })
          .text(),
      ),
    ).toMatchObject(stands);
    expect(refunded.length).toBe(2);
  });
});

describe("while it waits", () => {
  it("a cancel ends it, and the tool never runs", async () => {
    const { agent, refunded } = refunder();
    const { model, client } = await start(agent, [{ toolCalls: [callOf("A1")] }, { text: "Never." }]);
    const asked = signalled();
    const stream = client.runStream({ message: "Pay A1 back" }, { onApproval: () => asked.resolve() });
    const reading = recordsOf(stream);
    await asked.promise;
    await stream.cancel();
    expect(storyOf(await reading)).toEqual(["tool_called", "approval_required", "stream_cancelled"]);
    expect([refunded, model.requests.length]).toEqual([[], 1]);
  });

  it("a cancel after the turn lets the approved tool run, and asks the model no more", async () => {
    const { agent, refunded } = refunder();
    const { model, client, another } = await start(agent, [{ toolCalls: [callOf("A1")] }, { text: "Never." }]);
    const asked = signalled<ApprovalQuestion>();
    const stream = client.runStream({ message: "Pay A1 back" }, { onApproval: (question) => asked.resolve(question) });
    const reading = recordsOf(stream);
    const { approvalId } = await asked.promise;
    await stream.cancel("after_turn");
    await another().decide(stream.invocationId, { approvalId, decision: "approve" });
    expect(storyOf(await reading).slice(-3)).toEqual(["tool_output", "turn_completed", "stream_cancelled"]);
    expect([refunded, model.requests.length]).toEqual([["A1"], 1]);
  });
});

describe("the state of the run", () => {
  it("keeps a context that is no JSON, and who answers after a handoff", async () => {
    const seen: unknown[] = [];
    const connection: Record<string, unknown> = { name: "db", key: "secret" };
    connection.self = connection;
    const refund = tool({
      name: "refund",
      description: "Pays an order back.",
      parameters: z.object({ order: z.string() }),
      needsApproval: true,
      execute: (_, run) => {
        seen.push(run?.context === connection);
        return "paid";
      },
    });
    const desk = new Agent<unknown>({ name: "Desk", tools: [refund] });
    const script = [{ toolCalls: [{ name: "transfer_to_Desk", arguments: {} }] }, { toolCalls: [callOf("A1")] }, { text: "Paid." }];
    const { client } = await start(Agent.create({ name: "Front", handoffs: [desk] }), script, { context: connection });
    const records = await recordsOf(client.runStream({ message: "Pay back" }, { onApproval: () => "approve" }));
    expect([seen, textOfChunks(records)]).toEqual([[true], "Paid."]);
    expect(eventsOf(records).at(-2)).toMatchObject({ name: "message_output_created", item: { agent: "Desk" } });
    expect(JSON.stringify(records)).not.toContain("secret");
  });

  it("belongs to one invocation: many wait at once, each decided differently", async () => {
    const { agent, refunded } = refunder();
    const { client } = await start(agent, (body) => {
      const text = JSON.stringify(body.input);
      const order = /Pay (\w+)/.exec(text)?.[1] ?? "";
      return text.includes("function_call_output")
        ? { text: `Answer ${order}` }
        : { toolCalls: [{ ...callOf(order), id: `call_${order}` }] };
    });
    const orders = Array.from({ length: 10 }, (_, n) => `N${n}`);
    const onApproval = ({ arguments: args }: ApprovalQuestion): "approve" | "reject" =>
      /[02468]"/.test(JSON.stringify(args)) ? "approve" : "reject";
    const texts = await Promise.all(orders.map((order) => client.runStream({ message: `Pay ${order}` }, { onApproval }).text()));
    expect(texts).toEqual(orders.map((order) => `Answer ${order}`));
    await vi.waitFor(() => expect(refunded.toSorted()).toEqual(["N0", "N2", "N4", "N6", "N8"]));
  });
});
