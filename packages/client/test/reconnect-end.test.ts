import { getEventListeners } from "node:events";
import type { RetryInfo } from "runagent";
import { describe, expect, it } from "vitest";
import { cancelFrames, cursorOf, deferred, drain, failureOf, inTurn, RESUMABLE, serveScript, streamClient } from "./harness.ts";
import type { Peer, ScriptedServer } from "./scripted-server.ts";

const FAST = { maxReconnectDelayMs: 1 };
const INV = { invocationId: "inv-1" };

const dropAfterTwo = async (peer: Peer): Promise<void> => {
  await peer.accept(RESUMABLE);
  peer.burst(1, 2);
  peer.socket.terminate();
};
const dropAtOnce = (peer: Peer): void => peer.socket.terminate();
const rest = async (peer: Peer): Promise<void> => peer.finish(await peer.accept(RESUMABLE), 4);
const refusal = (code: string, details?: unknown) => async (peer: Peer) => {
  await peer.next();
  peer.send({ type: "error", error: { code, message: "No.", details } });
  peer.socket.close(4400);
};

describe("a resume that is refused", () => {
  it.each([
    "AUTHENTICATION_ERROR",
    "PERMISSION_ERROR",
    "VALIDATION_ERROR",
    "INVOCATION_NOT_FOUND",
    "CURSOR_EXPIRED",
    "CURSOR_AHEAD",
    "EPOCH_CHANGED",
  ])("with %s ends with it and the cursor, after what was queued", async (code) => {
    const server = await serveScript({ stream: inTurn(dropAfterTwo, refusal(code, { first_seq: 9 })) });
    const { chunks, error } = await drain(streamClient(server, FAST).runStream({}, INV));
    expect(chunks).toEqual([1, 2]);
    expect(error).toMatchObject({ code, origin: "wire", details: { first_seq: 9 }, ...INV, cursor: cursorOf("inv-1", 2) });
    expect(server.requests).toHaveLength(2);
    await server.idle();
  });

  it.each(["RATE_LIMITED", "SERVER_ERROR"])("with %s for now is tried again, as long as it takes", async (code) => {
    const refusals = Array.from({ length: 8 }, () => refusal(code));
    const server = await serveScript({ stream: inTurn(dropAfterTwo, ...refusals, rest) });
    expect(await streamClient(server, FAST).runStream({}).collect()).toEqual([1, 2, 3, 4]);
  });
});

describe("an upgrade that is refused while reconnecting", () => {
  /** Upgrades the first, answers the second with `head`, upgrades the rest. */
  const refuseSecond = (head: string, body = ""): Promise<ScriptedServer> => {
    let upgrades = 0;
    return serveScript({
      upgrade: (_, socket) => ++upgrades !== 2 || void socket.end(`HTTP/1.1 ${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}`),
      stream: inTurn(dropAfterTwo, rest),
    });
  };

  it.each([
    ["429 Busy\r\nretry-after: 0", 0],
    ["503 Busy\r\nretry-after: 1", 1000],
    ["500 Oops", 0],
    ["502 Bad Gateway", 0],
    ["504 Late", 0],
  ])("with %j is tried again after the wait", async (head, waitMs) => {
    const server = await refuseSecond(head);
    const infos: RetryInfo[] = [];
    const client = streamClient(server, { ...FAST, transport: "websocket" });
    expect(await client.runStream({}, { onReconnect: (info) => void infos.push(info) }).collect()).toEqual([1, 2, 3, 4]);
    expect(infos).toHaveLength(2);
    expect(infos[1]?.delayMs).toBeGreaterThanOrEqual(waitMs);
  });

  it.each([
    ["401 No", "AUTHENTICATION_ERROR"],
    ["403 No", "PERMISSION_ERROR"],
    ["404 No", "CONNECTION_ERROR"],
    ["400 No", "CONNECTION_ERROR"],
    ["301 Moved\r\nlocation: http://127.0.0.1:1/", "CONNECTION_ERROR"],
  ])("with %j is final", async (head, code) => {
    const server = await refuseSecond(head);
    const { chunks, error } = await drain(streamClient(server, { ...FAST, transport: "websocket" }).runStream({}, INV));
    expect(chunks).toEqual([1, 2]);
    expect(error).toMatchObject({ code, cursor: cursorOf("inv-1", 2) });
    expect(server.requests).toHaveLength(2);
    await server.idle();
  });
});

describe("giving up", () => {
  it("a first connection to where nothing listens is not repeated", async () => {
    const server = await serveScript({});
    await server.close();
    const infos: RetryInfo[] = [];
    const stream = streamClient(server).runStream({}, { onReconnect: (info) => void infos.push(info) });
    expect(await failureOf(stream.collect())).toMatchObject({ code: "CONNECTION_ERROR", retryable: true });
    expect(infos).toEqual([]);
  });

  it("a server that stays away is given up when it keeps the log no longer", async () => {
    const server = await serveScript({
      async stream(peer) {
        await peer.accept({ resume_seconds: 0.15 });
        peer.burst(1, 2);
        await server.close();
      },
    });
    const { chunks, error } = await drain(streamClient(server, { maxReconnectDelayMs: 20 }).runStream({}, INV));
    expect(chunks).toEqual([1, 2]);
    expect(error).toMatchObject({ code: "STREAM_TRUNCATED", cursor: cursorOf("inv-1", 2) });
    expect(error?.message).toContain("resume_seconds");
  });

  it.each(["idleTimeoutMs", "timeoutMs"])("or when %s has passed", async (name) => {
    const server = await serveScript({
      async stream(peer) {
        await peer.accept(RESUMABLE);
        peer.burst(1, 2);
        await server.close();
      },
    });
    const infos: RetryInfo[] = [];
    const options = { ...INV, [name]: 150, onReconnect: (info: RetryInfo) => void infos.push(info) };
    const { error } = await drain(streamClient(server, { maxReconnectDelayMs: 20 }).runStream({}, options));
    expect(error).toMatchObject({ code: "TIMEOUT", cursor: cursorOf("inv-1", 2) });
    expect(error?.message).toContain(name);
    expect(infos.length).toBeGreaterThan(1);
  });

  it("a server that accepts again and again, and never brings a record, is idle", async () => {
    const server = await serveScript({
      stream: inTurn(dropAfterTwo, async (peer) => {
        await peer.accept(RESUMABLE);
        peer.socket.terminate();
      }),
    });
    const stream = streamClient(server, { maxReconnectDelayMs: 20 }).runStream({}, { ...INV, idleTimeoutMs: 200, timeoutMs: 3000 });
    const { error } = await drain(stream);
    expect(error?.message).toContain("idleTimeoutMs");
    expect(error).toMatchObject({ code: "TIMEOUT", cursor: cursorOf("inv-1", 2) });
    await server.idle();
  });

  it("a server that keeps no log is not asked again", async () => {
    const server = await serveScript({
      async stream(peer) {
        await peer.accept({ resume_seconds: 0 });
        peer.data(1);
        peer.socket.terminate();
      },
    });
    const { error } = await drain(streamClient(server, FAST).runStream({}, INV));
    expect(error).toMatchObject({ code: "STREAM_TRUNCATED", cursor: cursorOf("inv-1", 1) });
    expect(server.requests).toHaveLength(1);
  });
});

describe("while it reconnects", () => {
  /** Drops after two chunks and lets nobody in until `open` is called. */
  const serveAway = async (
    play: (peer: Peer) => Promise<void>,
  ): Promise<{ server: ScriptedServer; open(): void; cancels: Promise<string> }> => {
    let isOpen = false;
    const cancel = deferred<string>();
    const server = await serveScript({
      http(request, response) {
        cancel.resolve(`${request.method} ${request.url} ${request.body}`);
        response.end('{"success":true,"data":{}}');
      },
      stream: inTurn(dropAfterTwo, (peer) => (isOpen ? play(peer) : dropAtOnce(peer))),
    });
    const open = (): void => {
      isOpen = true;
    };
    return { server, open, cancels: cancel.promise };
  };
  const OPTIONS = { maxReconnectDelayMs: 5 };
  const REST_CANCEL = 'POST /api/v1/invocations/inv-1/cancel {"mode":"immediate"}';

  it("cancel() goes out on the next connection, and the answer comes", async () => {
    const { server, open } = await serveAway(async (peer) => {
      const resume = await peer.accept(RESUMABLE);
      const { mode } = await peer.nextOf("cancel");
      peer.burst(Number(resume.after_seq) + 1, 3);
      for (const frame of cancelFrames("inv-1", 4, 3, mode)) peer.send(frame);
    });
    const stream = streamClient(server, OPTIONS).runStream({}, INV);
    const chunks: unknown[] = [];
    let answer: Promise<unknown> | undefined;
    for await (const chunk of stream) {
      chunks.push(chunk);
      if (chunk !== 2) continue;
      while (server.requests.length < 4) await new Promise(setImmediate);
      answer = stream.cancel("after_turn");
      open();
    }
    expect(chunks).toEqual([1, 2, 3]);
    expect(await answer).toMatchObject({ mode: "after_turn", outcome: "accepted" });
    expect(stream.summary?.status).toBe("cancelled");
    await server.idle();
  });

  const leave: [string, (cursor: AsyncIterator<unknown>, abort: () => void) => unknown][] = [
    ["leaving the loop", (iterator) => iterator.return?.()],
    ["the signal", (_, abort) => abort()],
  ];

  it.each(leave)("%s cancels over REST and leaves nothing behind", async (_, act) => {
    const { server, cancels } = await serveAway(rest);
    const controller = new AbortController();
    const stream = streamClient(server, OPTIONS).runStream({}, { ...INV, signal: controller.signal });
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    await iterator.next();
    while (server.requests.length < 4) await new Promise(setImmediate);
    await act(iterator, () => controller.abort());
    expect(await cancels).toBe(REST_CANCEL);
    if (controller.signal.aborted) expect((await failureOf(Promise.resolve(iterator.next()))).code).toBe("CANCELLED");
    else expect(stream.summary?.status).toBe("cancelled");
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    const dials = server.requests.filter(({ url }) => url.endsWith("/run-stream")).length;
    await failureOf(streamClient(server, OPTIONS).health()); // By now a further attempt would have come.
    expect(server.requests.filter(({ url }) => url.endsWith("/run-stream"))).toHaveLength(dials);
  });

  it("detach() gives the position and cancels nothing", async () => {
    const { server } = await serveAway(rest);
    const stream = streamClient(server, OPTIONS).runStream({}, INV);
    const cursor = stream.cursor();
    await cursor.next();
    await cursor.next();
    while (server.requests.length < 4) await new Promise(setImmediate);
    expect(await stream.detach()).toBe(cursorOf("inv-1", 2));
    expect(await cursor.next()).toEqual({ hasMore: false });
    await server.idle();
    expect(server.requests.some(({ method }) => method === "POST")).toBe(false);
  });

  it("onReconnect is told the attempt, the delay and the reason, and a record resets the count", async () => {
    const server = await serveScript({
      stream: inTurn(
        dropAfterTwo,
        dropAtOnce,
        dropAtOnce,
        async (peer) => {
          await peer.accept(RESUMABLE);
          peer.data(3);
          peer.socket.close(1012);
        },
        rest,
      ),
    });
    const infos: RetryInfo[] = [];
    const stream = streamClient(server, { maxReconnectDelayMs: 5 }).runStream({}, { onReconnect: (info) => void infos.push(info) });
    expect(await stream.collect()).toEqual([1, 2, 3, 4]);
    expect(infos.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 1]);
    expect(infos[0]?.delayMs).toBe(0);
    expect(infos[3]?.delayMs).toBe(0);
    expect(infos.every(({ delayMs }) => delayMs >= 0 && delayMs <= 5)).toBe(true);
    expect(infos.every(({ error }) => error.code === "CONNECTION_ERROR")).toBe(true);
    expect(infos[3]?.error.details).toMatchObject({ closeCode: 1012 });
    expect(stream.summary?.reconnects).toBe(4);
  });
});
