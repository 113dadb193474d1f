import { describe, expect, it } from "vitest";
import { ARCHITECTURE, cancelFrames, deferred, drain, failureOf, inTurn, RESUMABLE, serveScript, streamClient } from "./harness.ts";
import type { Peer, Script } from "./scripted-server.ts";

const WARM = { maxIdleConnections: 8, maxReconnectDelayMs: 1 };
const CHUNKS = [1, 2];

/** Plays one stream after the other on each connection. */
const keepPlaying = async (peer: Peer): Promise<void> => {
  for (;;) peer.finish(await peer.accept(RESUMABLE), 2);
};

const http: Script["http"] = (_, response) => void response.end(JSON.stringify(ARCHITECTURE));

describe("a socket after the end of its stream", () => {
  it("serves the next stream: one upgrade for ten streams", async () => {
    const server = await serveScript({ stream: keepPlaying });
    const client = streamClient(server, WARM);
    for (let n = 0; n < 10; n++) {
      const stream = client.runStream({ n });
      expect(await stream.collect()).toEqual(CHUNKS);
      expect(stream.summary).toMatchObject({ status: "completed", totalChunks: 2, reconnects: 0 });
    }
    expect(server.requests).toHaveLength(1);
    await client.close();
    await server.idle();
  });

  it("waits with no more than 63 others in a process, however many clients were made", async () => {
    const server = await serveScript({ stream: keepPlaying });
    const clients = Array.from({ length: 70 }, () => streamClient(server, WARM));
    for (const client of clients) expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    await expect.poll(() => server.sockets.size).toBe(64);
    await Promise.all(clients.map((client) => client.close()));
    await server.idle();
  });

  it("does so for every entrypoint of the client, and for a resume", async () => {
    const server = await serveScript({
      async stream(peer) {
        for (;;) {
          const first = await peer.accept(RESUMABLE);
          peer.finish(first, 2);
        }
      },
    });
    const client = streamClient(server, WARM);
    const stream = client.runStream({}, { invocationId: "inv-1" });
    expect(await stream.collect()).toEqual(CHUNKS);
    expect(await client.withEntrypoint("other_stream").runStream({}).collect()).toEqual(CHUNKS);
    const position = Buffer.from("ra2:e1:1:inv-1").toString("base64url");
    expect(await client.resume(position).collect()).toEqual([2]);
    expect(server.requests).toHaveLength(1);
    await client.close();
    await server.idle();
  });

  const ends: [string, (peer: Peer, id: unknown) => void, string | undefined][] = [
    ["failed", (peer) => peer.send({ type: "error", seq: 1, error: { code: "EXECUTION_ERROR", message: "It broke." } }), "EXECUTION_ERROR"],
    ["was cancelled by another", (peer, id) => peer.send(cancelFrames(id, 1, 0)[1]), "CANCELLED"],
  ];

  it.each(ends)("that %s serves the next, too", async (_, end, code) => {
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept(RESUMABLE);
        end(peer, invocation_id);
        await keepPlaying(peer);
      },
    });
    const client = streamClient(server, WARM);
    expect((await drain(client.runStream({}))).error?.code).toBe(code);
    expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    expect(server.requests).toHaveLength(1);
    await client.close();
    await server.idle();
  });

  it("that was cancelled and answered serves the next, too", async () => {
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept(RESUMABLE);
        await peer.nextOf("cancel");
        for (const frame of cancelFrames(invocation_id, 1, 0)) peer.send(frame);
        await keepPlaying(peer);
      },
    });
    const client = streamClient(server, WARM);
    const stream = client.runStream({});
    await stream.started;
    expect(await stream.cancel()).toMatchObject({ outcome: "accepted" });
    expect(await stream.collect()).toEqual([]);
    expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    expect(server.requests).toHaveLength(1);
    await client.close();
  });

  it("with a cancel that was not answered is closed", async () => {
    const closed = deferred<{ code: number }>();
    const server = await serveScript({
      stream: inTurn(async (peer) => {
        void peer.closed.then(closed.resolve);
        const { invocation_id } = await peer.accept(RESUMABLE);
        await peer.nextOf("cancel");
        peer.complete(invocation_id, 1, 0);
      }, keepPlaying),
    });
    const client = streamClient(server, WARM);
    const stream = client.runStream({});
    await stream.started;
    expect(await stream.cancel()).toMatchObject({ outcome: "already_ended" });
    expect(await closed.promise).toEqual({ code: 1000 });
    expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    expect(server.requests).toHaveLength(2);
    await client.close();
  });

  it("with two cancels of which one was answered is closed; each answer settles its own", async () => {
    const server = await serveScript({
      stream: inTurn(async (peer) => {
        const { invocation_id } = await peer.accept(RESUMABLE);
        await peer.nextOf("cancel");
        await peer.nextOf("cancel");
        const [acknowledged, end] = cancelFrames(invocation_id, 1, 0, "after_turn");
        peer.send(acknowledged);
        peer.send(end);
        // The answer to the second comes when the log has ended, and the client may have begun its next stream.
        const late = { ...acknowledged, mode: "immediate", outcome: "already_ended" };
        void peer.next().then(() => peer.send(late));
      }, keepPlaying),
    });
    const client = streamClient(server, WARM);
    const stream = client.runStream({});
    await stream.started;
    const answers = [stream.cancel("after_turn"), stream.cancel("immediate")];
    expect(await stream.collect()).toEqual([]);
    expect((await Promise.all(answers)).map(({ mode }) => mode)).toEqual(["after_turn", "immediate"]);
    expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    expect(server.requests).toHaveLength(2);
    await client.close();
  });

  it("after a stream that was left, detached, aborted or truncated is closed", async () => {
    const server = await serveScript({
      async stream(peer) {
        await peer.accept();
        peer.burst(1, 2);
      },
    });
    const client = streamClient(server, WARM);
    for await (const _ of client.runStream({})) break;
    const detached = client.runStream({});
    await detached.detach();
    const controller = new AbortController();
    const aborted = client.runStream({}, { signal: controller.signal });
    await aborted.started;
    controller.abort();
    expect((await failureOf(aborted.collect())).code).toBe("CANCELLED");
    await server.idle();
    expect(server.requests).toHaveLength(3);
  });

  it("of version 1 is never kept", async () => {
    const server = await serveScript({
      async stream(peer) {
        await peer.next();
        peer.send({ type: "status", status: "stream_started", invocation_id: "s-1" });
        peer.send({ type: "status", status: "stream_completed", total_chunks: 0 });
      },
    });
    const client = streamClient(server, WARM);
    expect(await client.runStream({}).collect()).toEqual([]);
    await server.idle();
    expect(await client.runStream({}).collect()).toEqual([]);
    expect(server.requests).toHaveLength(2);
    await server.idle();
  });

  it("of a caller's WebSocket is not kept: it would keep the process alive", async () => {
    const { WebSocket } = await import("undici");
    const server = await serveScript({ stream: keepPlaying });
    const client = streamClient(server, { ...WARM, WebSocket });
    expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    await server.idle();
  });
});

describe("how many wait", () => {
  it.each([0, 1, 3])("is at most maxIdleConnections: %i", async (maxIdleConnections) => {
    const allOpen = deferred();
    let open = 0;
    let closed = 0;
    const surplusClosed = deferred();
    const server = await serveScript({
      async stream(peer) {
        void peer.closed.then(() => ++closed === 5 - maxIdleConnections && surplusClosed.resolve());
        const first = await peer.accept(RESUMABLE);
        if (++open === 5) allOpen.resolve();
        await allOpen.promise;
        peer.finish(first, 2);
        await keepPlaying(peer);
      },
    });
    const client = streamClient(server, { ...WARM, maxIdleConnections });
    const streams = Array.from({ length: 5 }, () => client.runStream({}).collect());
    await Promise.all(streams);
    await surplusClosed.promise;
    expect(server.sockets.size).toBe(maxIdleConnections);
    await client.close();
    await server.idle();
  });
});

describe("a socket that waits", () => {
  it("and is closed by the server is not used again", async () => {
    const server = await serveScript({
      async stream(peer) {
        peer.finish(await peer.accept(RESUMABLE), 2);
        peer.socket.close(1000);
      },
    });
    const client = streamClient(server, WARM);
    for (let n = 0; n < 3; n++) {
      expect(await client.runStream({}).collect()).toEqual(CHUNKS);
      await server.idle();
    }
    expect(server.requests).toHaveLength(3);
  });

  it.each(["close", "terminate"] as const)(
    "and is gone just as the start is sent (%s): the start goes out anew, with the same id",
    async (how) => {
      const starts: unknown[] = [];
      const server = await serveScript({
        http,
        stream: inTurn(
          async (peer) => {
            peer.finish(await peer.accept(RESUMABLE), 2);
            starts.push((await peer.next()).invocation_id);
            if (how === "close") peer.socket.close(1000);
            else peer.socket.terminate();
          },
          async (peer) => {
            const start = await peer.accept(RESUMABLE);
            starts.push(start.invocation_id);
            peer.finish(start, 2);
          },
        ),
      });
      const client = streamClient(server, WARM);
      expect(await client.runStream({}).collect()).toEqual(CHUNKS);
      const stream = client.runStream({}, { invocationId: "inv-2" });
      expect(await stream.collect()).toEqual(CHUNKS);
      expect(starts).toEqual(["inv-2", "inv-2"]);
      expect(stream.summary?.reconnects).toBe(1);
      // The version was known: nothing was asked.
      expect(server.requests.map(({ url }) => url.endsWith("/run-stream"))).toEqual([true, true]);
      await client.close();
    },
  );

  it("and hears something unasked is closed", async () => {
    const closed = deferred<{ code: number }>();
    const server = await serveScript({
      async stream(peer) {
        void peer.closed.then(closed.resolve);
        peer.finish(await peer.accept(RESUMABLE), 2);
        peer.send({ type: "heartbeat", seq: 3 });
      },
    });
    const client = streamClient(server, WARM);
    expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    expect(await closed.promise).toEqual({ code: 1000 });
    await server.idle();
  });

  it("is closed by client.close(), and one that is released later as well", async () => {
    const go = deferred();
    let count = 0;
    const server = await serveScript({
      async stream(peer) {
        const first = await peer.accept(RESUMABLE);
        if (++count === 2) await go.promise;
        peer.finish(first, 2);
        await keepPlaying(peer);
      },
    });
    const client = streamClient(server, WARM);
    const [short, long] = [client.runStream({}), client.runStream({})];
    await Promise.race([short.collect(), long.started.then(() => short.collect())]);
    await long.started;
    await client.close();
    go.resolve();
    expect(await long.collect()).toEqual(CHUNKS);
    await server.idle();
  });
});
