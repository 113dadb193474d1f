/** The bounds of what a server holds for its clients, exactly: windows, logs that are trimmed, answers that nobody reads. */
import { createHash } from "node:crypto";
import type { JsonObject } from "@runagent/core";
import { describe, expect, test } from "vitest";
import { openSse } from "./sse-peer.ts";
import { connect, contents, deferred, type FrameInbox, isTerminal, post, resumeFrame, serveEntrypoints, startFrame } from "./support.ts";

const isHeartbeat = (frame: JsonObject): boolean => frame.type === "heartbeat";
const seqsOf = (frames: readonly JsonObject[]): unknown[] => frames.filter(({ type }) => type === "data").map(({ seq }) => seq);

/** Frames up to the second heartbeat that says that record `seq` was the last. */
async function untilSilence(peer: FrameInbox, seq: number): Promise<JsonObject[]> {
  const isSilent = (frame: JsonObject): boolean => isHeartbeat(frame) && frame.seq === seq;
  return [...(await peer.until(isSilent)), ...(await peer.until(isSilent))];
}

describe("a window [flow.window.1]", () => {
  const chunks = ["a", "bb", "ccc", "dddd"];

  test.each([
    ["as large as two records takes two", 0, [1, 2]],
    ["one byte smaller takes one", -1, [1]],
    ["one byte larger takes two", 1, [1, 2]],
  ])("%s", async (_, more, seqs) => {
    const server = await serveEntrypoints({ a_stream: () => chunks }, { limits: { heartbeatSeconds: 0.1 } });
    const measured = await connect(server);
    measured.send(startFrame("a_stream", "inv-1"));
    await measured.untilEnd();
    const [, first = "", second = "", third = ""] = measured.texts;
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-2", { window_bytes: first.length + second.length + more }));
    expect(seqsOf(await untilSilence(peer, seqs.length))).toEqual(seqs);
    if (more !== 0) return;
    // What was acknowledged makes room for as much, and no more.
    peer.send({ type: "ack", seq: 1 });
    expect(third.length).toBeGreaterThan(first.length);
    expect(seqsOf(await untilSilence(peer, 2))).toEqual([]);
    peer.send({ type: "ack", seq: 2 });
    expect(seqsOf(await untilSilence(peer, 3))).toEqual([3]);
  });

  test("an acknowledgement that is not above an earlier one changes nothing", async () => {
    const server = await serveEntrypoints({ a_stream: () => chunks }, { limits: { heartbeatSeconds: 0.1 } });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1", { window_bytes: 1 }));
    expect(seqsOf(await untilSilence(peer, 1))).toEqual([1]);
    peer.send({ type: "ack", seq: 1 });
    expect(seqsOf(await untilSilence(peer, 2))).toEqual([2]);
    for (let n = 0; n < 3; n++) peer.send({ type: "ack", seq: 1 });
    expect(seqsOf(await untilSilence(peer, 2))).toEqual([]);
  });
});

describe("a full log", () => {
  const chunk = "x".repeat(1000);

  test("keeps what a client with a window has not acknowledged: dropped, it gets that again [log.bound.1]", async () => {
    const count = 40;
    const server = await serveEntrypoints(
      {
        a_stream: function* () {
          for (let n = 1; n <= count; n++) yield `${n} ${chunk}`;
        },
      },
      { limits: { heartbeatSeconds: 0.2, maxLogBytes: 5000 } },
    );
    const first = await connect(server);
    first.send(startFrame("a_stream", "inv-1", { window_bytes: 20_000 }));
    const [started = {}, ...before] = await first.until((frame) => frame.seq === 2);
    first.send({ type: "ack", seq: 2 });
    // The agent waits: the log is full of what the client did not say it has.
    before.push(...(await first.until(isHeartbeat)));
    expect(seqsOf(before).length).toBeLessThan(10);
    first.ws.terminate();
    await first.closed;
    const second = await connect(server);
    second.send(resumeFrame(started, 2, { window_bytes: 20_000 }));
    const frames = await second.until((frame) => {
      if (frame.type === "data") second.send({ type: "ack", seq: frame.seq });
      return isTerminal(frame);
    });
    expect(frames.at(-1)).toMatchObject({ status: "stream_completed", total_chunks: count });
    expect(contents(frames)).toEqual(Array.from({ length: count - 2 }, (_, index) => `${index + 3} ${chunk}`));
  });

  test("counts among all logs for what it holds, not for what went through it", async () => {
    const server = await serveEntrypoints(
      {
        a_stream: function* () {
          for (let n = 0; n < 500; n++) yield chunk;
        },
        chat: () => "yes",
      },
      { limits: { maxLogBytes: 20_000, maxTotalLogBytes: 100_000 } },
    );
    for (let n = 0; n < 3; n++) {
      const peer = await connect(server);
      peer.send(startFrame("a_stream", `inv-${n}`));
      expect(contents(await peer.untilEnd())).toHaveLength(500);
      expect((await post(`${server.url}/api/v1/agents/agent/run`, { entrypoint_tag: "chat" })).status).toBe(200);
    }
  });

  test("that is filled again and again changes nothing of what is on its way to slow readers", async () => {
    const count = 1500;
    const letters = ["x", "é", "漢", "😀", "\u2028", "\\", '"', "\n"];
    const contentOf = (n: number): string => `${n}:${(letters[n % letters.length] ?? "").repeat(1 + ((n * 7919) % 12_000))}:${n}`;
    const hashOf = (content: unknown): string => createHash("sha256").update(String(content)).digest("hex");
    const ready = deferred();
    const server = await serveEntrypoints(
      {
        a_stream: async function* () {
          await ready.promise;
          for (let n = 1; n <= count; n++) yield contentOf(n);
        },
      },
      { limits: { maxLogBytes: 200_000 } },
    );
    const start = startFrame("a_stream", "inv-1");
    const peers = [await connect(server), await connect(server)];
    for (const peer of peers) peer.send(start);
    const sse = await openSse(server, { body: start });
    const inboxes: FrameInbox[] = [...peers, sse];
    for (const inbox of inboxes) await inbox.next();
    // Each reads for a moment, and then lets everything wait as long.
    const flows = [...peers.map(({ ws }) => ws), sse.response];
    const timers = flows.map((flow, index) => {
      let reads = true;
      return setInterval(
        () => {
          reads = !reads;
          if (reads) flow.resume();
          else flow.pause();
        },
        20 + 10 * index,
      );
    });
    ready.resolve();
    try {
      for (const inbox of inboxes) {
        const frames = await inbox.untilEnd();
        expect(frames.at(-1)).toMatchObject({ status: "stream_completed", total_chunks: count });
        const wrong = frames.filter(({ type, seq, content }) => type === "data" && hashOf(content) !== hashOf(contentOf(Number(seq))));
        expect(wrong.map(({ seq }) => seq)).toEqual([]);
        expect(seqsOf(frames)).toEqual(Array.from({ length: count }, (_, index) => index + 1));
      }
    } finally {
      for (const timer of timers) clearInterval(timer);
    }
  });
});

test("a client that asks and asks, and never reads the answers, is cut off", async () => {
  const left = deferred();
  const server = await serveEntrypoints(
    {
      a_stream: async function* (_input, ctx) {
        ctx.signal.addEventListener("abort", () => left.resolve());
        yield 1;
        await left.promise;
      },
    },
    { limits: { disconnectGraceSeconds: 0.01 } },
  );
  const peer = await connect(server);
  peer.send(startFrame("a_stream", "inv-1", { on_disconnect: "cancel" }));
  await peer.until((frame) => frame.seq === 1);
  peer.ws.pause();
  let isCutOff = false;
  const cutOff = left.promise.then(() => {
    isCutOff = true;
  });
  // Each is answered with a refusal, longer than itself. The kernels between the two hold some megabytes of them.
  const question = JSON.stringify({ type: "approval", approval_id: "a".repeat(128), decision: "approve" });
  for (let asked = 0; asked < 200_000 && !isCutOff; asked += 1000) {
    for (let n = 1; n < 1000; n++) peer.send(question);
    await new Promise<void>((resolve) => peer.ws.send(question, () => resolve()));
  }
  await cutOff;
}, 20_000);
