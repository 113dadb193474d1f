/** What is made here is what AI SDK 7 takes: checked by the compiler. */
import type * as aiSdk from "ai";
import type { approvalsAnswered, RunAgentChatTransport, toUIMessageStream, UIMessageChunk, UIMessageLike } from "runagent/ai-sdk";
import { expectTypeOf, test } from "vitest";

test("chunks, the transport, and its predicate, with AI SDK 7", () => {
  expectTypeOf<UIMessageChunk>().toExtend<aiSdk.UIMessageChunk>();
  expectTypeOf<"tool-approval-response">().toExtend<aiSdk.UIMessageChunk["type"]>();
  expectTypeOf<Exclude<UIMessageChunk["type"], aiSdk.UIMessageChunk["type"]>>().toEqualTypeOf<never>();
  expectTypeOf<ReturnType<typeof toUIMessageStream>>().toExtend<ReadableStream<aiSdk.UIMessageChunk>>();
  expectTypeOf<RunAgentChatTransport>().toExtend<aiSdk.ChatTransport<aiSdk.UIMessage>>();
  expectTypeOf<aiSdk.UIMessage>().toExtend<UIMessageLike>();
  expectTypeOf<typeof approvalsAnswered>().toExtend<NonNullable<aiSdk.ChatInit<aiSdk.UIMessage>["sendAutomaticallyWhen"]>>();
});
