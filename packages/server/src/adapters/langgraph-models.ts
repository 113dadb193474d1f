/**
 * Watches the models of a graph, through the callbacks of LangChain. A graph pushes what it has and goes on; its models are
 * where it can be made to wait:
 *
 *   start of a model call    waits until all before it is told, and marks the turn: an answer and the tools it called
 *   tokens                   wait for the clients
 *   end of a model call      tells the answer as a whole: thoughts, message, tool calls
 */
import { isJsonObject, type JsonObject } from "@runagent/core";
import type { AgentContext } from "../context.ts";
import { agentOf, isGraphMessage } from "./langgraph-messages.ts";
import type { GraphTeller } from "./langgraph-teller.ts";

/** How many tokens a model may be ahead of the clients: enough that waiting costs next to nothing. */
const TOKENS_AHEAD = 16;

/** The callbacks of LangChain that are used. */
export interface ModelCallbacks {
  handleChatModelStart(
    llm: unknown,
    messages: unknown,
    runId: string,
    parentRunId?: string,
    extraParams?: unknown,
    tags?: string[],
    metadata?: Record<string, unknown>,
  ): Promise<void>;
  handleLLMNewToken(token: string, index: unknown, runId: string): Promise<void>;
  handleLLMEnd(output: unknown, runId: string): Promise<void>;
  handleLLMError(error: unknown, runId: string): void;
}

/** What is needed of the invocation. */
export interface WatchOptions {
  readonly context: AgentContext;
  readonly teller: GraphTeller;
  /** Settles when all that the graph has pushed is told. */
  readonly drained: () => Promise<void>;
  /** Ends the run: clients cannot be told what happens in it. */
  readonly fail: (error: unknown) => void;
}

/** The models of one invocation. */
export class ModelWatch {
  /** By run: who answers. Those whose answers are not streamed are not here. */
  readonly #running: Map<string, string> = new Map();
  readonly #options: WatchOptions;
  /** There was an answer since the last turn was marked. */
  #answered = false;
  #marking: Promise<void> | undefined;
  #tokens = 0;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** For the configuration of a run. LangChain prints what a callback throws: these throw nothing. */
  get callbacks(): ModelCallbacks {
    return {
      handleChatModelStart: async (_llm, _messages, runId, _parent, _extra, tags = [], metadata = {}) => {
        await this.#beforeModel();
        if (isStreamed(tags, metadata)) this.#running.set(runId, agentOf(metadata));
      },
      handleLLMNewToken: async (_token, _index, runId) => {
        if (this.#running.has(runId) && ++this.#tokens % TOKENS_AHEAD === 0) await this.#options.drained();
      },
      handleLLMEnd: (output, runId) => this.#afterModel(output, runId),
      handleLLMError: (_error, runId) => {
        this.#running.delete(runId);
      },
    };
  }

  /** True while a model of this agent answers. */
  isAnswering(agent: string): boolean {
    return [...this.#running.values()].includes(agent);
  }

  /** An answer that came from a node itself. */
  async answered(message: unknown, metadata: JsonObject): Promise<void> {
    if (!isGraphMessage(message)) return;
    if (await this.#options.teller.completeMessage(message, agentOf(metadata))) this.#answered = true;
  }

  /** Marks the turn, if there was an answer since the last. @throws RunAgentError CANCELLED when it is to be the last. */
  async markTurn(): Promise<void> {
    if (this.#answered && this.#running.size === 0) {
      this.#answered = false;
      const { context, teller } = this.#options;
      this.#marking = teller.tellSkipped().then(() => context.turn());
    }
    await this.#marking;
  }

  async #beforeModel(): Promise<void> {
    await this.#options.drained();
    // Where the turn was the last, the signal has fired, and the model call that follows is not sent.
    await this.markTurn().catch(() => {});
  }

  async #afterModel(output: unknown, runId: string): Promise<void> {
    const agent = this.#running.get(runId);
    if (agent === undefined) return;
    await this.#options.drained();
    this.#running.delete(runId);
    this.#answered = true;
    const message = messageIn(output);
    if (!isGraphMessage(message)) return;
    await this.#options.teller.completeMessage(message, agent).catch((error: unknown) => this.#options.fail(error));
  }
}

/** The same rule as that of the stream mode "messages". */
function isStreamed(tags: readonly string[], metadata: JsonObject): boolean {
  if (tags.includes("nostream") || tags.includes("langsmith:nostream")) return false;
  return (metadata.langgraph_checkpoint_ns ?? metadata.checkpoint_ns) !== undefined;
}

function messageIn(output: unknown): unknown {
  const generations: unknown = isJsonObject(output) ? output.generations : undefined;
  const first: unknown = Array.isArray(generations) ? generations[0] : undefined;
  const generation: unknown = Array.isArray(first) ? first[0] : undefined;
  return typeof generation === "object" && generation !== null && "message" in generation ? generation.message : undefined;
}
