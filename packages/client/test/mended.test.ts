/**
 * What goes on behind the caller's back: client.close() while calls are under way, warm sockets that wait too long or have
 * something left over, and cancels that nobody waits for.
 */
import type { ServerResponse } from "node:http";
import { inspect } from "node:util";
import type { RunAgentClientOptions } from "runagent";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { cancelFrames, deferred, drain, failureOf, inTurn, RESUMABLE, runClient, serveScript, streamClient } from "./harness.ts";
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

describe("the cancel of a stream whose start was not answered yet", () => {
  const NOT_FOUND = { success: false, data: null, error: { code: "INVOCATION_NOT_FOUND", message: "There is none." } };
  const overtakes = (response: ServerResponse): void => void response.writeHead(404).end(JSON.stringify(NOT_FOUND));
  const isLost = (response: ServerResponse): void => void response.destroy();

  it.each([
    ["abort", "overtakes the start", overtakes],
    ["leave", "overtakes the start", overtakes],
    ["abort", "is lost", isLost],
    ["leave", "is lost", isLost],
  ] as const)("by %s is sent again when it %s", async (how, _, fail) => {
    const asked = deferred();
    const cancelled = deferred();
    const cancels: string[] = [];
    // The start hangs: its headers never come.
    const server = await serveSse([() => asked.resolve()], ({ method, url, body }, response) => {
      cancels.push(`${method} ${url} ${body}`);
      if (cancels.length < 3) return fail(response);
      response.end('{"success":true,"data":{}}');
      cancelled.resolve();
    });
    const controller = new AbortController();
    const client = streamClient(server, { ...WARM, transport: "sse" });
    const stream = client.runStream({}, { signal: controller.signal, invocationId: "inv-1" });
    const iterator = stream[Symbol.asyncIterator]();
    const read = how === "abort" ? failureOf(Promise.resolve(iterator.next())) : undefined;
    await asked.promise;
    if (how === "abort") controller.abort();
    else await iterator.return?.();
    if (read !== undefined) expect((await read).code).toBe("CANCELLED");
    await cancelled.promise;
    expect(cancels).toEqual(Array(3).fill('POST /api/v1/invocations/inv-1/cancel {"mode":"immediate"}'));
    await client.close();
    await server.idle();
  });
});

describe("warm sockets that carry nothing any more", () => {
  /** Serves one stream on each socket; after that nothing comes back on those that are warm by now. */
  async function goHalfOpen(sockets: number, options: Partial<RunAgentClientOptions>) {
    const asked: (() => void)[] = [];
    const allOpen = deferred();
    let silent = false;
    let open = 0;
    const server = await serveScript({
      async stream(peer) {
        const isLate = silent;
        for (;;) {
          const first = await peer.nextOf("start");
          if (silent && !isLate) {
            for (const wake of asked.splice(0)) wake();
            return;
          }
          if (++open === sockets) allOpen.resolve();
          await allOpen.promise;
          peer.send({ ...acceptOf(first), ...RESUMABLE });
          peer.finish(first, 2);
        }
      },
    });
    const client = streamClient(server, { ...WARM, ...options });
    await Promise.all(Array.from({ length: sockets }, () => client.runStream({}).collect()));
    silent = true;
    return { server, client, nextAsked: () => new Promise<void>((resolve) => asked.push(resolve)) };
  }

  it.each(["timeoutMs", "idleTimeoutMs", "signal"])("cost one call that is ended by its %s, not one each", async (what) => {
    const { server, client, nextAsked } = await goHalfOpen(4, {});
    const controller = new AbortController();
    const asked = nextAsked();
    const options = what === "signal" ? { signal: controller.signal } : { [what]: 100 };
    const failure = failureOf(client.runStream({}, options).collect());
    await asked;
    controller.abort();
    expect((await failure).code).toBe(what === "signal" ? "CANCELLED" : "TIMEOUT");
    const next = client.runStream({});
    expect(await next.collect()).toEqual(CHUNKS);
    expect(next.summary?.reconnects).toBe(0);
    expect(server.requests.filter(({ method }) => method === "GET")).toHaveLength(5);
  });

  it.each([10_000, 0])("are left for a new one after two seconds without an acceptance: connectTimeoutMs %i", async (connectTimeoutMs) => {
    const { server, client, nextAsked } = await goHalfOpen(2, { connectTimeoutMs });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const asked = nextAsked();
    const stream = client.runStream({});
    const chunks = stream.collect();
    await asked;
    vi.advanceTimersByTime(2000);
    vi.useRealTimers();
    expect(await chunks).toEqual(CHUNKS);
    expect(stream.summary?.reconnects).toBe(1);
    expect(server.requests).toHaveLength(3);
    await client.close();
  });
});

it.each([
  ["detach", 1000],
  ["leave", 1000],
  ["detach", 1],
  ["leave", 1],
] as const)("%s ends the request of a fetch that does not heed its signal (bufferBytes %i)", async (how, bufferBytes) => {
  const closed = deferred();
  const server = await serveSse([
    async (peer) => {
      await peer.accept(RESUMABLE);
      const timer = setInterval(() => peer.raw(": more\n"), 1);
      peer.response.on("close", () => {
        clearInterval(timer);
        closed.resolve();
      });
      peer.burst(1, 2);
    },
  ]);
  const deaf: RunAgentClientOptions["fetch"] = (url, { signal: _, ...init }) => fetch(url, init);
  const stream = streamClient(server, { transport: "sse", fetch: deaf, bufferBytes }).runStream({});
  const iterator = stream[Symbol.asyncIterator]();
  await iterator.next();
  if (how === "detach") await stream.detach();
  else await iterator.return?.();
  await closed.promise;
});

it("an abort after the end with records queued is an error like any other: with the id, without the key", async () => {
  const ended = deferred();
  const server = await serveScript({
    async stream(peer) {
      void peer.closed.then(() => ended.resolve());
      peer.finish(await peer.accept(RESUMABLE), 2);
    },
  });
  const controller = new AbortController();
  const client = streamClient(server, { apiKey: "canary-key" });
  const stream = client.runStream({}, { signal: controller.signal, invocationId: "inv-1" });
  await stream.started;
  await ended.promise;
  controller.abort(new Error("canary-key"));
  const error = await failureOf(stream.collect());
  expect(error).toMatchObject({ code: "CANCELLED", invocationId: "inv-1" });
  expect(inspect(error, { depth: 9 })).not.toContain("canary-key");
});
