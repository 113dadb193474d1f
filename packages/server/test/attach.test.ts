/** Starting twice, attaching, resuming, and the flow of records to slow and many readers. */
import type { JsonObject } from "@runagent/core";
import { describe, expect, test } from "vitest";
import { codeOf, connect, contents, deferred, get, post, resumeFrame, serveEntrypoints, startFrame } from "./support.ts";

describe("starting twice", () => {
  test("runs the agent once, and both get everything", async () => {
    let runs = 0;
    const go = deferred();
    const server = await serveEntrypoints({
      a_stream: async function* () {
        runs++;
        yield 1;
        await go.promise;
        yield 2;
      },
    });
    const first = await connect(server);
    const second = await connect(server);
    first.send(startFrame("a_stream", "inv-1", { input_kwargs: { b: 1, a: [{ d: 1, c: 2 }] } }));
    await first.until((frame) => frame.seq === 1);
    second.send(startFrame("a_stream", "inv-1", { input_kwargs: { a: [{ c: 2, d: 1 }], b: 1 }, timeout_seconds: 5, user_id: null }));
    const [started] = await second.until((frame) => frame.seq === 1);
    expect(started).toMatchObject({ status: "stream_started", seq: 0 });
    go.resolve();
    expect(contents(await first.untilEnd())).toEqual([2]);
    expect(contents(await second.untilEnd())).toEqual([2]);
    expect(runs).toBe(1);
  });

  test("at the same moment runs it once too", async () => {
    let runs = 0;
    const server = await serveEntrypoints({ a_stream: () => [++runs] });
    const peers = await Promise.all([connect(server), connect(server), connect(server)]);
    for (const peer of peers) peer.send(startFrame("a_stream", "inv-1"));
    for (const peer of peers) expect(contents(await peer.untilEnd())).toEqual([1]);
  });

  test.each([
    ["other kwargs", { input_kwargs: { a: 2 } }],
    ["other args", { input_args: [1] }],
    ["another user", { user_id: "u2" }],
    ["memory", { persistent_memory: true }],
    ["another tag", { entrypoint_tag: "b_stream" }],
  ])("with %s is INVOCATION_CONFLICT", async (_name, extra) => {
    const server = await serveEntrypoints({ a_stream: () => [1], b_stream: () => [2] });
    const first = await connect(server);
    first.send(startFrame("a_stream", "inv-1"));
    await first.untilEnd();
    const second = await connect(server);
    second.send(startFrame("a_stream", "inv-1", extra));
    const frame = await second.next();
    expect(frame).not.toHaveProperty("seq");
    expect(codeOf(frame)).toBe("INVOCATION_CONFLICT");
    expect((await second.closed).code).toBe(4409);
  });
});

describe("resuming", () => {
  const letters = { a_stream: () => ["a", "b", "c"] };

  test("from the middle over another connection continues exactly there", async () => {
    const go = deferred();
    const server = await serveEntrypoints({
      a_stream: async function* () {
        yield* ["a", "b"];
        await go.promise;
        yield* ["c", "d"];
      },
    });
    const first = await connect(server);
    first.send(startFrame("a_stream", "inv-1"));
    const [started = {}] = await first.until((frame) => frame.seq === 2);
    first.ws.terminate();
    await first.closed;
    const second = await connect(server);
    second.send(resumeFrame(started, 1));
    expect(await second.next()).toMatchObject({ status: "stream_resumed", seq: 1, first_seq: 1, epoch: started.epoch });
    expect(await second.next()).toEqual({ type: "data", seq: 2, content: "b" });
    go.resolve();
    expect(contents(await second.untilEnd())).toEqual(["c", "d"]);
  });

  test("after the end gives the rest, and the terminal record once more to those who have it", async () => {
    const server = await serveEntrypoints(letters);
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    const [started = {}] = await peer.untilEnd();
    peer.send(resumeFrame(started, 2));
    expect((await peer.untilEnd()).map((frame) => frame.seq)).toEqual([2, 3, 4]);
    peer.send(resumeFrame(started, 4));
    const again = await peer.untilEnd();
    expect(again.map((frame) => frame.status)).toEqual(["stream_resumed", "stream_completed"]);
    expect(again.map((frame) => frame.seq)).toEqual([4, 4]);
  });

  test.each([
    ["an unknown invocation", { invocation_id: "inv-2" }, "INVOCATION_NOT_FOUND", 4404],
    ["another epoch", { epoch: "e0" }, "EPOCH_CHANGED", 4412],
    ["a cursor beyond the log", { after_seq: 5 }, "CURSOR_AHEAD", 4411],
  ])("with %s is refused by its name", async (_name, extra, code, closeCode) => {
    const server = await serveEntrypoints(letters);
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    const [started = {}] = await peer.untilEnd();
    peer.send(resumeFrame(started, 1, extra));
    expect(codeOf(await peer.next())).toBe(code);
    expect((await peer.closed).code).toBe(closeCode);
  });

  test("a run can be attached to as well", async () => {
    const server = await serveEntrypoints({
      add: (input, ctx) => {
        ctx.emit({ type: "step" });
        return input.a + input.b;
      },
    });
    const body = {
      protocol: 2,
      invocation_id: "inv-1",
      entrypoint_tag: "add",
      input_args: [],
      input_kwargs: { a: 1, b: 2 },
      async_execution: true,
    };
    const answer = await post(`${server.url}/api/v1/agents/agent/run`, body);
    expect(answer.status).toBe(202);
    const peer = await connect(server);
    const { epoch } = answer.body.data as { epoch: string };
    peer.send(resumeFrame({ invocation_id: "inv-1", epoch }, 0));
    const frames = await peer.untilEnd();
    expect(contents(frames)).toEqual([3]);
    expect(frames.map((frame) => frame.type)).toEqual(["status", "event", "data", "status"]);
  });
});

describe("flow", () => {
  test("a window holds records back until they are acknowledged, and the agent with them", async () => {
    let yielded = 0;
    const server = await serveEntrypoints({
      a_stream: function* () {
        for (; yielded < 1000; yielded++) yield "x".repeat(100);
      },
    });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1", { window_bytes: 1000 }));
    const recordBytes = '{"type":"data","seq":1,"content":""}'.length + 100;
    const fit = Math.floor(1000 / recordBytes);
    await peer.until((frame) => frame.seq === fit);
    // An answered frame is behind everything that was sent before it.
    peer.send({ type: "approval", approval_id: "x", decision: "approve" });
    expect(await peer.next()).toMatchObject({ status: "approval_acknowledged" });
    expect(yielded).toBeLessThanOrEqual(fit + 2);
    peer.send({ type: "ack", seq: 3 });
    await peer.until((frame) => frame.seq === fit + 3);
    expect(yielded).toBeLessThanOrEqual(fit + 5);
    peer.send({ type: "ack", seq: fit + 3 });
    for (;;) {
      const frame = await peer.next();
      if (frame.status === "stream_completed") break;
      peer.send({ type: "ack", seq: frame.seq });
    }
    expect(peer.frames.at(-1)).toMatchObject({ total_chunks: 1000 });
  });

  test("a record larger than the window goes alone", async () => {
    const server = await serveEntrypoints({ a_stream: () => ["x".repeat(500), "y"] });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1", { window_bytes: 10 }));
    await peer.until((frame) => frame.seq === 1);
    for (const seq of [1, 2]) {
      peer.send({ type: "ack", seq });
      expect(await peer.next()).toMatchObject({ seq: seq + 1 });
    }
    expect(peer.frames.at(-1)).toMatchObject({ status: "stream_completed" });
  });

  test("an ack of a record that was never sent is refused", async () => {
    const server = await serveEntrypoints({ a_stream: () => new Promise<never>(() => {}) });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1", { window_bytes: 10 }));
    peer.send({ type: "ack", seq: 7 });
    expect(await peer.next()).toMatchObject({ status: "stream_started" });
    expect(await peer.next()).toMatchObject({ error: { code: "VALIDATION_ERROR", field: "seq" } });
    expect((await peer.closed).code).toBe(4400);
  });

  test("a reader that takes nothing stops the agent, and gets all 100,000 chunks once it reads", async () => {
    let yielded = 0;
    const text = "0123456789".repeat(20);
    const server = await serveEntrypoints({
      a_stream: async function* () {
        for (; yielded < 100_000; yielded++) {
          yield text;
        }
      },
    });
    const peer = await connect(server);
    const witness = await connect(server);
    peer.ws.pause();
    peer.send(startFrame("a_stream", "inv-1"));
    // Two exchanges with another connection that change nothing any more: the first one has come to rest.
    for (let before = -1; before !== yielded || yielded === 0; ) {
      before = yielded;
      for (let round = 0; round < 20; round++) {
        witness.send({
          type: "start",
          protocol: 2,
          invocation_id: `w-${before}-${round}`,
          entrypoint_tag: "a_stream",
          input_args: [round],
          input_kwargs: {},
        });
        witness.send({ type: "cancel", mode: "immediate" });
        await witness.untilEnd();
      }
    }
    expect(yielded).toBeGreaterThan(0);
    expect(yielded).toBeLessThan(60_000);
    peer.ws.resume();
    const frames = await peer.untilEnd();
    expect(frames.at(-1)).toMatchObject({ seq: 100_001, total_chunks: 100_000 });
    expect(frames).toHaveLength(100_002);
    frames.slice(1).forEach((frame, index) => {
      if (frame.seq !== index + 1) throw new Error(`Record ${index + 1} is missing.`);
    });
  });

  test("without readers the agent goes on until the log is full, and waits there for one", async () => {
    let yielded = 0;
    const full = deferred();
    const server = await serveEntrypoints(
      {
        a_stream: async function* () {
          for (; yielded < 200; yielded++) {
            if (yielded === 20) full.resolve();
            yield "x".repeat(1000);
          }
        },
      },
      { limits: { maxLogBytes: 21_000 } },
    );
    const first = await connect(server);
    first.send(startFrame("a_stream", "inv-1", { window_bytes: 1 }));
    const [started = {}] = await first.until((frame) => frame.seq === 1);
    first.ws.close(1000);
    await full.promise;
    const second = await connect(server);
    second.send(resumeFrame(started, 1));
    const frames = await second.untilEnd();
    expect(frames.filter((frame) => frame.type === "data")).toHaveLength(199);
    // The log kept no more than it may: its beginning is gone by now.
    second.send(startFrame("a_stream", "inv-1"));
    expect(await second.next()).toMatchObject({ error: { code: "CURSOR_EXPIRED", details: { first_seq: expect.any(Number) } } });
    expect((await second.closed).code).toBe(4410);
  });

  test("maxLogRecords bounds the log like maxLogBytes, also by events", async () => {
    let yielded = 0;
    const full = deferred();
    const server = await serveEntrypoints(
      {
        a_stream: async function* () {
          for (; yielded < 200; yielded++) {
            if (yielded === 20) full.resolve();
            yield yielded;
          }
        },
      },
      { limits: { maxLogRecords: 20 } },
    );
    const first = await connect(server);
    first.send(startFrame("a_stream", "inv-1", { window_bytes: 1 }));
    const [started = {}] = await first.until((frame) => frame.seq === 1);
    first.ws.close(1000);
    await full.promise;
    const second = await connect(server);
    second.send(resumeFrame(started, 1));
    expect(contents(await second.untilEnd())).toEqual(Array.from({ length: 199 }, (_, index) => index + 1));
    second.send(startFrame("a_stream", "inv-1"));
    const refused = await second.next();
    expect(refused).toMatchObject({ error: { code: "CURSOR_EXPIRED" } });
    const { first_seq } = (refused.error as { details: { first_seq: number } }).details;
    // The bound, the one that went over it, and the terminal record.
    expect(201 - first_seq + 1).toBeLessThanOrEqual(22);
  });

  test("while nobody is attached nothing is dropped: events beyond a full log are refused to the agent", async () => {
    const server = await serveEntrypoints(
      {
        work: (_input, ctx) => {
          try {
            for (let n = 0; ; n++) ctx.emit({ type: "step", n });
          } catch (error) {
            return String(error);
          }
        },
      },
      { limits: { maxLogRecords: 20 } },
    );
    const body = { protocol: 2, invocation_id: "inv-1", entrypoint_tag: "work", input_args: [], input_kwargs: {} };
    const answer = await post(`${server.url}/api/v1/agents/agent/run`, body);
    expect(answer.body.data).toMatch(/maxLogRecords/);
    const invocation = await get(`${server.url}/api/v1/invocations/inv-1`);
    const peer = await connect(server);
    peer.send(resumeFrame(invocation.body.data as JsonObject, 0));
    const frames = await peer.untilEnd();
    expect(frames.map((frame) => frame.seq)).toEqual(Array.from({ length: frames.length }, (_, index) => index));
    // The log may be full twice over, and 64 may wait for room in it.
    expect(frames.length).toBeLessThan(100);
  });
});
