import { type StructuredToolInterface, tool } from "@langchain/core/tools";
import { MemorySaver } from "@langchain/langgraph";
import type { LangGraphSource } from "@runagent/server/adapters/langgraph";
import { type AgentMiddleware, createAgent, humanInTheLoopMiddleware, modelCallLimitMiddleware, summarizationMiddleware } from "langchain";
import type { StreamRecord } from "runagent";
import { z } from "zod";
import type { ScriptedModel, ScriptedToolCall } from "../support/scripted-model.ts";
import { storyOf } from "./harness.ts";
import { chatOf } from "./langgraph-harness.ts";

// What the tests of the package langchain have in common: agents, their middleware, tools that say whether they ran.

type Settings = Parameters<typeof createAgent>[0];
type Decisions = readonly ("approve" | "edit" | "reject")[];

/** The types of what langchain makes do not hold with exactOptionalPropertyTypes. */
type MakeMiddleware = (options: object) => AgentMiddleware;
const approving = humanInTheLoopMiddleware as unknown as MakeMiddleware;
/** Summarises what was said. */
export const summarising: MakeMiddleware = summarizationMiddleware as unknown as MakeMiddleware;
/** Limits the calls of the model. */
export const limiting: MakeMiddleware = modelCallLimitMiddleware as unknown as MakeMiddleware;

/** Asks before `pay`. */
export function asking(allowedDecisions: Decisions = ["approve", "edit", "reject"]): AgentMiddleware {
  return approving({ interruptOn: { pay: { allowedDecisions: [...allowedDecisions] }, look: false } });
}

/** A tool that pays, and one that looks; what they did. */
export function toolbox(): { readonly ran: string[]; readonly tools: StructuredToolInterface[] } {
  const ran: string[] = [];
  const pay = tool(({ amount }: { amount: number }) => ({ receipt: ran.push(`pay ${amount}`) }), {
    name: "pay",
    description: "Pays.",
    schema: z.object({ amount: z.number() }),
  });
  const look = tool(({ at }: { at: string }) => `seen ${ran.push(`look ${at}`)}`, {
    name: "look",
    description: "Looks.",
    schema: z.object({ at: z.string() }),
  });
  return { ran, tools: [pay, look] };
}

/** A call of `pay`. */
export const pay = (amount: number): ScriptedToolCall => ({ name: "pay", arguments: { amount } });
/** A call of `look`. */
export const look = (at: string): ScriptedToolCall => ({ name: "look", arguments: { at } });

/** An agent as people make it. */
export function agentWith(model: ScriptedModel, settings: Partial<Settings>): LangGraphSource {
  return createAgent({ model: chatOf(model), tools: [], ...settings });
}

/** An agent that asks before it pays. */
export function payerOf(model: ScriptedModel, tools: StructuredToolInterface[], allowed?: Decisions): LangGraphSource {
  return agentWith(model, { tools, middleware: [asking(allowed)], checkpointer: new MemorySaver() });
}

/** The outputs of tools among records. */
export function outputsOf(records: readonly StreamRecord[]): unknown[] {
  return records.flatMap((record) =>
    record.type === "event" && record.event.type === "run_item_event" && record.event.name === "tool_output" ? [record.event.item] : [],
  );
}

/** The agents that were told of. */
export const agentsIn = (records: readonly StreamRecord[]): string[] =>
  records.flatMap((record) => (record.type === "event" && record.event.type === "agent_updated" ? [String(record.event.agent.name)] : []));
/** How often something was told. */
export const count = (records: readonly StreamRecord[], word: string): number => storyOf(records).filter((each) => each === word).length;
