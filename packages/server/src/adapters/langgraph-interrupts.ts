/**
 * Interrupts of a graph as approvals. `interrupt(value)` can ask anything; most ask whether a tool may be called, and what
 * they say of it is read where it has a usual name.
 */
import { isJsonObject, type JsonObject } from "@runagent/core";
import type { AgentContext, ApprovalAnswer } from "../context.ts";
import { toGraphJson } from "./langgraph-messages.ts";
import type { GraphTeller } from "./langgraph-teller.ts";

/** An interrupt that waits. */
export interface GraphInterrupt {
  readonly id: string | undefined;
  readonly value: unknown;
  /** The node that waits. */
  readonly node: string;
}

/** How interrupts are asked and answered. */
export interface InterruptOptions {
  readonly context: AgentContext;
  readonly teller: GraphTeller;
  readonly expiresIn: number | undefined;
  readonly toResume: ((answer: ApprovalAnswer, value: unknown) => unknown) | undefined;
}

/** Asks for all at once. @returns What the graph is resumed with. */
export async function answerInterrupts(interrupts: readonly GraphInterrupt[], options: InterruptOptions): Promise<unknown> {
  const taken = new Set<string>();
  const answers = await Promise.all(
    interrupts.map(async ({ id, value, node }) => [id, await answer(toGraphJson(value), node, options, taken)] as const),
  );
  const [first] = answers;
  // Older graphs give them no ids, and then there is one.
  if (first !== undefined && first[0] === undefined) return first[1];
  return Object.fromEntries(answers);
}

async function answer(value: unknown, node: string, options: InterruptOptions, taken: Set<string>): Promise<unknown> {
  const actions = options.toResume === undefined ? actionsOf(value) : undefined;
  if (actions !== undefined) {
    const decisions = await Promise.all(actions.map((action) => ask(action, node, options, taken)));
    return { decisions: decisions.map(toDecision) };
  }
  const decided = await ask(value, node, options, taken);
  if (options.toResume !== undefined) return options.toResume(decided, value);
  const { decision, reason } = decided;
  return { type: decision, decision, approved: decision === "approve", ...(reason !== undefined && { reason }) };
}

/** The request of LangChain's human-in-the-loop middleware: it asks for several tools in one interrupt. */
function actionsOf(value: unknown): JsonObject[] | undefined {
  const actions = isJsonObject(value) ? (value.actionRequests ?? value.action_requests) : undefined;
  return Array.isArray(actions) && actions.length > 0 && actions.every(isJsonObject) ? actions : undefined;
}

/** As that middleware takes it. */
function toDecision({ decision, reason }: ApprovalAnswer): JsonObject {
  return { type: decision, ...(decision === "reject" && reason !== undefined && { message: reason }) };
}

async function ask(value: unknown, node: string, options: InterruptOptions, taken: Set<string>): Promise<ApprovalAnswer> {
  const { context, teller, expiresIn } = options;
  const fields: JsonObject = isJsonObject(value) ? value : {};
  const named = [fields.tool_name, fields.name, fields.action].find((name) => typeof name === "string");
  const tool_name = typeof named === "string" ? named : node;
  const args = named === undefined ? value : (fields.arguments ?? fields.args ?? {});
  const given = [fields.call_id, fields.tool_call_id].find((id) => typeof id === "string");
  const call_id = typeof given === "string" ? given : teller.callFor(tool_name, args, taken);
  if (call_id !== undefined) taken.add(call_id);
  const answered = await context.requireApproval({
    tool_name,
    arguments: args,
    ...(call_id !== undefined && { call_id }),
    ...(typeof fields.description === "string" && { description: fields.description }),
    ...(expiresIn !== undefined && { expiresIn }),
  });
  if (answered.decision === "reject" && call_id !== undefined) teller.reject(call_id, answered.reason);
  return answered;
}
