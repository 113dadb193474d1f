/**
 * What is served through the AI SDK: settings of `streamText`, an agent, or a function that gives one of these for each
 * invocation. Here each becomes a stream of parts.
 */
import { RunAgentError } from "@runagent/core";
import type { ModelMessage, streamText, ToolSet } from "ai";
import type { Untyped } from "../agent.ts";
import type { AgentContext } from "../context.ts";
import type { StepStart, TurnGate } from "./ai-sdk-gate.ts";
import { paceModel } from "./ai-sdk-pace.ts";

/** The settings of `streamText`, without the conversation. */
export type AISDKSettings = Omit<Parameters<typeof streamText<ToolSet>>[0], "messages" | "prompt">;

/** What `streamText` returns, as far as it is read. */
export interface AISDKResult {
  readonly fullStream: AsyncIterable<object>;
  readonly response: PromiseLike<object>;
  readonly responseMessages?: PromiseLike<readonly object[]>;
}

/** An agent of the AI SDK: a ToolLoopAgent, or one of your own. */
export interface AISDKAgent {
  readonly id?: string | undefined;
  /** Takes `messages`, `abortSignal`, and `onStepStart`, which an agent of your own awaits before each model call. */
  stream(options: Untyped): PromiseLike<AISDKResult> | AISDKResult;
}

/** Gives what answers one invocation. Called again after approvals only where it returns the result of `streamText`. */
export type AISDKFunction = (
  input: Record<string, Untyped>,
  context: AgentContext,
  /** The conversation so far; give it to `streamText` yourself when you call it yourself. */
  messages: ModelMessage[],
) => AISDKSettings | AISDKAgent | AISDKResult | PromiseLike<AISDKSettings | AISDKAgent | AISDKResult>;

/** What can be served. */
export type AISDKSource = AISDKSettings | AISDKAgent | AISDKFunction;

/** One run of the SDK: up to its end, or to the approvals that it needs. */
export interface RunOptions {
  readonly messages: ModelMessage[];
  readonly signal: AbortSignal;
  readonly gate: TurnGate;
  /** Settles when clients have been told all that there is. */
  readonly drained: () => Promise<void>;
  /** The messages may hold system messages. */
  readonly allowSystem: boolean;
}

/** The tools of a source, where they are known before it runs. */
export function toolsOf(source: AISDKSource): ToolSet | undefined {
  return "tools" in source ? (source.tools as ToolSet | undefined) : undefined;
}

/** True for what has streamed already, and can be read once. */
export function isResult(value: AISDKSettings | AISDKAgent | AISDKResult): value is AISDKResult {
  return "fullStream" in value;
}

/** The name of an agent that has one. */
export function nameOf(value: AISDKSettings | AISDKAgent | AISDKResult): string | undefined {
  return isAgent(value) && typeof value.id === "string" ? value.id : undefined;
}

function isAgent(value: AISDKSettings | AISDKAgent | AISDKResult): value is AISDKAgent {
  return !isResult(value) && "stream" in value && typeof value.stream === "function";
}

/** @throws RunAgentError with the code given for what cannot be served. */
export function checkSource(
  value: unknown,
  code: "EXECUTION_ERROR" | "VALIDATION_ERROR",
): asserts value is AISDKSettings | AISDKAgent | AISDKResult {
  if (typeof value === "object" && value !== null && ("model" in value || "fullStream" in value || "stream" in value)) return;
  throw new RunAgentError(code, "fromAISDK was given neither settings with a model, nor an agent, nor a result of streamText.", {
    suggestion: "Give it { model, … } as for streamText, a ToolLoopAgent, or a function that returns one of these.",
  });
}

/** Starts a run. */
export async function startRun(
  ai: Pick<typeof import("ai"), "streamText">,
  source: AISDKSettings | AISDKAgent | AISDKResult,
  { messages, signal, gate, drained, allowSystem }: RunOptions,
): Promise<AISDKResult> {
  if (isResult(source)) return source;
  if (isAgent(source)) {
    const onStepStart = (step: StepStart): Promise<void> => gate.pass(step);
    // Version 6 knows it by the second name.
    return source.stream({ messages, abortSignal: signal, onStepStart, experimental_onStepStart: onStepStart });
  }
  const { abortSignal, prepareStep, onError } = source;
  return ai.streamText<ToolSet>({
    ...(allowSystem && { allowSystemInMessages: true }),
    ...source,
    messages,
    abortSignal: abortSignal === undefined ? signal : AbortSignal.any([signal, abortSignal]),
    prepareStep: async (step) => {
      await gate.pass(step);
      const prepared = await prepareStep?.(step);
      return { ...prepared, model: paceModel(prepared?.model ?? step.model, drained) };
    },
    // Its own default prints; the error is in the stream as well.
    onError: onError ?? (() => {}),
  });
}

/** The parts of a run, as they come. */
export function partsOf(result: AISDKResult): AsyncIterable<object> {
  // Newer versions call it stream, and keep the older name for a while.
  return "stream" in result ? (result.stream as AsyncIterable<object>) : result.fullStream;
}

/** What a run has added to the conversation. Read after its end. */
export async function messagesOf(result: AISDKResult): Promise<ModelMessage[]> {
  // What the SDK gives, it takes.
  if (result.responseMessages !== undefined) return (await result.responseMessages) as ModelMessage[];
  const response = await result.response;
  return "messages" in response && Array.isArray(response.messages) ? (response.messages as ModelMessage[]) : [];
}
