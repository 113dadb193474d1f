import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { drain, failureOf, serveScript, streamClient } from "./harness.ts";
import { started as accepted, type Peer } from "./scripted-server.ts";

const cancelled = (invocationId: unknown, seq: number, chunks: number, mode = "immediate"): Record<string, unknown> => ({
  type: "status",
  status: "stream_cancelled",
  seq,
  invocation_id: invocationId,
  mode,
  total_chunks: chunks,
  execution_time: 0.1,
});
const acknowledged = (invocationId: unknown, outcome: string, mode = "immediate"): Record<string, unknown> => ({
  type: "status",
  status: "cancel_acknowledged",
  invocation_id: invocationId,
  mode,
  outcome,
});

/** Sends two chunks, then waits for the cancel and ends as version 2 says, with a chunk still on the way. */
async function cancellable(peer: Peer): Promise<void> {
  const { invocation_id } = await peer.accept();
  peer.data(1);
  peer.data(2);
  const { mode } = await peer.next();
  peer.send(acknowledged(invocation_id, "accepted", String(mode)));
  peer.data(3);
  peer.send(cancelled(invocation_id, 4, 3, String(mode)));
}

describe("cancel", () => {
  it.each(["immediate", "after_turn"] as const)(
    "%s: acknowledged, what is on its way is delivered, the stream ends without an error",
    async (mode) => {
      const server = await serveScript({ stream: cancellable });
      const stream = streamClient(server).runStream({});
      const chunks: unknown[] = [];
      for await (const chunk of stream) {
        chunks.push(chunk);
        if (chunk === 1) expect(await stream.cancel(mode)).toMatchObject({ mode, outcome: "accepted" });
      }
      expect(chunks).toEqual([1, 2, 3]);
      expect(stream.summary).toMatchObject({ status: "cancelled", totalChunks: 3 });
      expect(await stream.cancel()).toMatchObject({ outcome: "already_ended" });
      await server.idle();
    },
  );

  it("that was answered, and a stream that fails after it: the answer stands, the failure is the reader's alone", async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (error: unknown): void => void unhandled.push(error);
    process.on("unhandledRejection", onUnhandled);
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept();
        peer.data(1);
        await peer.next();
        peer.send(acknowledged(invocation_id, "accepted"));
        peer.send({ type: "error", seq: 2, invocation_id, error: { code: "EXECUTION_ERROR", message: "Broken." } });
      },
    });
    const stream = streamClient(server).runStream({});
    const answer = stream.started.then(() => stream.cancel());
    expect(await drain(stream)).toMatchObject({ chunks: [1], error: { code: "EXECUTION_ERROR" } });
    expect(await answer).toMatchObject({ outcome: "accepted" });
    await server.idle();
    process.off("unhandledRejection", onUnhandled);
    expect(unhandled).toEqual([]);
  });

  it("twice is once on the wire", async () => {
    const frames: unknown[] = [];
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept();
        frames.push(await peer.next());
        peer.send(acknowledged(invocation_id, "accepted"));
        peer.send(cancelled(invocation_id, 1, 0));
        peer.next().then((frame) => frames.push(frame));
        await peer.closed;
      },
    });
    const stream = streamClient(server).runStream({});
    await stream.started;
    const results = await Promise.all([stream.cancel(), stream.cancel()]);
    expect(results.map(({ outcome }) => outcome)).toEqual(["accepted", "accepted"]);
    expect(await stream.collect()).toEqual([]);
    await server.idle();
    expect(frames).toEqual([{ type: "cancel", mode: "immediate" }]);
  });

  it("that loses to completion says so, and the stream is complete", async () => {
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept();
        peer.data(1);
        await peer.next();
        peer.complete(invocation_id, 2, 1);
      },
    });
    const stream = streamClient(server).runStream({});
    await stream.started;
    const result = stream.cancel();
    expect(await stream.collect()).toEqual([1]);
    expect(await result).toMatchObject({ outcome: "already_ended" });
    expect(stream.summary?.status).toBe("completed");
  });

  it("before the connection is open starts nothing", async () => {
    const server = await serveScript({ stream: cancellable });
    const stream = streamClient(server).runStream({});
    expect(await stream.cancel()).toMatchObject({ outcome: "accepted" });
    expect(await stream.collect()).toEqual([]);
    expect(stream.summary?.status).toBe("cancelled");
    await server.idle();
  });

  it("before the first frame is honoured by version 2", async () => {
    let onStart = (): void => {};
    const startSeen = new Promise<void>((resolve) => {
      onStart = resolve;
    });
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.next();
        onStart();
        expect(await peer.next()).toEqual({ type: "cancel", mode: "immediate" });
        peer.send(accepted(String(invocation_id)));
        peer.send(acknowledged(invocation_id, "accepted"));
        peer.send(cancelled(invocation_id, 1, 0));
      },
    });
    const stream = streamClient(server).runStream({});
    await startSeen;
    expect(await stream.cancel()).toMatchObject({ outcome: "accepted" });
    expect(await stream.collect()).toEqual([]);
  });

  it("closes the connection of a version 1 server, also when it was asked before the first frame", async () => {
    const closes: Promise<{ code: number }>[] = [];
    let onStart = (): void => {};
    const startSeen = new Promise<void>((resolve) => {
      onStart = resolve;
    });
    const server = await serveScript({
      async stream(peer) {
        closes.push(peer.closed);
        await peer.next();
        onStart();
        if (closes.length === 1) await peer.next(); // The cancel that it does not understand.
        peer.send({ type: "status", status: "stream_started", invocation_id: "s-1" });
        peer.send({ type: "data", content: "a" });
      },
    });
    const early = streamClient(server).runStream({});
    await startSeen;
    expect(await early.cancel()).toMatchObject({ outcome: "accepted" });
    expect(await early.collect()).toEqual([]);
    const late = streamClient(server).runStream({});
    await late.started;
    expect(await failureOf(late.cancel("after_turn"))).toMatchObject({ code: "VALIDATION_ERROR", field: "mode" });
    expect(await late.cancel()).toMatchObject({ outcome: "accepted" });
    expect(late.summary?.status ?? "queued").toMatch(/cancelled|queued/);
    expect((await Promise.all(closes)).map(({ code }) => code)).toEqual([1000, 1000]);
  });

  it("by somebody else is CANCELLED, after what came before", async () => {
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept();
        peer.data(1);
        peer.send({ ...cancelled(invocation_id, 2, 1), reason: "the operator" });
      },
    });
    const { chunks, error } = await drain(streamClient(server).runStream({}));
    expect(chunks).toEqual([1]);
    expect(error).toMatchObject({ code: "CANCELLED", origin: "wire" });
    expect(error?.message).toContain("the operator");
  });

  it("is answered although the consumer has taken nothing and the buffer is full", async () => {
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept();
        for (let seq = 1; seq <= 5000; seq++) peer.data(seq, "x".repeat(1000));
        await peer.next();
        peer.send(acknowledged(invocation_id, "accepted"));
        peer.send(cancelled(invocation_id, 5001, 5000));
      },
    });
    const stream = streamClient(server, { bufferBytes: 10_000 }).runStream({});
    let chunks = 0;
    for await (const _ of stream) if (++chunks === 1) expect(await stream.cancel()).toMatchObject({ outcome: "accepted" });
    expect(chunks).toBe(5000);
    expect(stream.summary?.status).toBe("cancelled");
  });

  it("with a wrong mode is refused", async () => {
    const server = await serveScript({ stream: cancellable });
    const stream = streamClient(server).runStream({});
    expect((await failureOf(stream.cancel("soon" as never))).code).toBe("VALIDATION_ERROR");
    await stream.cancel();
  });

  it("of a connection that dies is no unhandled rejection", async () => {
    const server = await serveScript({
      async stream(peer) {
        await peer.accept();
        await peer.next();
        peer.socket.terminate();
      },
    });
    const stream = streamClient(server).runStream({});
    await stream.started;
    void stream.cancel();
    expect((await drain(stream)).error?.code).toBe("STREAM_TRUNCATED");
  });
});

describe("leaving early", () => {
  it("a break cancels, and releases socket and listeners", async () => {
    let seen: Promise<unknown[]> | undefined;
    const server = await serveScript({
      async stream(peer) {
        await peer.accept();
        for (let seq = 1; seq <= 1000; seq++) peer.data(seq);
        seen = Promise.all([peer.next(), peer.closed]);
      },
    });
    const { signal } = new AbortController();
    for await (const chunk of streamClient(server).runStream({}, { signal })) if (chunk === 3) break;
    expect(getEventListeners(signal, "abort")).toEqual([]);
    await server.idle();
    expect(await seen).toEqual([{ type: "cancel", mode: "immediate" }, { code: 1000 }]);
  });

  it("so do an error in the loop, cursor.close() and a cancelled web stream", async () => {
    const server = await serveScript({
      async stream(peer) {
        await peer.accept();
        for (let seq = 1; seq <= 10; seq++) peer.data(seq);
      },
    });
    const client = streamClient(server);
    const loop = async (): Promise<void> => {
      for await (const chunk of client.runStream({})) throw new Error(`mine ${chunk}`);
    };
    await expect(loop()).rejects.toThrow("mine 1");
    const cursor = client.runStream({}).cursor();
    await cursor.next();
    await cursor.close();
    expect(await cursor.next()).toEqual({ hasMore: false });
    const reader = client.runStream({}).toReadableStream().getReader();
    await reader.read();
    await reader.cancel();
    await server.idle();
  });

  it("detach closes without a cancel and gives the position", async () => {
    const frames: unknown[] = [];
    const server = await serveScript({
      async stream(peer) {
        await peer.accept();
        for (let seq = 1; seq <= 10; seq++) peer.data(seq);
        void peer.next().then((frame) => frames.push(frame));
      },
    });
    const stream = streamClient(server).runStream({}, { invocationId: "inv-1" });
    const cursor = stream.cursor();
    await cursor.next();
    expect(await stream.detach()).toBe(Buffer.from("ra2:e1:1:inv-1").toString("base64url"));
    expect(await cursor.next()).toEqual({ hasMore: false });
    expect(stream.summary).toMatchObject({ status: "detached", chunks: 1 });
    await server.idle();
    expect(frames).toEqual([]);
  });

  it("detach that fails and is not awaited is no unhandled rejection", async () => {
    const server = await serveScript({});
    await server.close();
    const stream = streamClient(server).runStream({});
    void stream.detach();
    expect((await failureOf(stream.collect())).code).toBe("CONNECTION_ERROR");
  });

  it("detach before the first frame waits until the server has accepted", async () => {
    const server = await serveScript({ stream: (peer) => void peer.accept() });
    const stream = streamClient(server).runStream({});
    expect(await stream.detach()).toBeDefined();
    expect(await stream.collect()).toEqual([]);
    await server.idle();
  });
});

describe("an AbortSignal", () => {
  it("cancels, drops what is queued, and throws its reason as the cause", async () => {
    let frame: Promise<unknown> | undefined;
    const server = await serveScript({
      async stream(peer) {
        await peer.accept();
        for (let seq = 1; seq <= 10; seq++) peer.data(seq);
        frame = peer.next();
      },
    });
    const controller = new AbortController();
    const stream = streamClient(server).runStream({}, { signal: controller.signal });
    const cursor = stream.cursor();
    await cursor.next();
    const reason = new Error("enough");
    controller.abort(reason);
    expect(await failureOf(cursor.next())).toMatchObject({ code: "CANCELLED", cause: reason });
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    await server.idle();
    expect(await frame).toEqual({ type: "cancel", mode: "immediate" });
  });

  it("fires between the end and the last read, and leaves no listener before", async () => {
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept();
        for (let seq = 1; seq <= 10; seq++) peer.data(seq);
        peer.complete(invocation_id, 11, 10);
      },
    });
    const controller = new AbortController();
    const cursor = streamClient(server).runStream({}, { signal: controller.signal }).cursor();
    await cursor.next();
    await server.idle();
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    controller.abort();
    expect((await failureOf(cursor.next())).code).toBe("CANCELLED");
  });

  it("after the last read changes nothing", async () => {
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept();
        peer.complete(invocation_id, 1, 0);
      },
    });
    const controller = new AbortController();
    const stream = streamClient(server).runStream({}, { signal: controller.signal });
    expect(await stream.collect()).toEqual([]);
    controller.abort();
    expect(stream.summary?.status).toBe("completed");
  });

  it("of a time-out is TIMEOUT, while connecting too", async () => {
    const server = await serveScript({ upgrade: () => {} });
    const error = await failureOf(
      streamClient(server)
        .runStream({}, { signal: AbortSignal.timeout(30) })
        .collect(),
    );
    expect(error.code).toBe("TIMEOUT");
    await server.idle();
  });
});
