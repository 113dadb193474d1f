import { RunAgentError } from "runagent";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { drain, failureOf, runClient, serveScript, streamClient } from "./harness.ts";
import type { Peer } from "./scripted-server.ts";

/** Sends `count` numbers and the end at once. */
const burst = (count: number) => async (peer: Peer) => {
  const { invocation_id } = await peer.accept();
  for (let seq = 1; seq <= count; seq++) peer.data(seq);
  peer.complete(invocation_id, count + 1, count);
};

const burstV1 = (count: number) => async (peer: Peer) => {
  await peer.next();
  peer.send({ type: "status", status: "stream_started", invocation_id: "server-1" });
  for (let n = 1; n <= count; n++) peer.send({ type: "data", content: `{"type":"integer","payload":"${n}"}` });
  peer.send({ type: "status", status: "stream_completed", total_chunks: count, execution_time: 0.5, invocation_id: "server-1" });
  peer.socket.close(1000);
};

describe.each([
  ["version 2", burst],
  ["version 1", burstV1],
])("a stream, %s", (_, play) => {
  it("delivers a burst of 100,000 chunks and the end to a slow consumer, in order", async () => {
    const server = await serveScript({ stream: play(100_000) });
    let expected = 0;
    for await (const chunk of streamClient(server).runStream({})) {
      expected++;
      if (chunk !== expected) throw new Error(`chunk ${chunk} came in place of ${expected}`);
      if (expected % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(expected).toBe(100_000);
  });

  it("can be awaited and then iterated, as people write it", async () => {
    const server = await serveScript({ stream: play(3) });
    const stream = await streamClient(server).runStream({});
    expect((await drain(stream)).chunks).toEqual([1, 2, 3]);
    const viaRun = await streamClient(server).run({});
    expect(await viaRun.collect()).toEqual([1, 2, 3]);
  });

  it("has a cursor that ends and stays ended", async () => {
    const server = await serveScript({ stream: play(2) });
    const cursor = streamClient(server).runStream({}).cursor();
    expect(await cursor.next()).toEqual({ hasMore: true, data: 1, seq: 1 });
    expect(await cursor.next()).toEqual({ hasMore: true, data: 2, seq: 2 });
    expect(await cursor.next()).toEqual({ hasMore: false });
    expect(await cursor.next()).toEqual({ hasMore: false });
  });

  it("answers reads that overlap in their order", async () => {
    const server = await serveScript({ stream: play(3) });
    const cursor = streamClient(server).runStream({}).cursor();
    const results = await Promise.all([cursor.next(), cursor.next(), cursor.next(), cursor.next()]);
    expect(results.map(({ data }) => data)).toEqual([1, 2, 3, undefined]);
  });

  it("collects, makes a text, and becomes a web stream", async () => {
    const server = await serveScript({ stream: play(3) });
    const client = streamClient(server);
    expect(await client.runStream({}).collect()).toEqual([1, 2, 3]);
    expect(await client.runStream({}).text()).toBe("123");
    const read: unknown[] = [];
    const reader = client.runStream({}).toReadableStream().getReader();
    for (let result = await reader.read(); !result.done; result = await reader.read()) read.push(result.value);
    expect(read).toEqual([1, 2, 3]);
  });

  it("tells when it was accepted and how it ended", async () => {
    const server = await serveScript({ stream: play(2) });
    const stream = streamClient(server).runStream({});
    const { protocol, invocationId } = await stream.started;
    expect(stream.invocationId).toBe(invocationId);
    expect(stream.summary).toBeUndefined();
    await stream.collect();
    expect(stream.summary).toEqual({
      status: "completed",
      invocationId,
      protocol,
      chunks: 2,
      totalChunks: 2,
      executionTime: 0.5,
      reconnects: 0,
    });
  });

  it("is read once", async () => {
    const server = await serveScript({ stream: play(2) });
    const stream = streamClient(server).runStream({});
    const chunks = stream.collect();
    for (const again of [
      () => stream.cursor(),
      () => stream.events(),
      () => stream[Symbol.asyncIterator](),
      () => stream.toReadableStream(),
    ]) {
      expect(again).toThrow(RunAgentError);
    }
    expect((await failureOf(stream.text())).code).toBe("STREAM_CONSUMED");
    expect(await chunks).toEqual([1, 2]);
  });
});

describe("a stream of version 2", () => {
  it("gives every record to events(), typed, and chunks alone to the iterator", async () => {
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept();
        peer.data(1, "a");
        peer.send({ type: "event", seq: 2, event: { type: "turn_completed", turn: 1 } });
        peer.send({ type: "event", seq: 3, event: { type: "my_own", anything: [1] } });
        peer.send({ type: "hologram", seq: 4, unknown: true });
        peer.send({ type: "telemetry" });
        peer.data(5, null);
        peer.complete(invocation_id, 6, 2);
      },
    });
    const records = [];
    for await (const record of streamClient(server).runStream({}).events()) records.push(record);
    expect(records).toMatchObject([
      { type: "data", seq: 1, content: "a" },
      { type: "event", seq: 2, event: { type: "turn_completed", turn: 1 } },
      { type: "event", seq: 3, event: { type: "my_own", anything: [1] } },
      { type: "data", seq: 5, content: null },
      { type: "status", status: "stream_completed", seq: 6 },
    ]);
    expect(await streamClient(server).runStream({}).collect()).toEqual(["a", null]);
  });

  it("moves its position as the consumer takes records, not as they arrive", async () => {
    const server = await serveScript({ stream: burst(3) });
    const stream = streamClient(server).runStream({}, { invocationId: "inv-1" });
    expect(stream.position).toBeUndefined();
    await stream.started;
    const at = (seq: number): string => Buffer.from(`ra2:e1:${seq}:inv-1`).toString("base64url");
    expect(stream.position).toBe(at(0));
    const cursor = stream.cursor();
    await cursor.next();
    expect(stream.position).toBe(at(1));
    while ((await cursor.next()).hasMore);
    expect(stream.position).toBe(at(4));
  });

  it("sends the start that the protocol describes, and no key when there is none", async () => {
    let start: Record<string, unknown> = {};
    const server = await serveScript({
      async stream(peer) {
        start = await peer.accept();
        peer.complete(start.invocation_id, 1, 0);
      },
    });
    const client = streamClient(server, { userId: "u1", persistentMemory: true, timeoutSeconds: 60, onDisconnect: "cancel" });
    await client.runStream({ topic: "robots" }, { args: [1, "two"] }).collect();
    expect(start).toEqual({
      type: "start",
      only: ["data"],
      protocol: 2,
      window_bytes: 262_144,
      invocation_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      entrypoint_tag: "story_stream",
      input_args: [1, "two"],
      input_kwargs: { topic: "robots" },
      async_execution: false,
      timeout_seconds: 60,
      user_id: "u1",
      persistent_memory: true,
      on_disconnect: "cancel",
    });
    expect(server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(["GET /api/v1/agents/a1/run-stream"]);
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
    expect(server.requests[0]?.headers["sec-websocket-protocol"]).toBeUndefined();
  });

  it("drops duplicates, and checks chunks and input with schemas", async () => {
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept();
        peer.data(1, "1");
        peer.data(1, "1");
        peer.data(2, "x");
        peer.complete(invocation_id, 3, 2);
      },
    });
    const client = streamClient(server).withEntrypoint("story_stream", { input: z.object({ n: z.number() }), output: z.coerce.number() });
    const { chunks, error } = await drain(client.runStream({ n: 1 }));
    expect(chunks).toEqual([1]);
    expect(error).toMatchObject({ code: "VALIDATION_ERROR", origin: "local" });
    const before = server.requests.length;
    // @ts-expect-error n must be a number.
    expect(await failureOf(client.runStream({ n: "one" }).collect())).toMatchObject({ code: "VALIDATION_ERROR", field: "n" });
    expect(server.requests.length).toBe(before);
  });

  it("reads nothing from a paused connection until the consumer comes", async () => {
    const server = await serveScript({ stream: burst(50_000) });
    const stream = streamClient(server, { bufferBytes: 1000 }).runStream({});
    await stream.started;
    expect(stream.summary).toBeUndefined();
    expect((await stream.collect()).length).toBe(50_000);
  });
});

describe("before any connection is made", () => {
  it.each([
    ["a tag without _stream", (s: Parameters<typeof runClient>[0]) => runClient(s).runStream({}).collect(), "NON_STREAM_ENTRYPOINT"],
    [
      "an input that is no object",
      (s: Parameters<typeof runClient>[0]) =>
        streamClient(s)
          .runStream([] as never)
          .collect(),
      "VALIDATION_ERROR",
    ],
    [
      "an input that is not JSON",
      (s: Parameters<typeof runClient>[0]) => streamClient(s).runStream({ n: 1n }).collect(),
      "VALIDATION_ERROR",
    ],
    [
      "positional arguments that are no array",
      (s: Parameters<typeof runClient>[0]) =>
        streamClient(s)
          .runStream({}, { args: "x" as never })
          .text(),
      "VALIDATION_ERROR",
    ],
    [
      "an invocation id with a slash",
      (s: Parameters<typeof runClient>[0]) => streamClient(s).runStream({}, { invocationId: "../x" }).text(),
      "VALIDATION_ERROR",
    ],
    [
      "a signal that has fired",
      (s: Parameters<typeof runClient>[0]) => streamClient(s).runStream({}, { signal: AbortSignal.abort() }).collect(),
      "CANCELLED",
    ],
    ["an input that is not JSON, for run", (s: Parameters<typeof runClient>[0]) => runClient(s).run({ n: 1n }), "VALIDATION_ERROR"],
    [
      "a signal that has fired, for run",
      (s: Parameters<typeof runClient>[0]) => runClient(s).run({}, { signal: AbortSignal.abort() }),
      "CANCELLED",
    ],
  ])("%s fails at the first read", async (_, call, code) => {
    const server = await serveScript({});
    expect((await failureOf(call(server))).code).toBe(code);
    expect(server.requests).toEqual([]);
    expect(server.sockets.size).toBe(0);
  });

  it("a wrong call with a signal that has fired is no unhandled rejection", async () => {
    const server = await serveScript({});
    const stream = streamClient(server).runStream({ n: 1n }, { signal: AbortSignal.abort(), args: "x" as never });
    expect((await failureOf(stream.collect())).code).toMatch(/CANCELLED|VALIDATION_ERROR/);
    const late = runClient(server).runStream({}, { signal: AbortSignal.abort() });
    expect((await failureOf(late.collect())).code).toBe("CANCELLED");
  });

  it("a failure that nobody reads is no unhandled rejection", async () => {
    const server = await serveScript({});
    const stream = runClient(server).runStream({});
    await new Promise((resolve) => setImmediate(resolve));
    expect(stream.summary?.status).toBe("failed");
  });
});
