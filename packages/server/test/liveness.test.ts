/** Heartbeats over both transports, streams longer than any deadline, and what becomes of an invocation whose client is lost. */
import type { JsonObject } from "@runagent/core";
import { describe, expect, test } from "vitest";
import type { RunningServer } from "../src/index.ts";
import { attachSse, openSse } from "./sse-peer.ts";
import { connect, contents, deferred, type FrameInbox, resumeFrame, serveEntrypoints, startFrame } from "./support.ts";

const isHeartbeat = (frame: JsonObject) => frame.type === "heartbeat";
const beat = (seq: number) => ({ type: "heartbeat", seq });
const limits = { heartbeatSeconds: 0.05 };

/** Waits for so many heartbeats. */
async function heartbeats(peer: FrameInbox, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await peer.until(isHeartbeat);
}

/** Starts a stream over either transport. */
async function open(transport: string, server: RunningServer, frame: JsonObject): Promise<FrameInbox> {
  if (transport === "SSE") return openSse(server, { body: frame });
  const peer = await connect(server);
  peer.send(frame);
  return peer;
}

describe("heartbeats", () => {
  test.each(["WebSocket", "SSE"])("over %s name the last record sent, and stop with the end", async (transport) => {
    const steps = [deferred(), deferred()];
    const server = await serveEntrypoints(
      {
        a_stream: async function* () {
          await steps[0]?.promise;
          yield 1;
          await steps[1]?.promise;
        },
      },
      { limits },
    );
    const peer = await open(transport, server, startFrame("a_stream", "inv-1"));
    expect(await peer.next()).toMatchObject({ heartbeat_seconds: 0.05 });
    expect([await peer.next(), await peer.next()]).toEqual([beat(0), beat(0)]);
    steps[0]?.resolve();
    await peer.until((frame) => frame.type === "data");
    expect([await peer.next(), await peer.next()]).toEqual([beat(1), beat(1)]);
    steps[1]?.resolve();
    await peer.until((frame) => frame.status === "stream_completed");
    const count = peer.frames.length;
    const witness = await open("WebSocket", server, startFrame("b_stream", "inv-2"));
    await expect(witness.next()).resolves.toMatchObject({ error: { code: "ENTRYPOINT_NOT_FOUND" } });
    expect(peer.frames).toHaveLength(count);
  });

  test("after the end a warm connection hears none, and a version 1 connection never", async () => {
    const server = await serveEntrypoints({ a_stream: () => [1], b_stream: () => new Promise<never>(() => {}) }, { limits });
    const warm = await open("WebSocket", server, startFrame("a_stream", "inv-1"));
    await warm.until((frame) => frame.status === "stream_completed");
    const old = await connect(server, { version: 1 });
    old.send({ entrypoint_tag: "b_stream" });
    await old.next();
    await heartbeats(await open("WebSocket", server, startFrame("b_stream", "inv-2")), 6);
    expect(warm.frames.filter(isHeartbeat)).toEqual([]);
    expect(old.frames).toHaveLength(1);
  });

  test("come while the window is full, and before the first record of a resume name its cursor", async () => {
    const server = await serveEntrypoints({ a_stream: () => ["a", "b", "c"] }, { limits });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1", { window_bytes: 1 }));
    const [started = {}] = await peer.until((frame) => frame.seq === 1);
    expect([await peer.next(), await peer.next()]).toEqual([beat(1), beat(1)]);
    const stuck = await serveEntrypoints({ a_stream: () => hang(["a", "b"]) }, { limits });
    const first = await openSse(stuck, { body: startFrame("a_stream", "inv-1") });
    await first.until((frame) => frame.seq === 2);
    const again = await attachSse(stuck, "inv-1", first.ids[2]);
    expect(await again.next()).toMatchObject({ status: "stream_resumed", seq: 2 });
    expect(await again.next()).toEqual(beat(2));
    peer.send(resumeFrame(started, 1));
    expect((await peer.until((frame) => frame.type === "error")).at(-1)).toMatchObject({ error: { code: "VALIDATION_ERROR" } });
  });

  test.each(["WebSocket", "SSE"])("over %s do not pile up for a peer that does not read", async (transport) => {
    let yielded = 0;
    const server = await serveEntrypoints(
      {
        a_stream: async function* () {
          for (; yielded < 30_000; yielded++) yield "x".repeat(1000);
        },
        b_stream: () => new Promise<never>(() => {}),
      },
      { limits: { heartbeatSeconds: 0.1 } },
    );
    const peer = await open(transport, server, startFrame("a_stream", "inv-1"));
    await peer.next();
    const flow =
      "response" in peer ? (peer as Awaited<ReturnType<typeof openSse>>).response : (peer as Awaited<ReturnType<typeof connect>>).ws;
    flow.pause();
    const witness = await open("WebSocket", server, startFrame("b_stream", "inv-2"));
    for (let before = -1; before !== yielded || yielded === 0; ) {
      before = yielded;
      await heartbeats(witness, 3);
    }
    expect(yielded).toBeLessThan(30_000);
    flow.resume();
    await peer.until((frame) => frame.status === "stream_completed");
    expect(peer.frames.filter(isHeartbeat).length).toBeLessThan(5);
  });

  test("no deadline of a request cuts a stream that lasts", async () => {
    const go = deferred();
    const server = await serveEntrypoints(
      {
        a_stream: async function* () {
          await go.promise;
          yield 1;
        },
      },
      { limits: { heartbeatSeconds: 0.05, handshakeTimeoutMs: 50, firstFrameTimeoutMs: 50, idleTimeoutMs: 50 } },
    );
    const peers = [
      await open("WebSocket", server, startFrame("a_stream", "inv-1")),
      await open("SSE", server, startFrame("a_stream", "inv-1")),
      await attachSse(server, "inv-1"),
    ];
    await Promise.all(peers.map((peer) => heartbeats(peer, 10)));
    go.resolve();
    for (const peer of peers) expect(contents(await peer.until((frame) => frame.status === "stream_completed"))).toEqual([1]);
  });
});

/** Yields the chunks, and then nothing more. */
async function* hang(chunks: readonly unknown[]): AsyncGenerator<unknown> {
  yield* chunks;
  await new Promise(() => {});
}

describe("pings", () => {
  test("a client with a window that answers none is let go of after two heartbeats, however well it hears the server [live.server.1]", async () => {
    const server = await serveEntrypoints({ a_stream: () => hang([1]) }, { limits: { heartbeatSeconds: 1 } });
    const peer = await connect(server, { autoPong: false });
    const began = performance.now();
    peer.send(startFrame("a_stream", "inv-1", { window_bytes: 1000 }));
    await heartbeats(peer, 1);
    expect((await peer.closed).code).toBe(1006);
    expect(performance.now() - began).toBeLessThan(5000);
  });

  test("a client that answers is not, whatever the server does meanwhile", async () => {
    const server = await serveEntrypoints({ a_stream: () => hang([1]) }, { limits });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1", { window_bytes: 1000 }));
    let pings = 0;
    peer.ws.on("ping", () => {
      // The answer has been sent, and is not read before the next ping is due.
      for (const until = performance.now() + 120; performance.now() < until; );
      pings++;
    });
    await heartbeats(peer, 5);
    await expect.poll(() => pings).toBeGreaterThan(3);
    expect(peer.ws.readyState).toBe(peer.ws.OPEN);
  });
});

describe("on_disconnect cancel", () => {
  /** A server whose agent tells when it was stopped, and by what. */
  async function serveWaiting(disconnectGraceSeconds: number) {
    const stopped = deferred<string>();
    const go = deferred();
    const server = await serveEntrypoints(
      {
        a_stream: async function* (_input, ctx) {
          ctx.signal.addEventListener("abort", () => stopped.resolve(String(ctx.signal.reason.message)));
          yield 1;
          await go.promise;
          yield 2;
        },
      },
      { limits: { heartbeatSeconds: 0.05, disconnectGraceSeconds } },
    );
    return { server, stopped: stopped.promise, go: go.resolve };
  }
  const frame = startFrame("a_stream", "inv-1", { on_disconnect: "cancel" });

  test.each(["WebSocket", "SSE"])("a client lost over %s may come back; if it does not, it cancels", async (transport) => {
    const { server, stopped } = await serveWaiting(0.1);
    const peer = await open(transport, server, frame);
    await peer.until((sent) => sent.seq === 1);
    if ("ws" in peer) (peer as Awaited<ReturnType<typeof connect>>).ws.terminate();
    else (peer as Awaited<ReturnType<typeof openSse>>).socket.destroy();
    expect(await stopped).toMatch(/last client disconnected/);
    const later = await attachSse(server, "inv-1");
    expect((await later.untilEnd()).at(-1)).toMatchObject({ status: "stream_cancelled", mode: "immediate", total_chunks: 1 });
  });

  test("a client that is back in time calls it off", async () => {
    const { server, go } = await serveWaiting(1);
    const peer = await connect(server);
    peer.send(frame);
    const [started = {}] = await peer.until((sent) => sent.seq === 1);
    peer.ws.terminate();
    await peer.closed;
    const back = await connect(server);
    back.send(resumeFrame(started, 1));
    // More than the second of grace.
    await heartbeats(back, 25);
    go();
    expect(contents(await back.untilEnd())).toEqual([2]);
  });

  test("a close with 1000 cancels at once, and so does any close in version 1", async () => {
    for (const protocol of [2, 1] as const) {
      const { server, stopped } = await serveWaiting(3600);
      const peer = await connect(server, { version: protocol });
      peer.send(protocol === 2 ? frame : { entrypoint_tag: "a_stream" });
      await peer.until((sent) => sent.type === "data");
      if (protocol === 2) peer.ws.close(1000);
      else peer.ws.terminate();
      expect(await stopped).toMatch(/last client disconnected/);
    }
  });

  test.each([
    ["hangs up", true],
    ["takes nothing for 20 heartbeats", false],
  ])("a peer over SSE that %s while the agent waits for it is noticed", async (_name, hangsUp) => {
    let yielded = 0;
    const stopped = deferred();
    const server = await serveEntrypoints(
      {
        a_stream: async function* (_input, ctx) {
          ctx.signal.addEventListener("abort", () => stopped.resolve());
          for (;;) {
            yielded++;
            yield "x".repeat(1000);
          }
        },
        b_stream: () => new Promise<never>(() => {}),
      },
      { limits: { heartbeatSeconds: 0.02, disconnectGraceSeconds: 0.02 } },
    );
    const peer = await openSse(server, { body: frame });
    peer.response.pause();
    const witness = await open("WebSocket", server, startFrame("b_stream", "inv-2"));
    for (let before = -1; before !== yielded || yielded === 0; ) {
      before = yielded;
      await heartbeats(witness, 5);
    }
    if (hangsUp) peer.socket.destroy();
    await stopped.promise;
  });
});
