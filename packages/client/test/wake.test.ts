/** What a client does when its machine wakes up or its network changes, and what it does not count as waiting. */
import type { StartFrame } from "@runagent/core";
import { type RetryInfo, RunAgentError } from "runagent";
import { WebSocket } from "undici";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { RunAgentClientBase } from "../src/client.ts";
import { startDeadlines } from "../src/deadlines.ts";
import { type Dial, Link } from "../src/link.ts";
import { connectionError } from "../src/network-error.ts";
import type { RunAgentClientOptions } from "../src/options.ts";
import { createPageRuntime } from "../src/page.ts";
import { Reconnects } from "../src/reconnects.ts";
import type { Runtime } from "../src/runtime.ts";
import { standardHttp } from "../src/standard-http.ts";
import type { TransportEvents } from "../src/transport.ts";
import { behindWebSocket } from "../src/transports/auto.ts";
import { createSseTransport } from "../src/transports/sse.ts";
import { standardSockets } from "../src/transports/standard-websocket.ts";
import { createClock } from "./clock.ts";
import { cursorOf, deferred, drain, inTurn, type Play, RESUMABLE, serveScript } from "./harness.ts";
import type { Peer, ScriptedServer } from "./scripted-server.ts";
import { serveSse } from "./sse-peer.ts";

const CHUNKS = [1, 2, 3, 4];
const BEATING = { ...RESUMABLE, heartbeat_seconds: 3600 };
const INV = { invocationId: "inv-1" };

afterEach(() => void vi.useRealTimers());

/** A client of a runtime that the test wakes up. */
function createWoken(server: ScriptedServer, options: Partial<RunAgentClientOptions> = {}) {
  const wakes = new Set<(moved: boolean) => void>();
  const runtime: Runtime = {
    createHttp: () => standardHttp(),
    sockets: standardSockets(() => WebSocket),
    createSse: behindWebSocket(createSseTransport),
    toError: connectionError,
    onWake(callback) {
      wakes.add(callback);
      return () => wakes.delete(callback);
    },
  };
  const given = { agentId: "a1", host: "127.0.0.1", port: server.port, maxIdleConnections: 0, maxReconnectDelayMs: 1, ...options };
  const client = new RunAgentClientBase({ ...given, entrypointTag: "story_stream" }, runtime);
  const wake = (moved: boolean): void => {
    for (const callback of [...wakes]) callback(moved);
  };
  return { client, wakes, wake };
}

const rest = async (peer: Peer): Promise<void> => peer.finish(await peer.accept(BEATING), 4);

/** Brings two chunks, and the rest on the same connection once `go` resolves. */
const pauseAfterTwo =
  (go: Promise<void>, extra: Record<string, unknown> = BEATING): Play =>
  async (peer) => {
    const first = await peer.accept(extra);
    peer.burst(1, 2);
    await go;
    peer.finish({ ...first, after_seq: 2 }, 4);
  };

describe("a machine that wakes up, or whose network changes", () => {
  it.each([true, false])("makes the connection that waits for its time at once (moved: %s)", async (moved) => {
    // No timer of the client's fires: what happens is the waking's doing.
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const waits = deferred<RetryInfo>();
    const server = await serveScript({
      stream: inTurn(
        async (peer) => {
          await peer.accept(BEATING);
          peer.burst(1, 2);
          peer.reset();
        },
        (peer) => peer.reset(),
        // What failed before the waking says nothing: the next connection is made at once again.
        (peer) => peer.reset(),
        rest,
      ),
    });
    const { client, wake } = createWoken(server, { maxReconnectDelayMs: 60_000 });
    const onReconnect = (info: RetryInfo): void => (info.delayMs > 0 ? waits.resolve(info) : undefined);
    const read = drain(client.runStream({}, { onReconnect }));
    await waits.promise;
    // Dialled in the same turn; a timer has no part in it.
    await new Promise(setImmediate);
    expect(server.requests).toHaveLength(2);
    wake(moved);
    expect(await read).toEqual({ chunks: CHUNKS, error: undefined });
    expect(server.requests).toHaveLength(4);
  });

  it("waits all the same for as long as the server asked [http.retry.2]", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const waits = deferred<RetryInfo>();
    const accepted = deferred();
    const busy = { code: "RATE_LIMITED", message: "Later.", details: { retry_after_seconds: 60 } };
    const server = await serveScript({
      stream: inTurn(
        async (peer) => {
          await peer.accept({ ...BEATING, resume_seconds: 3600 });
          peer.burst(1, 2);
          peer.send({ type: "error", error: busy });
          peer.socket.close(4429);
        },
        async (peer) => {
          await peer.accept(BEATING);
          // The client has the acceptance before it answers this.
          peer.socket.once("pong", () => accepted.resolve()).ping();
        },
        rest,
      ),
    });
    const { client, wake } = createWoken(server);
    const read = drain(client.runStream({}, { onReconnect: (info) => waits.resolve(info) }));
    expect(await waits.promise).toMatchObject({ delayMs: 60_000, error: { code: "RATE_LIMITED" } });
    await new Promise(setImmediate);
    wake(true);
    // A connection that it makes now is there before these have been there and back.
    for (let n = 0; n < 3; n++) await (await fetch(server.url)).text();
    expect(server.requests.filter(({ headers }) => headers.upgrade)).toHaveLength(1);
    vi.advanceTimersByTime(60_000);
    // From now on a change of the network counts again, although no record has come yet.
    await accepted.promise;
    wake(true);
    expect(await read).toEqual({ chunks: CHUNKS, error: undefined });
  });

  it("leaves a connection for a new one when the way may be another; nothing is lost or doubled", async () => {
    const resumes: unknown[] = [];
    const peers: Peer[] = [];
    const server = await serveScript({
      stream: inTurn(
        async (peer) => {
          peers.push(peer);
          await peer.accept(BEATING);
          peer.burst(1, 3);
        },
        async (peer) => {
          const resume = await peer.accept(BEATING);
          resumes.push([resume.type, resume.after_seq]);
          if (peers[0]?.socket.readyState === 1) peers[0].data(4, "old");
          peer.finish(resume, 4);
        },
      ),
    });
    const { client, wake } = createWoken(server);
    const errors: RunAgentError[] = [];
    const stream = client.runStream({}, { ...INV, onReconnect: ({ error }) => void errors.push(error) });
    const cursor = stream.cursor();
    const seqs = [(await cursor.next()).seq, (await cursor.next()).seq];
    wake(true);
    for (let next = await cursor.next(); next.hasMore; next = await cursor.next()) seqs.push(next.data);
    expect(seqs).toEqual(CHUNKS);
    expect(resumes).toEqual([["resume", 2]]);
    expect(errors).toMatchObject([{ code: "CONNECTION_ERROR", retryable: true }]);
    expect(stream.summary).toMatchObject({ status: "completed", reconnects: 1, totalChunks: 4 });
    // Not 1000, by which a client says that it has had enough.
    expect((await peers[0]?.closed)?.code).not.toBe(1000);
    await server.idle();
  });

  it("wakes every stream of a client, over SSE too", async () => {
    const server = await serveSse([
      async (peer) => {
        const first = await peer.accept(BEATING);
        if (first.type === "resume") peer.finish(first, 4);
        else peer.burst(1, 2);
      },
    ]);
    const { client, wake } = createWoken(server, { transport: "sse" });
    const cursors = ["inv-1", "inv-2"].map((invocationId) => client.runStream({}, { invocationId }).cursor());
    for (const cursor of cursors) for (const seq of [1, 2]) expect(await cursor.next()).toMatchObject({ seq });
    wake(true);
    for (const cursor of cursors) for (const seq of [3, 4]) expect(await cursor.next()).toMatchObject({ seq });
    expect(server.requests.map(({ headers }) => headers["last-event-id"]).sort()).toEqual(
      [cursorOf("inv-1", 2), cursorOf("inv-2", 2), undefined, undefined].sort(),
    );
    for (const cursor of cursors) expect(await cursor.next()).toEqual({ hasMore: false });
  });

  it("makes a connection anew that has been silent for longer than the heartbeat", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const server = await serveScript({
      stream: inTurn((peer) => void peer.accept({ ...RESUMABLE, heartbeat_seconds: 0.005 }), rest),
    });
    const { client, wake } = createWoken(server);
    const stream = client.runStream({});
    await stream.started;
    // Nobody looks, as while a machine sleeps; only time passes.
    const until = performance.now() + 10;
    while (performance.now() < until) await new Promise(setImmediate);
    wake(false);
    expect(await stream.collect()).toEqual(CHUNKS);
    expect(server.requests).toHaveLength(2);
  });

  it("leaves a connection alone that was heard within the heartbeat, when the way is the same", async () => {
    const go = deferred();
    const server = await serveScript({ stream: pauseAfterTwo(go.promise) });
    const { client, wake } = createWoken(server);
    const stream = client.runStream({});
    await stream.started;
    for (let n = 0; n < 3; n++) wake(false);
    go.resolve();
    expect(await stream.collect()).toEqual(CHUNKS);
    expect([server.requests.length, stream.summary?.reconnects]).toEqual([1, 0]);
  });

  it.each([true, false])("leaves a version 1 stream alone, which cannot go on elsewhere (moved: %s)", async (moved) => {
    const go = deferred();
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id: id } = await peer.next();
        peer.send({ type: "status", status: "stream_started", invocation_id: id });
        await go.promise;
        peer.send({ type: "data", content: "only" });
        peer.send({ type: "status", status: "stream_completed", invocation_id: id, total_chunks: 1 });
      },
    });
    const { client, wake } = createWoken(server);
    const stream = client.runStream({});
    await stream.started;
    wake(moved);
    go.resolve();
    expect(await stream.collect()).toEqual(["only"]);
    expect(server.requests).toHaveLength(1);
  });

  it("leaves a stream alone that its server would not resume", async () => {
    const go = deferred();
    const server = await serveScript({ stream: pauseAfterTwo(go.promise, { heartbeat_seconds: 3600, resume_seconds: 0 }) });
    const { client, wake } = createWoken(server);
    const stream = client.runStream({});
    await stream.started;
    wake(true);
    go.resolve();
    expect(await drain(stream)).toEqual({ chunks: CHUNKS, error: undefined });
  });

  it.each([true, false])("waits for the acceptance of a connection that is open (moved: %s)", async (moved) => {
    const go = deferred();
    const arrived = deferred();
    const server = await serveScript({
      async stream(peer) {
        const accept = peer.accept.bind(peer, BEATING);
        while (peer.socket.readyState === 0) await new Promise(setImmediate);
        peer.socket.once("message", () => arrived.resolve());
        await go.promise;
        peer.finish(await accept(), 4);
      },
    });
    const { client, wake } = createWoken(server);
    const stream = client.runStream({});
    await arrived.promise;
    wake(moved);
    go.resolve();
    expect(await stream.collect()).toEqual(CHUNKS);
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    [true, 2],
    [false, 1],
  ])("while it connects (moved: %s) makes %i connections", async (moved, connections) => {
    const go = deferred();
    let first = true;
    const server = await serveScript({
      upgrade(_, socket) {
        const isHeld = first;
        first = false;
        // Held back for as long as the test likes; with nothing else in sight the client gives up by its deadline.
        if (isHeld) void go.promise.then(() => socket.destroy());
        return !isHeld;
      },
      stream: rest,
    });
    const { client, wake } = createWoken(server, { transport: "websocket" });
    const stream = client.runStream({}, { timeoutMs: moved ? 20_000 : 300 });
    while (server.requests.length < 1) await new Promise(setImmediate);
    wake(moved);
    const { chunks, error } = await drain(stream);
    expect([chunks, error?.code]).toEqual(moved ? [CHUNKS, undefined] : [[], "TIMEOUT"]);
    expect(server.requests.filter(({ url }) => url.endsWith("run-stream"))).toHaveLength(connections);
    go.resolve();
    await server.idle();
  });

  const endings: [string, (client: RunAgentClientBase<"story_stream">, go: () => void) => Promise<unknown>][] = [
    [
      "complete",
      (client, go) => {
        go();
        return drain(client.runStream({}));
      },
    ],
    ["are left", async (client) => client.runStream({}).cursor().close()],
    ["are detached", (client) => client.runStream({}).detach()],
    ["are cancelled before anything was sent", (client) => client.runStream({}).cancel()],
    ["time out", (client) => drain(client.runStream({}, { timeoutMs: 20 }))],
    ["were aborted before they began", (client) => drain(client.runStream({}, { signal: AbortSignal.abort() }))],
    ["were called wrongly", (client) => drain(client.runStream({}, { invocationId: "no id" }))],
    ["never reach a server", (client) => drain(client.runStream({}, { signal: AbortSignal.timeout(1) }))],
  ];

  it.each(endings)("has no listener left of streams that %s", async (_, end) => {
    const go = deferred();
    const server = await serveScript({ stream: pauseAfterTwo(go.promise), http: (_request, response) => void response.end("{}") });
    const { client, wakes, wake } = createWoken(server);
    const other = client.runStream({});
    expect(wakes.size).toBe(1);
    await end(client, () => go.resolve());
    expect(wakes.size).toBeLessThanOrEqual(1);
    go.resolve();
    await other.collect();
    expect(wakes.size).toBe(0);
    wake(true);
  });
});

const START: StartFrame = {
  type: "start",
  protocol: 2,
  ...{ invocation_id: "i", entrypoint_tag: "s_stream" },
  input_args: [],
  input_kwargs: {},
};

/** A link whose connection counts what the test says. */
function createWatched(heartbeatSeconds: number) {
  const clock = createClock();
  const connection = {
    ...{ version2: true, credit: true, pausable: true, warm: false, sent: true, bytesRead: 0 },
    ...{ send() {}, pause() {}, resume() {}, close() {}, release() {}, drop() {} },
  };
  const lost: (string | undefined)[] = [];
  let events: TransportEvents | undefined;
  const bring = (): void => {
    connection.bytesRead++;
    events?.text("{}");
  };
  const dial: Dial = { token: () => undefined, first: () => START, delayMs: 0, connectMs: 0, version2: true };
  const transport = {
    connect: (_first: unknown, given: TransportEvents) => {
      events = given;
      queueMicrotask(() => given.opened());
      return connection;
    },
    close() {},
  };
  const link = new Link(transport, clock.timers, { opened() {}, text() {}, lost: ({ error }) => lost.push(error?.code) });
  link.dial(dial);
  link.watch(heartbeatSeconds);
  return { link, lost, connection, bring, ...clock };
}

describe("a link that is woken, by a clock that the test moves", () => {
  it.each([
    [9_999, []],
    [10_000, ["CONNECTION_ERROR"]],
  ])("after %i ms in silence", (ms, expected) => {
    const { link, lost, sleep } = createWatched(10);
    sleep(ms);
    link.wake(false);
    expect(lost).toEqual(expected);
  });

  it("counts from the last look at which something had come", () => {
    const { link, lost, connection, pass, sleep } = createWatched(10);
    for (let n = 0; n < 20; n++) {
      connection.bytesRead++;
      pass(1_250);
    }
    sleep(9_000);
    link.wake(false);
    expect(lost).toEqual([]);
    sleep(1_000);
    link.wake(false);
    expect(lost).toEqual(["CONNECTION_ERROR"]);
  });

  it("counts from the last frame, not from the look after it", () => {
    const { link, lost, bring, pass, sleep } = createWatched(10);
    pass(500);
    bring();
    sleep(60_000);
    link.wake(false);
    const late = createWatched(10);
    late.pass(500);
    late.bring();
    late.sleep(60_000);
    late.fire();
    late.link.wake(false);
    expect([lost, late.lost]).toEqual([["CONNECTION_ERROR"], ["CONNECTION_ERROR"]]);
  });

  it.each([
    [true, []],
    [false, ["CONNECTION_ERROR"]],
  ])("takes what has come since the last look for a sign of life (came: %s)", (came, expected) => {
    const { link, lost, bring, pass, sleep } = createWatched(10);
    pass(8_750);
    if (came) bring();
    sleep(1_500);
    link.wake(false);
    expect(lost).toEqual(expected);
  });

  it("does not take a connection that is not read for a silent one", () => {
    const { link, lost, sleep } = createWatched(10);
    link.pause();
    sleep(60_000);
    link.wake(false);
    expect(lost).toEqual([]);
    link.wake(true);
    expect(lost).toEqual(["CONNECTION_ERROR"]);
  });

  it("does nothing once it was left", () => {
    const { link, lost, sleep, pending } = createWatched(10);
    link.close(null);
    sleep(60_000);
    link.wake(true);
    expect([lost, pending.size]).toEqual([[], 0]);
  });
});

describe("the idle deadline, by a clock that the test moves", () => {
  const create = (idleMs: number) => {
    const clock = createClock();
    const ends: (string | undefined)[] = [];
    const watched = {
      isAwaited: () => true,
      lastLoss: () => undefined,
      fail: (error: RunAgentError) => void ends.push(error.code),
      abort: () => {},
    };
    const progress = startDeadlines({ connectMs: 0, idleMs, totalMs: 0 }, clock.timers, watched);
    return { ...clock, ends, progress };
  };

  it("is as long as it says while the machine is awake", () => {
    const { ends, pass, progress } = create(10_000);
    pass(6_000);
    progress();
    pass(9_999);
    expect(ends).toEqual([]);
    pass(1);
    expect(ends).toEqual(["TIMEOUT"]);
  });

  it("does not count the time in which the machine slept", () => {
    const { ends, pass, sleep, fire, progress } = create(10_000);
    pass(5_000);
    progress();
    pass(1_000);
    sleep(3_600_000);
    fire();
    expect(ends).toEqual([]);
    pass(10_000);
    expect(ends).toEqual(["TIMEOUT"]);
  });

  it("does not, even if nothing had come since it began", () => {
    const { ends, pass, sleep, fire } = create(10_000);
    pass(2_000);
    sleep(3_600_000);
    fire();
    expect(ends).toEqual([]);
    pass(10_000);
    expect(ends).toEqual(["TIMEOUT"]);
  });

  it("is no longer than before when something came between the waking and the timer", () => {
    const { ends, pass, sleep, fire, progress } = create(10_000);
    pass(2_000);
    sleep(3_600_000);
    progress();
    fire();
    pass(9_999);
    expect(ends).toEqual([]);
    pass(1);
    expect(ends).toEqual(["TIMEOUT"]);
  });

  it("takes a process that was busy for a while for one that was awake", () => {
    const { ends, sleep, fire } = create(10_000);
    sleep(11_000);
    fire();
    expect(ends).toEqual(["TIMEOUT"]);
  });
});

describe("reconnects after waking", () => {
  it("begin anew: what failed so far says nothing any more", () => {
    const { timers } = createClock();
    const delays: number[] = [];
    const options = { random: () => 1, maxReconnectDelayMs: 10_000, onReconnect: undefined, onReconnected: undefined };
    const server = { version2: true, learn() {}, ask: async () => true };
    const events = { dial: (delayMs: number) => void delays.push(delayMs), giveUp() {} };
    const reconnects = new Reconnects({ ...options, server }, 0, timers, events);
    const lose = (): void =>
      reconnects.lost(new RunAgentError("CONNECTION_ERROR", "It is gone."), {
        ...{ sent: true, accepted: true, resumable: true, version2: true, resumeSeconds: 60 },
      });
    for (let n = 0; n < 4; n++) lose();
    reconnects.wake();
    lose();
    expect(delays).toEqual([0, 50, 100, 200, 0]);
  });
});

describe("a page", () => {
  /** What a browser has of these, as far as it is used. */
  const createPage = () => {
    const window = new EventTarget();
    const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
    vi.stubGlobal("document", document);
    vi.stubGlobal("addEventListener", window.addEventListener.bind(window));
    onTestFinished(() => void vi.unstubAllGlobals());
    const heard: boolean[] = [];
    const end = createPageRuntime(undefined).onWake?.((moved) => heard.push(moved));
    return { window, document, heard, end };
  };

  it("wakes when it is online, shown from the cache, visible or thawed again, and not for anything else", () => {
    const { window, document, heard, end } = createPage();
    const tell = (target: EventTarget, name: string, more: object = {}): boolean =>
      target.dispatchEvent(Object.assign(new Event(name), more));
    tell(window, "online");
    tell(window, "pageshow", { persisted: true });
    tell(window, "pageshow", { persisted: false });
    tell(document, "visibilitychange");
    document.visibilityState = "hidden";
    for (const name of ["visibilitychange", "freeze"]) tell(document, name);
    tell(window, "offline");
    tell(document, "resume");
    expect(heard).toEqual([true, true, false, false, true]);
    end?.();
    document.visibilityState = "visible";
    for (const name of ["online", "pageshow"]) tell(window, name);
    for (const name of ["visibilitychange", "resume"]) tell(document, name);
    expect(heard).toHaveLength(5);
  });

  it("may be a worker, which has no document, or a runtime without events", () => {
    const wakes = (): unknown => createPageRuntime(undefined).onWake?.(() => {});
    expect(wakes).not.toThrow();
    const { window, heard } = createPage();
    vi.stubGlobal("document", undefined);
    createPageRuntime(undefined).onWake?.((moved) => heard.push(moved));
    window.dispatchEvent(new Event("online"));
    expect(heard).toEqual([true, true]);
  });
});
