/** What is made here is what AI SDK 6 and AG-UI 1.0 take: checked by the compiler. */
import type { AbstractAgent, AGUIEventByType, BaseEvent, EventType, Interrupt, RunAgentInput } from "@ag-ui/client";
import type * as aiSdk from "ai";
import type { RunAgentClient, RunAgentStream } from "runagent";
import type { AGUIEvent, EventStream, RunInput, RunInterrupt, toAGUI } from "runagent/ag-ui";
import type {
  approvalsAnswered,
  ChatClient,
  RunAgentChatTransport,
  toUIMessageStream,
  UIMessageChunk,
  UIMessageLike,
} from "runagent/ai-sdk";
import { describe, expectTypeOf, test } from "vitest";

/** An event of AG-UI as it travels: its type is the text, where the package has an enum. */
type Travelling<Type extends EventType> = Type extends EventType ? Omit<AGUIEventByType[Type], "type"> & { type: `${Type}` } : never;

/** The fields of ours that theirs does not have. */
type Unknown<Ours, Theirs> = Ours extends { type: infer Type } ? Exclude<keyof Ours, keyof Extract<Theirs, { type: Type }>> : never;

describe("with AI SDK 6", () => {
  test("chunks", () => {
    expectTypeOf<UIMessageChunk>().toExtend<aiSdk.UIMessageChunk>();
    expectTypeOf<Exclude<UIMessageChunk["type"], aiSdk.UIMessageChunk["type"]>>().toEqualTypeOf<never>();
    expectTypeOf<ReturnType<typeof toUIMessageStream>>().toExtend<ReadableStream<aiSdk.UIMessageChunk>>();
    expectTypeOf<ReturnType<typeof toUIMessageStream>>().toExtend<Parameters<typeof aiSdk.createUIMessageStreamResponse>[0]["stream"]>();
    // Not the types of the version that is newer.
    expectTypeOf<"tool-approval-response">().not.toExtend<aiSdk.UIMessageChunk["type"]>();
  });

  test("the transport", () => {
    expectTypeOf<RunAgentChatTransport>().toExtend<aiSdk.ChatTransport<aiSdk.UIMessage>>();
    expectTypeOf<RunAgentChatTransport<{ messages: unknown }, aiSdk.UIMessage>>().toExtend<aiSdk.ChatTransport<aiSdk.UIMessage>>();
    expectTypeOf<aiSdk.UIMessage>().toExtend<UIMessageLike>();
    expectTypeOf<typeof approvalsAnswered>().toExtend<NonNullable<aiSdk.ChatInit<aiSdk.UIMessage>["sendAutomaticallyWhen"]>>();
  });
});

describe("with AG-UI 1.0", () => {
  test("events", () => {
    expectTypeOf<AGUIEvent>().toExtend<Travelling<EventType>>();
    expectTypeOf<Exclude<AGUIEvent["type"], `${EventType}`>>().toEqualTypeOf<never>();
    expectTypeOf<Unknown<AGUIEvent, Travelling<EventType>>>().toEqualTypeOf<never>();
    expectTypeOf<RunInterrupt>().toExtend<Interrupt>();
    expectTypeOf<ReturnType<typeof toAGUI<BaseEvent>>>().toExtend<AsyncIterable<BaseEvent>>();
  });

  test("the input of a run", () => {
    expectTypeOf<RunAgentInput>().toExtend<RunInput>();
    expectTypeOf<Parameters<AbstractAgent["run"]>[0]>().toExtend<Parameters<typeof toAGUI>[1]>();
  });
});

describe("with our own client", () => {
  test("streams and clients, whatever they are typed for", () => {
    expectTypeOf<RunAgentStream>().toExtend<EventStream>();
    expectTypeOf<RunAgentStream<{ text: string }>>().toExtend<EventStream>();
    expectTypeOf<RunAgentClient>().toExtend<ChatClient<Record<string, unknown>>>();
    expectTypeOf<RunAgentClient<"chat_stream">>().toExtend<ChatClient<Record<string, unknown>>>();
    expectTypeOf<RunAgentClient<"chat_stream", { message: string }, string>>().toExtend<ChatClient<{ message: string }>>();
    expectTypeOf<RunAgentClient<"chat_stream", { message: string }>>().not.toExtend<ChatClient<{ message: number }>>();
  });

  test("what toInput makes is what the client takes", () => {
    type Options<Input> = ConstructorParameters<typeof RunAgentChatTransport<Input, aiSdk.UIMessage>>[0];
    expectTypeOf<{ client: RunAgentClient<"chat_stream", { message: string }>; toInput: () => { message: string } }>().toExtend<
      Options<{ message: string }>
    >();
    expectTypeOf<{ client: RunAgentClient<"chat_stream", { message: string }>; toInput: () => { message: number } }>().not.toExtend<
      Options<{ message: string }>
    >();
  });
});
