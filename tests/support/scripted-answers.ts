/**
 * What the scripted model answers, in the forms of the two APIs: chat completions and responses. Nothing is random and
 * no clock is read, so the same script gives the same bytes.
 */
import type { ScriptedRequest, ScriptedToolCall, ScriptedTurn } from "./scripted-model.ts";

/** A piece of an event stream. */
export interface AnswerEvent {
  readonly text: string;
  /** True for a piece of the answer's text. */
  readonly isDelta: boolean;
}

const CREATED = 1_767_225_600;

interface NamedCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

/** A chat completion as a whole. */
export function chatCompletion(body: ScriptedRequest, index: number, turn: ScriptedTurn): unknown {
  const calls = callsOf(turn, index);
  return {
    ...chatHead(body, index, "chat.completion"),
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: turn.text ?? null,
          refusal: null,
          ...(turn.reasoning !== undefined && { reasoning: turn.reasoning, reasoning_content: turn.reasoning }),
          ...(calls.length > 0 && { tool_calls: calls.map(toChatCall) }),
        },
        logprobs: null,
        finish_reason: finishReason(turn),
      },
    ],
    usage: chatUsage(turn),
  };
}

/** A chat completion as events. */
export function* chatEvents(body: ScriptedRequest, index: number, turn: ScriptedTurn): Generator<AnswerEvent> {
  const head = chatHead(body, index, "chat.completion.chunk");
  const piece = (delta: unknown, isDelta = false, finish: string | null = null): AnswerEvent => ({
    text: data({ ...head, choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] }),
    isDelta,
  });
  yield piece({ role: "assistant", content: "" });
  // Servers disagree on the name of this field: clients read one of the two.
  for (const text of words(turn.reasoning)) yield piece({ reasoning: text, reasoning_content: text });
  for (const content of deltasOf(turn)) yield piece({ content }, true);
  for (const [position, call] of callsOf(turn, index).entries()) {
    const { function: named, ...rest } = toChatCall(call);
    yield piece({ tool_calls: [{ index: position, ...rest, function: { name: named.name, arguments: "" } }] });
    for (const part of halves(call.arguments)) yield piece({ tool_calls: [{ index: position, function: { arguments: part } }] });
  }
  yield piece({}, false, finishReason(turn));
  yield { text: data({ ...head, choices: [], usage: chatUsage(turn) }), isDelta: false };
  yield { text: "data: [DONE]\n\n", isDelta: false };
}

/** A response as a whole. */
export function responseObject(body: ScriptedRequest, index: number, turn: ScriptedTurn): unknown {
  return responseWith(body, index, "completed", outputOf(turn, index), responseUsage(turn));
}

/** A response as events. */
export function* responseEvents(body: ScriptedRequest, index: number, turn: ScriptedTurn): Generator<AnswerEvent> {
  let sequence = 0;
  const event = (type: string, fields: object, isDelta = false): AnswerEvent => ({
    text: `event: ${type}\n${data({ type, sequence_number: sequence++, ...fields })}`,
    isDelta,
  });
  const begun = responseWith(body, index, "in_progress", [], null);
  yield event("response.created", { response: begun });
  yield event("response.in_progress", { response: begun });
  for (const [position, item] of outputOf(turn, index).entries()) {
    yield* itemEvents(item, position, turn, event);
  }
  yield event("response.completed", { response: responseObject(body, index, turn) });
}

type OutputItem =
  | {
      readonly type: "reasoning";
      readonly id: string;
      readonly summary: readonly { readonly type: "summary_text"; readonly text: string }[];
    }
  | {
      readonly type: "message";
      readonly id: string;
      readonly status: "completed";
      readonly role: "assistant";
      readonly content: readonly OutputText[];
    }
  | {
      readonly type: "function_call";
      readonly id: string;
      readonly status: "completed";
      readonly call_id: string;
      readonly name: string;
      readonly arguments: string;
    };

interface OutputText {
  readonly type: "output_text";
  readonly text: string;
  readonly annotations: readonly unknown[];
  readonly logprobs: readonly unknown[];
}

type MakeEvent = (type: string, fields: object, isDelta?: boolean) => AnswerEvent;

function* itemEvents(item: OutputItem, position: number, turn: ScriptedTurn, event: MakeEvent): Generator<AnswerEvent> {
  const at = { item_id: item.id, output_index: position };
  if (item.type === "reasoning") {
    yield event("response.output_item.added", { output_index: position, item: { ...item, summary: [] } });
    yield* reasoningEvents(turn.reasoning ?? "", { ...at, summary_index: 0 }, event);
  } else if (item.type === "message") {
    yield event("response.output_item.added", { output_index: position, item: { ...item, status: "in_progress", content: [] } });
    yield* textEvents(turn, { ...at, content_index: 0 }, event);
  } else {
    yield event("response.output_item.added", { output_index: position, item: { ...item, status: "in_progress", arguments: "" } });
    for (const delta of halves(item.arguments)) yield event("response.function_call_arguments.delta", { ...at, delta });
    yield event("response.function_call_arguments.done", { ...at, name: item.name, arguments: item.arguments });
  }
  yield event("response.output_item.done", { output_index: position, item });
}

function* reasoningEvents(text: string, at: object, event: MakeEvent): Generator<AnswerEvent> {
  yield event("response.reasoning_summary_part.added", { ...at, part: { type: "summary_text", text: "" } });
  for (const delta of words(text)) yield event("response.reasoning_summary_text.delta", { ...at, delta });
  yield event("response.reasoning_summary_text.done", { ...at, text });
  yield event("response.reasoning_summary_part.done", { ...at, part: { type: "summary_text", text } });
}

function* textEvents(turn: ScriptedTurn, at: object, event: MakeEvent): Generator<AnswerEvent> {
  const text = turn.text ?? "";
  yield event("response.content_part.added", { ...at, part: outputText("") });
  for (const delta of deltasOf(turn)) yield event("response.output_text.delta", { ...at, delta, logprobs: [] }, true);
  yield event("response.output_text.done", { ...at, text, logprobs: [] });
  yield event("response.content_part.done", { ...at, part: outputText(text) });
}

function outputOf(turn: ScriptedTurn, index: number): OutputItem[] {
  const output: OutputItem[] = [];
  if (turn.reasoning !== undefined) {
    output.push({ type: "reasoning", id: `rs_${index}`, summary: [{ type: "summary_text", text: turn.reasoning }] });
  }
  if (turn.text !== undefined) {
    output.push({ type: "message", id: `msg_${index}`, status: "completed", role: "assistant", content: [outputText(turn.text)] });
  }
  for (const call of callsOf(turn, index)) {
    const { id, name } = call;
    output.push({ type: "function_call", id: `fc_${id}`, status: "completed", call_id: id, name, arguments: call.arguments });
  }
  return output;
}

function outputText(text: string): OutputText {
  return { type: "output_text", text, annotations: [], logprobs: [] };
}

function responseWith(body: ScriptedRequest, index: number, status: string, output: readonly OutputItem[], usage: unknown): unknown {
  return {
    id: `resp_${index}`,
    object: "response",
    created_at: CREATED,
    status,
    model: body.model,
    output,
    usage,
    error: null,
    incomplete_details: null,
    instructions: body.instructions ?? null,
    metadata: {},
    parallel_tool_calls: true,
    temperature: 1,
    top_p: 1,
    tool_choice: "auto",
    tools: body.tools ?? [],
  };
}

function chatHead(body: ScriptedRequest, index: number, object: string): object {
  return { id: `chatcmpl-${index}`, object, created: CREATED, model: body.model };
}

function chatUsage(turn: ScriptedTurn): unknown {
  const answered = turn.text?.length ?? 0;
  return { prompt_tokens: 1, completion_tokens: answered, total_tokens: answered + 1 };
}

function responseUsage(turn: ScriptedTurn): unknown {
  const answered = turn.text?.length ?? 0;
  return {
    input_tokens: 1,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: answered,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: answered + 1,
  };
}

function finishReason(turn: ScriptedTurn): string {
  return turn.toolCalls === undefined || turn.toolCalls.length === 0 ? "stop" : "tool_calls";
}

function callsOf(turn: ScriptedTurn, index: number): NamedCall[] {
  return (turn.toolCalls ?? []).map((call: ScriptedToolCall, position) => ({
    id: call.id ?? `call_${index}_${position}`,
    name: call.name,
    arguments: typeof call.arguments === "string" ? call.arguments : JSON.stringify(call.arguments),
  }));
}

function toChatCall({ id, name, arguments: text }: NamedCall) {
  return { id, type: "function", function: { name, arguments: text } } as const;
}

function deltasOf({ text = "", deltas }: ScriptedTurn): string[] {
  if (deltas === undefined) return words(text);
  return Array.from({ length: deltas }, (_, n) => text.slice((n * text.length) / deltas, ((n + 1) * text.length) / deltas));
}

function words(text = ""): string[] {
  return text.match(/\S+\s*|\s+/g) ?? [];
}

function halves(text: string): string[] {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)].filter((half) => half !== "");
}

function data(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}
