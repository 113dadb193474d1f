/**
 * Serves an agent of `@openai/agents`: `chat_stream: fromOpenAIAgent(agent)`. The package is an optional peer.
 *
 * The package sends traces to OpenAI when OPENAI_API_KEY is set. Nothing here switches that on or off: call
 * `setTracingDisabled(true)` of `@openai/agents`, set OPENAI_AGENTS_DISABLE_TRACING=1, or pass a runner with `tracingDisabled`.
 */
import type {
  Agent,
  AgentInputItem,
  AgentOutputType,
  CallModelInputFilter,
  Runner,
  RunState,
  RunStreamEvent,
  StreamRunOptions,
} from "@openai/agents";
import { events, isJsonObject, RunAgentError } from "@runagent/core";
import type { Untyped } from "../agent.ts";
import type { AgentContext } from "../context.ts";
import { type AdaptedEntrypoint, inputSchema } from "./input.ts";
import { toJson } from "./json-safe.ts";
import { createTurnContext, type TurnContext } from "./openai-agents-context.ts";
import { toRunError } from "./openai-agents-errors.ts";
import { readOpenAIInput } from "./openai-agents-input.ts";
import { type ItemAgent, toApprovalRequest, toItemEvents } from "./openai-agents-items.ts";
import { paceProvider } from "./openai-agents-pace.ts";
import { createPacedReader, type PacedReader } from "./pace.ts";
import { loadPeer } from "./peer.ts";

type Peer = typeof import("@openai/agents");

export type { AdaptedEntrypoint };

/** An agent, or what makes one for an invocation. */
export type OpenAIAgentSource<Context, Output extends AgentOutputType> =
  | Agent<Context, Output>
  | ((input: Untyped, ctx: AgentContext) => Agent<Context, Output> | Promise<Agent<Context, Output>>);

/** How an agent is run. */
export interface OpenAIAgentOptions<Context> {
  /** After how many answers of the model a run that is not done fails. Default: that of the package, 10. */
  readonly maxTurns?: number;
  /** What tools, guardrails and instructions get as their context; a function makes one for each invocation. */
  readonly context?: Context | ((input: Untyped, ctx: AgentContext) => Context);
  /** Whose configuration counts (models, guardrails, tracing), and whose hooks hear of the run. Default: that of the package. */
  readonly runner?: Runner;
  /** Makes the input of the run of what callers send. Default: they send `{ message }` or `{ messages }`. */
  readonly toInput?: (input: Untyped, ctx: AgentContext) => string | AgentInputItem[] | Promise<string | AgentInputItem[]>;
  /** Seconds after which a tool that nobody has decided on is rejected. Default: what the server allows. */
  readonly approvalExpiresIn?: number;
  /** false: the model's own events are not sent. Default true: they are, less the instructions and tools that the Responses API repeats in them. */
  readonly rawEvents?: boolean;
}

/** One invocation of an agent. */
interface Invocation<Context, Output extends AgentOutputType> {
  readonly peer: Peer;
  readonly agent: Agent<Context, Output>;
  readonly ctx: AgentContext;
  readonly options: OpenAIAgentOptions<Context>;
  readonly pace: PacedReader<RunStreamEvent>;
  /** One for all runs: it keeps the context and the usage while a run waits for its approvals. */
  readonly context: TurnContext<Context>;
  /** Why humans rejected calls, by call id. */
  readonly rejected: Map<string, string | undefined>;
}

/** What is used of a streamed run. */
interface InterruptibleRun<Context, Output extends AgentOutputType> extends AsyncIterable<RunStreamEvent> {
  readonly interruptions: readonly unknown[];
  readonly state: RunState<Context, Agent<Context, Output>>;
}

/**
 * An entrypoint that runs an agent of `@openai/agents`. Chunks are the text of the answer; model events, run items and agent updates are
 * events; a tool that needs approval asks the clients; `after_turn` stops before the next request to the model.
 */
export function fromOpenAIAgent<Context = unknown, Output extends AgentOutputType = "text">(
  source: OpenAIAgentSource<Context, Output>,
  options: OpenAIAgentOptions<Context> = {},
): AdaptedEntrypoint {
  if (typeof source !== "function") checkAgent(source, "VALIDATION_ERROR");
  const { toInput } = options;
  if (toInput !== undefined) {
    return {
      run: async function* (given: Untyped, ctx: AgentContext): AsyncGenerator<string> {
        yield* answer(source, options, { given, items: await toInput(given, ctx) }, ctx);
      },
    };
  }
  return {
    input: inputSchema((given): ReadInput => ({ given, items: readOpenAIInput(given) })),
    run: async function* (input: ReadInput, ctx: AgentContext): AsyncGenerator<string> {
      yield* answer(source, options, input, ctx);
    },
  };
}

/** The input of a caller, as it came, and what is made of it. */
interface ReadInput {
  readonly given: unknown;
  readonly items: string | AgentInputItem[];
}

/** The chunks of an invocation. */
async function* answer<Context, Output extends AgentOutputType>(
  source: OpenAIAgentSource<Context, Output>,
  options: OpenAIAgentOptions<Context>,
  { given, items }: ReadInput,
  ctx: AgentContext,
): AsyncGenerator<string> {
  const peer = await loadOpenAIAgents();
  const agent = typeof source === "function" ? await source(given, ctx) : source;
  checkAgent(agent, "EXECUTION_ERROR");
  const context = createTurnContext<Context>(peer.RunContext, contextOf(options, given, ctx));
  const pace = createPacedReader<RunStreamEvent>();
  try {
    yield* runToEnd({ peer, agent, ctx, options, pace, context, rejected: new Map() }, items);
  } catch (error) {
    throw toRunError(error, peer);
  } finally {
    pace.close();
  }
}

/** @throws RunAgentError with the code given for what is no agent: in plain JavaScript anything may come. */
function checkAgent(agent: unknown, code: "EXECUTION_ERROR" | "VALIDATION_ERROR"): void {
  if (typeof agent === "object" && agent !== null && "name" in agent && "handoffs" in agent) return;
  throw new RunAgentError(code, "fromOpenAIAgent was not given an agent.", {
    suggestion: "Give it an Agent of @openai/agents, or a function that returns one.",
  });
}

function loadOpenAIAgents(): Promise<Peer> {
  return loadPeer("@openai/agents", () => import("@openai/agents"), [
    "Runner",
    "RunContext",
    "RunState",
    "getHandoff",
    "MaxTurnsExceededError",
  ]);
}

function contextOf<Context>({ context }: OpenAIAgentOptions<Context>, input: Untyped, ctx: AgentContext): Context | undefined {
  return isFactory(context) ? context(input, ctx) : context;
}

function isFactory<Context>(context: OpenAIAgentOptions<Context>["context"]): context is (input: Untyped, ctx: AgentContext) => Context {
  return typeof context === "function";
}

/** Runs the agent; where it is interrupted by approvals, again with what was decided. */
async function* runToEnd<Context, Output extends AgentOutputType>(
  invocation: Invocation<Context, Output>,
  input: string | AgentInputItem[],
): AsyncGenerator<string> {
  const { agent, ctx, options, pace, context } = invocation;
  const runner = createRunner(invocation);
  const runOptions: StreamRunOptions<Context, Agent<Context, Output>> & { stream: true } = {
    stream: true,
    context: context.runContext,
    signal: ctx.signal,
    callModelInputFilter: endTurns(invocation, runner.config.callModelInputFilter),
    ...(options.maxTurns !== undefined && { maxTurns: options.maxTurns }),
  };
  let next: string | AgentInputItem[] | RunState<Context, Agent<Context, Output>> = input;
  for (;;) {
    const run: InterruptibleRun<Context, Output> = await runner.run(agent, next, runOptions);
    for await (const event of pace.read(run)) {
      const text = await tell(event, invocation);
      if (text) yield text;
    }
    // The package ends an aborted run without an error.
    if (ctx.signal.aborted) return;
    if (run.interruptions.length === 0) return await ctx.turn();
    next = await decide(run.state, invocation);
  }
}

/** A runner for one invocation: it has the configuration of the given one, and waits for the clients. */
function createRunner<Context, Output extends AgentOutputType>({ peer, options, pace, context }: Invocation<Context, Output>): Runner {
  const given = options.runner;
  const { config } = given ?? new peer.Runner();
  const modelProvider = paceProvider(config.modelProvider, { drained: pace.drained, asked: ({ input }) => context.heard(input) });
  const runner = new peer.Runner({ ...config, modelProvider });
  if (given !== undefined) runner.emit = given.emit.bind(given);
  return runner;
}

/**
 * Called before each request to the model: from the second on, a turn lies behind. The run would go on meanwhile, so it waits until the
 * clients have been told everything of this turn; where they asked to stop after it, `turn` throws and the request is never sent.
 */
function endTurns<Context, Output extends AgentOutputType>(
  { peer, ctx, pace, context, options: { maxTurns } }: Invocation<Context, Output>,
  inherited: CallModelInputFilter | undefined,
): CallModelInputFilter {
  let turns = 0;
  return async (args) => {
    if (turns > 0) {
      await pace.drained();
      context.endTurn();
      await ctx.turn();
    }
    // The package begins to count anew when it goes on after approvals.
    if (turns++ === maxTurns) throw new peer.MaxTurnsExceededError(`Max turns (${maxTurns}) exceeded`);
    return inherited === undefined ? args.modelData : inherited(args);
  };
}

/** Tells the clients of an event. @returns The text that it adds to the answer. */
async function tell<Context, Output extends AgentOutputType>(
  event: RunStreamEvent,
  { peer, ctx, options, rejected }: Invocation<Context, Output>,
): Promise<string | undefined> {
  switch (event.type) {
    case "raw_model_stream_event":
      // The package's own reading of the model's events stands beside them: of it only the text is needed.
      if (event.data.type === "output_text_delta") return event.data.delta;
      if (event.data.type === "model" && options.rawEvents !== false) {
        const data = withoutRequest(toJson(event.data.event));
        await ctx.emit(events.rawResponse(nameOf(data), data));
      }
      return;
    case "run_item_stream_event": {
      const handoffTarget = (agent: ItemAgent, toolName: string): string | undefined =>
        agent.handoffs.map((handoff) => peer.getHandoff(handoff)).find((handoff) => handoff.toolName === toolName)?.agentName;
      for (const told of toItemEvents(event, { rejected, handoffTarget })) await ctx.emit(told);
      return;
    }
    case "agent_updated_stream_event":
      await ctx.emit(events.agentUpdated({ name: event.agent.name }));
  }
}

/** The Responses API repeats what it was asked with: the instructions and tools are the agent's own, and no client's business. */
function withoutRequest(event: unknown): unknown {
  if (!isJsonObject(event) || !isJsonObject(event.response)) return event;
  const { instructions: _instructions, tools: _tools, prompt: _prompt, ...response } = event.response;
  return { ...event, response };
}

/** The type of an event of the Responses API; chat completions name the kind of object instead. */
function nameOf(data: unknown): string {
  const { type, object }: Record<string, unknown> = { ...(typeof data === "object" ? data : undefined) };
  return typeof type === "string" ? type : typeof object === "string" ? object : "model";
}

/** Asks for all that the run waits for, at once, and gives the state that it goes on from. */
async function decide<Context, Output extends AgentOutputType>(
  interrupted: RunState<Context, Agent<Context, Output>>,
  { peer, agent, ctx, options, context, rejected }: Invocation<Context, Output>,
): Promise<RunState<Context, Agent<Context, Output>>> {
  // Written and read again, the run holds no model and no connection while it waits, for days maybe. The context of the user need not be
  // JSON: it stays as it is.
  const written = interrupted.toJSON();
  const text = JSON.stringify({ ...written, context: { ...written.context, context: {} } });
  const state = await peer.RunState.fromStringWithContext<Context, Agent<Context, Output>>(agent, text, context.runContext);
  const expires = options.approvalExpiresIn === undefined ? {} : { expiresIn: options.approvalExpiresIn };
  const asked = state.getInterruptions().map((item) => ({ item, request: toApprovalRequest(item) }));
  for (const { request } of asked) context.ask(request);
  const answers = await Promise.all(asked.map(({ request }) => ctx.requireApproval({ ...request, ...expires })));
  for (const [index, { item, request }] of asked.entries()) {
    const answer = answers[index];
    if (answer?.decision === "approve") {
      state.approve(item);
    } else {
      rejected.set(request.call_id, answer?.reason);
      state.reject(item, answer?.reason === undefined ? {} : { message: answer.reason });
    }
  }
  return state;
}
