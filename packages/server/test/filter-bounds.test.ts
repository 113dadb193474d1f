/** A filter, and what is bounded: the window, the log, and a store that takes its time. What is skipped costs its place and no more. */
import type { JsonObject } from "@runagent/core";
import { describe, expect, test } from "vitest";
import { checkChain, createRandom, eventsOf } from "./asking.ts";
import { lateStore } from "./log-stores.ts";
import { openSse } from "./sse-peer.ts";
import { connect, contents, deferred, isTerminal, type Peer, resumeFrame, serveEntrypoints, startFrame } from "./support.ts";

const seed = Number(process.env.TEST_SEED ?? 20_267);

describe("a window [flow.window.1]", () => {
  test.each([1, 40, 100, 1000])("of %i bytes never stalls, and is never overrun by what is skipped", async (windowBytes) => {
    const random = createRandom(seed + windowBytes);
    const kinds = Array.from({ length: 600 }, () => (random() < 0.8 ? "raw" : random() < 0.5 ? "step" : "data"));
    const server = await serveEntrypoints({
      a_stream: async function* (_input, ctx) {
        for (const [n, kind] of kinds.entries()) {
          if (kind === "data") yield n;
          else await ctx.emit({ type: kind, n, text: "x".repeat(n % 50) });
        }
      },
    });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1", { window_bytes: windowBytes, only: ["data"] }));
    const outstanding: { seq: number; bytes: number }[] = [];
    const take = (seq: number): void => {
      while (outstanding[0] !== undefined && outstanding[0].seq <= seq) outstanding.shift();
      peer.send({ type: "ack", seq });
    };
    let at = 0;
    const frames = await peer.until((frame) => {
      const bytes = Buffer.byteLength(peer.texts[at++] ?? "");
      if (frame.protocol !== undefined || frame.type === "heartbeat") return false;
      outstanding.push({ seq: Number(frame.seq), bytes });
      const sum = outstanding.reduce((total, record) => total + record.bytes, 0);
      if (outstanding.length > 1) expect(sum, `seed ${seed}`).toBeLessThanOrEqual(windowBytes);
      // What the client does not take at once it takes when nothing else comes.
      if (random() < 0.5 || sum >= windowBytes / 2) take(Number(frame.seq));
      else setImmediate(() => take(Number(frame.seq)));
      return isTerminal(frame);
    });
    checkChain(frames, 0);
    expect(contents(frames)).toEqual([...kinds.entries()].filter(([, kind]) => kind === "data").map(([n]) => n));
  });

  test("an ack of a record that was skipped and not told of is refused", async () => {
    const held = deferred();
    const server = await serveEntrypoints({
      a_stream: async function* (_input, ctx) {
        yield 1;
        await ctx.emit({ type: "raw" });
        await held.promise;
      },
    });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1", { window_bytes: 1000, only: ["data"] }));
    await peer.until(({ seq }) => seq === 1);
    peer.send({ type: "ack", seq: 2 });
    expect(await peer.until(({ type }) => type === "error")).toMatchObject([{ error: { code: "VALIDATION_ERROR", field: "seq" } }]);
  });
});

describe("a log that is trimmed", () => {
  test("a client that wants chunks alone comes back to its position after thousands of events that it skipped", async () => {
    const count = 30_000;
    const server = await serveEntrypoints(
      {
        a_stream: async function* (_input, ctx) {
          for (let n = 0; n < count; n++) await ctx.emit({ type: "raw", n, text: "a text as long as one of a model's deltas" });
          yield "last";
        },
      },
      { limits: { maxLogBytes: 200_000 } },
    );
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1", { window_bytes: 10_000, only: ["data"] }));
    const [started = {}] = [await peer.next()];
    let taken = 0;
    const takeUpTo = (inbox: Peer, seq: number): Promise<JsonObject[]> =>
      inbox.until((frame) => {
        if (frame.type === "skipped") {
          taken = Number(frame.seq);
          inbox.send({ type: "ack", seq: taken });
        }
        return taken >= seq || isTerminal(frame);
      });
    checkChain(await takeUpTo(peer, count / 2), 0);
    peer.ws.terminate();
    await peer.closed;
    const back = await connect(server);
    const after = taken;
    back.send(resumeFrame(started, after, { window_bytes: 10_000, only: ["data"] }));
    const frames = await takeUpTo(back, Number.POSITIVE_INFINITY);
    expect(checkChain(frames, after)).toBe(count + 2);
    expect(contents(frames)).toEqual(["last"]);
    // A full log is no reason to tell of each record by itself.
    expect(peer.frames.length + back.frames.length).toBeLessThan(count / 200);
  });

  test.each([{ maxLogBytes: 4000 }, { maxLogRecords: 20 }])(
    "%o: an agent that waits for room does not wait for a heartbeat",
    async (small) => {
      const server = await serveEntrypoints(
        {
          a_stream: async function* (_input, ctx) {
            for (let n = 0; n < 200; n++) await ctx.emit({ type: "raw", n, text: "x".repeat(200) });
            yield "done";
          },
        },
        // Longer than a test may take.
        { limits: { ...small, heartbeatSeconds: 60 } },
      );
      const peer = await connect(server);
      peer.send(startFrame("a_stream", "inv-1", { window_bytes: 10_000, only: ["data"] }));
      const inboxes = [peer, await openSse(server, { body: startFrame("a_stream", "inv-2", { only: ["data"] }) })];
      for (const inbox of inboxes) {
        const frames = await inbox.until((frame) => {
          if (inbox === peer && frame.type === "skipped") peer.send({ type: "ack", seq: frame.seq });
          return isTerminal(frame);
        });
        expect(checkChain(frames, 0)).toBe(202);
      }
    },
  );
});

test("a store that answers later skips as well", async () => {
  const server = await serveEntrypoints(
    {
      a_stream: async function* (_input, ctx) {
        for (let n = 0; n < 300; n++) {
          await ctx.emit({ type: n % 3 === 0 ? "step" : "raw", n });
          if (n % 50 === 0) yield n;
        }
      },
    },
    { log: lateStore(), limits: { maxLogBytes: 5000 } },
  );
  const peer = await connect(server);
  peer.send(startFrame("a_stream", "inv-1", { only: ["data", "step"] }));
  const frames = await peer.untilEnd();
  expect(checkChain(frames, 0)).toBe(307);
  expect(contents(frames)).toEqual([0, 50, 100, 150, 200, 250]);
  expect(eventsOf(frames).map(({ n }) => n)).toEqual(Array.from({ length: 100 }, (_, n) => 3 * n));
});
