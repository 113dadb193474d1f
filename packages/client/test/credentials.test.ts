/** Where credentials go, when getToken is asked, and what becomes of a stream meanwhile. */
import { inspect } from "node:util";
import { defineAgent, serve } from "@runagent/server";
import { RunAgentClient, type RunAgentClientOptions, RunAgentError, type Token } from "runagent";
import { WebSocket } from "undici";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createCredentials } from "../src/credentials.ts";
import { cursorOf, deferred, drain, failureOf, RESUMABLE, runClient, serveScript, streamClient } from "./harness.ts";
import { acceptOf, type Peer, type Player, type ScriptedServer } from "./scripted-server.ts";
import { SsePeer } from "./sse-peer.ts";

const CHUNKS = [1, 2, 3, 4];
const INV = { invocationId: "inv-1" };
const refusal = (token: unknown): Record<string, unknown> => ({ code: "AUTHENTICATION_ERROR", message: `Wrong key ${token}.` });
const envelope = (token: unknown): string => JSON.stringify({ success: false, data: null, error: refusal(token) });

type Given = Token | RunAgentError | Error;

/** Gives one after the other, and the last for ever; what is an error is thrown. */
function tokens(...given: Given[]) {
  const counter = { asked: 0 };
  const getToken = (): Token => {
    const token = given[Math.min(counter.asked++, given.length - 1)] ?? "";
    if (token instanceof Error) throw token;
    return token;
  };
  return { counter, getToken };
}

/** One way for a credential to reach a server, and for the server to refuse it. */
interface Way {
  readonly name: string;
  readonly options: Partial<RunAgentClientOptions>;
  /** Refuses the upgrade itself, where there is one. */
  readonly refusesUpgrade?: boolean;
  readonly runs?: boolean;
}

const WAYS: Way[] = [
  { name: "WebSocket", options: { transport: "websocket" } },
  { name: "WebSocket, refused at the upgrade", options: { transport: "websocket" }, refusesUpgrade: true },
  { name: "WebSocket of the caller", options: { transport: "websocket", WebSocket } },
  { name: "SSE", options: { transport: "sse" } },
  { name: "run", options: {}, runs: true },
];
const STREAMS = WAYS.filter(({ runs }) => !runs);

interface Seen {
  readonly server: ScriptedServer;
  /** The credentials of all attempts, from wherever they stood. */
  readonly tokens: unknown[];
  /** The first frames of WebSockets. */
  readonly firsts: Record<string, unknown>[];
}

const bearer = (headers: { authorization?: string | undefined }): string | undefined => headers.authorization?.replace("Bearer ", "");

/** A server that plays any way whole, and refuses some credentials. */
async function serveWay(way: Way, refuses: (token: unknown) => boolean = () => false): Promise<Seen> {
  const seen: unknown[] = [];
  const firsts: Record<string, unknown>[] = [];
  const see = (token: unknown): boolean => {
    seen.push(token);
    return refuses(token);
  };
  const server = await serveScript({
    upgrade({ headers }, socket) {
      const token = bearer(headers);
      if (!way.refusesUpgrade || !refuses(token)) return true;
      seen.push(token);
      const body = envelope(token);
      socket.end(`HTTP/1.1 401 No\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`);
      return false;
    },
    async stream(peer) {
      const first = await peer.next();
      firsts.push(first);
      if (see(Object(first.auth).token ?? bearer(server.requests.at(-1)?.headers ?? {}))) {
        peer.send({ type: "error", error: refusal(seen.at(-1)) });
        return peer.socket.close(4401, "AUTHENTICATION_ERROR");
      }
      peer.send({ ...acceptOf(first), ...RESUMABLE });
      peer.finish(first, 4);
    },
    async http(request, response) {
      const token = bearer(request.headers);
      if (see(token)) return void response.writeHead(401, { "content-type": "application/json" }).end(envelope(token));
      if (request.url.endsWith("/run")) return void response.end(JSON.stringify({ success: true, protocol: 2, data: CHUNKS }));
      const peer = new SsePeer(request, response);
      peer.finish(await peer.accept(RESUMABLE), 4);
    },
  });
  return { server, tokens: seen, firsts };
}

/** Calls of one client that all resolve to CHUNKS. */
function callerOf(way: Way, server: ScriptedServer, options: Partial<RunAgentClientOptions>) {
  const given = { maxReconnectDelayMs: 1, ...way.options, ...options };
  const client = way.runs ? runClient(server, given) : streamClient(server, given);
  onTestFinished(() => client.close());
  return async (call: { signal?: AbortSignal; timeoutMs?: number; connectTimeoutMs?: number } = {}): Promise<unknown> =>
    way.runs
      ? client.run({}, { ...INV, ...call })
      : client
          .withEntrypoint("story_stream")
          .runStream({}, { ...INV, ...call })
          .collect();
}

const later = (): number => Date.now() + 3_600_000;

describe.each(WAYS)("getToken over $name", (way) => {
  const shapes: [string, () => Token | Promise<Token>][] = [
    ["a string", () => "tok-1"],
    ["a promise of one", async () => "tok-1"],
    ["an object", () => ({ token: "tok-1" })],
    ["a promise of one that expires", async () => ({ token: "tok-1", expiresAt: later() })],
  ];

  it.each(shapes)("may give %s; it stands where it belongs, and is used again", async (_, getToken) => {
    const { server, tokens: seen, firsts } = await serveWay(way);
    const asked = vi.fn(getToken);
    const call = callerOf(way, server, { getToken: asked });
    expect(asked).not.toHaveBeenCalled();
    expect([await call(), await call()]).toEqual([CHUNKS, CHUNKS]);
    expect(asked).toHaveBeenCalledOnce();
    expect(seen).toEqual(["tok-1", "tok-1"]);
    const inFrame = way.options.WebSocket !== undefined;
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(Array(2).fill(inFrame ? undefined : "Bearer tok-1"));
    expect(firsts.every(({ auth }) => (auth !== undefined) === inFrame)).toBe(true);
    expect(server.requests.map(({ url, body }) => url + body).join()).not.toContain("tok-1");
  });

  it("is asked once by calls at the same time", async () => {
    const { server, tokens: seen } = await serveWay(way);
    const token = deferred<string>();
    const asked = vi.fn(() => token.promise);
    const call = callerOf(way, server, { getToken: asked });
    const calls = Array.from({ length: 5 }, () => call());
    token.resolve("tok-1");
    expect(await Promise.all(calls)).toEqual(Array(5).fill(CHUNKS));
    expect(asked).toHaveBeenCalledOnce();
    expect(seen).toEqual(Array(5).fill("tok-1"));
  });

  it("is asked for each call when what it gives has expired", async () => {
    const { server, tokens: seen } = await serveWay(way);
    const { counter, getToken } = tokens({ token: "tok-1", expiresAt: 1 }, { token: "tok-2", expiresAt: 1 }, "tok-3");
    const call = callerOf(way, server, { getToken });
    for (let n = 0; n < 4; n++) expect(await call()).toEqual(CHUNKS);
    expect([counter.asked, seen]).toEqual([3, ["tok-1", "tok-2", "tok-3", "tok-3"]]);
  });

  it("is asked again when a credential is refused, and the call goes on", async () => {
    const { server, tokens: seen, firsts } = await serveWay(way, (token) => token === "old-1");
    const { counter, getToken } = tokens("old-1", "new-1");
    const call = callerOf(way, server, { getToken });
    expect([await call(), await call()]).toEqual([CHUNKS, CHUNKS]);
    expect([counter.asked, seen]).toEqual([2, ["old-1", "new-1", "new-1"]]);
    // The same start, under the same id: the server runs it once.
    expect(firsts.every(({ type, invocation_id: id }) => type === "start" && id === "inv-1")).toBe(true);
  });

  it("that is refused twice in a row is AUTHENTICATION_ERROR without a credential in it; the next call asks again", async () => {
    const { server, tokens: seen } = await serveWay(way, (token) => token !== "good-1");
    const { counter, getToken } = tokens("old-1", "old-2", "good-1");
    const call = callerOf(way, server, { getToken });
    const error = await failureOf(call());
    expect(error).toMatchObject({ code: "AUTHENTICATION_ERROR", origin: "wire", retryable: false, message: "Wrong key [key].", ...INV });
    expect(JSON.stringify(error) + inspect(error, { depth: 9 })).not.toMatch(/old-[12]/);
    expect([counter.asked, seen]).toEqual([2, ["old-1", "old-2"]]);
    expect(await call()).toEqual(CHUNKS);
    expect([counter.asked, seen]).toEqual([3, ["old-1", "old-2", "good-1"]]);
  });

  it("that throws is CONNECTION_ERROR with its cause, at once; the next call asks again", async () => {
    const { server } = await serveWay(way);
    const cause = new Error("offline");
    const call = callerOf(way, server, { getToken: tokens(cause, "tok-1").getToken });
    expect(await failureOf(call())).toMatchObject({ code: "CONNECTION_ERROR", retryable: true, cause, ...INV });
    expect(server.requests).toHaveLength(0);
    expect(await call()).toEqual(CHUNKS);
  });

  it("may throw a RunAgentError of its own", async () => {
    const { server } = await serveWay(way);
    const own = new RunAgentError("PERMISSION_ERROR", "Sign in first.");
    const error = await failureOf(callerOf(way, server, { getToken: tokens(own).getToken })());
    expect(error).toMatchObject({ code: "PERMISSION_ERROR", message: "Sign in first." });
    expect(server.requests).toHaveLength(0);
  });

  const nonsense: [string, unknown][] = [
    ["nothing", undefined],
    ["null", null],
    ["a number", 7],
    ["an empty string", ""],
    ["a line break", "tok\r\nx: y"],
    ["an object without a token", { expiresAt: 1 }],
    ["a token that is no string", { token: 7 }],
    ["a time that is no number", { token: "tok-1", expiresAt: "soon" }],
    ["no time", { token: "tok-1", expiresAt: Number.NaN }],
  ];

  it.each(nonsense)("that gives %s is VALIDATION_ERROR, and nothing is sent", async (_, given) => {
    const { server } = await serveWay(way);
    // What plain JavaScript may give.
    const getToken = () => given as Token;
    const error = await failureOf(callerOf(way, server, { getToken })());
    expect(error).toMatchObject({ code: "VALIDATION_ERROR", field: "getToken" });
    expect(server.requests).toHaveLength(0);
  });

  const ends: [string, () => Parameters<ReturnType<typeof callerOf>>[0], string][] = [
    ["timeoutMs", () => ({ timeoutMs: 20 }), "TIMEOUT"],
    ["a signal", () => ({ signal: AbortSignal.timeout(20) }), "TIMEOUT"],
    ...(way.runs ? [] : ([["connectTimeoutMs", () => ({ connectTimeoutMs: 20 }), "TIMEOUT"]] satisfies [string, () => object, string][])),
  ];

  it.each(ends)("that hangs is ended by %s", async (_, given, code) => {
    const { server } = await serveWay(way);
    const getToken = (): Promise<Token> => new Promise(() => {});
    expect((await failureOf(callerOf(way, server, { getToken })(given()))).code).toBe(code);
    expect(server.requests).toHaveLength(0);
  });
});

/** Accepts and brings two chunks, then refuses the credential; the connection after it brings the rest. */
const refuseAfterTwo = async (peer: Player): Promise<void> => {
  await peer.accept(RESUMABLE);
  peer.burst(1, 2);
  peer.send({ type: "error", error: refusal("old-1") });
  if (peer instanceof SsePeer) peer.response.end();
  else (peer as Peer).socket.close(4401, "AUTHENTICATION_ERROR");
};

/** Plays connections by their number, whatever carries them. */
async function servePlays(...plays: ((peer: Player) => Promise<void>)[]): Promise<Seen> {
  const firsts: Record<string, unknown>[] = [];
  const seen: unknown[] = [];
  const play = (peer: Player): Promise<void> | undefined => {
    const request = server.requests.at(-1);
    seen.push(bearer(request?.headers ?? {}));
    const accept = peer.accept.bind(peer);
    peer.accept = async (extra) => {
      const first = await accept(extra);
      firsts.push(first);
      return first;
    };
    return plays[Math.min(seen.length, plays.length) - 1]?.(peer);
  };
  const server = await serveScript({ stream: play, http: (request, response) => play(new SsePeer(request, response)) });
  return { server, tokens: seen, firsts };
}

const rest = async (peer: Player): Promise<void> => peer.finish(await peer.accept(RESUMABLE), 4);
const refuse = async (peer: Player): Promise<void> => {
  if (peer instanceof SsePeer) return peer.refuse(401, "AUTHENTICATION_ERROR");
  await (peer as Peer).next();
  peer.send({ type: "error", error: refusal("new-1") });
  (peer as Peer).socket.close(4401, "AUTHENTICATION_ERROR");
};

describe.each(STREAMS.filter(({ options, refusesUpgrade }) => options.WebSocket === undefined && !refusesUpgrade))(
  "a credential that is refused while a stream goes on, over $name",
  ({ options }) => {
    it("is renewed: the stream goes on after the last chunk, and nothing starts twice", async () => {
      const { server, tokens: seen, firsts } = await servePlays(refuseAfterTwo, rest);
      const { counter, getToken } = tokens("old-1", "new-1");
      const stream = streamClient(server, { ...options, getToken }).runStream({}, INV);
      expect(await stream.collect()).toEqual(CHUNKS);
      expect(stream.summary).toMatchObject({ status: "completed", reconnects: 1, totalChunks: 4 });
      expect([counter.asked, seen]).toEqual([2, ["old-1", "new-1"]]);
      expect(firsts).toMatchObject([{ type: "start" }, { type: "resume", invocation_id: "inv-1", epoch: "e1" }]);
    });

    it("as often as it expires: each acceptance counts", async () => {
      const again = (to: number) => async (peer: Player) => {
        const { after_seq: after = 0 } = await peer.accept(RESUMABLE);
        peer.burst(Number(after) + 1, to);
        peer.send({ type: "error", error: refusal("") });
        if (peer instanceof SsePeer) peer.response.end();
      };
      const { server } = await servePlays(again(1), again(2), again(3), rest);
      const { counter, getToken } = tokens("tok-1", "tok-2", "tok-3", "tok-4");
      expect(
        await streamClient(server, { ...options, getToken, maxReconnectDelayMs: 1 })
          .runStream({})
          .collect(),
      ).toEqual(CHUNKS);
      expect(counter.asked).toBe(4);
    });

    it("twice in a row ends the stream with the cursor; resumed from there, getToken is asked again", async () => {
      const { server, tokens: seen } = await servePlays(refuseAfterTwo, refuse, rest);
      const { counter, getToken } = tokens("old-1", "new-1", "new-2");
      const client = streamClient(server, { ...options, getToken });
      const { chunks, error } = await drain(client.runStream({}, INV));
      expect(chunks).toEqual([1, 2]);
      expect(error).toMatchObject({ code: "AUTHENTICATION_ERROR", origin: "wire", cursor: cursorOf("inv-1", 2), ...INV });
      expect(await client.resume(error?.cursor ?? "").collect()).toEqual([3, 4]);
      expect([counter.asked, seen]).toEqual([3, ["old-1", "new-1", "new-2"]]);
    });

    it("is asked for until it comes: a getToken that throws meanwhile is as a server that is away", async () => {
      const { server, tokens: seen } = await servePlays(refuseAfterTwo, rest);
      const { counter, getToken } = tokens("old-1", new Error("offline"), new Error("offline"), "new-1");
      const stream = streamClient(server, { ...options, getToken, maxReconnectDelayMs: 1 }).runStream({}, INV);
      expect(await stream.collect()).toEqual(CHUNKS);
      expect([counter.asked, seen]).toEqual([4, ["old-1", "new-1"]]);
    });

    it("of apiKey is final: there is no other", async () => {
      const { server, tokens: seen } = await servePlays(refuseAfterTwo, rest);
      const { chunks, error } = await drain(streamClient(server, { ...options, apiKey: "old-1" }).runStream({}, INV));
      expect([chunks, seen]).toEqual([[1, 2], ["old-1"]]);
      expect(error).toMatchObject({ code: "AUTHENTICATION_ERROR", cursor: cursorOf("inv-1", 2), message: "Wrong key [key]." });
    });
  },
);

describe("a credential that is about to expire", () => {
  const soon = (token: string): Token => ({ token, expiresAt: Date.now() + 200 });

  it.each([
    ["its own", {}],
    ["the caller's", { WebSocket }],
  ])("is replaced on the open WebSocket, %s, by an auth frame", async (_, options) => {
    const said: unknown[] = [];
    const server = await serveScript({
      async stream(peer) {
        const first = await peer.accept(RESUMABLE);
        peer.burst(1, 2);
        said.push(await peer.nextOf("auth"));
        peer.send({ type: "status", status: "auth_acknowledged" });
        said.push(await peer.nextOf("auth"));
        peer.finish({ ...first, after_seq: 2 }, 4);
      },
    });
    let asked = 0;
    const stream = streamClient(server, { ...options, getToken: () => soon(`tok-${++asked}`) }).runStream({});
    expect(await stream.collect()).toEqual(CHUNKS);
    expect(said).toEqual([
      { type: "auth", token: "tok-2" },
      { type: "auth", token: "tok-3" },
    ]);
    expect(stream.summary?.reconnects).toBe(0);
    expect(server.requests).toHaveLength(1);
  });

  it("is not said to a server of version 1", async () => {
    const renewed = deferred();
    const frames: unknown[] = [];
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id: id } = await peer.next();
        peer.socket.on("message", (data) => frames.push(String(data)));
        peer.send({ type: "status", status: "stream_started", invocation_id: id });
        await renewed.promise;
        // What the client has said by now is before its pong.
        const pong = new Promise((resolve) => peer.socket.once("pong", resolve));
        peer.socket.ping();
        await pong;
        peer.send({ type: "data", content: "only" });
        peer.send({ type: "status", status: "stream_completed", invocation_id: id, total_chunks: 1 });
      },
    });
    let asked = 0;
    const getToken = (): Token => {
      if (++asked === 2) setImmediate(renewed.resolve);
      return soon(`tok-${asked}`);
    };
    expect(await streamClient(server, { getToken }).runStream({}).collect()).toEqual(["only"]);
    expect(frames).toEqual([]);
  });

  it("that cannot be renewed in time is left to the server to refuse", async () => {
    const failed = deferred();
    const server = await serveScript({
      async stream(peer) {
        const first = await peer.accept(RESUMABLE);
        if (first.type === "resume") return peer.finish(first, 4);
        peer.burst(1, 2);
        await failed.promise;
        peer.send({ type: "error", error: refusal("tok-1") });
        peer.socket.close(4401);
      },
    });
    let asked = 0;
    const getToken = (): Token => {
      if (++asked !== 2) return asked === 1 ? soon("tok-1") : "tok-2";
      failed.resolve();
      throw new Error("offline");
    };
    const stream = streamClient(server, { getToken }).runStream({});
    expect(await stream.collect()).toEqual(CHUNKS);
    expect(asked).toBe(3);
  });

  it.each(["websocket", "sse"] as const)(
    "is replaced in time at the reference server, over %s; nothing is lost, doubled or run twice",
    async (transport) => {
      const seen = new Set<string>();
      const waiting = new Map<number, () => void>();
      let runs = 0;
      // The stream goes on with each credential that the server has not seen before.
      const known = (count: number): Promise<void> =>
        seen.size >= count ? Promise.resolve() : new Promise((resolve) => waiting.set(count, resolve));
      const story_stream = async function* () {
        runs++;
        for (let n = 1; n <= 4; n++) {
          await known(n);
          yield n;
        }
      };
      const server = await serve(defineAgent({ id: "a1", entrypoints: { story_stream } }), {
        port: 0,
        apiKeys(token) {
          seen.add(token);
          waiting.get(seen.size)?.();
          return { id: "alice", expiresAt: Number(token.split(".")[1]) };
        },
      });
      onTestFinished(() => server.close({ timeoutMs: 100 }));
      const given: string[] = [];
      const getToken = (): Token => {
        const expiresAt = Date.now() + 400;
        given.push(`tok${given.length}.${expiresAt}`);
        return { token: given.at(-1) ?? "", expiresAt };
      };
      const client = new RunAgentClient({ agentId: "a1", port: server.port, entrypointTag: "story_stream", transport, getToken });
      const stream = client.runStream({});
      expect(await stream.collect()).toEqual(CHUNKS);
      await client.close();
      expect(runs).toBe(1);
      expect(stream.summary).toMatchObject({ status: "completed", totalChunks: 4 });
      // Over SSE there is no frame to say it in.
      if (transport === "sse") expect(stream.summary?.reconnects).toBeGreaterThan(0);
      // None was asked for in vain; the last may be on its way still.
      expect([...seen].sort()).toEqual(given.slice(0, seen.size).sort());
    },
  );

  it("keeps no process alive once the streams have ended", async () => {
    const setTimer = vi.spyOn(globalThis, "setTimeout");
    onTestFinished(() => setTimer.mockRestore());
    const checked = deferred();
    const server = await serveScript({
      async stream(peer) {
        const first = await peer.accept(RESUMABLE);
        await checked.promise;
        peer.finish(first, 4);
      },
    });
    const client = streamClient(server, { getToken: () => ({ token: "tok-1", expiresAt: Date.now() + 60_000 }) });
    const stream = client.runStream({});
    await stream.started;
    // The one for the renewal, a quarter of the life before its end.
    const renewal = setTimer.mock.calls.findIndex(([, ms = 0]) => ms > 44_000 && ms <= 45_000);
    const timer: unknown = setTimer.mock.results[renewal]?.value;
    expect(timer).toMatchObject({ _destroyed: false });
    checked.resolve();
    expect(await stream.collect()).toEqual(CHUNKS);
    expect(timer).toMatchObject({ _destroyed: true });
  });
});

describe("credentials, by a clock that the test moves", () => {
  const create = (life: number) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    onTestFinished(() => void vi.useRealTimers());
    let asked = 0;
    const credentials = createCredentials(undefined, () => ({ token: `tok-${++asked}`, expiresAt: Date.now() + life }));
    const said: string[] = [];
    return { credentials, said, asked: () => asked, end: credentials.onRenewed((token) => said.push(token)) };
  };

  it.each([
    ["half a minute before, when it lives for long", 3_600_000, 3_570_000],
    ["with a quarter of a short life left", 40_000, 30_000],
    ["after more than a timer can wait", 2 ** 32, 2 ** 32 - 30_000],
  ])("renews %s", async (_, life, dueMs) => {
    const { credentials, said, asked, end } = create(life);
    expect(await credentials.get()).toBe("tok-1");
    await vi.advanceTimersByTimeAsync(dueMs - 1);
    expect([asked(), credentials.get()]).toEqual([1, "tok-1"]);
    await vi.advanceTimersByTimeAsync(1);
    expect([asked(), credentials.get(), said]).toEqual([2, "tok-2", ["tok-1", "tok-2"]]);
    end();
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(2 * life);
    expect(asked()).toBe(2);
  });

  it("renews nothing while no connection needs it, and again once one does", async () => {
    const { credentials, said, asked, end } = create(40_000);
    end();
    await credentials.get();
    expect([vi.getTimerCount(), said]).toEqual([0, []]);
    const endOther = credentials.onRenewed((token) => said.push(token));
    await vi.advanceTimersByTimeAsync(30_000);
    expect([asked(), said]).toEqual([2, ["tok-2"]]);
    endOther();
  });

  it("are asked for anew when getToken has hung for a minute", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    onTestFinished(() => void vi.useRealTimers());
    let asked = 0;
    const hung = deferred<Token>();
    const credentials = createCredentials(undefined, () => (++asked === 1 ? hung.promise : "tok-2"));
    // Whoever waits has a deadline of its own; here it is enough that the next one is not kept waiting, too.
    Promise.resolve(credentials.get()).catch(() => {});
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await Promise.race([credentials.get(), new Promise(setImmediate)])).toBe("tok-2");
    // What comes so late is older than what is there.
    hung.resolve("tok-1");
    await new Promise(setImmediate);
    expect(credentials.get()).toBe("tok-2");
  });

  it("is not asked again for the refusal of one that was replaced meanwhile", async () => {
    const { credentials, asked, end } = create(40_000);
    await credentials.get();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(credentials.refused("tok-1")).toBe(true);
    expect([credentials.get(), asked()]).toEqual(["tok-2", 2]);
    expect(credentials.refused("tok-2")).toBe(true);
    expect([await credentials.get(), asked()]).toEqual(["tok-3", 3]);
    end();
  });
});

describe("a warm connection", () => {
  it("is told of a credential that has changed, and not of the one it was opened with", async () => {
    const firsts: Record<string, unknown>[] = [];
    const server = await serveScript({
      async stream(peer) {
        for (;;) {
          const first = await peer.accept(RESUMABLE);
          firsts.push(first);
          peer.finish(first, 4);
        }
      },
    });
    const { getToken } = tokens(...["tok-1", "tok-1", "tok-2"].map((token) => ({ token, expiresAt: 1 })));
    const client = streamClient(server, { getToken, maxIdleConnections: 8 });
    for (let n = 0; n < 4; n++) expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    expect(firsts.map(({ auth }) => auth)).toEqual([undefined, undefined, { token: "tok-2" }, { token: "tok-2" }]);
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(["Bearer tok-1"]);
    await client.close();
  });
});

describe("the options", () => {
  const base = { agentId: "a1", entrypointTag: "story_stream", port: 1 };
  const fails = (options: object): unknown => {
    try {
      return new RunAgentClient({ ...base, ...options });
    } catch (error) {
      return error;
    }
  };

  it("are getToken or apiKey, not both", () => {
    expect(fails({ apiKey: "k", getToken: () => "t" })).toMatchObject({ code: "VALIDATION_ERROR", field: "getToken" });
    expect(fails({ getToken: "t" })).toMatchObject({ code: "VALIDATION_ERROR", field: "getToken" });
  });

  it("go before the key of the environment", async () => {
    vi.stubEnv("RUNAGENT_API_KEY", "env-key");
    onTestFinished(() => void vi.unstubAllEnvs());
    const { server, tokens: seen } = await serveWay({ name: "", options: {} });
    expect(
      await streamClient(server, { getToken: () => "tok-1" })
        .runStream({})
        .collect(),
    ).toEqual(CHUNKS);
    expect(await streamClient(server).runStream({}).collect()).toEqual(CHUNKS);
    expect(seen).toEqual(["tok-1", "env-key"]);
  });
});
