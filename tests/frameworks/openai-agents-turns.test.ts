import { Agent, tool } from "@openai/agents";
import { fromOpenAIAgent } from "@runagent/server/adapters/openai-agents";
import type { ApprovalQuestion } from "runagent";
import { expect, it } from "vitest";
import { z } from "zod";
import { clientOf, failureOf, recordsOf, scriptedModel, serveChat } from "./harness.ts";
import { runnerOf } from "./openai-agents-setup.ts";

// What a decision and a limit count for: one call, and the whole invocation.

/** An agent that pays, and what it has paid. */
function payer(): { readonly agent: Agent; readonly paid: number[] } {
  const paid: number[] = [];
  const pay = tool({
    name: "pay",
    description: "Pays.",
    parameters: z.object({ amount: z.number() }),
    needsApproval: true,
    execute: ({ amount }) => {
      paid.push(amount);
      return "paid";
    },
  });
  return { agent: new Agent({ name: "Payer", tools: [pay] }), paid };
}

const call = (amount: number, id: string) => ({ name: "pay", arguments: { amount }, id });

it.each(["approve", "reject"] as const)("an id that the model gives again: the %s of before counts for no other call", async (decision) => {
  const { agent, paid } = payer();
  const model = await scriptedModel([{ toolCalls: [call(1, "call")] }, { toolCalls: [call(1000, "call")] }, { text: "Done." }]);
  const client = clientOf(await serveChat(fromOpenAIAgent(agent, { runner: runnerOf(model) })));
  const failure = await failureOf(client.runStream({ message: "Pay" }, { onApproval: () => decision }).text());
  expect([failure.code, paid]).toEqual(["EXECUTION_ERROR", decision === "approve" ? [1] : []]);
});

it("an id that an agent gives again, which is a tool of another: the second call does not run", async () => {
  const { agent: inner, paid } = payer();
  const outer = new Agent({ name: "Desk", tools: [inner.asTool({ toolName: "payer", toolDescription: "Pays." })] });
  const model = await scriptedModel([
    { toolCalls: [{ name: "payer", arguments: { input: "Pay twice" } }] },
    { toolCalls: [call(1, "call")] },
    { toolCalls: [call(1000, "call")] },
    { text: "Paid." },
    { text: "Done." },
  ]);
  const client = clientOf(await serveChat(fromOpenAIAgent(outer, { runner: runnerOf(model) })));
  // Versions differ in whether the run fails or the tool.
  await client
    .runStream({ message: "Pay" }, { onApproval: () => "approve" })
    .text()
    .catch(() => {});
  expect(paid).toEqual([1]);
});

it("an id that two calls share: nothing runs", async () => {
  const { agent, paid } = payer();
  const model = await scriptedModel([{ toolCalls: [call(1, ""), call(1000, "")] }, { text: "Done." }]);
  const client = clientOf(await serveChat(fromOpenAIAgent(agent, { runner: runnerOf(model) })));
  const onApproval = ({ arguments: args }: ApprovalQuestion) => (JSON.stringify(args) === '{"amount":1}' ? "approve" : "reject");
  const failure = await failureOf(client.runStream({ message: "Pay" }, { onApproval }).text());
  expect([failure.code, paid]).toEqual(["EXECUTION_ERROR", []]);
});

it("two agents may give the same id", async () => {
  const { agent: first, paid } = payer();
  const { agent: second, paid: more } = payer();
  const asTool = (inner: Agent, name: string) => inner.asTool({ toolName: name, toolDescription: "Pays." });
  const desk = new Agent({ name: "Desk", tools: [asTool(first, "one"), asTool(second.clone({ name: "Other" }), "two")] });
  const model = await scriptedModel((body) => {
    const text = JSON.stringify(body.input);
    const isOver = text.includes("function_call_output");
    if (!text.includes("Pay both")) return isOver ? { text: "Paid." } : { toolCalls: [call(1, "call")] };
    if (isOver) return { text: "Done." };
    return {
      toolCalls: [
        { name: "one", arguments: { input: "A" } },
        { name: "two", arguments: { input: "B" } },
      ],
    };
  });
  const client = clientOf(await serveChat(fromOpenAIAgent(desk, { runner: runnerOf(model) })));
  const onApproval = ({ agent }: ApprovalQuestion) => (agent === "Other" ? "reject" : "approve");
  expect(await client.runStream({ message: "Pay both" }, { onApproval }).text()).toBe("Done.");
  expect([paid, more]).toEqual([[1], []]);
});

it("maxTurns counts answers over all approvals", async () => {
  const { agent, paid } = payer();
  const model = await scriptedModel((_, index) => ({ toolCalls: [call(index, `call-${index}`)] }));
  const client = clientOf(await serveChat(fromOpenAIAgent(agent, { runner: runnerOf(model), maxTurns: 2 })));
  const asked: ApprovalQuestion[] = [];
  const onApproval = (question: ApprovalQuestion) => (asked.push(question) > 0 ? "approve" : "reject");
  const failure = await failureOf(recordsOf(client.runStream({ message: "Pay" }, { onApproval })));
  expect(failure.message).toMatch(/did not finish within its turns/);
  expect([paid, asked.length, model.requests.length]).toEqual([[0, 1], 2, 2]);
});
