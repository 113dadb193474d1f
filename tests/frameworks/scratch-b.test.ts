import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { fromAISDK } from "@runagent/server/adapters/ai-sdk";
import { stepCountIs, ToolLoopAgent, tool } from "ai";
import { expect, it } from "vitest";
import { z } from "zod";
import { createScriptedModel } from "../support/scripted-model.ts";

function ctxOf(log: unknown[], more: object = {}) {
  const controller = new AbortController();
  return Object.assign(
    { controller },
    {
      invocationId: "i",
      args: [],
      userId: undefined,
      persistentMemory: false,
      signal: controller.signal,
      async emit(event: any) {
        if (event.type !== "raw_response_event") log.push(event);
        else log.push(event.name);
      },
      async turn() {
        log.push("TURN");
      },
      async requireApproval(r: any) {
        log.push(["ask", r]);
        return { approvalId: "a", decision: "approve" as const };
      },
    },
    more,
  );
}
const weather = (runs: unknown[], needsApproval = false) =>
  tool({
    inputSchema: z.object({ city: z.string() }),
    needsApproval,
    execute: async (i) => {
      runs.push(i);
      return { celsius: 21 };
    },
  });

for (const kind of ["settings", "agent"])
  for (const needs of [false, true])
    it(`${kind} ${needs}`, async () => {
      const model = await createScriptedModel([
        { reasoning: "hm hm", text: "Let me look.", toolCalls: [{ name: "weather", arguments: { city: "Rome" } }] },
        { text: "It is warm." },
      ]);
      const provider = createOpenAICompatible({ name: "scripted", baseURL: model.url });
      const runs: unknown[] = [];
      const settings = { model: provider("m"), tools: { weather: weather(runs, needs) }, stopWhen: stepCountIs(5), maxRetries: 0 };
      const log: unknown[] = [];
      const fn = fromAISDK(kind === "agent" ? new ToolLoopAgent({ id: "w", ...settings }) : settings);
      for await (const chunk of fn({ message: "hi" }, ctxOf(log)) as AsyncIterable<string>) log.push(chunk);
      console.log(JSON.stringify(log, null, 1).replace(/\n\s*/g, " "));
      expect(runs.length).toBe(1);
      expect(model.requests.length).toBe(2);
      await model.close();
    });
for (const kind of ["settings", "agent"])
  for (const needs of [false, true])
    it(`after turn ${kind} ${needs}`, async () => {
      const model = await createScriptedModel([
        { text: "Let me look.", toolCalls: [{ name: "weather", arguments: { city: "Rome" } }] },
        { text: "It is warm." },
      ]);
      const provider = createOpenAICompatible({ name: "scripted", baseURL: model.url });
      const runs: unknown[] = [];
      const settings = { model: provider("m"), tools: { weather: weather(runs, needs) }, stopWhen: stepCountIs(5), maxRetries: 0 };
      const log: unknown[] = [];
      const ctx = ctxOf(log);
      ctx.turn = async () => {
        log.push("TURN");
        ctx.controller.abort(new Error("cancelled"));
        throw new Error("cancelled");
      };
      const fn = fromAISDK(kind === "agent" ? new ToolLoopAgent({ id: "w", ...settings }) : settings);
      await expect(
        (async () => {
          for await (const chunk of fn({ message: "hi" }, ctx) as AsyncIterable<string>) log.push(chunk);
        })(),
      ).rejects.toThrow("cancelled");
      await new Promise((r) => setTimeout(r, 300));
      expect(model.requests.length).toBe(1);
      expect(log).toContain("TURN");
      expect(runs.length).toBe(1);
      expect(log.filter((e) => (e as any).name === "tool_output").length).toBe(1);
      await model.close();
    });
