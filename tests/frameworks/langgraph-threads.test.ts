import { tool } from "@langchain/core/tools";
import { interrupt, MemorySaver } from "@langchain/langgraph";
import { createReactAgent } from "@langchain/langgraph/prebuilt";
import { ApprovalRequiredError } from "runagent";
import { expect, it } from "vitest";
import { z } from "zod";
import { lastUserText } from "../support/scripted-model.ts";
import { failureOf, scriptedModel } from "./harness.ts";
import { chatOf, clientFor, handmade } from "./langgraph-harness.ts";

// What several invocations make of one thread, and what a chat of a UI tells of the turns before.

it("an approve is not lost in silence where another invocation has gone on with the thread", async () => {
  const paid: number[] = [];
  const pay = tool(
    ({ amount }: { amount: number }) => {
      interrupt({ name: "pay", args: { amount } });
      return String(paid.push(amount));
    },
    { name: "pay", schema: z.object({ amount: z.number() }) },
  );
  const model = await scriptedModel((body) =>
    lastUserText(body) === "Pay" ? { toolCalls: [{ name: "pay", arguments: { amount: 5 } }] } : { text: "Hello." },
  );
  const graph = createReactAgent({ llm: chatOf(model), tools: [pay], version: "v2", checkpointer: new MemorySaver() });
  const client = await clientFor(graph);
  const asked = await failureOf(client.runStream({ message: "Pay", thread_id: "t" }).text());
  if (!(asked instanceof ApprovalRequiredError)) throw asked;
  expect(await client.runStream({ message: "Hi", thread_id: "t" }).text()).toBe("Hello.");
  const approvals = asked.requests.map(({ approvalId }) => ({ approvalId, decision: "approve" as const }));
  const failure = await failureOf(client.resume(asked.position, { approvals }).text());
  expect(failure).toMatchObject({ code: "EXECUTION_ERROR", message: expect.stringContaining("gone on without this question") });
  expect(paid).toEqual([]);
});

it("the texts of an answer in several steps are told apart, and one without text is left out", async () => {
  const model = await scriptedModel([{ text: "Fine." }]);
  const client = await clientFor(handmade(chatOf(model)));
  const text = (said: string) => ({ type: "text", text: said });
  const messages = [
    { id: "1", role: "user", parts: [text("A")] },
    { id: "2", role: "assistant", parts: [{ type: "step-start" }, text("Let me see."), { type: "step-start" }, text("B")] },
    { id: "3", role: "user", parts: [text("C")] },
    { id: "4", role: "assistant", parts: [{ type: "step-start" }] },
    { id: "5", role: "user", parts: [text("D"), text("E")] },
  ];
  await client.runStream({ messages }).text();
  expect(model.requests[0]?.messages).toEqual([
    { role: "user", content: "A" },
    { role: "assistant", content: "Let me see.\n\nB" },
    { role: "user", content: "C" },
    { role: "user", content: "DE" },
  ]);
});
