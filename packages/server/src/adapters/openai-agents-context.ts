/** The context of a run of `@openai/agents`, which knows what humans have decided. */
import type { AgentInputItem, RunContext } from "@openai/agents";
import { RunAgentError } from "@runagent/core";

/** A context whose decisions count for one turn. */
export interface TurnContext<Context> {
  readonly runContext: RunContext<Context>;
  /** Takes a call that is asked about. @throws RunAgentError EXECUTION_ERROR when the agent has asked about one of its id before. */
  ask(call: { readonly agent: string; readonly call_id: string }): void;
  /** The turn is over, and its decisions with it. */
  endTurn(): void;
  /** A model hears what its tools gave: the decisions on these calls are over, those of an agent that is a tool, too. */
  heard(input: string | readonly AgentInputItem[]): void;
}

/**
 * Makes a context. The package, up to version 0.14, keeps decisions by the id of the call for the whole run, and there are models that give
 * every call the same id: a yes to the first would be one to all.
 */
export function createTurnContext<Context>(Base: typeof RunContext<Context>, context: Context | undefined): TurnContext<Context> {
  const asked = new Map<string, string>();
  const over = new Set<string>();
  const runContext = new (class extends Base {
    override isToolApproved(call: { toolName: string; callId: string }): boolean | undefined {
      return over.has(call.callId) ? undefined : super.isToolApproved(call);
    }
  })(context);
  return {
    runContext,
    ask({ agent, call_id }) {
      const key = JSON.stringify([agent, call_id]);
      if (asked.has(key)) throw repeated(call_id);
      asked.set(key, call_id);
    },
    endTurn() {
      for (const callId of asked.values()) over.add(callId);
    },
    heard(input) {
      if (typeof input === "string" || asked.size === 0) return;
      const ids = new Set(asked.values());
      for (const item of input) if (item.type === "function_call_result" && ids.has(item.callId)) over.add(item.callId);
    },
  };
}

function repeated(callId: string): RunAgentError {
  return new RunAgentError(
    "EXECUTION_ERROR",
    `The model called two tools under one id, ${JSON.stringify(callId)}, and approvals need one for each.`,
    {
      suggestion: "Use a model server that gives each tool call an id of its own.",
    },
  );
}
