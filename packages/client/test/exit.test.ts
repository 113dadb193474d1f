import { describe, expect, it } from "vitest";
import { deferred, drain, inTurn, type Play, RESUMABLE, serveScript, streamClient } from "./harness.ts";
import type { Peer, Player, ScriptedServer } from "./scripted-server.ts";
import { serveSse } from "./sse-peer.ts";

/** What keeps the process from exiting, of this kind. */
const held = (kind: string): number => process.getActiveResourcesInfo().filter((name) => name === kind).length;

/** Sockets that keep this process: the server's own are counted out. */
const clientSockets = (server: ScriptedServer): number => held("TCPSocketWrap") - server.sockets.size;

const keepPlaying = async (peer: Peer): Promise<void> => {
  for (;;) peer.finish(await peer.accept({ ...RESUMABLE, heartbeat_seconds: 15 }), 2);
};

/** Timers of a test's own fade away within a turn or two. */
const settle = async (done: () => boolean): Promise<void> => {
  const until = performance.now() + 5_000;
  while (performance.now() < until && !done()) await new Promise(setImmediate);
};

describe("after its streams have ended, a client does not keep the process alive", () => {
  it("with warm WebSockets", async () => {
    const server = await serveScript({ stream: keepPlaying });
    const client = streamClient(server, { maxIdleConnections: 4 });
    const timers = held("Timeout");
    for (let n = 0; n < 2; n++) {
      const stream = client.runStream({}, { timeoutMs: 60_000 });
      await stream.started;
      expect(await stream.collect()).toEqual([1, 2]);
      await settle(() => clientSockets(server) === 0 && held("Timeout") <= timers);
      expect([clientSockets(server), server.sockets.size]).toEqual([0, 1]);
      expect(held("Timeout")).toBeLessThanOrEqual(timers);
    }
    await client.close();
    await server.idle();
  });

  it("while a stream is read, it does", async () => {
    const finish = deferred();
    const server = await serveScript({
      async stream(peer) {
        for (;;) {
          const first = await peer.accept(RESUMABLE);
          await finish.promise;
          peer.finish(first, 2);
        }
      },
    });
    const client = streamClient(server, { maxIdleConnections: 4 });
    const streams = [client.runStream({}), client.runStream({})];
    await Promise.all(streams.map(({ started }) => started));
    expect(clientSockets(server)).toBe(2);
    finish.resolve();
    await Promise.all(streams.map((stream) => stream.collect()));
    await settle(() => clientSockets(server) === 0);
    // A warm socket that is in use again counts again.
    const again = client.runStream({});
    await Promise.resolve(); // It is used from the next microtask on.
    expect(clientSockets(server)).toBe(1);
    expect(await again.collect()).toEqual([1, 2]);
    await client.close();
    await server.idle();
  });

  const ends: [string, Play<Player>[]][] = [
    ["that completed", [async (peer) => peer.finish(await peer.accept(RESUMABLE), 2)]],
    [
      "that was resumed",
      [
        async (peer) => {
          await peer.accept({ ...RESUMABLE, heartbeat_seconds: 10 });
          peer.data(1);
          peer.reset();
        },
        async (peer) => peer.finish(await peer.accept(RESUMABLE), 2),
      ],
    ],
    ["that broke the protocol", [async (peer) => void (await peer.accept(RESUMABLE).then(() => peer.send({ type: "data" })))]],
  ];

  it.each(ends)("with streams over SSE %s", async (_, plays) => {
    const server = await serveSse(plays);
    const client = streamClient(server, { transport: "sse", maxReconnectDelayMs: 1 });
    const timers = held("Timeout");
    await drain(client.runStream({}, { timeoutMs: 60_000 }));
    await settle(() => clientSockets(server) === 0 && held("Timeout") <= timers);
    expect(clientSockets(server)).toBe(0);
    expect(held("Timeout")).toBeLessThanOrEqual(timers);
    await client.close();
    await server.idle();
  });

  it.each(ends)("with streams over WebSockets %s", async (_, plays) => {
    const server = await serveScript({ stream: inTurn<Peer>(...plays) });
    const client = streamClient(server, { maxReconnectDelayMs: 1 });
    const timers = held("Timeout");
    await drain(client.runStream({}, { timeoutMs: 60_000 }));
    await server.idle();
    await settle(() => clientSockets(server) === 0 && held("Timeout") <= timers);
    expect(clientSockets(server)).toBe(0);
    expect(held("Timeout")).toBeLessThanOrEqual(timers);
  });

  it("with a dead connection of a caller's WebSocket that can be let go of at once", async () => {
    const { WebSocket } = await import("ws");
    const server = await serveScript({
      stream: inTurn<Peer>(
        async (peer) => {
          await peer.accept({ ...RESUMABLE, heartbeat_seconds: 0.1 });
          // It answers no closing handshake.
          peer.socket.pause();
        },
        async (peer) => peer.finish(await peer.accept(RESUMABLE), 2),
      ),
    });
    const stream = streamClient(server, { maxReconnectDelayMs: 1, WebSocket }).runStream({});
    expect(await stream.collect()).toEqual([1, 2]);
    expect(stream.summary?.reconnects).toBe(1);
    await settle(() => clientSockets(server) === 0);
    expect(clientSockets(server)).toBe(0);
  });
});
