import { WebSocket } from "undici";
import { describe, expect, it } from "vitest";
import { deferred, drain, inTurn, RESUMABLE, serveScript, streamClient } from "./harness.ts";
import type { Peer } from "./scripted-server.ts";

const seed = Number(process.env.TEST_SEED ?? 20_262);

/** A small generator, so that a seed replays alone. */
function createRandom(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Resolves when the client has read all that was sent before. */
const pong = (peer: Peer): Promise<void> =>
  new Promise((resolve) => {
    peer.socket.once("pong", () => resolve());
    peer.socket.ping();
  });

describe("the window", () => {
  it.each([
    [undefined, 262_144],
    [5000, 5000],
    [1000.9, 1000],
  ])("bufferBytes %s is sent as %i, in the start and in every resume", async (bufferBytes, window_bytes) => {
    const firsts: unknown[] = [];
    const server = await serveScript({
      stream: inTurn(
        async (peer) => {
          firsts.push(await peer.accept(RESUMABLE));
          peer.reset();
        },
        async (peer) => {
          const first = await peer.accept(RESUMABLE);
          firsts.push(first);
          peer.finish(first, 1);
        },
      ),
    });
    expect(await streamClient(server, { bufferBytes }).runStream({}).collect()).toEqual([1]);
    expect(firsts).toMatchObject([
      { type: "start", window_bytes },
      { type: "resume", window_bytes },
    ]);
  });

  it(`is never exceeded, and never stalls, whatever the sizes of the records (seed ${seed})`, async () => {
    const random = createRandom(seed);
    const alphabet = ["x", "é", "€", "😀"];
    const frames = Array.from({ length: 120 }, (_, index) => {
      const letter = alphabet[Math.floor(random() * alphabet.length)] ?? "x";
      // Some are larger than the window.
      const content = letter.repeat(Math.floor(random() ** 6 * 1200));
      return JSON.stringify({ type: "data", seq: index + 1, content });
    });
    const WINDOW = 1000;
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept(RESUMABLE);
        let acknowledged = 0;
        let sent = 0;
        const outstanding = (): number => frames.slice(acknowledged, sent).reduce((sum, frame) => sum + Buffer.byteLength(frame), 0);
        for (const frame of frames) {
          while (sent > acknowledged && outstanding() + Buffer.byteLength(frame) > WINDOW) {
            const { type, seq } = await peer.next();
            expect(type).toBe("ack");
            expect(Number(seq)).toBeGreaterThan(acknowledged);
            expect(Number(seq)).toBeLessThanOrEqual(sent);
            acknowledged = Number(seq);
          }
          peer.send(frame);
          sent++;
        }
        peer.complete(invocation_id, frames.length + 1, frames.length);
      },
    });
    const stream = streamClient(server, { bufferBytes: WINDOW }).runStream({}, { timeoutMs: 20_000 });
    const chunks: unknown[] = [];
    for await (const chunk of stream) {
      chunks.push(chunk);
      if (random() < 0.2) await new Promise(setImmediate);
    }
    expect(chunks).toEqual(frames.map((frame) => JSON.parse(frame).content));
  });
});

describe("acknowledgements", () => {
  it("follow what the consumer takes, not what arrives", async () => {
    const arrived = deferred();
    const ack = deferred<unknown>();
    const server = await serveScript({
      async stream(peer) {
        const first = await peer.accept(RESUMABLE);
        peer.burst(1, 10);
        await pong(peer);
        arrived.resolve();
        ack.resolve(await peer.next());
        peer.finish({ ...first, after_seq: 10 }, 12);
      },
    });
    const cursor = streamClient(server).runStream({}).cursor();
    await arrived.promise;
    await cursor.next();
    await cursor.next();
    // Small as it is, it is acknowledged once nothing more is taken.
    expect(await ack.promise).toEqual({ type: "ack", seq: 2 });
    for (let seq = 3; seq <= 12; seq++) expect((await cursor.next()).seq).toBe(seq);
    expect(await cursor.next()).toEqual({ hasMore: false });
  });

  it("come at an eighth of the window, cumulative, and at the latest at a half", async () => {
    const acks: number[] = [];
    const frame = (seq: number): string => JSON.stringify({ type: "data", seq, content: "x".repeat(160) });
    const bytes = frame(10).length;
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept(RESUMABLE);
        for (let seq = 1; seq <= 40; seq++) peer.send(frame(seq));
        while ((acks.at(-1) ?? 0) < 40) acks.push(Number((await peer.next()).seq));
        peer.complete(invocation_id, 41, 40);
      },
    });
    expect((await streamClient(server, { bufferBytes: 8000 }).runStream({}).collect()).length).toBe(40);
    for (const [index, seq] of acks.entries()) {
      const step = seq - (acks[index - 1] ?? 0);
      expect(step).toBeGreaterThan(0);
      expect(step * bytes).toBeLessThanOrEqual(4000);
      if (index < acks.length - 1) expect(step * bytes).toBeGreaterThanOrEqual(900);
    }
    expect(acks.at(-1)).toBe(40);
  });

  it("are never above what came on this connection, after a resume", async () => {
    const wrong: string[] = [];
    const takenAll = deferred();
    const taken = deferred();
    const server = await serveScript({
      stream: inTurn(
        async (peer) => {
          await peer.accept(RESUMABLE);
          for (let seq = 1; seq <= 10; seq++) peer.data(seq, "x".repeat(100));
          await pong(peer);
          taken.resolve();
          await peer.next();
          peer.reset();
        },
        async (peer) => {
          const resume = await peer.accept(RESUMABLE);
          const after = Number(resume.after_seq);
          let sent = after;
          const isDone = deferred();
          void (async () => {
            for (;;) {
              const { type, seq } = await peer.next();
              if (type !== "ack" || Number(seq) > sent || Number(seq) <= after) wrong.push(`${type} ${seq} of ${sent} after ${after}`);
              if (seq === 12) isDone.resolve();
            }
          })();
          // The consumer takes all that it has before any of it comes again.
          await takenAll.promise;
          await pong(peer);
          while (sent < 12) {
            peer.data(++sent, "x".repeat(100));
            await pong(peer);
          }
          await isDone.promise;
          peer.complete(resume.invocation_id, 13, 12);
        },
      ),
    });
    const client = streamClient(server, { bufferBytes: 2000, maxReconnectDelayMs: 1 });
    const cursor = client.runStream({}, { timeoutMs: 10_000 }).cursor();
    await taken.promise;
    for (let seq = 1; seq <= 3; seq++) await cursor.next();
    while (server.requests.length < 2) await new Promise(setImmediate);
    for (let seq = 4; seq <= 10; seq++) expect((await cursor.next()).seq).toBe(seq);
    takenAll.resolve();
    for (let seq = 11; seq <= 12; seq++) expect((await cursor.next()).seq).toBe(seq);
    expect(await cursor.next()).toEqual({ hasMore: false });
    expect(wrong).toEqual([]);
  });
});

describe("a server that sends more than the window", () => {
  const CHUNK = "x".repeat(10_000);
  const COUNT = 3000;

  /** Sends 30 MB at once; `stuck` resolves when the kernel takes no more of it. */
  const flood = (accept: (peer: Peer) => Promise<unknown>, stuck: (left: number) => void) => async (peer: Peer) => {
    const id = await accept(peer);
    for (let seq = 1; seq <= COUNT; seq++) peer.data(seq, CHUNK);
    if (id === undefined) peer.send({ type: "status", status: "stream_completed", total_chunks: COUNT, execution_time: 1 });
    else peer.complete(id, COUNT + 1, COUNT);
    // Stuck: nothing has left for a hundred turns of the loop of the process that both sides share.
    let left = peer.socket.bufferedAmount;
    for (let turns = 0; turns < 100 && left > 0; turns++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (peer.socket.bufferedAmount !== left) turns = 0;
      left = peer.socket.bufferedAmount;
    }
    stuck(left);
  };
  const acceptV1 = async (peer: Peer): Promise<undefined> => {
    await peer.next();
    peer.send({ type: "status", status: "stream_started", invocation_id: "s-1" });
  };
  const acceptV2 = async (peer: Peer): Promise<unknown> => (await peer.accept(RESUMABLE)).invocation_id;

  it.each([
    ["version 2", acceptV2],
    ["version 1", acceptV1],
  ])("is not read any further in Node until the consumer comes, %s", async (_, accept) => {
    const stuck = deferred<number>();
    const server = await serveScript({ stream: flood(accept, stuck.resolve) });
    const stream = streamClient(server, { bufferBytes: 100_000 }).runStream({});
    await stream.started;
    // The rest is in the buffers of the kernel, which take a few megabytes.
    expect(await stuck.promise).toBeGreaterThan(CHUNK.length * COUNT * 0.5);
    let chunks = 0;
    for await (const _ of stream) chunks++;
    expect(chunks).toBe(COUNT);
    expect(stream.summary?.reconnects).toBe(0);
    await server.idle();
  });

  it("is PROTOCOL_ERROR for a WebSocket that cannot pause, after what had come", async () => {
    const closed = deferred<{ code: number }>();
    const server = await serveScript({
      async stream(peer) {
        void peer.closed.then(closed.resolve);
        await flood(acceptV2, () => {})(peer);
      },
    });
    const { chunks, error } = await drain(streamClient(server, { bufferBytes: 100_000, WebSocket }).runStream({}));
    if (error === undefined) return; // The consumer kept up: nothing was overrun.
    expect(error).toMatchObject({ code: "PROTOCOL_ERROR" });
    expect(error.message).toContain("window_bytes");
    expect(chunks.length).toBeLessThanOrEqual(COUNT);
    expect((await closed.promise).code).toBe(4002);
  });

  it("is PROTOCOL_ERROR there at twice the window, when nothing is taken", async () => {
    const server = await serveScript({ stream: flood(acceptV2, () => {}) });
    const stream = streamClient(server, { bufferBytes: 100_000, WebSocket }).runStream({});
    await stream.started;
    await server.idle();
    const { chunks, error } = await drain(stream);
    expect(error?.code).toBe("PROTOCOL_ERROR");
    expect(chunks.length).toBeGreaterThanOrEqual(19);
    expect(chunks.length).toBeLessThanOrEqual(22);
  });

  it.each([undefined, WebSocket])("but one frame larger than the window is taken (WebSocket: %o)", async (custom) => {
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept(RESUMABLE);
        for (let seq = 1; seq <= 5; seq++) {
          peer.data(seq, CHUNK);
          expect(await peer.next()).toEqual({ type: "ack", seq });
        }
        peer.complete(invocation_id, 6, 5);
      },
    });
    const client = streamClient(server, { bufferBytes: 1000, ...(custom === undefined ? {} : { WebSocket: custom }) });
    expect((await client.runStream({}).collect()).length).toBe(5);
  });
});
