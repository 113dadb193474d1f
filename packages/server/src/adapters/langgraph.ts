/**
 * Serves a graph of LangGraph (the package `@langchain/langgraph`):
 *
 *   serve(defineAgent({ id: "helper", entrypoints: { chat_stream: fromLangGraph(graph) } }));
 *
 * One invocation is one or more runs of the graph. A run ends where `interrupt()` asks; once that is decided, the next goes on
 * from the checkpoint. Nodes that ask run again from their start then: a tool that asks is called once as long as it is asked first.
 */
import { isJsonObject, RunAgentError } from "@runagent/core";
import type { Untyped } from "../agent.ts";
import type { AgentContext } from "../context.ts";
import { type AdaptedEntrypoint, inputSchema } from "./input.ts";
import { readGraphState, threadIn } from "./langgraph-input.ts";
import { isServable, type LangGraphOptions, type LangGraphSource, type ServableGraph } from "./langgraph-options.ts";
import { GraphRun } from "./langgraph-run.ts";
import { loadPeer } from "./peer.ts";

export type { AdaptedEntrypoint, LangGraphOptions, LangGraphSource, ServableGraph };

/**
 * An entrypoint for a tag that ends in `_stream`: it takes `{ message }` or `{ messages }`, yields the text of the answers piece by
 * piece, and emits everything else as events. A turn is a model's answer and the tools that it called.
 * @param source A compiled graph, or a function that gives one. Graphs that interrupt need a checkpointer.
 */
export function fromLangGraph(source: LangGraphSource, options: LangGraphOptions = {}): AdaptedEntrypoint {
  if (typeof source !== "function") checkGraph(source, "VALIDATION_ERROR");
  const { toInput } = options;
  if (toInput !== undefined) {
    return {
      run: async function* (given: Record<string, Untyped>, context: AgentContext): AsyncGenerator<string> {
        const threadId = options.threadId === undefined ? threadIn(given) : undefined;
        yield* answer(source, options, { given, state: await toInput(given, context), threadId }, context);
      },
    };
  }
  const read = (value: unknown): ReadInput => {
    const given: Record<string, Untyped> = isJsonObject(value) ? value : {};
    return { given, state: readGraphState(value), threadId: options.threadId === undefined ? threadIn(given) : undefined };
  };
  return {
    input: inputSchema(read),
    run: async function* (input: ReadInput, context: AgentContext): AsyncGenerator<string> {
      yield* answer(source, options, input, context);
    },
  };
}

/** @throws RunAgentError with the code given for what is no compiled graph. */
function checkGraph(graph: unknown, code: "EXECUTION_ERROR" | "VALIDATION_ERROR"): void {
  if (isServable(graph)) return;
  throw new RunAgentError(code, "fromLangGraph was not given a compiled graph.", {
    suggestion: "Give it what compile() of a StateGraph returns, or a function that returns that.",
  });
}

/** The input of a caller, as it is given, and what is made of it. */
interface ReadInput {
  readonly given: Record<string, Untyped>;
  readonly state: unknown;
  readonly threadId: string | undefined;
}

/** The chunks of an invocation. */
async function* answer(
  source: LangGraphSource,
  options: LangGraphOptions,
  { given, state, threadId }: ReadInput,
  context: AgentContext,
): AsyncGenerator<string> {
  const peer = await loadPeer("@langchain/langgraph", () => import("@langchain/langgraph"), ["Command"]);
  const { BaseCallbackHandler } = await loadPeer("@langchain/core", () => import("@langchain/core/callbacks/base"), [
    "BaseCallbackHandler",
  ]);
  const graph = typeof source === "function" ? await source(given, context) : source;
  checkGraph(graph, "EXECUTION_ERROR");
  const run = new GraphRun(graph, context, options, options.threadId?.(given, context) ?? threadId ?? context.invocationId);
  // Awaited: a callback that is not cannot hold anything back.
  const handler = Object.assign(BaseCallbackHandler.fromMethods(run.callbacks), { awaitHandlers: true });
  try {
    for (let next: unknown = state; ; ) {
      yield* run.read(next, handler);
      if (run.interrupts === undefined) return await run.end();
      const answered = await run.decide();
      if (answered === "stop") return;
      // At a breakpoint nobody waits for a value.
      next = answered === "go on" ? null : new peer.Command({ resume: answered.resume });
    }
  } finally {
    run.close();
  }
}
