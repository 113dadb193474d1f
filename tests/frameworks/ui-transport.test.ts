/** RunAgentChatTransport in the chat that useChat has inside, with the AI SDK of both versions. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { lastAssistantMessageIsCompleteWithApprovalResponses as allAnswered, type ChatInit, isToolUIPart, type UIMessage } from "ai";
import { RunAgentClient } from "runagent";
import { approvalsAnswered, type ChatStorage, RunAgentChatTransport, toUIMessageStream } from "runagent/ai-sdk";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { STORY, serveWorld, type World } from "./ui/agent.ts";
import { type AbstractChat, createChat, VERSIONS } from "./ui/chat.ts";

type Chat = AbstractChat<UIMessage>;
const [[, FIRST]] = VERSIONS;
const STEP = { type: "step-start" };
const user = (text: string): object => ({ role: "user", parts: [{ type: "text", text }] });
const textOf = (chat: Chat): string => (chat.messages.at(-1)?.parts ?? []).map((part) => (part.type === "text" ? part.text : "")).join("");
const partsOf = (chat: Chat): unknown[] => chat.messages.at(-1)?.parts ?? [];

/** The id of what a chat asks. */
function askedBy(chat: Chat): string {
  const parts = chat.messages.flatMap((message) => message.parts).filter(isToolUIPart);
  return parts.find(({ state }) => state === "approval-requested")?.approval?.id ?? "none";
}

function memoryStorage(): ChatStorage & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
}

describe.each(VERSIONS)("with %s", (_, version) => {
  /** A page with a chat; another with the same storage is the page after a reload. */
  async function open(
    { client }: World,
    storage: ChatStorage,
    options: Partial<ChatInit<UIMessage>> & { onStop?: "cancel" | "detach" } = {},
  ): Promise<Chat> {
    const { onStop, ...init } = options;
    const transport = new RunAgentChatTransport({ client, storage, onStop });
    return createChat(version, { id: "chat-1", transport, ...init });
  }

  test("a message is sent and answered, and nothing is kept", async () => {
    const world = await serveWorld();
    const storage = memoryStorage();
    const chat = await open(world, storage);
    await chat.sendMessage({ text: "weather" }, { body: { mood: "good" } });
    expect(chat.messages).toMatchObject([user("weather"), { id: world.book.invocations[0], role: "assistant" }]);
    expect(textOf(chat)).toBe("Let me look.It is 7 °C.");
    expect(world.book.inputs).toMatchObject([{ mood: "good", messages: [user("weather")] }]);
    expect([chat.status, storage.kept.size]).toEqual(["ready", 0]);
    await chat.sendMessage({ text: "messages" });
    await chat.regenerate();
    expect(world.book.inputs.map(({ messages }) => (messages as unknown[]).length)).toEqual([1, 3, 3]);
    expect(chat.messages.map(({ role }) => role)).toEqual(["user", "assistant", "user", "assistant"]);
  });

  test("toInput makes the input", async () => {
    const world = await serveWorld();
    const transport = new RunAgentChatTransport({
      client: world.client,
      toInput: ({ chatId, messages, metadata }) => ({ chatId, messages: messages.slice(-1), metadata }),
    });
    const chat = await createChat(version, { id: "c7", transport });
    await chat.sendMessage({ text: "messages" }, { metadata: { from: "test" } });
    expect(world.book.inputs).toMatchObject([{ chatId: "c7", metadata: { from: "test" } }]);
  });

  test("a page that is loaded anew makes the message again, and it goes on: nothing lost, nothing doubled", async () => {
    const world = await serveWorld();
    const storage = memoryStorage();
    const before = await open(world, storage);
    void before.sendMessage({ text: "story" });
    world.gate.allow(15);
    await vi.waitFor(() => expect(textOf(before)).toContain(STORY[14]));
    // Whatever the app has kept itself: nothing, the question, or half of the answer.
    for (const messages of [[], before.messages.slice(0, 1), structuredClone(before.messages)]) {
      const after = await open(world, storage, { messages });
      void after.resumeStream();
      await vi.waitFor(() => expect(textOf(after)).toBe(STORY.slice(0, 15).join("")));
      expect(after.messages.filter(({ role }) => role === "assistant")).toHaveLength(1);
    }
    const after = await open(world, storage, { messages: structuredClone(before.messages) });
    const done = after.resumeStream();
    world.gate.allow();
    await done;
    expect([textOf(after), after.messages.length, after.status]).toEqual([STORY.join(""), 2, "ready"]);
    expect([world.book.invocations.length, storage.kept.size]).toEqual([1, 0]);
  });

  test("there is nothing to resume: before the first message, after the answer, and when the server has forgotten it", async () => {
    const world = await serveWorld();
    const storage = memoryStorage();
    const chat = await open(world, storage);
    await chat.resumeStream();
    await chat.sendMessage({ text: "messages" });
    await chat.resumeStream();
    expect([chat.messages.length, chat.status, world.book.invocations.length]).toEqual([2, "ready", 1]);
    const stream = world.client.runStream({ messages: [] });
    const { position } = await stream.started;
    await stream.collect();
    const other = await serveWorld();
    storage.setItem("runagent.chat.chat-1", JSON.stringify({ position, waiting: {} }));
    const lost = await open(other, storage);
    await lost.resumeStream();
    expect([lost.messages, lost.status, storage.kept.size]).toEqual([[], "ready", 0]);
    storage.setItem("runagent.chat.chat-1", "{ nonsense");
    await lost.resumeStream();
    expect(lost.status).toBe("ready");
  });

  test.each([
    ["cancel", "cancelled"],
    ["detach", "running"],
  ] as const)("stop() with onStop %s", async (onStop, status) => {
    const world = await serveWorld();
    const storage = memoryStorage();
    const chat = await open(world, storage, { onStop });
    void chat.sendMessage({ text: "story" });
    world.gate.allow(3);
    await vi.waitFor(() => expect(textOf(chat)).toContain(STORY[2]));
    await chat.stop();
    expect(chat.status).toBe("ready");
    await vi.waitFor(async () => expect(await world.statusOf(world.book.invocations[0])).toBe(status));
    if (onStop === "cancel") expect(world.book.signals[0]?.aborted).toBe(true);
    expect(storage.kept.size).toBe(onStop === "cancel" ? 0 : 1);
  });

  test("a stream that is let go of while nothing is asked of it is not found again", async () => {
    const world = await serveWorld();
    const storage = memoryStorage();
    const transport = new RunAgentChatTransport({ client: world.client, storage });
    const messages = [{ id: "1", role: "user" as const, parts: [{ type: "text" as const, text: "story" }] }];
    const request = { trigger: "submit-message", chatId: "c", messageId: undefined, messages, abortSignal: undefined } as const;
    const first = await transport.sendMessages(request);
    const second = await transport.sendMessages(request);
    await first.cancel();
    expect(storage.kept.size).toBe(1);
    await second.cancel();
    expect(storage.kept.size).toBe(0);
    for (const id of world.book.invocations) await vi.waitFor(async () => expect(await world.statusOf(id)).toBe("cancelled"));
  });

  test("stop() before the server has answered starts no agent that nobody stops", async () => {
    const world = await serveWorld({ rules: [{ on: { event: "connect" }, do: { action: "stall", ms: 300 } }] });
    const chat = await open(world, memoryStorage());
    void chat.sendMessage({ text: "story" });
    await vi.waitFor(() => expect(chat.status).toBe("submitted"));
    await chat.stop();
    expect(chat.status).toBe("ready");
    await vi.waitFor(async () => expect(await world.statusOf(world.book.invocations[0])).not.toBe("running"));
  });

  test("resuming twice reads the answer once and stops nothing", async () => {
    const world = await serveWorld();
    const storage = memoryStorage();
    const before = await open(world, storage);
    void before.sendMessage({ text: "story" });
    world.gate.allow(5);
    await vi.waitFor(() => expect(textOf(before)).toContain(STORY[4]));
    const after = await open(world, storage);
    void after.resumeStream();
    void after.resumeStream();
    await vi.waitFor(() => expect(textOf(after)).toContain(STORY[4]));
    const last = after.resumeStream();
    world.gate.allow(1);
    await vi.waitFor(() => expect(textOf(after)).toContain(STORY[5]));
    world.gate.allow();
    await last;
    expect([textOf(after), after.messages.length]).toEqual([STORY.join(""), 1]);
    expect(await world.statusOf(world.book.invocations[0])).toBe("completed");
  });

  test("a page that goes before its answer is there again leaves the agent running", async () => {
    const world = await serveWorld();
    const storage = memoryStorage();
    void (await open(world, storage)).sendMessage({ text: "story" });
    await vi.waitFor(() => expect(world.book.invocations).toHaveLength(1));
    const after = await open(world, storage);
    const resumed = after.resumeStream();
    await after.stop();
    await resumed;
    expect(await world.statusOf(world.book.invocations[0])).toBe("running");
    const once = await open(world, storage);
    const done = once.resumeStream();
    for (const word of [0, 1, 2]) {
      world.gate.allow(1);
      await vi.waitFor(() => expect(textOf(once)).toContain(STORY[word]));
    }
    world.gate.allow();
    await done;
    expect(textOf(once)).toBe(STORY.join(""));
  });

  test("an error is shown", async () => {
    const world = await serveWorld();
    const onError = vi.fn();
    const chat = await open(world, memoryStorage(), { onError });
    await chat.sendMessage({ text: "failLater" });
    expect([chat.status, chat.error?.message, textOf(chat)]).toEqual(["error", "The model has gone.", "Half of "]);
    await world.server.close({ timeoutMs: 0 });
    const lost = await createChat(version, {
      transport: new RunAgentChatTransport({ client: world.client.withEntrypoint("none_stream") }),
    });
    void lost.sendMessage({ text: "hello" });
    await vi.waitFor(() => expect(lost.status).not.toBe("ready"));
    await lost.stop();
  });

  test("a route between, which answers the transport of the AI SDK: every chunk passes its schema", async () => {
    const world = await serveWorld();
    const { pipeUIMessageStreamToResponse, DefaultChatTransport } = await version();
    const route = createServer(async (request, response) => {
      const body = JSON.parse((await request.toArray()).join(""));
      pipeUIMessageStreamToResponse({ response, stream: toUIMessageStream(world.client.runStream(body), { events: ["progress"] }) });
    });
    await once(route.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => void route.close());
    const api = `http://127.0.0.1:${(route.address() as AddressInfo).port}`;
    const transport = new DefaultChatTransport({ api });
    for (const text of ["weather", "odd", "messages", "mail"]) {
      const chat = await createChat(version, { transport });
      await chat.sendMessage({ text });
      expect([chat.error, chat.status]).toEqual([undefined, "ready"]);
      expect(partsOf(chat).length).toBeGreaterThan(1);
    }
    const failing = await createChat(version, { transport });
    await failing.sendMessage({ text: "fail" });
    expect(failing.error?.message).toBe("The model is not there.");
  });

  describe("approvals", () => {
    const auto = [
      ["the predicate of the AI SDK", allAnswered],
      ["that of runagent", approvalsAnswered],
    ] as const;

    test.each(auto)("approve, with %s", async (_predicate, sendAutomaticallyWhen) => {
      const world = await serveWorld();
      const chat = await open(world, memoryStorage(), { sendAutomaticallyWhen });
      await chat.sendMessage({ text: "mail" });
      expect([chat.status, chat.error]).toEqual(["ready", undefined]);
      expect(partsOf(chat)).toMatchObject([STEP, { text: "I will write. " }, { state: "approval-requested" }]);
      const id = askedBy(chat);
      world.gate.allow();
      await chat.addToolApprovalResponse({ id, approved: true });
      await vi.waitFor(() => expect(textOf(chat)).toBe("I will write. Sent to ada. "));
      await vi.waitFor(() => expect(chat.status).toBe("ready"));
      expect(partsOf(chat)).toMatchObject([STEP, {}, { state: "output-available", output: "sent", approval: { approved: true } }, {}]);
      expect([world.book.ran, world.book.invocations.length, chat.messages.length]).toEqual([["send_mail ada"], 1, 2]);
    });

    test.each(auto)("deny, with %s", async (_predicate, sendAutomaticallyWhen) => {
      const world = await serveWorld();
      const chat = await open(world, memoryStorage(), { sendAutomaticallyWhen });
      await chat.sendMessage({ text: "mail" });
      world.gate.allow();
      await chat.addToolApprovalResponse({ id: askedBy(chat), approved: false, reason: "Not today." });
      await vi.waitFor(() => expect(textOf(chat)).toBe("I will write. Not sent to ada. "));
      await vi.waitFor(() => expect(chat.status).toBe("ready"));
      expect(partsOf(chat)).toMatchObject([STEP, {}, { state: "output-denied", approval: { approved: false, reason: "Not today." } }, {}]);
      expect([world.book.ran, world.book.invocations.length]).toEqual([[], 1]);
    });

    test.each(auto)("one after the other, with %s", async (_predicate, sendAutomaticallyWhen) => {
      const world = await serveWorld();
      world.gate.allow();
      const chat = await open(world, memoryStorage(), { sendAutomaticallyWhen });
      await chat.sendMessage({ text: "mails" });
      for (const to of ["ada", "bob"]) {
        await vi.waitFor(() => expect(partsOf(chat).at(-1)).toMatchObject({ state: "approval-requested", input: { to } }));
        await vi.waitFor(() => expect(chat.status).toBe("ready"));
        await chat.addToolApprovalResponse({ id: askedBy(chat), approved: true });
      }
      await vi.waitFor(() => expect(textOf(chat)).toBe("Sent to ada. Sent to bob. "));
      expect(world.book.ran).toEqual(["send_mail ada", "send_mail bob"]);
    });

    test("about the same call once more, after a no", async () => {
      const world = await serveWorld();
      const chat = await open(world, memoryStorage(), { sendAutomaticallyWhen: allAnswered });
      await chat.sendMessage({ text: "insist" });
      for (const [number, approved] of [false, true].entries()) {
        const start = `${world.book.invocations[0]}-ap-${number + 1}-`;
        await vi.waitFor(() => expect(askedBy(chat).startsWith(start)).toBe(true));
        await vi.waitFor(() => expect(chat.status).toBe("ready"));
        await chat.addToolApprovalResponse({ id: askedBy(chat), approved });
      }
      await vi.waitFor(() =>
        expect(partsOf(chat)).toMatchObject([STEP, { state: "output-available", output: "zzz" }, { text: "Please. " }]),
      );
      expect(world.book.ran).toEqual(["nap"]);
    });

    test("beside a tool that is not over: approvalsAnswered does not wait for it", async () => {
      const world = await serveWorld();
      world.gate.allow();
      const chat = await open(world, memoryStorage(), { sendAutomaticallyWhen: approvalsAnswered });
      await chat.sendMessage({ text: "parallel" });
      await chat.addToolApprovalResponse({ id: askedBy(chat), approved: true });
      await vi.waitFor(() => expect(textOf(chat)).toBe("Done."));
      await vi.waitFor(() => expect(chat.status).toBe("ready"));
      expect(partsOf(chat)).toMatchObject([STEP, { output: "sent" }, { output: ["found"] }, { text: "Done." }]);
      expect(world.book.invocations).toHaveLength(1);
    });

    test("an agent that only asks: its answer is sent once", async () => {
      const world = await serveWorld();
      const chat = await open(world, memoryStorage(), { sendAutomaticallyWhen: allAnswered });
      await chat.sendMessage({ text: "terse" });
      await chat.addToolApprovalResponse({ id: askedBy(chat), approved: true });
      await vi.waitFor(() => expect(textOf(chat)).toBe("Deleted."));
      await vi.waitFor(() => expect(chat.status).toBe("ready"));
      expect(partsOf(chat)).toMatchObject([STEP, { state: "output-available", output: null }, {}]);
      expect(world.book.invocations).toHaveLength(1);
    });

    test("after a reload the question is there again, and is answered", async () => {
      const world = await serveWorld();
      world.gate.allow();
      const storage = memoryStorage();
      await (await open(world, storage)).sendMessage({ text: "mail" });
      const chat = await open(world, storage, { sendAutomaticallyWhen: allAnswered });
      await chat.resumeStream();
      expect(partsOf(chat)).toMatchObject([STEP, {}, { state: "approval-requested" }]);
      await chat.addToolApprovalResponse({ id: askedBy(chat), approved: true });
      await vi.waitFor(() => expect(textOf(chat)).toBe("I will write. Sent to ada. "));
      await vi.waitFor(() => expect(storage.kept.size).toBe(0));
    });

    test("on another device, which has the messages and nothing else", async () => {
      const world = await serveWorld();
      world.gate.allow();
      const first = await open(world, memoryStorage());
      await first.sendMessage({ text: "mail" });
      const messages: UIMessage[] = JSON.parse(JSON.stringify(first.messages));
      const chat = await open(world, memoryStorage(), { messages, sendAutomaticallyWhen: allAnswered });
      await chat.addToolApprovalResponse({ id: askedBy(chat), approved: true });
      await vi.waitFor(() => expect(textOf(chat)).toBe("I will write. Sent to ada. "));
      expect([world.book.ran, chat.messages.length]).toEqual([["send_mail ada"], 2]);
    });

    test("messages that keep no descriptor, as those of older versions: the storage knows", async () => {
      const world = await serveWorld();
      world.gate.allow();
      const storage = memoryStorage();
      const first = await open(world, storage);
      await first.sendMessage({ text: "mail" });
      const messages: UIMessage[] = JSON.parse(JSON.stringify(first.messages, (key, value) => (key === "descriptor" ? undefined : value)));
      const chat = await open(world, storage, { messages, sendAutomaticallyWhen: allAnswered });
      await chat.addToolApprovalResponse({ id: askedBy(chat), approved: true });
      await vi.waitFor(() => expect(textOf(chat)).toBe("I will write. Sent to ada. "));
    });

    test("messages that keep no descriptor, and no storage: an error, and no invocation after another", async () => {
      const world = await serveWorld();
      const first = await open(world, memoryStorage());
      await first.sendMessage({ text: "mail" });
      const messages: UIMessage[] = JSON.parse(JSON.stringify(first.messages, (key, value) => (key === "descriptor" ? undefined : value)));
      const chat = await open(world, memoryStorage(), { messages, sendAutomaticallyWhen: approvalsAnswered });
      await chat.addToolApprovalResponse({ id: askedBy(chat), approved: true });
      await vi.waitFor(() => expect(chat.error?.message).toBe("An approval was answered, and where its answer belongs is not known."));
      expect(world.book.invocations).toHaveLength(1);
    });

    test.each(["websocket", "sse"] as const)("over %s, with a reload before and after the answer", async (transportName) => {
      const world = await serveWorld();
      const client = new RunAgentClient({ ...world.address, transport: transportName });
      onTestFinished(() => client.close());
      const storage = memoryStorage();
      const reload = (): Promise<Chat> => open({ ...world, client }, storage, { sendAutomaticallyWhen: allAnswered });
      await (await reload()).sendMessage({ text: "mails" });
      const asked = await reload();
      await asked.resumeStream();
      void asked.addToolApprovalResponse({ id: askedBy(asked), approved: true });
      await vi.waitFor(() => expect(asked.status).toBe("submitted"));
      world.gate.allow(1);
      await vi.waitFor(() => expect(partsOf(asked).at(-1)).toMatchObject({ toolCallId: "mail-bob", state: "approval-requested" }));
      const again = await reload();
      await again.resumeStream();
      expect(partsOf(again)).toMatchObject([STEP, { output: "sent" }, { text: "Sent to ada. " }, { state: "approval-requested" }]);
      world.gate.allow();
      await again.addToolApprovalResponse({ id: askedBy(again), approved: false });
      await vi.waitFor(() => expect(textOf(again)).toBe("Sent to ada. Not sent to bob. "));
      expect(world.book.ran).toEqual(["send_mail ada"]);
    });

    test("the time is up: the message shows the server's no", async () => {
      const world = await serveWorld();
      const chat = await open(world, memoryStorage(), { sendAutomaticallyWhen: allAnswered });
      await chat.sendMessage({ text: "hurry" });
      const [invocationId = ""] = world.book.invocations;
      await vi.waitFor(async () => expect(await world.statusOf(invocationId)).toBe("completed"));
      await chat.addToolApprovalResponse({ id: askedBy(chat), approved: true });
      await vi.waitFor(() => expect(textOf(chat)).toBe("Too late."));
      expect(partsOf(chat)[1]).toMatchObject({ state: "output-denied" });
    });

    test("somebody else was first, and said no", async () => {
      const world = await serveWorld();
      world.gate.allow();
      const chat = await open(world, memoryStorage(), { sendAutomaticallyWhen: allAnswered });
      await chat.sendMessage({ text: "mail" });
      const [invocationId = ""] = world.book.invocations;
      await world.client.decide(invocationId, { approvalId: askedBy(chat).slice(`${invocationId}-`.length), decision: "reject" });
      await vi.waitFor(async () => expect(await world.statusOf(invocationId)).toBe("completed"));
      await chat.addToolApprovalResponse({ id: askedBy(chat), approved: true });
      await vi.waitFor(() => expect(textOf(chat)).toBe("I will write. Not sent to ada. "));
      await vi.waitFor(() => expect(chat.status).toBe("ready"));
      expect(partsOf(chat)).toMatchObject([STEP, {}, { state: "output-denied" }, {}]);
      expect(world.book.ran).toEqual([]);
    });

    test("the invocation was cancelled while it waited", async () => {
      const world = await serveWorld();
      const chat = await open(world, memoryStorage(), { sendAutomaticallyWhen: allAnswered });
      await chat.sendMessage({ text: "mail" });
      const [invocationId = ""] = world.book.invocations;
      await world.client.cancel(invocationId);
      await chat.addToolApprovalResponse({ id: askedBy(chat), approved: true });
      await vi.waitFor(() => expect(chat.status).toBe("error"));
      expect(chat.error?.message).toBe("The answer was cancelled elsewhere.");
      expect(world.book.ran).toEqual([]);
    });

    test("another try, after an error in the middle of the answer, shows nothing twice", async () => {
      const world = await serveWorld();
      const client = new RunAgentClient({ ...world.address, idleTimeoutMs: 200 });
      const transport = new RunAgentChatTransport({ client, storage: memoryStorage() });
      const chat = await createChat(version, { transport, sendAutomaticallyWhen: approvalsAnswered });
      await chat.sendMessage({ text: "letter" });
      await chat.addToolApprovalResponse({ id: askedBy(chat), approved: true });
      await vi.waitFor(() => expect(chat.status).toBe("error"));
      expect(textOf(chat)).toBe("Dear Ada, ");
      world.gate.allow();
      await chat.sendMessage();
      expect([textOf(chat), chat.status, world.book.ran]).toEqual(["Dear Ada, how are you?", "ready", ["letter"]]);
      await client.close();
    });

    test("another message while it waits is another invocation; the question may be answered later", async () => {
      const world = await serveWorld();
      world.gate.allow();
      const chat = await open(world, memoryStorage());
      await chat.sendMessage({ text: "mail" });
      await chat.sendMessage({ text: "messages" });
      expect(world.book.invocations).toHaveLength(2);
      await chat.addToolApprovalResponse({ id: askedBy(chat), approved: true });
      await chat.sendMessage();
      expect(chat.messages.map(({ role }) => role)).toEqual(["user", "assistant", "user", "assistant"]);
      expect(chat.messages[1]?.parts).toMatchObject([STEP, {}, { output: "sent" }, { text: "Sent to ada. " }]);
      expect(world.book.ran).toEqual(["send_mail ada"]);
    });
  });
});

test("a storage that is full or blocked: the chat works, and a reload finds nothing that is not its own", async () => {
  const world = await serveWorld();
  const full = memoryStorage();
  full.kept.set("runagent.chat.c", JSON.stringify({ position: "of another answer", waiting: {} }));
  const refuse = (): never => {
    throw new DOMException("The quota has been exceeded.", "QuotaExceededError");
  };
  for (const storage of [
    { ...full, setItem: refuse },
    { getItem: refuse, setItem: refuse, removeItem: refuse },
  ]) {
    const transport = new RunAgentChatTransport({ client: world.client, storage });
    const chat = await createChat(FIRST, { id: "c", transport });
    const done = chat.sendMessage({ text: "story" });
    await vi.waitFor(() => expect(full.kept.size).toBe(0));
    world.gate.allow();
    await done;
    expect([textOf(chat), chat.error]).toEqual([STORY.join(""), undefined]);
    expect(await new RunAgentChatTransport({ client: world.client, storage }).reconnectToStream({ chatId: "c" })).toBe(null);
  }
});

test("the options are checked", async () => {
  const { client } = await serveWorld();
  const wrong: readonly [string, unknown][] = [
    ["options", undefined],
    ["storage", { client, storage: {} }],
    ["events", { client, events: [1] }],
    ["onError", { client, onError: "Sorry." }],
    ["client", { client: {} }],
    ["toInput", { client, toInput: {} }],
    ["onStop", { client, onStop: "pause" }],
  ];
  for (const [field, options] of wrong) {
    expect(() => new RunAgentChatTransport(options as { client: typeof client })).toThrow(
      expect.objectContaining({ code: "VALIDATION_ERROR", field }),
    );
  }
});
