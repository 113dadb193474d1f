/** Stopping: immediate, after the turn, by leaving, before, during and after. */
import { describe, expect, test } from "vitest";
import { connect, contents, deferred, get, post, serveEntrypoints, startFrame } from "./support.ts";

const ACCEPTED = { status: "cancel_acknowledged", outcome: "accepted" };

describe("cancel immediate", () => {
  test("aborts the signal, closes the generator, and ends with stream_cancelled", async () => {
    const closed = deferred<boolean>();
    const server = await serveEntrypoints({
      a_stream: async function* (_input, ctx) {
        try {
          yield 1;
          await new Promise((_, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason)));
        } finally {
          closed.resolve(ctx.signal.aborted);
        }
      },
    });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    await peer.until((frame) => frame.seq === 1);
    peer.send({ type: "cancel", mode: "immediate" });
    expect(await peer.next()).toMatchObject({ ...ACCEPTED, invocation_id: "inv-1", mode: "immediate" });
    expect(await peer.next()).toMatchObject({ status: "stream_cancelled", seq: 2, mode: "immediate", total_chunks: 1 });
    expect(await closed.promise).toBe(true);
    peer.send({ type: "cancel", mode: "immediate" });
    expect(await peer.next()).toMatchObject({ status: "cancel_acknowledged", outcome: "already_ended" });
  });

  test("right behind the start: the agent never runs", async () => {
    let runs = 0;
    const server = await serveEntrypoints({ a_stream: () => [++runs] });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    peer.send({ type: "cancel", mode: "immediate" });
    const frames = await peer.untilEnd();
    expect(frames.map((frame) => frame.status)).toEqual(["stream_started", "cancel_acknowledged", "stream_cancelled"]);
    expect(frames.at(-1)).toMatchObject({ seq: 1, total_chunks: 0 });
    expect(runs).toBe(0);
  });

  test("does not wait for an agent that ignores its signal", async () => {
    const server = await serveEntrypoints({
      a_stream: async function* () {
        yield 1;
        await new Promise(() => {});
      },
      hang_stream: () => new Promise<never>(() => {}),
    });
    const peer = await connect(server);
    for (const [tag, chunks] of [
      ["a_stream", 1],
      ["hang_stream", 0],
    ] as const) {
      peer.send(startFrame(tag, `inv-${tag}`));
      await peer.until((frame) => frame.seq === chunks);
      peer.send({ type: "cancel", mode: "immediate" });
      expect((await peer.untilEnd()).at(-1)).toMatchObject({ status: "stream_cancelled", total_chunks: chunks });
    }
  });

  test("an agent that yields on, throws or emits afterwards adds nothing", async () => {
    const done = deferred();
    const errors: unknown[] = [];
    const server = await serveEntrypoints(
      {
        a_stream: async function* (_input, ctx) {
          yield 1;
          await new Promise<void>((resolve) => ctx.signal.addEventListener("abort", () => resolve()));
          ctx.emit({ type: "late" });
          done.resolve();
          yield 2;
          throw new Error("late");
        },
      },
      { onError: (error) => errors.push(error) },
    );
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    await peer.until((frame) => frame.seq === 1);
    peer.send({ type: "cancel", mode: "immediate" });
    await peer.untilEnd();
    await done.promise;
    const { body } = await get(`${server.url}/api/v1/invocations/inv-1`);
    expect(body.data).toMatchObject({ status: "cancelled", seq: 2, total_chunks: 1 });
    expect(errors).toEqual([]);
  });

  test("from many sides at once gives exactly one terminal record", async () => {
    const server = await serveEntrypoints({
      a_stream: async function* () {
        for (;;) yield await new Promise((resolve) => setImmediate(resolve, 1));
      },
    });
    const peers = await Promise.all(Array.from({ length: 5 }, () => connect(server)));
    for (const peer of peers) peer.send(startFrame("a_stream", "inv-1"));
    for (const peer of peers) await peer.until((frame) => frame.seq === 3);
    for (const peer of peers) peer.send({ type: "cancel", mode: "immediate" });
    await post(`${server.url}/api/v1/invocations/inv-1/cancel`, { mode: "immediate" });
    for (const peer of peers) {
      await peer.until((frame) => frame.status === "cancel_acknowledged");
      while (!peer.frames.some((frame) => frame.status === "stream_cancelled")) await peer.next();
      expect(peer.frames.filter((frame) => frame.status === "stream_cancelled" || frame.status === "stream_completed")).toHaveLength(1);
    }
  });
});

describe("cancel after the turn", () => {
  test("waits for turn_completed", async () => {
    const cancelled = deferred();
    const server = await serveEntrypoints({
      a_stream: async function* (_input, ctx) {
        yield "one";
        await cancelled.promise;
        yield "two";
        ctx.emit({ type: "turn_completed", turn: 1 });
        yield "three";
      },
    });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    await peer.until((frame) => frame.seq === 1);
    peer.send({ type: "cancel", mode: "after_turn" });
    expect(await peer.next()).toMatchObject({ ...ACCEPTED, mode: "after_turn" });
    cancelled.resolve();
    const frames = await peer.untilEnd();
    expect(contents(frames)).toEqual(["two"]);
    expect(frames.map((frame) => frame.type)).toEqual(["data", "event", "status"]);
    expect(frames.at(-1)).toMatchObject({ status: "stream_cancelled", mode: "after_turn" });
  });

  test("an agent without turns completes; immediate replaces it", async () => {
    const go = deferred();
    const server = await serveEntrypoints({
      a_stream: async function* () {
        yield 1;
        await go.promise;
        yield 2;
      },
    });
    const peer = await connect(server);
    const other = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    other.send(startFrame("a_stream", "inv-2"));
    for (const each of [peer, other]) {
      await each.until((frame) => frame.seq === 1);
      each.send({ type: "cancel", mode: "after_turn" });
      expect(await each.next()).toMatchObject(ACCEPTED);
    }
    other.send({ type: "cancel", mode: "immediate" });
    expect((await other.untilEnd()).at(-1)).toMatchObject({ status: "stream_cancelled", mode: "immediate" });
    go.resolve();
    expect((await peer.untilEnd()).at(-1)).toMatchObject({ status: "stream_completed", total_chunks: 2 });
  });

  test("a plain generator that emits the turn itself is closed", async () => {
    const closed = deferred();
    const server = await serveEntrypoints({
      a_stream: function* (_input, ctx) {
        try {
          for (let turn = 1; ; turn++) {
            yield turn;
            ctx.emit({ type: "turn_completed", turn });
          }
        } finally {
          closed.resolve();
        }
      },
    });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1", { window_bytes: 60 }));
    await peer.until((frame) => frame.seq === 1);
    peer.send({ type: "cancel", mode: "after_turn" });
    for (let seq = 1; !peer.frames.some((frame) => frame.status === "stream_cancelled"); ) {
      const frame = await peer.next();
      if (typeof frame.seq === "number") seq = frame.seq;
      peer.send({ type: "ack", seq });
    }
    await closed.promise;
  });
});

describe("leaving", () => {
  test("with on_disconnect cancel the last to leave cancels", async () => {
    const aborted = deferred();
    const server = await serveEntrypoints({
      a_stream: async function* (_input, ctx) {
        ctx.signal.addEventListener("abort", () => aborted.resolve());
        yield 1;
        await new Promise(() => {});
      },
    });
    const first = await connect(server);
    const second = await connect(server);
    first.send(startFrame("a_stream", "inv-1", { on_disconnect: "cancel" }));
    second.send(startFrame("a_stream", "inv-1"));
    for (const peer of [first, second]) await peer.until((frame) => frame.seq === 1);
    first.ws.close();
    await first.closed;
    const { body } = await get(`${server.url}/api/v1/invocations/inv-1`);
    expect(body.data).toMatchObject({ status: "running" });
    second.ws.close(1000);
    await aborted.promise;
    const after = await get(`${server.url}/api/v1/invocations/inv-1`);
    expect(after.body.data).toMatchObject({ status: "cancelled" });
  });

  test("with on_disconnect continue it runs to its end", async () => {
    const go = deferred();
    const ended = deferred();
    const server = await serveEntrypoints({
      a_stream: async function* () {
        yield 1;
        await go.promise;
        yield 2;
        ended.resolve();
      },
    });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    await peer.until((frame) => frame.seq === 1);
    peer.ws.close(1000);
    await peer.closed;
    go.resolve();
    await ended.promise;
    const again = await connect(server);
    again.send(startFrame("a_stream", "inv-1"));
    expect(contents(await again.untilEnd())).toEqual([1, 2]);
  });
});
