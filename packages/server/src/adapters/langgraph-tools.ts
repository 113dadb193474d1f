/**
 * Watches the tools of a graph, so that none runs twice. LangGraph runs a node that asked again from its start. Where one node
 * calls several tools that ask, a tool that ran after its approval would run again with the approval of the next:
 *
 *   tool A asks ─▶ approved ─▶ A runs, tool B asks ─▶ approved ─▶ A runs again, B runs
 */
import { RunAgentError } from "@runagent/core";
import { isGraphMessage } from "./langgraph-messages.ts";
import type { GraphTeller } from "./langgraph-teller.ts";

/** The callbacks of LangChain that are used. */
export interface ToolCallbacks {
  handleToolStart(
    tool: unknown,
    input: unknown,
    runId: string,
    parentRunId?: string,
    tags?: unknown,
    metadata?: unknown,
    runName?: unknown,
    toolCallId?: string,
  ): void;
  handleToolEnd(output: unknown, runId: string): void;
  handleToolError(error: unknown, runId: string): void;
}

/** The tools of one invocation. */
export class ToolWatch {
  /** By run: the call. */
  readonly #running: Map<string, string> = new Map();
  /** Calls that have asked. */
  readonly #asked: Set<string> = new Set();
  /** By call: what a tool that had asked has given. */
  readonly #ended: Map<string, unknown> = new Map();

  get callbacks(): ToolCallbacks {
    return {
      handleToolStart: (_tool, _input, runId, _parent, _tags, _metadata, _name, callId) => {
        if (callId !== undefined) this.#running.set(runId, callId);
      },
      handleToolEnd: (output, runId) => {
        const callId = this.#take(runId);
        if (callId !== undefined && this.#asked.has(callId)) this.#ended.set(callId, output);
      },
      handleToolError: (error, runId) => {
        const callId = this.#take(runId);
        if (callId !== undefined && error instanceof Error && "interrupts" in error) this.#asked.add(callId);
      },
    };
  }

  /**
   * For a run that waits: tells of tools that have run and whose node has not come to its end.
   * @throws RunAgentError EXECUTION_ERROR when there are any.
   */
  async check(teller: GraphTeller): Promise<void> {
    const [first] = [...this.#ended].filter(([callId]) => !teller.knowsOutput(callId));
    if (first === undefined) return;
    const [callId, output] = first;
    if (isGraphMessage(output)) await teller.readMessage(output, {}, false);
    throw new RunAgentError(
      "EXECUTION_ERROR",
      `The tool of the call ${callId} ran when it was approved, and its node asks again: LangGraph would run that tool a second time.`,
      {
        suggestion: 'Let each tool call be a task of its own: createReactAgent({ version: "v2" }), or one Send to the node for each call.',
      },
    );
  }

  #take(runId: string): string | undefined {
    const callId = this.#running.get(runId);
    this.#running.delete(runId);
    return callId;
  }
}
