/** What waits between two calls, and how it ends: client.close() while calls are under way, and warm sockets with something left over. */
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { cancelFrames, deferred, drain, inTurn, RESUMABLE, runClient, serveScript, streamClient } from "./harness.ts";
import { acceptOf, type Peer, type Player, type Script } from "./scripted-server.ts";
import { serveSse } from "./sse-peer.ts";

const WARM = { maxIdleConnections: 8, maxReconnectDelayMs: 1 };
const CHUNKS = [1, 2];
const HEALTHY = { status: "healthy" };
const http: Script["http"] = (_, response) => void response.end(JSON.stringify({ success: true, data: HEALTHY }));

describe("client.close()", () => {
  it.each(["websocket", "sse"] as const)("does not wait for a stream that nobody reads yet: %s", async (transport) => {
    const mayFinish = deferred();
    const play = async (peer: Player): Promise<void> => {
      const first = await peer.accept(RESUMABLE);
      await mayFinish.promise;
      peer.finish(first, 2);
    };
    const server = await (transport === "sse" ? serveSse([play]) : serveScript({ stream: inTurn<Peer>(play) }));
    const client = streamClient(server, { ...WARM, transport });
    const stream = client.runStream({});
    await stream.started;
    await client.close();
    mayFinish.resolve();
    expect(await stream.collect()).toEqual(CHUNKS);
    await server.idle();
  });

  it.each(["before any other call", "after another call"])("lets calls of the same turn be answered: %s", async (when) => {
    const server = await serveScript({ http });
    const client = runClient(server);
    if (when === "after another call") await client.health();
    const early = client.health();
    const closing = client.close();
    const late = client.health();
    expect(await Promise.all([early, late])).toEqual([HEALTHY, HEALTHY]);
    await closing;
    await client.close();
    await server.idle();
  });
});

describe("a warm socket", () => {
  it("is closed after half a minute without a call, whatever the server does", async () => {
    const firstClosed = deferred();
    const server = await serveScript({
      async stream(peer) {
        void peer.closed.then(() => firstClosed.resolve());
        for (;;) peer.finish(await peer.accept(RESUMABLE), 2);
      },
    });
    const client = streamClient(server, WARM);
    // Sockets have timers of their own; the client's are these.
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    await Promise.all([client.runStream({}).collect(), client.runStream({}).collect()]);
    vi.advanceTimersByTime(29_999);
    expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    vi.advanceTimersByTime(1);
    await firstClosed.promise;
    // The other one was used meanwhile, and waits anew.
    vi.advanceTimersByTime(29_998);
    expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    expect(server.requests).toHaveLength(2);
    vi.advanceTimersByTime(30_000);
    await server.idle();
  });

  it("is not closed by that time while a stream is on it", async () => {
    const mayFinish = deferred();
    let count = 0;
    const server = await serveScript({
      async stream(peer) {
        for (;;) {
          const first = await peer.accept(RESUMABLE);
          if (++count === 2) await mayFinish.promise;
          peer.finish(first, 2);
        }
      },
    });
    const client = streamClient(server, { ...WARM, idleTimeoutMs: 0 });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    const stream = client.runStream({});
    await stream.started;
    vi.advanceTimersByTime(60_000);
    mayFinish.resolve();
    expect(await stream.collect()).toEqual(CHUNKS);
    expect(stream.summary?.reconnects).toBe(0);
    expect(server.requests).toHaveLength(1);
    await client.close();
    await server.idle();
  });

  const leftovers: [string, (id: unknown) => Record<string, unknown>[], number][] = [
    [
      "stream_completed",
      (id) => [{ type: "status", status: "stream_completed", seq: 1, invocation_id: id, total_chunks: 0, execution_time: 1 }],
      0,
    ],
    ["stream_cancelled", (id) => cancelFrames(id, 1, 0).slice(1), 0],
    ["a cancel_acknowledged", (id) => cancelFrames(id, 1, 0), 0],
    // It names no invocation: the start goes out again, on a new socket.
    ["an error record", () => [{ type: "error", seq: 1, error: { code: "EXECUTION_ERROR", message: "It broke." } }], 1],
  ];

  it.each(leftovers)("passes over %s of the stream before that comes once more, behind the next start", async (what, endOf, reconnects) => {
    let runs = 0;
    const server = await serveScript({
      async stream(peer) {
        for (let end: Record<string, unknown>[] = []; ; ) {
          const first = await peer.nextOf("start");
          for (const frame of end) peer.send(frame);
          peer.send({ ...acceptOf(first), ...RESUMABLE });
          if (runs++ > 0) peer.finish(first, 2);
          else {
            end = endOf(first.invocation_id);
            if (end.length > 1) await peer.nextOf("cancel");
            for (const frame of end) peer.send(frame);
          }
        }
      },
    });
    const client = streamClient(server, WARM);
    const before = client.runStream({});
    await before.started;
    if (what === "a cancel_acknowledged") await before.cancel();
    await drain(before);
    const stream = client.runStream({});
    expect(await stream.collect()).toEqual(CHUNKS);
    expect(stream.summary?.reconnects).toBe(reconnects);
    expect(server.requests).toHaveLength(1 + reconnects);
    await client.close();
    await server.idle();
  });
});
