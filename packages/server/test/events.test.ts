/** Events: what an agent may emit, in which order it comes, and how a slow client slows the agent down. */
import type { JsonObject } from "@runagent/core";
import { describe, expect, test } from "vitest";
import { type AgentContext, events } from "../src/index.ts";
import { eventsOf, SSE, WEBSOCKET } from "./asking.ts";
import { lateStore } from "./log-stores.ts";
import { connect, contents, deferred, isTerminal, type Peer, post, resumeFrame, serveEntrypoints, startFrame } from "./support.ts";

const seqs = (frames: readonly JsonObject[]): unknown[] => frames.map(({ seq }) => seq);

/** Acknowledges every record as it comes, up to the end. */
async function takeAll(peer: Peer): Promise<JsonObject[]> {
  return peer.until((frame) => {
    if (frame.type !== "heartbeat" && Number(frame.seq) > 0) peer.send({ type: "ack", seq: frame.seq });
    return isTerminal(frame);
  });
}

describe.each([WEBSOCKET, SSE])("over $name", (way) => {
  test("events come in order with the chunks, each with its seq", async () => {
    const call = { call_id: "c1", tool_name: "weather" };
    const emitted = [
      events.agentUpdated({ name: "desk" }),
      events.rawResponse("response.output_text.delta", { delta: "Hi" }),
      events.toolCalled({ ...call, arguments: { city: "Lisbon" } }),
      events.toolOutput({ ...call, output: null }),
      events.toolOutput({ ...call, output: "down", is_error: true }),
      events.handoffRequested({ from: "desk", to: "tailor" }),
      events.handoffOccurred({ from: "desk", to: "tailor" }),
      events.reasoning({ text: "hm" }),
      events.messageOutput({ role: "assistant", parts: [{ type: "text", text: "Hi" }], status: "completed" }),
      { type: "of_my_own", deep: [{ a: null, __proto__: undefined }], "": 0 },
    ];
    const server = await serveEntrypoints({
      a_stream: async function* (_input, ctx) {
        for (const event of emitted) {
          await ctx.emit(event);
          yield event.type;
        }
      },
    });
    const inbox = await way.open(server, startFrame("a_stream", "inv-1"));
    const frames = await inbox.untilEnd();
    expect(eventsOf(frames)).toEqual(JSON.parse(JSON.stringify(emitted)));
    expect(contents(frames)).toEqual(emitted.map(({ type }) => type));
    expect(seqs(frames)).toEqual(Array.from({ length: 22 }, (_, index) => index));
    expect(frames.at(-1)).toMatchObject({ total_chunks: 10 });
  });

  test("a turn is an event with its number", async () => {
    const server = await serveEntrypoints({
      a_stream: async function* (_input, ctx) {
        await ctx.turn();
        yield "between";
        await ctx.turn();
      },
    });
    const inbox = await way.open(server, startFrame("a_stream", "inv-1"));
    const frames = await inbox.untilEnd();
    expect(eventsOf(frames)).toEqual([
      { type: "turn_completed", turn: 1 },
      { type: "turn_completed", turn: 2 },
    ]);
    expect(frames.at(-1)).not.toHaveProperty("reason");
  });
});

describe("emit refuses, at once, and the invocation goes on", () => {
  const cycle: Record<string, unknown> = { type: "a" };
  cycle.self = cycle;
  let deep: unknown = 1;
  for (let level = 0; level < 70; level++) deep = [deep];
  const throwing = {
    type: "a",
    get field(): unknown {
      throw new Error("a getter that fails");
    },
  };

  test.each<[string, unknown]>([
    ["undefined", undefined],
    ["null", null],
    ["a text", "turn_completed"],
    ["a number", 1],
    ["an array", [{ type: "a" }]],
    ["a function", () => ({ type: "a" })],
    ["no type", { name: "a" }],
    ["an empty type", { type: "" }],
    ["a type that is no text", { type: { toString: () => "a" } }],
    ["a type of 129 characters", { type: "a".repeat(129) }],
    ["BigInt", { type: "a", n: 1n }],
    ["NaN", { type: "a", n: Number.NaN }],
    ["an infinite number, deep inside", { type: "a", n: [{ m: Number.POSITIVE_INFINITY }] }],
    ["a cycle", cycle],
    ["what nests too deep", { type: "a", deep }],
    ["what is too large", { type: "a", text: "x".repeat(20_000) }],
    ["a getter that throws", throwing],
    ["a toJSON that throws", { type: "a", toJSON: () => JSON.parse("{") }],
    ["a toJSON that gives no event", { type: "a", toJSON: () => "text" }],
    ["a toJSON that gives another type, which is none", { type: "a", toJSON: () => ({ type: 1 }) }],
    ["a toJSON that gives nothing", { type: "a", toJSON: () => undefined }],
    ["a question of its own making: approvals have their own verb", { type: "approval_required", approval_id: "ap-1", requests: [] }],
    ["a decision of its own making", { type: "approval_decided", approval_id: "ap-1", decision: "approve" }],
    ["a question by way of toJSON", { type: "a", toJSON: () => ({ type: "approval_required" }) }],
  ])("%s", async (_name, event) => {
    const thrown: unknown[] = [];
    const server = await serveEntrypoints(
      {
        a_stream: async function* (_input, ctx) {
          try {
            await ctx.emit({ type: "before" });
            const emitted = ctx.emit(event as never);
            emitted.catch(() => thrown.push("It rejected, in place of throwing."));
          } catch (error) {
            thrown.push(error);
          }
          await ctx.emit({ type: "after" });
          yield "and goes on";
        },
      },
      { limits: { maxServerFrameBytes: 10_000 } },
    );
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    const frames = await peer.untilEnd();
    expect(thrown).toMatchObject([{ code: "VALIDATION_ERROR", message: expect.stringMatching(/\.$/) }]);
    expect(eventsOf(frames)).toEqual([{ type: "before" }, { type: "after" }]);
    expect(contents(frames)).toEqual(["and goes on"]);
  });

  test("not: a toJSON that gives another event, which is what travels", async () => {
    const server = await serveEntrypoints({
      a_stream: (_input, ctx) => {
        void ctx.emit({ type: "a", toJSON: () => ({ type: "turn_completed", turn: 9 }) } as never);
        return [];
      },
    });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    expect(eventsOf(await peer.untilEnd())).toEqual([{ type: "turn_completed", turn: 9 }]);
  });

  test("nothing after the end: an event has nowhere to go", async () => {
    const { promise: ctx, resolve } = deferred<AgentContext>();
    const server = await serveEntrypoints({
      a_stream: (_input, context) => {
        resolve(context);
        return [1];
      },
    });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    await peer.untilEnd();
    await (await ctx).emit({ type: "late" });
    await expect((await ctx).turn()).rejects.toMatchObject({ code: "CANCELLED" });
    const again = await connect(server);
    again.send(startFrame("a_stream", "inv-1"));
    expect(eventsOf(await again.untilEnd())).toEqual([]);
  });
});

describe("a slow client", () => {
  const LIMITS = { maxLogBytes: 4000, heartbeatSeconds: 0.1 };
  const text = "x".repeat(500);

  test("slows down an agent that awaits its events, and nothing is lost", async () => {
    let emitted = 0;
    const server = await serveEntrypoints(
      {
        a_stream: async function* (_input, ctx) {
          for (let n = 1; n <= 100; n++) {
            await ctx.emit({ type: "step", n, text });
            emitted = n;
          }
          yield "done";
        },
      },
      { limits: LIMITS },
    );
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1", { window_bytes: 3000 }));
    await peer.until(({ type }) => type === "heartbeat");
    expect(emitted).toBeLessThan(10);
    peer.send({ type: "ack", seq: 2 });
    const frames = await takeAll(peer);
    expect(eventsOf([...peer.frames]).map(({ n }) => n)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
    expect(frames.at(-1)).toMatchObject({ status: "stream_completed" });
  });

  test.each([1, 2, 32])("slows down %i that emit at once, each awaiting its own, beside chunks: none finds the log full", async (loops) => {
    const attached = deferred();
    const server = await serveEntrypoints(
      {
        a_stream: async function* (_input, ctx) {
          await attached.promise;
          const emitting = Array.from({ length: loops }, async (_, loop) => {
            for (let n = 0; n < 50; n++) await ctx.emit({ type: "step", loop, n, text });
          });
          for (let n = 0; n < 50; n++) yield text;
          await Promise.all(emitting);
        },
      },
      { limits: LIMITS },
    );
    const fast = await connect(server);
    fast.send(startFrame("a_stream", "inv-1"));
    const [started = {}] = [await fast.next()];
    const slow = await connect(server);
    slow.send(resumeFrame(started, 0, { window_bytes: 1000 }));
    await slow.until(({ status }) => status === "stream_resumed");
    attached.resolve();
    const frames = await takeAll(slow);
    expect(frames.at(-1)).toMatchObject({ status: "stream_completed", total_chunks: 50 });
    for (let loop = 0; loop < loops; loop++) {
      const ns = eventsOf(frames).filter((event) => event.loop === loop);
      expect(ns.map(({ n }) => n)).toEqual(Array.from({ length: 50 }, (_, index) => index));
    }
  });

  test("an agent that floods without awaiting is told that the log is full, and what is in it arrives", async () => {
    let kept = 0;
    const { promise, resolve } = deferred<unknown>();
    const server = await serveEntrypoints(
      {
        a_stream: (_input, ctx) => {
          try {
            for (; kept < 1000; kept++) void ctx.emit({ type: "step", n: kept, text });
          } catch (error) {
            resolve(error);
          }
          return ["and goes on"];
        },
      },
      { limits: LIMITS },
    );
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1", { window_bytes: 1000 }));
    const frames = await takeAll(peer);
    expect(await promise).toMatchObject({ code: "PAYLOAD_TOO_LARGE", message: expect.stringContaining("maxLogBytes") });
    expect(kept).toBeLessThan(80);
    expect(eventsOf(frames)).toHaveLength(kept);
    expect(contents(frames)).toEqual(["and goes on"]);
  });

  test("without any client an agent that awaits stops when the log is full, and a cancel ends its wait", async () => {
    const { promise, resolve } = deferred<number>();
    let emitted = 0;
    const server = await serveEntrypoints(
      {
        a_stream: async function* (_input, ctx) {
          while (!ctx.signal.aborted) {
            await ctx.emit({ type: "step", n: ++emitted, text });
          }
          resolve(emitted);
          yield 1;
        },
      },
      { limits: LIMITS },
    );
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1", { window_bytes: 1000 }));
    await peer.next();
    peer.ws.terminate();
    await expect.poll(() => emitted).toBeGreaterThan(5);
    await post(`${server.url}/api/v1/invocations/inv-1/cancel`, { mode: "immediate" });
    expect(await promise).toBeLessThan(12);
  });

  test.each([
    ["many small ones", 40_000, 10],
    ["one larger than the log", 1, 100_000],
  ])("is not waited for where there is none: a run that tells more than its log holds (%s) has its result", async (_, count, bytes) => {
    const server = await serveEntrypoints(
      {
        work: async (_input, ctx) => {
          for (let n = 0; n < count; n++) await ctx.emit({ type: "raw", n, text: "x".repeat(bytes) });
          await ctx.turn();
          return "done";
        },
      },
      { limits: { maxLogBytes: 50_000 } },
    );
    const request = { protocol: 2, invocation_id: "inv-1", entrypoint_tag: "work", input_args: [], input_kwargs: {} };
    const { body } = await post(`${server.url}/api/v1/agents/agent/run`, request);
    expect(body).toMatchObject({ success: true, data: "done" });
  });

  test("of a store that answers later gets everything, too", async () => {
    const server = await serveEntrypoints(
      {
        a_stream: async function* (_input, ctx) {
          for (let n = 1; n <= 60; n++) {
            await ctx.emit({ type: "step", n, text });
            if (n % 10 === 0) await ctx.turn();
          }
          yield "done";
        },
      },
      { limits: LIMITS, log: lateStore() },
    );
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1", { window_bytes: 1000 }));
    const frames = await takeAll(peer);
    expect(eventsOf(frames).filter(({ type }) => type === "step")).toHaveLength(60);
    expect(eventsOf(frames).filter(({ type }) => type === "turn_completed")).toHaveLength(6);
  });
});
