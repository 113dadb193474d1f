/**
 * Serves what is written with the AI SDK (the package `ai`, versions 6 and 7):
 *
 *   serve(defineAgent({ id: "helper", entrypoints: { chat_stream: fromAISDK({ model, tools, system }) } }));
 *
 * One invocation is one or more runs of the SDK. A run ends where tools need an approval; once that is decided, the next
 * goes on with the conversation so far, and the SDK itself calls what was approved, once.
 */

import { isJsonObject } from "@runagent/core";
import type { ModelMessage, ToolContent } from "ai";
import type { Untyped } from "../agent.ts";
import type { AgentContext } from "../context.ts";
import { TurnGate } from "./ai-sdk-gate.ts";
import { readModelMessages } from "./ai-sdk-input.ts";
import { type AskedCall, PartReader } from "./ai-sdk-parts.ts";
import {
  type AISDKAgent,
  type AISDKFunction,
  type AISDKResult,
  type AISDKSettings,
  type AISDKSource,
  checkSource,
  isResult,
  messagesOf,
  nameOf,
  partsOf,
  startRun,
  toolsOf,
} from "./ai-sdk-source.ts";
import { type AdaptedEntrypoint, inputSchema } from "./input.ts";
import { toModelError } from "./model-error.ts";
import { createPacedReader, type PacedReader } from "./pace.ts";
import { loadPeer } from "./peer.ts";

export type { AdaptedEntrypoint, AISDKAgent, AISDKFunction, AISDKResult, AISDKSettings, AISDKSource };

/** How an agent of the AI SDK is served. */
export interface AISDKOptions {
  /** Makes `{ message }` or `{ messages }` of what callers send. Default: they send that. */
  readonly toInput?: (input: Record<string, Untyped>, context: AgentContext) => unknown;
  /** Callers may write system messages, which the model trusts like the agent's own instructions. Default false. */
  readonly allowSystemMessages?: boolean;
  /** Seconds after which a tool that nobody has decided on is rejected. Default: what the server allows. */
  readonly approvalExpiresIn?: number;
  /** false: the parts of the SDK's stream are not sent beside what is made of them. Default true. */
  readonly rawEvents?: boolean;
}

/** What is needed of the SDK. The last is not used, and is in no version that would run a tool without the approval that it needs. */
const NEEDED = ["streamText", "convertToModelMessages", "modelMessageSchema", "safeValidateUIMessages", "ToolLoopAgent"] as const;

/** The input of a caller, as it is given, and as model messages: undefined where it is not read yet. */
interface ReadInput {
  readonly given: Record<string, Untyped>;
  readonly messages?: ModelMessage[] | undefined;
}

/**
 * An entrypoint for a tag that ends in `_stream`: it takes `{ message }` or `{ messages }`, yields the text of the answer piece by piece,
 * and emits everything else as events.
 * @param source The settings of `streamText`, a ToolLoopAgent, or a function that gives one of these.
 */
export function fromAISDK(source: AISDKSource, options: AISDKOptions = {}): AdaptedEntrypoint {
  if (typeof source !== "function") checkSource(source, "VALIDATION_ERROR");
  const tools = typeof source === "function" ? undefined : toolsOf(source);
  const read = async (input: unknown): Promise<ModelMessage[]> =>
    readModelMessages(await loadAISDK(), input, tools, options.allowSystemMessages ?? false);
  if (options.toInput !== undefined) {
    const { toInput } = options;
    return {
      run: async function* (given: Record<string, Untyped>, context: AgentContext): AsyncGenerator<string> {
        yield* answer(source, options, given, await read(await toInput(given, context)), context);
      },
    };
  }
  const input = inputSchema(async (value): Promise<ReadInput> => {
    const given: Record<string, Untyped> = isJsonObject(value) ? value : {};
    // Without the SDK nothing can be read; whoever runs the agent is told so, and not the caller.
    if ((await loadAISDK().catch(() => undefined)) === undefined) return { given };
    return { given, messages: await read(value) };
  });
  return {
    input,
    run: async function* ({ given, messages }: ReadInput, context: AgentContext): AsyncGenerator<string> {
      yield* answer(source, options, given, messages ?? (await read(given)), context);
    },
  };
}

function loadAISDK(): Promise<Pick<typeof import("ai"), (typeof NEEDED)[number]>> {
  return loadPeer("ai", () => import("ai"), NEEDED);
}

/** The chunks of an invocation. */
async function* answer(
  source: AISDKSource,
  options: AISDKOptions,
  input: Record<string, Untyped>,
  asked: ModelMessage[],
  context: AgentContext,
): AsyncGenerator<string> {
  const ai = await loadAISDK();
  let messages = asked;
  let decided: Decided = { rejected: new Map(), calls: [], answers: [] };
  let answering: AISDKSettings | AISDKAgent | AISDKResult | undefined;
  for (;;) {
    // A result can be read once; settings and agents are good for the next run.
    if (answering === undefined || isResult(answering)) answering = await answererOf(source, input, context, messages);
    const run = new Run(context, answering, decided, options);
    yield* run.read(ai, messages);
    if (run.asked.length === 0) return;
    const added = await run.messages();
    decided = await decide(context, run.asked, options.approvalExpiresIn);
    messages = [...messages, ...added, { role: "tool", content: decided.answers }];
  }
}

/** What was decided on between two runs. */
interface Decided {
  /** By call: why it was rejected. */
  readonly rejected: Map<string, string>;
  readonly calls: readonly string[];
  readonly answers: ToolContent;
}

async function answererOf(
  source: AISDKSource,
  input: Record<string, Untyped>,
  context: AgentContext,
  messages: ModelMessage[],
): Promise<AISDKSettings | AISDKAgent | AISDKResult> {
  const answering: unknown = typeof source === "function" ? await source(input, context, messages) : source;
  checkSource(answering, "EXECUTION_ERROR");
  return answering;
}

/** Asks for all calls at once, and answers the SDK when each is decided. */
async function decide(context: AgentContext, asked: readonly AskedCall[], expiresIn: number | undefined): Promise<Decided> {
  const rejected = new Map<string, string>();
  const answers = await Promise.all(
    asked.map(async ({ approvalId, callId, toolName, input, why, byProvider }) => {
      const { decision, reason } = await context.requireApproval({
        tool_name: toolName,
        arguments: input,
        call_id: callId,
        ...(why !== undefined && { reason: why }),
        ...(expiresIn !== undefined && { expiresIn }),
      });
      if (decision === "reject") rejected.set(callId, reason ?? "rejected");
      const more = { ...(reason !== undefined && { reason }), ...(byProvider && { providerExecuted: true }) };
      return { type: "tool-approval-response" as const, approvalId, approved: decision === "approve", ...more };
    }),
  );
  return { rejected, calls: asked.map(({ callId }) => callId), answers };
}

/** One run of the SDK. */
class Run {
  readonly #context: AgentContext;
  readonly #source: AISDKSettings | AISDKAgent | AISDKResult;
  readonly #gate: TurnGate;
  readonly #reader: PartReader;
  readonly #pace: PacedReader<object> = createPacedReader();
  readonly #allowSystem: boolean;
  #result: AISDKResult | undefined;

  constructor(
    context: AgentContext,
    source: AISDKSettings | AISDKAgent | AISDKResult,
    { calls, rejected }: Decided,
    options: AISDKOptions,
  ) {
    this.#context = context;
    this.#source = source;
    this.#gate = new TurnGate(context, calls);
    const outputSeen = (callId: string): void => this.#gate.outputSeen(callId);
    this.#reader = new PartReader(context, { agent: nameOf(source), rejected, rawEvents: options.rawEvents ?? true, outputSeen });
    this.#allowSystem = options.allowSystemMessages ?? false;
  }

  /** The calls that wait for approvals. */
  get asked(): readonly AskedCall[] {
    return this.#reader.asked;
  }

  async messages(): Promise<ModelMessage[]> {
    return this.#result === undefined ? [] : messagesOf(this.#result);
  }

  /** The chunks of the run, to its end. */
  async *read(ai: Pick<typeof import("ai"), "streamText">, messages: ModelMessage[]): AsyncGenerator<string> {
    const stopped = new AbortController();
    const signal = AbortSignal.any([this.#context.signal, stopped.signal]);
    let over = false;
    try {
      const { drained } = this.#pace;
      this.#result = await startRun(ai, this.#source, { messages, signal, gate: this.#gate, drained, allowSystem: this.#allowSystem });
      for await (const part of this.#pace.read(partsOf(this.#result))) {
        const text = await this.#reader.read(part);
        if (text !== undefined) yield text;
        await this.#mark(part);
      }
      await this.#gate.markOwed();
      over = true;
    } catch (error) {
      // What ended the invocation is the reason, whatever it made the SDK throw.
      this.#context.signal.throwIfAborted();
      throw toModelError(error);
    } finally {
      this.#gate.close();
      this.#pace.close();
      // The SDK keeps a copy of its stream, and would keep the connection to the model with it.
      if (!over) stopped.abort();
    }
  }

  async #mark(part: object): Promise<void> {
    const type = "type" in part ? part.type : undefined;
    // Where nothing has held the step back, it has begun: the turn before it is marked late rather than never.
    if (type === "start-step") await this.#gate.markOwed();
    if (type !== "finish-step") return;
    // A turn ends with its tool calls, and these wait for an approval.
    if (this.#reader.asked.length > 0) return;
    await this.#context.turn();
    this.#gate.stepMarked();
  }
}
