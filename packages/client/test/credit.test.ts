/** What a new connection owes the server in acknowledgements, and what it does not. */
import { describe, expect, it } from "vitest";
import { deferred, inTurn, RESUMABLE, serveScript, streamClient } from "./harness.ts";
import type { Peer } from "./scripted-server.ts";

const FAST = { maxReconnectDelayMs: 1 };

/** Resolves when the client has read all that was sent before. */
const pong = (peer: Peer): Promise<void> =>
  new Promise((resolve) => {
    peer.socket.once("pong", () => resolve());
    peer.socket.ping();
  });

describe("on a new connection", () => {
  it("what was taken of the one before does not count: an eighth of the window comes first [ack.send.1]", async () => {
    const WINDOW = 8000;
    const taken = deferred();
    const sizes: number[] = [];
    const ack = deferred<number>();
    const server = await serveScript({
      stream: inTurn(
        async (peer) => {
          await peer.accept(RESUMABLE);
          // Just under an eighth.
          peer.data(1, "x".repeat(900));
          await taken.promise;
          peer.reset();
        },
        async (peer) => {
          const { invocation_id } = await peer.accept(RESUMABLE);
          for (let seq = 2; seq <= 11; seq++) {
            const frame = JSON.stringify({ type: "data", seq, content: "x".repeat(160) });
            sizes.push(frame.length);
            peer.send(frame);
          }
          ack.resolve(Number((await peer.nextOf("ack")).seq));
          peer.complete(invocation_id, 12, 11);
        },
      ),
    });
    const cursor = streamClient(server, { ...FAST, bufferBytes: WINDOW })
      .runStream({})
      .cursor();
    await cursor.next();
    taken.resolve();
    for (let seq = 2; seq <= 11; seq++) expect((await cursor.next()).seq).toBe(seq);
    const acknowledged = sizes.slice(0, (await ack.promise) - 1).reduce((sum, size) => sum + size, 0);
    expect(acknowledged).toBeGreaterThanOrEqual(WINDOW / 8);
    expect(await cursor.next()).toEqual({ hasMore: false });
  });

  it("records that come once more after they were taken are acknowledged: a window full of them does not stand still", async () => {
    const reconnected = deferred();
    const queued = deferred();
    const takenAll = deferred();
    const acks: number[] = [];
    const server = await serveScript({
      stream: inTurn(
        async (peer) => {
          await peer.accept(RESUMABLE);
          for (let seq = 1; seq <= 10; seq++) peer.data(seq, "x".repeat(100));
          await pong(peer);
          queued.resolve();
          await peer.nextOf("ack");
          peer.reset();
        },
        async (peer) => {
          const resume = await peer.accept(RESUMABLE);
          await pong(peer);
          reconnected.resolve();
          await takenAll.promise;
          // The window is full of what the consumer took from the connection before: nothing else comes until that is acknowledged.
          for (let seq = Number(resume.after_seq) + 1; seq <= 10; seq++) peer.data(seq, "x".repeat(100));
          while (acks.at(-1) !== 10) acks.push(Number((await peer.nextOf("ack")).seq));
          peer.finish({ ...resume, after_seq: 10 }, 11);
        },
      ),
    });
    const stream = streamClient(server, { ...FAST, bufferBytes: 1300 }).runStream({}, { timeoutMs: 10_000 });
    const cursor = stream.cursor();
    await queued.promise;
    await cursor.next();
    await reconnected.promise;
    for (let seq = 2; seq <= 10; seq++) expect((await cursor.next()).seq).toBe(seq);
    takenAll.resolve();
    expect((await cursor.next()).seq).toBe(11);
    expect(await cursor.next()).toEqual({ hasMore: false });
    expect(acks).toEqual([...new Set(acks)].sort((a, b) => a - b));
    expect(stream.summary?.reconnects).toBe(1);
  });
});
