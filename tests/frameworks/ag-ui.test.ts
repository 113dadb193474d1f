/** Streams as runs of AG-UI, through the pipeline of the real client: what it enforces, verifies, and makes of them. */
import { buildResumeArray } from "@ag-ui/client";
import { type AGUIEvent, toAGUI, toApprovals } from "runagent/ag-ui";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { STORY, serveWorld } from "./ui/agent.ts";
import { Assistant } from "./ui/assistant.ts";

const user = (content: string): object => ({ role: "user", content });
const toolCall = (id: string, name: string, args: string): object => ({ id, type: "function", function: { name, arguments: args } });

let warn: ReturnType<typeof vi.spyOn>;
beforeEach(() => {
  // The pipeline warns about everything that it has to strip.
  warn = vi.spyOn(console, "warn");
});
afterEach(() => {
  expect(warn.mock.calls).toEqual([]);
  vi.restoreAllMocks();
});

describe("toAGUI", () => {
  test("text, reasoning, a tool and its result, steps, custom events: the messages come out right", async () => {
    const agent = new Assistant((await serveWorld()).client, { events: ["progress"] });
    await agent.say("weather");
    const id = agent.stream?.invocationId;
    expect(agent.messages).toEqual([
      { id: "user-0", ...user("weather") },
      { id: `${id}-1`, role: "reasoning", content: "A question about the weather." },
      { id: `${id}-2`, role: "assistant", content: "Let me look.", toolCalls: [toolCall("call-1", "weather", '{"city":"Oslo"}')] },
      { id: `${id}-6`, role: "tool", toolCallId: "call-1", content: '{"degrees":7}' },
      { id: `${id}-10`, role: "assistant", content: "It is 7 °C." },
    ]);
    expect(agent.types).toEqual([
      ...["RUN_STARTED", "STEP_STARTED"],
      ...["REASONING_START", "REASONING_MESSAGE_START", "REASONING_MESSAGE_CONTENT", "REASONING_MESSAGE_END", "REASONING_END"],
      ...["TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END"],
      ...["TOOL_CALL_START", "TOOL_CALL_ARGS", "TOOL_CALL_END", "TOOL_CALL_RESULT", "STEP_FINISHED"],
      ...["CUSTOM", "CUSTOM", "STEP_STARTED", "TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END"],
      ...["CUSTOM", "STEP_FINISHED", "RUN_FINISHED"],
    ]);
    expect(agent.events.filter(({ type }) => type === "CUSTOM").map(({ name, value }) => [name, value])).toEqual([
      ["agent_updated", { name: "poet" }],
      ["progress", { type: "progress", percent: 50 }],
      ["chunk", { rows: [1, 2] }],
    ]);
    expect(agent.events.at(-1)).toMatchObject({ threadId: "thread-1", outcome: { type: "success", pendingToolCallIds: [] } });
    await agent.say("messages");
    expect(agent.messages.slice(5)).toMatchObject([
      user("messages"),
      { role: "assistant", content: "One two three." },
      { role: "assistant", content: "Look: " },
    ]);
  });

  test("raw events of the model come when they are asked for", async () => {
    const agent = new Assistant((await serveWorld()).client, { events: ["raw_response_event"] });
    await agent.say("weather");
    expect(agent.events.filter(({ type }) => type === "RAW")).toEqual([
      { type: "RAW", source: "response.output_text.delta", event: { delta: "look." } },
    ]);
  });

  test("what is odd breaks nothing", async () => {
    const agent = new Assistant((await serveWorld()).client);
    await agent.say("odd");
    const id = agent.stream?.invocationId;
    expect(agent.messages.slice(1)).toEqual([
      { id: `${id}-2-call`, role: "assistant", toolCalls: [toolCall("lone", "tool", "{}")] },
      { id: `${id}-2`, role: "tool", toolCallId: "lone", content: "out of nowhere" },
      { id: `${id}-3`, role: "assistant", toolCalls: [toolCall("bad", "divide", '{"by":0}')] },
      { id: `${id}-4`, role: "tool", toolCallId: "bad", content: "Division by zero." },
    ]);
    const names = agent.events.filter(({ type }) => type === "CUSTOM").map(({ name }) => name);
    expect(names).toEqual(["run_item_event", "handoff_requested", "handoff_occurred", "chunk", "chunk"]);
  });

  test("calls that the model makes at once are one message", async () => {
    const world = await serveWorld();
    world.gate.allow();
    const agent = new Assistant(world.client);
    await agent.say("parallel");
    expect(agent.messages.slice(1)).toMatchObject([{ role: "assistant", toolCalls: [{ id: "p-mail" }, { id: "p-search" }] }]);
  });

  test("an error is RUN_ERROR, with its code", async () => {
    const agent = new Assistant((await serveWorld()).client);
    await agent.say("failLater");
    expect(agent.events.at(-1)).toEqual({ type: "RUN_ERROR", message: "The model has gone.", code: "EXECUTION_ERROR" });
    expect(agent.messages.at(-1)).toMatchObject({ role: "assistant", content: "Half of " });
    const secret = new Assistant((await serveWorld()).client, { onError: () => "Something went wrong." });
    await secret.say("fail");
    expect(secret.events).toEqual([{ type: "RUN_ERROR", message: "Something went wrong.", code: "EXECUTION_ERROR" }]);
  });

  test("abortRun cancels, and the run ends as cancelled", async () => {
    const world = await serveWorld();
    const agent = new Assistant(world.client);
    const done = agent.say("story");
    world.gate.allow(2);
    await vi.waitFor(() => expect(agent.messages.at(-1)).toMatchObject({ content: STORY.slice(0, 2).join("") }));
    agent.abortRun();
    await done;
    expect(agent.events.at(-1)).toMatchObject({ type: "RUN_FINISHED", outcome: { type: "cancelled" } });
    expect(await world.statusOf(agent.stream?.invocationId)).toBe("cancelled");
  });

  test("a long story is whole over a line that breaks", async () => {
    const world = await serveWorld();
    const agent = new Assistant(world.client);
    const done = agent.say("story");
    world.gate.allow(10);
    await vi.waitFor(() => expect(agent.messages.at(-1)).toMatchObject({ content: STORY.slice(0, 10).join("") }));
    world.proxy.dropAll();
    world.gate.allow();
    await done;
    expect(agent.messages.at(-1)).toMatchObject({ content: STORY.join("") });
  });
});

describe("approvals are interrupts", () => {
  test.each([
    [{ approved: true }, "sent", "Sent to ada. ", ["send_mail ada"]],
    [{ approved: false, reason: "Not today." }, "Not today.", "Not sent to ada. ", []],
  ])("%o", async (payload, result, text, ran) => {
    const world = await serveWorld();
    world.gate.allow();
    const agent = new Assistant(world.client);
    await agent.say("mail");
    expect(agent.pendingInterrupts).toEqual([
      {
        id: expect.stringMatching(/^ap-1-[0-9a-f]{8}$/),
        reason: "tool_call",
        message: "May the agent call send_mail?",
        toolCallId: "mail-ada",
        responseSchema: expect.objectContaining({ type: "object" }),
        expiresAt: expect.stringMatching(/^\d{4}-/),
        metadata: { position: agent.stream?.position, calls: [{ call_id: "mail-ada", tool_name: "send_mail", arguments: { to: "ada" } }] },
      },
    ]);
    const id = agent.pendingInterrupts[0]?.id ?? "";
    const resume = buildResumeArray(agent.pendingInterrupts, { [id]: { status: "resolved", payload } });
    await agent.runAgent({ resume });
    expect(agent.pendingInterrupts).toEqual([]);
    expect(agent.messages.slice(1)).toMatchObject([
      { role: "assistant", content: "I will write. ", toolCalls: [{ id: "mail-ada" }] },
      { role: "tool", toolCallId: "mail-ada", content: result },
      { role: "assistant", content: text },
    ]);
    expect([world.book.ran, world.book.invocations.length]).toEqual([ran, 1]);
  });

  test("what is no yes rejects", () => {
    const answers = [
      { interruptId: "1", status: "resolved", payload: { approved: true, reason: "Fine." } },
      { interruptId: "2", status: "resolved", payload: { approved: "true" } },
      { interruptId: "3", status: "resolved" },
      { interruptId: "4", status: "cancelled", payload: { approved: true } },
    ];
    expect(toApprovals(answers)).toEqual([
      { approvalId: "1", decision: "approve", reason: "Fine." },
      ...["2", "3", "4"].map((approvalId) => ({ approvalId, decision: "reject" })),
    ]);
    expect(toApprovals()).toEqual([]);
  });

  test("somebody else was first: the run says so", async () => {
    const world = await serveWorld();
    const agent = new Assistant(world.client);
    await agent.say("mail");
    const id = agent.pendingInterrupts[0]?.id ?? "";
    await world.client.decide(world.book.invocations[0] ?? "", { approvalId: id, decision: "reject" });
    await agent.runAgent({ resume: [{ interruptId: id, status: "resolved", payload: { approved: true } }] });
    expect(agent.events.at(-1)).toMatchObject({ type: "RUN_ERROR", code: "ALREADY_DECIDED" });
    expect(world.book.ran).toEqual([]);
  });
});

test("leaving the loop cancels or detaches; wrong input is refused by the call", async () => {
  const { client, gate, statusOf } = await serveWorld();
  const input = { threadId: "t", runId: "r" };
  for (const [onClose, status] of [
    ["cancel", "cancelled"],
    ["detach", "running"],
  ] as const) {
    gate.allow(1);
    const stream = client.runStream({ messages: [{ role: "user", content: "story" }] });
    const seen: AGUIEvent[] = [];
    for await (const event of toAGUI(stream, input, { onClose })) {
      seen.push(event);
      if (event.type === "TEXT_MESSAGE_CONTENT") break;
    }
    expect(seen.map(({ type }) => type)).toEqual(["RUN_STARTED", "STEP_STARTED", "TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT"]);
    await vi.waitFor(async () => expect(await statusOf(stream.invocationId)).toBe(status));
  }
  const stream = client.runStream({ messages: [] });
  expect(() => toAGUI(stream, { threadId: "t" } as typeof input)).toThrow(expect.objectContaining({ field: "input" }));
  expect(() => toAGUI(stream, input, { onClose: "stay" as "cancel" })).toThrow(expect.objectContaining({ field: "onClose" }));
  await stream.collect();
});
