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
import type { AgentContext, ApprovalAnswer } from "../context.ts";
import { type AdaptedEntrypoint, inputSchema } from "./input.ts";
import { readGraphState, threadIn } from "./langgraph-input.ts";
import { answerInterrupts, type GraphInterrupt } from "./langgraph-interrupts.ts";
import { isGraphMessage, isPiece } from "./langgraph-messages.ts";
import { ModelWatch } from "./langgraph-models.ts";
import { GraphTeller } from "./langgraph-teller.ts";
import { sentenceOf, toModelError } from "./model-error.ts";
import { createPacedReader, type PacedReader } from "./pace.ts";
import { loadPeer } from "./peer.ts";

/** A compiled graph, as far as it is used. */
export interface ServableGraph {
  stream(input: Untyped, options?: Untyped): PromiseLike<AsyncIterable<unknown>>;
  getState?(config: Untyped): PromiseLike<unknown>;
}

/** A graph, or what gives one for each invocation. */
export type LangGraphSource =
  | ServableGraph
  | ((input: Record<string, Untyped>, context: AgentContext) => ServableGraph | PromiseLike<ServableGraph>);

/** How a graph is served. */
export interface LangGraphOptions {
  /** Modes of the graph's stream beside those that are needed anyway; each is passed through as a `raw_response_event` of its name. */
  readonly streamMode?: readonly ("messages" | "updates" | "values" | "custom" | "tasks" | "debug" | "checkpoints" | "tools")[];
  /** Makes the first state. Default: `{ messages }`, of `{ message }` or `{ messages }`. */
  readonly toInput?: (input: Record<string, Untyped>, context: AgentContext) => unknown;
  /** The thread of the checkpointer. Default: `input.thread_id`, or the id of the invocation: a new thread. */
  readonly threadId?: (input: Record<string, Untyped>, context: AgentContext) => string;
  /** What the nodes find in `config.configurable`, beside the thread. */
  readonly configurable?: Readonly<Record<string, unknown>>;
  /** More of the configuration: `recursionLimit`, `context`, `callbacks`, … */
  readonly config?: Readonly<Record<string, unknown>>;
  /** What `interrupt()` returns. Default: `{ type, decision, approved, reason? }`; what LangChain's middleware takes, where it asked. */
  readonly toResume?: (answer: ApprovalAnswer, value: unknown) => unknown;
  /** Seconds after which an interrupt that nobody has decided on is rejected. Default: what the server allows. */
  readonly approvalExpiresIn?: number;
  /** false: the modes of the stream are not passed through. They hold the state of the graph. Default true. */
  readonly rawEvents?: boolean;
}

export type { AdaptedEntrypoint };

/** What is needed of the stream, whatever is passed on of it. */
const NEEDED_MODES = ["messages", "updates", "custom"] as const;

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
  if (typeof graph === "object" && graph !== null && "stream" in graph && typeof graph.stream === "function") return;
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
      const resume = await run.decide();
      if (resume === STOP) return;
      next = resume === GO_ON ? null : new peer.Command({ resume });
    }
  } finally {
    run.close();
  }
}

/** What follows a breakpoint of the graph, which asks nothing: it goes on, or it ends. */
const GO_ON: unique symbol = Symbol("go on");
const STOP: unique symbol = Symbol("stop");

/** The runs of one invocation. */
class GraphRun {
  /** What the last run waits for; undefined when it came to its end. */
  interrupts: ReadonlyMap<string, unknown> | undefined;
  readonly #graph: ServableGraph;
  readonly #context: AgentContext;
  readonly #options: LangGraphOptions;
  readonly #config: Readonly<Record<string, unknown>>;
  readonly #teller: GraphTeller;
  readonly #models: ModelWatch;
  readonly #reader: PacedReader<unknown> = createPacedReader();
  readonly #stopped: AbortController = new AbortController();

  constructor(graph: ServableGraph, context: AgentContext, options: LangGraphOptions, threadId: string) {
    this.#graph = graph;
    this.#context = context;
    this.#options = options;
    this.#config = { ...options.config, configurable: { ...options.configurable, thread_id: threadId } };
    const teller = new GraphTeller(context, options.rawEvents ?? true);
    this.#teller = teller;
    const fail = (error: unknown): void => this.#stopped.abort(error);
    this.#models = new ModelWatch({ context, teller, drained: () => this.#reader.drained(), fail });
  }

  get callbacks(): ModelWatch["callbacks"] {
    return this.#models.callbacks;
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
          if (this.#passes(mode)) await this.#teller.raw(mode, payload, namespace);
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
    yield* await this.#graph.stream(input, {
      ...this.#config,
      streamMode: [...new Set([...NEEDED_MODES, ...(this.#options.streamMode ?? [])])],
      subgraphs: true,
      signal: AbortSignal.any([this.#context.signal, this.#stopped.signal]),
      callbacks: [...callbacks, handler],
    });
  }

  /** Asks for what the last run waits for. @returns What the next is resumed with. */
  async decide(): Promise<unknown> {
    const { pending, next } = await this.#lookUp();
    const ask = { context: this.#context, teller: this.#teller, expiresIn: this.#options.approvalExpiresIn };
    if (pending.length > 0) return answerInterrupts(pending, { ...ask, toResume: this.#options.toResume });
    const toResume = ({ decision }: ApprovalAnswer): unknown => (decision === "approve" ? GO_ON : STOP);
    return answerInterrupts([{ id: undefined, value: {}, node: next }], { ...ask, toResume });
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
    const isAnswer = message.getType() === "ai" && !isPiece(message) && !this.#teller.knows(message);
    if (isAnswer) await this.#models.markTurn();
    const text = await this.#teller.readMessage(message, metadata);
    if (text !== "") yield text;
    if (isAnswer) await this.#models.answered(message, metadata);
  }

  /** Those that are needed are passed through unless others were asked for in their place. */
  #passes(mode: string): boolean {
    const { streamMode } = this.#options;
    return streamMode === undefined || streamMode.some((asked) => asked === mode);
  }

  /** Who waits, and for what, as the checkpoint has it. */
  async #lookUp(): Promise<{ readonly pending: GraphInterrupt[]; readonly next: string }> {
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
    return { pending, next };
  }
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
      suggestion: "Compile it with one: graph.compile({ checkpointer: new MemorySaver() }).",
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
