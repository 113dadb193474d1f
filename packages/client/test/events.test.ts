/** Events on the client: typed, filtered here and at the server; and messages. */
import {
  type AgentUpdatedEvent,
  type ApprovalRequiredEvent,
  type ChunkRecord,
  isMessage,
  type Message,
  type RawResponseEvent,
  type RunItemEvent,
  textOf,
  type UnknownEvent,
} from "runagent";
import { describe, expect, expectTypeOf, it } from "vitest";
import { sendEvent } from "./asking.ts";
import { deferred, drain, inTurn, RESUMABLE, serveScript, streamClient } from "./harness.ts";
import type { Peer } from "./scripted-server.ts";
import { serveSse } from "./sse-peer.ts";

/** What a server that can filter says when it accepts. */
const FILTERS = { ...RESUMABLE, last_seq: 0 };

const skipped = (peer: Pick<Peer, "send">, after: number, seq: number): void => peer.send({ type: "skipped", after, seq });

/** A server that sends everything, whatever it was asked for. */
const everything = async (peer: Peer): Promise<void> => {
  const { invocation_id } = await peer.accept(RESUMABLE);
  sendEvent(peer, 1, { type: "raw_response_event", name: "delta", data: { n: 1 } });
  peer.data(2, "a");
  sendEvent(peer, 3, { type: "turn_completed", turn: 1 });
  sendEvent(peer, 4, { type: "of_its_own", list: [1, { a: null }] });
  peer.send({ type: "new_kind", seq: 5 });
  peer.complete(invocation_id, 6, 1);
};

async function collect<T>(records: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const record of records) all.push(record);
  return all;
}

describe("events()", () => {
  it("yields chunks, events and the end, each with its seq; unknown events untouched", async () => {
    const server = await serveScript({ stream: everything });
    const records = await collect(streamClient(server).runStream({}).events());
    expect(records).toEqual([
      { type: "event", seq: 1, event: { type: "raw_response_event", name: "delta", data: { n: 1 } } },
      { type: "data", seq: 2, content: "a" },
      { type: "event", seq: 3, event: { type: "turn_completed", turn: 1 } },
      { type: "event", seq: 4, event: { type: "of_its_own", list: [1, { a: null }] } },
      expect.objectContaining({ type: "status", status: "stream_completed", seq: 6, total_chunks: 1 }),
    ]);
  });

  it.each<[readonly string[], unknown[]]>([
    [["data"], [2]],
    [["turn_completed"], [3]],
    [
      ["of_its_own", "data"],
      [2, 4],
    ],
    [["nothing"], []],
    [[], []],
    [["new_kind", "status", "stream_completed"], []],
  ])("only %j yields those, also from a server that sends everything", async (only, seqs) => {
    const server = await serveScript({ stream: everything });
    const stream = streamClient(server).runStream({});
    expect((await collect(stream.events({ only }))).map(({ seq }) => seq)).toEqual(seqs);
    expect(stream.summary).toMatchObject({ status: "completed", totalChunks: 1 });
  });

  it("an event that an agent calls data is no chunk", async () => {
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept();
        sendEvent(peer, 1, { type: "data", content: "not a chunk" });
        peer.data(2, "a");
        peer.complete(invocation_id, 3, 1);
      },
    });
    const client = streamClient(server);
    expect((await collect(client.runStream({}).events({ only: ["data"] }))).map(({ content }) => content)).toEqual(["a"]);
    expect((await drain(client.runStream({}))).chunks).toEqual(["a"]);
    expect((await collect(client.runStream({}).events())).map(({ type }) => type)).toEqual(["event", "data", "status"]);
  });

  it("reads the older spelling of a handoff, and no other name (event.spelling.1)", async () => {
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept();
        sendEvent(peer, 1, { type: "run_item_event", name: "handoff_occured", item: { from: "a", to: "b" }, more: 1 });
        sendEvent(peer, 2, { type: "of_its_own", name: "handoff_occured" });
        peer.complete(invocation_id, 3, 0);
      },
    });
    const records = await collect(streamClient(server).runStream({}).events());
    expect(records.slice(0, 2)).toMatchObject([
      { event: { type: "run_item_event", name: "handoff_occurred", item: { from: "a", to: "b" }, more: 1 } },
      { event: { type: "of_its_own", name: "handoff_occured" } },
    ]);
  });

  it("gives an event that lacks what its type says as it is (event.open.1)", async () => {
    const odd = [
      { type: "turn_completed" },
      { type: "run_item_event", item: 1 },
      { type: "agent_updated", agent: null },
      { type: "approval_decided" },
    ];
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept();
        for (const [index, event] of odd.entries()) sendEvent(peer, index + 1, event);
        peer.complete(invocation_id, odd.length + 1, 0);
      },
    });
    const records = await collect(streamClient(server).runStream({}).events());
    expect(records.flatMap((record) => (record.type === "event" ? [record.event] : []))).toEqual(odd);
  });

  it.each([
    ["a text", "data"],
    ["no texts", [1]],
    ["too many", Array(65).fill("t")],
    ["too long", ["t".repeat(129)]],
  ])("only that is %s throws VALIDATION_ERROR, at once", async (_name, only) => {
    const server = await serveScript({ stream: everything });
    const stream = streamClient(server).runStream({});
    expect(() => stream.events({ only: only as never })).toThrow(expect.objectContaining({ code: "VALIDATION_ERROR", field: "only" }));
    // It was not read: it still can be.
    expect((await drain(stream)).chunks).toEqual(["a"]);
  });
});

describe("what the server is told", () => {
  it.each<[string, (stream: ReturnType<ReturnType<typeof streamClient>["runStream"]>) => Promise<unknown>, unknown]>([
    ["for await: chunks", (stream) => drain(stream), ["data"]],
    ["text(): chunks", (stream) => stream.text(), ["data"]],
    ["events(): everything", (stream) => drain(stream.events()), undefined],
    ["events({ only })", (stream) => drain(stream.events({ only: ["turn_completed", "data"] })), ["turn_completed", "data"]],
  ])("%s, in the start", async (_name, read, only) => {
    const firsts: unknown[] = [];
    const server = await serveScript({
      async stream(peer) {
        const first = await peer.accept(FILTERS);
        firsts.push(first.only);
        peer.complete(first.invocation_id, 1, 0);
      },
    });
    await read(streamClient(server).runStream({}));
    expect(firsts).toEqual([only]);
  });

  it("in a filter frame, once the way of reading is known, and in every resume after that", async () => {
    const firsts: unknown[] = [];
    const filters: unknown[] = [];
    const server = await serveScript({
      stream: inTurn(
        async (peer) => {
          firsts.push((await peer.accept(FILTERS)).only);
          filters.push(await peer.nextOf("filter"));
          peer.reset();
        },
        async (peer) => {
          const first = await peer.accept(FILTERS);
          firsts.push(first.only);
          peer.complete(first.invocation_id, 1, 0);
        },
      ),
    });
    const stream = streamClient(server).runStream({});
    await stream.started;
    await drain(stream.events({ only: ["turn_completed"] }));
    expect(firsts).toEqual([undefined, ["turn_completed"]]);
    expect(filters).toEqual([{ type: "filter", only: ["turn_completed"] }]);
  });

  it("nothing, by a client that cannot know that it would be understood (filter.frame.1)", async () => {
    const frames: unknown[] = [];
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept(RESUMABLE);
        peer.socket.on("message", (data) => frames.push(JSON.parse(String(data)).type));
        peer.data(1);
        await new Promise((resolve) => peer.socket.once("pong", resolve).ping());
        peer.complete(invocation_id, 2, 1);
      },
    });
    const stream = streamClient(server).runStream({});
    await stream.started;
    expect((await collect(stream.events({ only: ["turn_completed"] }))).length).toBe(0);
    expect(frames).not.toContain("filter");
  });

  it("over server-sent events in the POST, and in the address of what goes on", async () => {
    const asked: unknown[] = [];
    const taken = deferred();
    const server = await serveSse([
      async (peer) => {
        asked.push((await peer.accept(FILTERS)).only);
        peer.data(1);
        await taken.promise;
        peer.reset();
      },
      async (peer) => {
        const first = await peer.accept(FILTERS);
        asked.push(new URL(peer.request.url, "http://a").searchParams.getAll("only"));
        skipped(peer, 1, 3);
        peer.complete(first.invocation_id, 4, 1);
      },
    ]);
    const stream = streamClient(server, { transport: "sse" }).runStream({});
    const seqs: number[] = [];
    for await (const { seq } of stream.events({ only: ["data", "turn_completed"] })) {
      seqs.push(seq);
      taken.resolve();
    }
    const only = ["data", "turn_completed"];
    expect([seqs, asked]).toEqual([[1], [only, only]]);
  });
});

describe("messages as chunks (message.chunk.1)", () => {
  const message = (status: string, text = "Hi"): unknown => ({ role: "assistant", parts: [{ type: "text", text }], status });

  it("are delivered as any other chunk, and typed by isMessage", async () => {
    const chunks = [message("in_progress", "Hel"), message("incomplete", "lo"), message("completed"), "text", { role: "assistant" }];
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept();
        for (const [index, chunk] of chunks.entries()) peer.data(index + 1, chunk);
        peer.complete(invocation_id, chunks.length + 1, chunks.length);
      },
    });
    let text = "";
    const got: unknown[] = [];
    for await (const chunk of streamClient(server).runStream<unknown>({})) {
      got.push(chunk);
      if (isMessage(chunk)) text += `${textOf(chunk)}/${chunk.status} `;
    }
    expect(got).toEqual(chunks);
    expect(text).toBe("Hel/in_progress lo/incomplete Hi/completed ");
  });

  it.each([
    ["no object", "assistant"],
    ["null", null],
    ["a list", [message("completed")]],
    ["no role", { parts: [], status: "completed" }],
    ["parts that are no list", { role: "a", parts: {}, status: "completed" }],
    ["a part that is null", { role: "a", parts: [null], status: "completed" }],
    ["a part without a type", { role: "a", parts: [{ text: "a" }], status: "completed" }],
    ["another status", { role: "a", parts: [], status: "done" }],
    ["no status", { role: "a", parts: [] }],
  ])("%s is no message", (_name, value) => {
    expect(isMessage(value)).toBe(false);
  });

  it("have the text of their parts of type text, and of no other", () => {
    const parts = [
      { type: "text", text: "a" },
      { type: "image", text: "b" },
      { type: "text" },
      { type: "text", text: 1 },
      { type: "text", text: "c" },
    ];
    const value: unknown = { role: "user", parts, status: "completed", more: true };
    expect(isMessage(value) && textOf(value)).toBe("ac");
    expect(textOf({ role: "user", parts: [], status: "in_progress" })).toBe("");
  });
});

describe("types", () => {
  it("tell what a record is by its type, its event's type and its item's name", async () => {
    const server = await serveScript({ stream: everything });
    for await (const record of streamClient(server).runStream<string>({}).events<{ type: "of_its_own"; list: unknown[] }>()) {
      if (record.type === "data") expectTypeOf(record.content).toEqualTypeOf<string>();
      else if (record.type === "status") expectTypeOf(record.status).toEqualTypeOf<"stream_completed" | "stream_cancelled">();
      else {
        const { event, seq } = record;
        expectTypeOf(seq).toEqualTypeOf<number>();
        if (event.type === "turn_completed") expectTypeOf(event.turn).toEqualTypeOf<number>();
        else if (event.type === "of_its_own") expectTypeOf(event.list).toEqualTypeOf<unknown[]>();
        else if (event.type === "agent_updated") expectTypeOf(event).toEqualTypeOf<AgentUpdatedEvent>();
        else if (event.type === "approval_required") expectTypeOf(event).toEqualTypeOf<ApprovalRequiredEvent>();
        else if (event.type === "run_item_event") {
          if (event.name === "tool_called") expectTypeOf(event.item.call_id).toEqualTypeOf<string>();
          else if (event.name === "message_output_created") expectTypeOf(event.item).toEqualTypeOf<Message>();
          else if (event.name === "handoff_occurred") expectTypeOf(event.item.from).toEqualTypeOf<string>();
        } else if (event.type === "raw_response_event") expectTypeOf(event.data).toEqualTypeOf<unknown>();
        else if (event.type !== "approval_decided") expectTypeOf(event).toEqualTypeOf<UnknownEvent>();
      }
    }
  });

  it("of events({ only }) are those that were asked for, one or several", async () => {
    const server = await serveScript({ stream: everything });
    const client = streamClient(server);
    for await (const record of client.runStream().events({ only: ["raw_response_event"] }))
      expectTypeOf(record.event).toEqualTypeOf<RawResponseEvent>();
    for await (const record of client.runStream().events({ only: ["run_item_event"] }))
      expectTypeOf(record.event).toEqualTypeOf<RunItemEvent>();
    for await (const record of client.runStream<number>().events({ only: ["data"] })) {
      expectTypeOf(record).toEqualTypeOf<ChunkRecord<number>>();
    }
    for await (const record of client.runStream<number>().events({ only: ["data", "turn_completed", "agent_updated"] })) {
      if (record.type === "data") expectTypeOf(record.content).toEqualTypeOf<number>();
      else if (record.event.type === "turn_completed") expectTypeOf(record.event.turn).toEqualTypeOf<number>();
      else expectTypeOf(record.event).toEqualTypeOf<AgentUpdatedEvent>();
    }
  });
});
