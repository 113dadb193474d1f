import type { RetryInfo } from "runagent";
import { WebSocket } from "undici";
import { describe, expect, it } from "vitest";
import { cursorOf, deferred, drain, inTurn, RESUMABLE, serveScript, streamClient } from "./harness.ts";
import { acceptOf, type Peer } from "./scripted-server.ts";

const FAST = { maxReconnectDelayMs: 1 };

/** The first connection of a stream of four chunks: two come, then `end`; what comes after it is for the next play. */
const dropAfterTwo =
  (end: (peer: Peer) => void) =>
  async (peer: Peer): Promise<void> => {
    await peer.accept(RESUMABLE);
    peer.burst(1, 2);
    end(peer);
  };

/** Accepts, and sends the rest of four chunks. */
const rest = async (peer: Peer): Promise<void> => peer.finish(await peer.accept(RESUMABLE), 4);

describe("a dropped connection", () => {
  it("is resumed after the last record that was taken; every chunk comes once", async () => {
    const resumes: unknown[] = [];
    const taken = deferred();
    const server = await serveScript({
      stream: inTurn(
        async (peer) => {
          await peer.accept(RESUMABLE);
          peer.burst(1, 5);
          await taken.promise;
          peer.socket.terminate();
        },
        async (peer) => {
          const resume = await peer.accept(RESUMABLE);
          resumes.push(resume);
          peer.finish(resume, 7);
        },
      ),
    });
    const stream = streamClient(server, { bufferBytes: 5000 }).runStream({}, { invocationId: "inv-1" });
    const cursor = stream.cursor();
    const seqs = [(await cursor.next()).seq, (await cursor.next()).seq];
    taken.resolve();
    // Nothing is taken until the second connection is there.
    while (server.requests.length < 2) await new Promise(setImmediate);
    for (let next = await cursor.next(); next.hasMore; next = await cursor.next()) seqs.push(next.seq);
    expect(seqs).toEqual([1, 2, 3, 4, 5, 6, 7]);
    const resume = { type: "resume", protocol: 2, invocation_id: "inv-1", epoch: "e1", after_seq: 2, window_bytes: 5000 };
    expect(resumes).toEqual([resume]);
    expect(stream.summary).toMatchObject({ status: "completed", chunks: 7, totalChunks: 7, reconnects: 1 });
    expect(stream.position).toBe(cursorOf("inv-1", 8));
    await server.idle();
  });

  const lost: [string, (peer: Peer) => void][] = [
    ...[1000, 1001, 1011, 1012, 1013, 1014, 4429].map((code): [string, (peer: Peer) => void] => [
      `close ${code}`,
      (peer) => peer.socket.close(code, "why"),
    ]),
    ["a close without a code", (peer) => peer.socket.close()],
    ["a reset", (peer) => peer.socket.terminate()],
  ];

  it.each(lost)("by %s is resumed", async (_, end) => {
    const server = await serveScript({ stream: inTurn(dropAfterTwo(end), rest) });
    const infos: RetryInfo[] = [];
    const stream = streamClient(server, FAST).runStream({}, { onReconnect: (info) => void infos.push(info) });
    expect(await stream.collect()).toEqual([1, 2, 3, 4]);
    expect(infos).toMatchObject([{ attempt: 1 }]);
    expect(stream.summary?.reconnects).toBe(1);
    await server.idle();
  });

  it.each([1002, 1003, 1007, 1008, 1009, 1010, 3000, 3999, 4000, 4002, 4400, 4401, 4404, 4408, 4410, 4428, 4430, 4999])(
    "by close %i is not: STREAM_TRUNCATED, with the code and the cursor",
    async (closeCode) => {
      const server = await serveScript({ stream: inTurn(dropAfterTwo((peer) => peer.socket.close(closeCode, "why"))) });
      const { chunks, error } = await drain(streamClient(server, FAST).runStream({}, { invocationId: "inv-1" }));
      expect(chunks).toEqual([1, 2]);
      expect(error).toMatchObject({ code: "STREAM_TRUNCATED", retryable: false, cursor: cursorOf("inv-1", 2) });
      expect(error?.details).toMatchObject({ closeCode, reason: "why" });
      expect(server.requests).toHaveLength(1);
      await server.idle();
    },
  );

  it("before the first record is resumed after 0, and before the end after the last chunk", async () => {
    const seen: unknown[] = [];
    const server = await serveScript({
      stream: inTurn(
        async (peer) => {
          await peer.accept(RESUMABLE);
          peer.socket.terminate();
        },
        async (peer) => {
          seen.push((await peer.accept(RESUMABLE)).after_seq);
          peer.burst(1, 4);
          peer.socket.terminate();
        },
        async (peer) => {
          const resume = await peer.accept(RESUMABLE);
          seen.push(resume.after_seq);
          peer.finish(resume, 4);
        },
      ),
    });
    expect(await streamClient(server, FAST).runStream({}).collect()).toEqual([1, 2, 3, 4]);
    expect(seen[0]).toBe(0);
  });

  it("fifty times before any record keeps the cursor", async () => {
    const positions: unknown[] = [];
    let drops = 0;
    const server = await serveScript({
      stream: inTurn(
        dropAfterTwo((peer) => peer.socket.close(1012)),
        async (peer) => {
          const resume = await peer.next();
          positions.push([resume.type, resume.epoch, resume.after_seq]);
          if (++drops > 50) {
            peer.send({ ...acceptOf(resume), ...RESUMABLE });
            return peer.finish(resume, 4);
          }
          if (drops % 2 === 0) peer.send({ ...acceptOf(resume), ...RESUMABLE });
          peer.socket.terminate();
        },
      ),
    });
    const attempts: number[] = [];
    const stream = streamClient(server, FAST).runStream({}, { onReconnect: ({ attempt }) => void attempts.push(attempt) });
    expect(await stream.collect()).toEqual([1, 2, 3, 4]);
    expect(positions).toEqual(Array.from({ length: 51 }, () => ["resume", "e1", 2]));
    expect(attempts).toEqual(Array.from({ length: 51 }, (_, index) => index + 1));
    expect(stream.summary?.reconnects).toBe(51);
  });

  it("in two transports: nothing that an old connection still says is delivered", async () => {
    const old: Peer[] = [];
    const server = await serveScript({
      stream: inTurn(
        async (peer) => {
          old.push(peer);
          await peer.accept(RESUMABLE);
          peer.data(1);
          peer.data(3); // A gap: the client leaves, and this connection does not notice.
        },
        async (peer) => {
          const resume = await peer.accept(RESUMABLE);
          old[0]?.data(2, "old");
          old[0]?.complete(resume.invocation_id, 3, 2);
          // What the old connection said is on its way before this.
          await new Promise((resolve) => old[0]?.socket.ping(undefined, undefined, resolve));
          peer.finish(resume, 4);
        },
      ),
    });
    class NeverCloses extends WebSocket {
      override close(): void {}
    }
    const stream = streamClient(server, { ...FAST, WebSocket: NeverCloses }).runStream({});
    expect(await stream.collect()).toEqual([1, 2, 3, 4]);
    expect(stream.summary).toMatchObject({ reconnects: 1, totalChunks: 4 });
  });
});

describe("frames that come wrong", () => {
  const disorders: [string, (peer: Peer, first: Record<string, unknown>) => void, number][] = [
    ["each record twice", (peer) => [1, 1, 2, 2, 3, 3].forEach((seq) => void peer.data(seq)), 0],
    ["the accept frame again", (peer, first) => peer.send({ ...acceptOf(first), ...RESUMABLE }), 0],
    ["a record left out", (peer) => [1, 3].forEach((seq) => void peer.data(seq)), 1],
    ["two records swapped", (peer) => [2, 1, 3].forEach((seq) => void peer.data(seq)), 1],
    ["the end before the last chunk", (peer, first) => peer.complete(first.invocation_id, 5, 4), 1],
    ["a heartbeat beyond what came", (peer) => peer.send({ type: "heartbeat", seq: 1 }), 1],
  ];

  it.each(disorders)("%s: delivered in order and once", async (_, play, reconnects) => {
    const server = await serveScript({
      stream: inTurn(async (peer) => {
        const first = await peer.accept(RESUMABLE);
        play(peer, first);
        if (reconnects === 0) peer.finish(first, 4);
      }, rest),
    });
    const stream = streamClient(server, FAST).runStream({});
    expect(await stream.collect()).toEqual([1, 2, 3, 4]);
    expect(stream.summary?.reconnects).toBe(reconnects);
    await server.idle();
  });

  it("a lost accept frame is a gap: the start goes out once more, then the resume", async () => {
    const firsts: Record<string, unknown>[] = [];
    const server = await serveScript({
      stream: inTurn(
        async (peer) => {
          firsts.push(await peer.next());
          peer.data(1);
        },
        async (peer) => {
          firsts.push(await peer.accept(RESUMABLE));
          peer.burst(1, 2);
          peer.socket.terminate();
        },
        async (peer) => {
          firsts.push(await peer.next());
          peer.burst(3, 4);
        },
        async (peer) => {
          const resume = await peer.accept(RESUMABLE);
          firsts.push(resume);
          peer.finish(resume, 4);
        },
      ),
    });
    expect(await streamClient(server, FAST).runStream({ message: "hi" }).collect()).toEqual([1, 2, 3, 4]);
    expect(firsts.map(({ type }) => type)).toEqual(["start", "start", "resume", "resume"]);
    expect(firsts[1]).toEqual(firsts[0]);
    expect(server.requests.every(({ method, url }) => method === "GET" && url.endsWith("/run-stream"))).toBe(true);
  });

  it("the same record left out for ever is STREAM_TRUNCATED after five connections", async () => {
    const server = await serveScript({
      async stream(peer) {
        const first = await peer.accept(RESUMABLE);
        if (first.type === "start") peer.burst(1, 2);
        peer.data(4);
      },
    });
    const { chunks, error } = await drain(streamClient(server, FAST).runStream({}, { invocationId: "inv-1" }));
    expect(chunks).toEqual([1, 2]);
    expect(error).toMatchObject({ code: "STREAM_TRUNCATED", cursor: cursorOf("inv-1", 2) });
    expect(error?.message).toContain("Record 3 is missing");
    expect(server.requests.length).toBeLessThanOrEqual(5);
    await server.idle();
  });

  it("a gap drops a standard WebSocket with another code than 1000, which would be a detach", async () => {
    const closes: Promise<{ code: number }>[] = [];
    const server = await serveScript({
      stream: inTurn(async (peer) => {
        closes.push(peer.closed);
        await peer.accept(RESUMABLE);
        peer.data(2);
      }, rest),
    });
    expect(
      await streamClient(server, { ...FAST, WebSocket })
        .runStream({})
        .collect(),
    ).toEqual([1, 2, 3, 4]);
    expect((await Promise.all(closes)).map(({ code }) => code)).not.toContain(1000);
  });

  it("an unknown record has its place in the order", async () => {
    const server = await serveScript({
      stream: inTurn(
        async (peer) => {
          await peer.accept(RESUMABLE);
          peer.data(1);
          peer.send({ type: "hologram", seq: 2 });
          peer.socket.terminate();
        },
        async (peer) => {
          const resume = await peer.accept(RESUMABLE);
          if (resume.after_seq === 1) peer.send({ type: "hologram", seq: 2 });
          peer.data(3);
          peer.complete(resume.invocation_id, 4, 2);
        },
      ),
    });
    expect(await streamClient(server, FAST).runStream({}).collect()).toEqual([1, 3]);
  });

  it.each([
    ["another log", { epoch: "e2" }],
    ["another record", { seq: 1 }],
    ["a start", { status: "stream_started" }],
    ["version 1", { protocol: undefined }],
  ])("an answer to the resume that goes on with %s is PROTOCOL_ERROR, with the cursor", async (_, extra) => {
    const server = await serveScript({
      stream: inTurn(
        dropAfterTwo((peer) => peer.socket.terminate()),
        (peer) => void peer.accept({ ...RESUMABLE, ...extra }),
      ),
    });
    const { chunks, error } = await drain(streamClient(server, FAST).runStream({}, { invocationId: "inv-1" }));
    expect(chunks).toEqual([1, 2]);
    expect(error).toMatchObject({ code: "PROTOCOL_ERROR", cursor: cursorOf("inv-1", 2) });
    expect(server.requests).toHaveLength(2);
  });
});
