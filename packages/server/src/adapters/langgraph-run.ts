/**
 * The runs of a graph for one invocation: each up to the end of the graph, or to its interrupts.
 */
import { isJsonObject, RunAgentError } from "@runagent/core";
import type { AgentContext } from "../context.ts";
import { answerInterrupts, type GraphInterrupt } from "./langgraph-interrupts.ts";
import { agentOf, isGraphMessage, isPiece } from "./langgraph-messages.ts";
import { type ModelCallbacks, ModelWatch } from "./langgraph-models.ts";
import { isServable, type LangGraphOptions, type ServableGraph } from "./langgraph-options.ts";
import { GraphTeller } from "./langgraph-teller.ts";
import { type ToolCallbacks, ToolWatch } from "./langgraph-tools.ts";
import { sentenceOf, toModelError } from "./model-error.ts";
import { createPacedReader, type PacedReader } from "./pace.ts";

/** What is needed of the stream, whatever is passed on of it. */
const NEEDED_MODES = ["messages", "updates", "custom"] as const;

/** The runs of one invocation. */
export class GraphRun {
  /** What the last run waits for; undefined when it came to its end. */
  interrupts: ReadonlyMap<string, unknown> | undefined;
  readonly #graph: ServableGraph;
  readonly #context: AgentContext;
  readonly #options: LangGraphOptions;
  readonly #config: Readonly<Record<string, unknown>>;
  readonly #teller: GraphTeller;
  readonly #models: ModelWatch;
  readonly #tools: ToolWatch = new ToolWatch();
  readonly #reader: PacedReader<unknown> = createPacedReader();
  readonly #stopped: AbortController = new AbortController();

  constructor(graph: ServableGraph, context: AgentContext, options: LangGraphOptions, threadId: string) {
    this.#graph = graph;
    this.#context = context;
    this.#options = options;
    const configured = isJsonObject(options.config?.configurable) ? options.config.configurable : {};
    this.#config = { ...options.config, configurable: { ...configured, ...options.configurable, thread_id: threadId } };
    const teller = new GraphTeller(context, options.rawEvents ?? true);
    this.#teller = teller;
    const fail = (error: unknown): void => this.#stopped.abort(error);
    this.#models = new ModelWatch({ context, teller, drained: () => this.#reader.drained(), fail });
  }

  get callbacks(): ModelCallbacks & ToolCallbacks {
    return { ...this.#models.callbacks, ...this.#tools.callbacks };
  }

  /** The chunks of a run, to its end or its interrupts. */
  async *read(input: unknown, handler: unknown): AsyncGenerator<string> {
    const interrupts = new Map<string, unknown>();
    let isInterrupted = false;
    try {
      for await (const part of this.#reader.read(this.#stream(input, handler))) {
        const [namespace, mode, payload] = readPart(part);
        if (mode === "messages") {
          yield* this.#readMessage(payload);
        } else if (mode === "custom") {
          await this.#teller.custom(payload);
        } else {
          await this.#teller.raw(mode, payload, namespace);
          if (mode === "updates" && collectInterrupts(payload, interrupts)) isInterrupted = true;
        }
      }
    } catch (error) {
      // What ended the invocation, or the run, is the reason, whatever it made the graph throw.
      this.#context.signal.throwIfAborted();
      this.#stopped.signal.throwIfAborted();
      throw toGraphError(error);
    }
    this.interrupts = isInterrupted ? interrupts : undefined;
  }

  /** Begun by the reader: a graph gives its stream when there is something in it, and until then, somebody must be waiting for it. */
  async *#stream(input: unknown, handler: unknown): AsyncGenerator<unknown> {
    const callbacks = Array.isArray(this.#options.config?.callbacks) ? this.#options.config.callbacks : [];
    yield* await runnerOf(this.#graph, input).stream(input, {
      ...this.#config,
      streamMode: [...new Set([...NEEDED_MODES, ...(this.#options.streamMode ?? [])])],
      subgraphs: true,
      signal: AbortSignal.any([this.#context.signal, this.#stopped.signal]),
      callbacks: [...callbacks, handler],
    });
  }

  /** Asks for what the last run waits for. @returns What the next is resumed with; at a breakpoint, which asks nothing, whether it goes on. */
  async decide(): Promise<{ readonly resume: unknown } | "go on" | "stop"> {
    await this.#tools.check(this.#teller);
    const { pending, next, checkpoint } = await this.#lookUp();
    const { approvalExpiresIn: expiresIn, toResume } = this.#options;
    const ask = { context: this.#context, teller: this.#teller, expiresIn };
    if (pending.length > 0) {
      const resume = await answerInterrupts(pending, { ...ask, toResume });
      await this.#checkWaits(checkpoint);
      return { resume };
    }
    const { decision } = await this.#context.requireApproval({
      tool_name: next,
      arguments: {},
      ...(expiresIn !== undefined && { expiresIn }),
    });
    if (decision !== "approve") return "stop";
    await this.#checkWaits(checkpoint);
    return "go on";
  }

  /** Another invocation may have gone on with the thread meanwhile: a graph that is done would end at once, as if what was approved had run. */
  async #checkWaits(asked: unknown): Promise<void> {
    const state: unknown = await this.#graph.getState?.(this.#config);
    const isDone = isJsonObject(state) && Array.isArray(state.next) && state.next.length === 0;
    // A node that asks once more is not among the next, and waits at the same checkpoint.
    if (!isDone || checkpointOf(state) === asked) return;
    throw new RunAgentError("EXECUTION_ERROR", "The thread has gone on without this question, so what was decided has no effect.", {
      suggestion: "Ask the agent again; let one invocation at a time go on with a thread.",
    });
  }

  /** The graph is done. */
  async end(): Promise<void> {
    await this.#models.markTurn();
  }

  close(): void {
    this.#reader.close();
    this.#stopped.abort();
  }

  async *#readMessage(payload: unknown): AsyncGenerator<string> {
    const [message, given]: unknown[] = Array.isArray(payload) ? payload : [];
    if (!isGraphMessage(message)) return;
    const metadata = isJsonObject(given) ? given : {};
    const isNew = this.#models.isAnswering(agentOf(metadata));
    const isAnswer = message.getType() === "ai" && !isPiece(message) && (isNew || !this.#teller.knows(message));
    if (isAnswer) await this.#models.markTurn();
    const text = await this.#teller.readMessage(message, metadata, isNew);
    if (text !== "") yield text;
    if (isAnswer) await this.#models.answered(message, metadata);
  }

  /** Who waits, and for what, as the checkpoint has it. */
  async #lookUp(): Promise<{ readonly pending: GraphInterrupt[]; readonly next: string; readonly checkpoint: unknown }> {
    const state: unknown = await this.#graph.getState?.(this.#config);
    const tasks: unknown = isJsonObject(state) ? state.tasks : undefined;
    const nodes = new Map<string, string>();
    for (const task of Array.isArray(tasks) ? tasks.filter(isJsonObject) : []) {
      for (const interrupt of Array.isArray(task.interrupts) ? task.interrupts.filter(isJsonObject) : []) {
        nodes.set(String(interrupt.id), String(task.name));
      }
    }
    const names = isJsonObject(state) && Array.isArray(state.next) ? state.next.map(String) : [];
    const next = names.join(", ") || "graph";
    const pending = [...(this.interrupts ?? [])].map(([id, value]) => {
      return { id: id === "undefined" ? undefined : id, value, node: nodes.get(id) ?? next };
    });
    return { pending, next, checkpoint: checkpointOf(state) };
  }
}

/**
 * An agent of the package `langchain` knows a `Command` by its class, and takes that of another copy of LangGraph for a first
 * state: it would begin anew, and what was approved would not run. The graph in it knows a command by what it has.
 */
function runnerOf(graph: ServableGraph, input: unknown): ServableGraph {
  const isCommand = isJsonObject(input) && input.lg_name === "Command";
  return isCommand && "graph" in graph && isServable(graph.graph) ? graph.graph : graph;
}

/** The id of the checkpoint that a state was read from. */
function checkpointOf(state: unknown): unknown {
  const config: unknown = isJsonObject(state) ? state.config : undefined;
  const configurable: unknown = isJsonObject(config) ? config.configurable : undefined;
  return isJsonObject(configurable) ? configurable.checkpoint_id : undefined;
}

function readPart(part: unknown): readonly [readonly string[], string, unknown] {
  const [namespace, mode, payload]: unknown[] = Array.isArray(part) ? part : [];
  return [Array.isArray(namespace) ? namespace.map(String) : [], String(mode), payload];
}

/** @returns True for an update that says the graph was interrupted; at a breakpoint, it names none. */
function collectInterrupts(payload: unknown, into: Map<string, unknown>): boolean {
  const found: unknown = isJsonObject(payload) ? payload.__interrupt__ : undefined;
  if (!Array.isArray(found)) return false;
  // The graphs around the one that asks tell it again.
  for (const interrupt of found.filter(isJsonObject)) into.set(String(interrupt.id), interrupt.value);
  return true;
}

function toGraphError(error: unknown): RunAgentError {
  const code = error instanceof Error && "lc_error_code" in error ? error.lc_error_code : undefined;
  if (code === "MISSING_CHECKPOINTER") {
    return new RunAgentError("EXECUTION_ERROR", "The graph asks with interrupt(), and it has no checkpointer to wait with.", {
      suggestion: "Compile it with one, graph.compile({ checkpointer: new MemorySaver() }), or give it to createAgent.",
      cause: error,
    });
  }
  if (code === "GRAPH_RECURSION_LIMIT") {
    return new RunAgentError("EXECUTION_ERROR", `The graph did not come to its end: ${sentenceOf(error)}`, {
      suggestion: "Raise recursionLimit in the option config of fromLangGraph, or let the graph finish sooner.",
      cause: error,
    });
  }
  return toModelError(error);
}
