/** Streams as messages of the AI SDK: what its own reader makes of them. */
import { isToolUIPart, readUIMessageStream, type UIMessage } from "ai";
import { RunAgentError } from "runagent";
import { toUIMessageStream, type UIMessageChunk } from "runagent/ai-sdk";
import { describe, expect, test, vi } from "vitest";
import { STORY, serveWorld, type World } from "./ui/agent.ts";

const say = (text: string): Record<string, unknown> => ({ messages: [{ role: "user", parts: [{ type: "text", text }] }] });

async function collect(stream: ReadableStream<UIMessageChunk>): Promise<UIMessageChunk[]> {
  const chunks: UIMessageChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

async function read(stream: ReadableStream<UIMessageChunk>, message?: UIMessage): Promise<UIMessage> {
  let last: UIMessage | undefined;
  // Versions of the message share their parts, which go on changing.
  for await (const next of readUIMessageStream({ stream, ...(message && { message: structuredClone(message) }) })) last = next;
  if (last === undefined) throw new Error("The stream made no message.");
  return structuredClone(last);
}

/** A message, read from an invocation, and once more from its log. */
async function readTwice({ client }: World, text: string, events: readonly string[] = []): Promise<{ id: string; message: UIMessage }> {
  const stream = client.runStream(say(text));
  const { position = "" } = await stream.started;
  const message = await read(toUIMessageStream(stream, { events }));
  expect(await read(toUIMessageStream(client.resume(position), { events }))).toEqual(message);
  expect(message.id).toBe(stream.invocationId);
  return { id: message.id, message };
}

const types = (chunks: readonly UIMessageChunk[]): string[] => chunks.map(({ type }) => type);
const STEP = { type: "step-start" };

/** The approval that a message asks for, as the server calls it. */
function askedBy({ id, parts }: UIMessage): string {
  const asked = parts.filter(isToolUIPart).find(({ state }) => state === "approval-requested");
  return asked?.approval?.id.slice(`${id}-`.length) ?? "none";
}

describe("toUIMessageStream", () => {
  test("text, reasoning, a tool, steps, data; a complete message that repeats the text is not shown", async () => {
    const { id, message } = await readTwice(await serveWorld(), "weather", ["progress"]);
    expect(message.parts).toEqual([
      STEP,
      { type: "reasoning", id: `${id}-1`, text: "A question about the weather.", state: "done" },
      { type: "text", text: "Let me look.", state: "done" },
      expect.objectContaining({
        type: "dynamic-tool",
        toolName: "weather",
        toolCallId: "call-1",
        state: "output-available",
        input: { city: "Oslo" },
        output: { degrees: 7 },
      }),
      STEP,
      { type: "data-agent", id: `${id}-8`, data: { name: "poet" } },
      { type: "data-progress", id: `${id}-9`, data: { type: "progress", percent: 50 } },
      { type: "text", text: "It is 7 °C.", state: "done" },
      { type: "data-chunk", id: `${id}-13`, data: { rows: [1, 2] } },
    ]);
  });

  test("events of the agent's own, and raw ones, come when they are asked for", async () => {
    const { client } = await serveWorld();
    const without = await collect(toUIMessageStream(client.runStream(say("weather"))));
    expect(types(without).filter((type) => type.startsWith("data-"))).toEqual(["data-agent", "data-chunk"]);
    const raw = await collect(toUIMessageStream(client.runStream(say("weather")), { events: ["raw_response_event"] }));
    expect(types(raw)).toContain("data-raw_response_event");
  });

  test("the chunks stand in the order of the AI SDK", async () => {
    const { client } = await serveWorld();
    expect(types(await collect(toUIMessageStream(client.runStream(say("weather")))))).toEqual([
      ...["start", "start-step", "reasoning-start", "reasoning-delta", "reasoning-end"],
      ...["text-start", "text-delta", "text-delta", "text-end", "tool-input-available", "tool-output-available", "finish-step"],
      ...["start-step", "data-agent", "text-start", "text-delta", "text-delta", "text-end", "data-chunk", "finish-step", "finish"],
    ]);
  });

  test("messages as chunks: snapshots grow one text, parts that are no text are data", async () => {
    const { id, message } = await readTwice(await serveWorld(), "messages");
    expect(message.parts).toEqual([
      STEP,
      { type: "text", text: "One two three.", state: "done" },
      { type: "text", text: "Look: ", state: "done" },
      { type: "data-part", id: `${id}-4-1`, data: { type: "image", url: "data:," } },
    ]);
  });

  test("what is odd is shown, and breaks nothing", async () => {
    const { id, message } = await readTwice(await serveWorld(), "odd");
    expect(message.parts).toMatchObject([
      STEP,
      { type: "data-run_item_event", id: `${id}-1`, data: { name: "tool_called" } },
      { type: "dynamic-tool", toolCallId: "lone", toolName: "tool", state: "output-available", output: "out of nowhere" },
      { type: "dynamic-tool", toolCallId: "bad", toolName: "divide", state: "output-error", errorText: "Division by zero." },
      { type: "data-handoff", data: { phase: "requested", from: "a", to: "b" } },
      { type: "data-handoff", data: { phase: "occurred", from: "a", to: "b" } },
      { type: "data-chunk", data: { role: "user" } },
      { type: "data-chunk", data: null },
    ]);
  });

  test("an error is the last chunk, with a sentence that may be shown", async () => {
    const { client } = await serveWorld();
    expect(await collect(toUIMessageStream(client.runStream(say("fail"))))).toEqual([
      { type: "error", errorText: "The model is not there." },
    ]);
    const onError = (error: unknown): string => (RunAgentError.is(error) ? `Sorry: ${error.code}.` : "Sorry.");
    const later = await collect(toUIMessageStream(client.runStream(say("failLater")), { onError }));
    expect(types(later)).toEqual(["start", "start-step", "text-start", "text-delta", "text-end", "error"]);
    expect(later.at(-1)).toEqual({ type: "error", errorText: "Sorry: EXECUTION_ERROR." });
  });

  test("a stream that is cancelled ends as aborted", async () => {
    const { client, gate } = await serveWorld();
    const stream = client.runStream(say("story"));
    const reader = toUIMessageStream(stream).getReader();
    gate.allow(2);
    for (const type of ["start", "start-step", "text-start", "text-delta", "text-delta"]) {
      expect(await reader.read()).toMatchObject({ value: { type } });
    }
    await stream.cancel();
    const rest: UIMessageChunk[] = [];
    for (let { done, value } = await reader.read(); !done && value; { done, value } = await reader.read()) rest.push(value);
    expect(types(rest)).toEqual(["text-end", "finish-step", "abort"]);
  });

  test.each([
    ["cancel", "cancelled"],
    ["detach", "running"],
  ] as const)("letting go of it with onClose %s", async (onClose, status) => {
    const { client, gate, statusOf } = await serveWorld();
    const stream = client.runStream(say("story"));
    const reader = toUIMessageStream(stream, { onClose }).getReader();
    gate.allow(1);
    await reader.read();
    const pending = reader.read();
    await reader.cancel();
    await pending;
    await vi.waitFor(async () => expect(await statusOf(stream.invocationId)).toBe(status));
  });

  test("wrong options are refused by the call", async () => {
    const { client } = await serveWorld();
    const stream = client.runStream(say("messages"));
    const wrong: readonly [string, Record<string, unknown> | null][] = [
      ["onClose", { onClose: "leave" }],
      ["events", { events: "progress" }],
      ["onError", { onError: "Sorry." }],
      ["message", { message: {} }],
      ["options", null],
    ];
    for (const [field, options] of wrong) {
      expect(() => toUIMessageStream(stream, options as object)).toThrow(expect.objectContaining({ code: "VALIDATION_ERROR", field }));
    }
    expect(() => toUIMessageStream([] as unknown as typeof stream)).toThrow(expect.objectContaining({ field: "stream" }));
    expect(await stream.text()).not.toBe("");
    expect(() => toUIMessageStream(stream)).toThrow(expect.objectContaining({ code: "STREAM_CONSUMED" }));
  });
});

describe("approvals", () => {
  test("the stream ends where people are asked; the message says all that is needed to go on", async () => {
    const { client } = await serveWorld();
    const stream = client.runStream(say("mail"));
    const chunks = await collect(toUIMessageStream(stream));
    expect(types(chunks)).toEqual([
      ...["start", "start-step", "text-start", "text-delta", "text-end", "tool-input-available", "tool-approval-request"],
      ...["finish-step", "finish"],
    ]);
    expect(chunks.find(({ type }) => type === "tool-approval-request")).toEqual({
      type: "tool-approval-request",
      toolCallId: "mail-ada",
      approvalId: expect.stringMatching(new RegExp(`^${stream.invocationId}-ap-1-[0-9a-f]{8}$`)),
      approvalDescriptor: { position: stream.position, expiresAt: expect.any(String) },
    });
  });

  test.each([
    ["approve", { state: "output-available", output: "sent" }, "Sent to ada. "],
    ["reject", { state: "output-denied" }, "Not sent to ada. "],
  ] as const)("%s: the rest goes into the same message, and a replay makes it anew", async (decision, tool, text) => {
    const { client, gate } = await serveWorld();
    const first = client.runStream(say("mail"));
    const { position: start = "" } = await first.started;
    const message = await read(toUIMessageStream(first));
    gate.allow();
    const second = client.resume(first.position ?? "", { approvals: [{ approvalId: askedBy(message), decision, reason: "So be it." }] });
    const whole = await read(toUIMessageStream(second, { message }), message);
    expect(whole.id).toBe(first.invocationId);
    const shown = [STEP, { type: "text", text: "I will write. " }, { toolCallId: "mail-ada", ...tool }, { type: "text", text }];
    expect(whole.parts).toMatchObject(shown);
    expect((await read(toUIMessageStream(client.resume(start)))).parts).toMatchObject(shown);
  });

  test("a handler answers in-line: the message never asks", async () => {
    const { client, gate } = await serveWorld();
    gate.allow();
    const stream = client.runStream(say("mail"), { onApproval: () => "approve" });
    expect(types(await collect(toUIMessageStream(stream)))).not.toContain("tool-approval-request");
  });

  test("an agent that tells of no call and no output has a call all the same, and it ends", async () => {
    const { client } = await serveWorld();
    const stream = client.runStream(say("terse"));
    const message = await read(toUIMessageStream(stream));
    const toolCallId = `${stream.invocationId}-${askedBy(message)}`;
    expect(message.parts).toMatchObject([STEP, { type: "dynamic-tool", toolCallId, toolName: "delete_all", state: "approval-requested" }]);
    const rest = client.resume(stream.position ?? "", { approvals: [{ approvalId: askedBy(message), decision: "approve" }] });
    const whole = await read(toUIMessageStream(rest, { message }), message);
    // That it is over is known once the invocation is.
    expect(whole.parts).toMatchObject([STEP, { toolCallId, state: "output-available", output: null }, { type: "text", text: "Deleted." }]);
  });

  test("a long story is whole over a line that breaks", async () => {
    const { client, gate, proxy } = await serveWorld();
    gate.allow(10);
    const stream = client.runStream(say("story"));
    let text = "";
    for await (const chunk of toUIMessageStream(stream)) {
      if (chunk.type !== "text-delta") continue;
      text += chunk.delta;
      if (text.endsWith("word-9 ")) {
        proxy.dropAll();
        gate.allow();
      }
    }
    expect(text).toBe(STORY.join(""));
    expect(stream.summary?.reconnects).toBe(1);
  });
});
