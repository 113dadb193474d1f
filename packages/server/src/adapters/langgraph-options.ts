/** How a graph is given and served. */
import type { Untyped } from "../agent.ts";
import type { AgentContext, ApprovalAnswer } from "../context.ts";

/** A compiled graph, as far as it is used. */
export interface ServableGraph {
  stream(input: Untyped, options?: Untyped): PromiseLike<AsyncIterable<unknown>>;
  getState?(config: Untyped): PromiseLike<unknown>;
}

/** True for what can be run as a graph. */
export function isServable(value: unknown): value is ServableGraph {
  return typeof value === "object" && value !== null && "stream" in value && typeof value.stream === "function";
}

/** A graph, or what gives one for each invocation. */
export type LangGraphSource =
  | ServableGraph
  | ((input: Record<string, Untyped>, context: AgentContext) => ServableGraph | PromiseLike<ServableGraph>);

/** How a graph is served. */
export interface LangGraphOptions {
  /** Modes of the graph's stream beside messages, updates and custom; each is passed through as a `raw_response_event` of its name. */
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
