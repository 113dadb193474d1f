/**
 * Interrupts of a graph as approvals. `interrupt(value)` can ask anything; most ask whether a tool may be called, and what
 * they say of it is read where it has a usual name.
 */
import { isJsonObject, type JsonObject, RunAgentError } from "@runagent/core";
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

const DECISIONS: readonly string[] = ["approve", "reject"];

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
  if (actions !== undefined) return answerActions(actions, node, options, taken);
  const decided = await ask(value, node, options, taken);
  if (options.toResume !== undefined) return options.toResume(decided, value);
  const { decision, reason } = decided;
  return { type: decision, decision, approved: decision === "approve", ...(reason !== undefined && { reason }) };
}

/** What LangChain's human-in-the-loop middleware asks about a tool call, and the decisions that it takes. */
interface Action {
  readonly request: JsonObject;
  readonly allowed: readonly string[];
}

/** The request of that middleware: it asks for several tools in one interrupt. */
function actionsOf(value: unknown): Action[] | undefined {
  if (!isJsonObject(value)) return undefined;
  const requests = value.actionRequests ?? value.action_requests;
  if (!Array.isArray(requests) || requests.length === 0 || !requests.every(isJsonObject)) return undefined;
  const given: unknown = value.reviewConfigs ?? value.review_configs;
  const configs = Array.isArray(given) ? given.filter(isJsonObject) : [];
  return requests.map((request) => {
    const config = configs.find(({ actionName, action_name }) => (actionName ?? action_name) === request.name);
    const taken = config?.allowedDecisions ?? config?.allowed_decisions;
    return { request, allowed: Array.isArray(taken) ? DECISIONS.filter((word) => taken.includes(word)) : DECISIONS };
  });
}

async function answerActions(actions: readonly Action[], node: string, options: InterruptOptions, taken: Set<string>): Promise<JsonObject> {
  for (const { request, allowed } of actions) if (allowed.length === 0) throw notTaken(request, "approve or reject");
  const answers = await Promise.all(
    actions.map(({ request, allowed }) => {
      const limits = allowed.length < DECISIONS.length ? { allowed_decisions: allowed } : {};
      return ask(request, node, options, taken, limits);
    }),
  );
  for (const [index, { decision }] of answers.entries()) {
    const action = actions[index];
    if (action !== undefined && !action.allowed.includes(decision)) throw notTaken(action.request, decision);
  }
  if (answers.some(({ decision }) => decision === "reject")) options.teller.doubtOthers();
  return { decisions: answers.map(toDecision) };
}

/** The middleware would fail with it: no tool runs. */
function notTaken({ name }: JsonObject, decision: string): RunAgentError {
  return new RunAgentError("EXECUTION_ERROR", `The agent takes no ${decision} for the tool ${JSON.stringify(name)}, so it cannot go on.`, {
    suggestion: 'Let its allowedDecisions in humanInTheLoopMiddleware have "approve" and "reject".',
  });
}

/** As that middleware takes it. */
function toDecision({ decision, reason }: ApprovalAnswer): JsonObject {
  return { type: decision, ...(decision === "reject" && reason !== undefined && { message: reason }) };
}

async function ask(
  value: unknown,
  node: string,
  options: InterruptOptions,
  taken: Set<string>,
  more: JsonObject = {},
): Promise<ApprovalAnswer> {
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
    ...more,
    ...(expiresIn !== undefined && { expiresIn }),
  });
  if (answered.decision === "reject" && call_id !== undefined) teller.reject(call_id, answered.reason);
  return answered;
}
