/** WebSockets by a constructor of the web standards, odd ones among them, and the entries that have nothing else. */
import { RunAgentError } from "@runagent/core";
import { RunAgentClient as BrowserClient } from "runagent/browser";
import { RunAgentClient as WebSocketClient } from "runagent/browser/websocket";
import { RunAgentClient as StandardClient } from "runagent/standard";
import { WebSocket } from "undici";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { WebSocket as WsWebSocket } from "ws";
import { RunAgentClientBase } from "../src/client.ts";
import { connectionError } from "../src/network-error.ts";
import type { RunAgentClientOptions, WebSocketConstructor, WebSocketLike } from "../src/options.ts";
import { standardHttp } from "../src/standard-http.ts";
import type { CloseInfo } from "../src/transport.ts";
import { type StandardSocketsOptions, standardSockets } from "../src/transports/standard-websocket.ts";
import { deferred, drain, failureOf, inTurn, RESUMABLE, serveScript, streamClient } from "./harness.ts";
import type { Peer, ScriptedServer } from "./scripted-server.ts";
import { SsePeer } from "./sse-peer.ts";

const CHUNKS = [1, 2, 3, 4];
const keepPlaying = async (peer: Peer): Promise<void> => {
  for (;;) peer.finish(await peer.accept(RESUMABLE), 4);
};
const rest = async (peer: Peer | SsePeer): Promise<void> => peer.finish(await peer.accept(RESUMABLE), 4);
const isUpgrade = ({ headers }: { headers: { upgrade?: string | undefined } }): boolean => headers.upgrade !== undefined;

/** Another implementation, over a real socket: what it tells may be odd. */
class Odd implements WebSocketLike {
  onopen: unknown = null;
  onmessage: unknown = null;
  onerror: unknown = null;
  onclose: unknown = null;
  protected readonly real: WebSocket;

  constructor(url: string) {
    this.real = new WebSocket(url);
    this.real.onopen = (event) => this.tell("onopen", event);
    this.real.onmessage = ({ data }) => this.tell("onmessage", { data });
    this.real.onerror = (event) => this.tell("onerror", event);
    this.real.onclose = ({ code, reason }) => this.tell("onclose", { code, reason });
  }

  tell(name: "onopen" | "onmessage" | "onerror" | "onclose", event: unknown): void {
    const handler = this[name];
    if (typeof handler === "function") handler(event);
  }

  send(data: string): void {
    this.real.send(data);
  }

  close(code?: number): void {
    this.real.close(code);
  }
}

/** Says of a lost connection what Deno says. */
class ZeroCode extends Odd {
  override tell(name: Parameters<Odd["tell"]>[0], event: object): void {
    super.tell(name, name === "onclose" ? { code: 0, reason: "" } : event);
  }
}

/** Says nothing after an error, as Chromium for an address that a policy forbids. */
class NoClose extends Odd {
  override tell(name: Parameters<Odd["tell"]>[0], event: object): void {
    if (name !== "onclose") super.tell(name, event);
  }
}

/** One that fails as the standard says for an address that may not be reached. */
class Throws extends Odd {
  constructor(url: string) {
    super(url);
    this.close();
    throw new SyntaxError("not here");
  }
}

/** Opens a socket and notes what it tells; `settled` resolves when it is closed. */
function open(server: Pick<ScriptedServer, "port">, find: () => WebSocketConstructor | undefined, options: StandardSocketsOptions = {}) {
  const heard: string[] = [];
  const settled = deferred<CloseInfo>();
  const opened = deferred();
  const request = { url: `ws://127.0.0.1:${server.port}/s`, token: "tok-1", maxFrameBytes: 100, maxFragments: 64 };
  const socket = standardSockets(find, options).open(request, {
    open() {
      heard.push("open");
      opened.resolve();
    },
    message: (text) => void heard.push(text),
    close(info) {
      heard.push("close");
      settled.resolve(info);
    },
  });
  return { socket, heard, opened: opened.promise, closed: settled.promise };
}

/** A server that refuses the upgrades that `refuses` names, by their number from 1, without a word about why. */
function serveRefusing(refuses: (n: number) => boolean): Promise<ScriptedServer> {
  let upgrades = 0;
  return serveScript({
    upgrade: (_, socket) => !refuses(++upgrades) || void socket.end("HTTP/1.1 403 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"),
    stream: keepPlaying,
    http: (request, response) => (request.url.endsWith("stream") ? rest(new SsePeer(request, response)) : void response.end("{}")),
  });
}

describe("a WebSocket that is not opened", () => {
  it("because the runtime has none is a typed error, told later, that says what to pass", async () => {
    const server = await serveScript({ stream: keepPlaying });
    const { heard, closed, socket } = open(server, () => undefined);
    expect(heard).toEqual([]);
    for (const use of [() => socket.send("x"), () => socket.close(1000), () => socket.drop()]) expect(use).not.toThrow();
    const { error, ...info } = await closed;
    expect(info).toEqual({ code: 1006, reason: "", upgradeRefused: true });
    expect(error).toMatchObject({ code: "CONNECTION_ERROR", retryable: false });
    expect(error?.suggestion).toContain("WebSocket");
    expect(server.requests).toHaveLength(0);
  });

  it("because its constructor throws has that as its cause", async () => {
    const server = await serveScript({ stream: keepPlaying });
    const { error, upgradeRefused } = await open(server, () => Throws).closed;
    expect(error).toMatchObject({ code: "CONNECTION_ERROR", cause: { message: "not here" }, details: { unreachable: true } });
    expect(error?.message).toContain(`ws://127.0.0.1:${server.port}`);
    expect(upgradeRefused).toBe(true);
  });

  it.each<[string, WebSocketConstructor]>([
    ["with an error and a close", WebSocket],
    ["with an error alone", NoClose],
  ])("%s is told once", async (_, Kind) => {
    const server = await serveRefusing(() => true);
    const { heard, closed } = open(server, () => Kind);
    expect(await closed).toMatchObject({ code: 1006, upgradeRefused: true, error: { code: "CONNECTION_ERROR" } });
    await server.idle();
    expect(heard).toEqual(["close"]);
  });

  it("is explained where that can be found out, and only then", async () => {
    const server = await serveRefusing((n) => n < 3);
    const asked: unknown[] = [];
    const why = new RunAgentError("PERMISSION_ERROR", "Not this page.");
    const answers = [why, undefined];
    const explain = async (url: string, token: string | undefined) => {
      asked.push([url, token]);
      return answers.shift();
    };
    expect((await open(server, () => WebSocket, { explain }).closed).error).toBe(why);
    expect((await open(server, () => WebSocket, { explain }).closed).error?.code).toBe("CONNECTION_ERROR");
    const { socket, opened, closed } = open(server, () => WebSocket, { explain });
    await opened;
    socket.close(1000);
    expect(await closed).toMatchObject({ code: 1000, upgradeRefused: false, error: undefined });
    expect(asked).toEqual(Array(2).fill([`ws://127.0.0.1:${server.port}/s`, "tok-1"]));
  });
});

describe("a WebSocket that is open", () => {
  it("carries the credential in a header where the runtime has a way", async () => {
    const server = await serveScript({ stream: keepPlaying });
    const opens: string[] = [];
    for (const sendsHeaders of [true, false]) {
      // ws takes headers in an object beside the address, as Deno and Bun do.
      const { socket, opened } = open(server, () => WsWebSocket, { sendsHeaders, onOpen: (url) => opens.push(url) });
      await opened;
      socket.drop();
    }
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(["Bearer tok-1", undefined]);
    expect(server.requests.map(({ url }) => url)).toEqual(["/s", "/s"]);
    expect(opens).toEqual(Array(2).fill(`ws://127.0.0.1:${server.port}/s`));
    await server.idle();
  });

  it.each<[string, WebSocketConstructor]>([
    ["undici", WebSocket],
    // It goes on telling what comes while it closes.
    ["ws", WsWebSocket],
  ])("of %s counts what has come, and is left with a code that says why when a frame is none", async (_, Kind) => {
    for (const [bad, code] of [
      [Buffer.from("{}"), "PROTOCOL_ERROR"],
      ["x".repeat(101), "PAYLOAD_TOO_LARGE"],
    ] as const) {
      const closes = deferred<{ code: number }>();
      const server = await serveScript({
        stream(peer) {
          void peer.closed.then(closes.resolve);
          peer.socket.send("x".repeat(100));
          peer.socket.send(bad);
          peer.socket.send("late");
        },
      });
      const { socket, heard, closed } = open(server, () => Kind);
      expect((await closed).error?.code).toBe(code);
      expect([heard, socket.bytesRead]).toEqual([["open", "x".repeat(100), "close"], 100]);
      expect((await closes.promise).code).toBe(4002);
    }
  });

  it("that Deno says ended with code 0 was lost, and the stream goes on", async () => {
    const dropAfterTwo = async (peer: Peer): Promise<void> => {
      await peer.accept(RESUMABLE);
      peer.burst(1, 2);
      peer.reset();
    };
    const server = await serveScript({ stream: inTurn(dropAfterTwo, rest) });
    const stream = streamClient(server, { WebSocket: ZeroCode, maxReconnectDelayMs: 1 }).runStream({});
    expect(await stream.collect()).toEqual(CHUNKS);
    expect(stream.summary?.reconnects).toBe(1);
  });

  it("is dropped at once where it can be, else with a code that is not the caller's wish; nothing is told after it", async () => {
    const codes: number[] = [];
    for (const [Kind, code] of [
      [WsWebSocket, 1006],
      [WebSocket, 4000],
    ] as const) {
      const closes = deferred<{ code: number }>();
      const server = await serveScript({ stream: (peer) => void peer.closed.then(closes.resolve) });
      const { socket, heard, opened } = open(server, () => Kind);
      await opened;
      socket.drop();
      codes.push((await closes.promise).code);
      await server.idle();
      expect([heard, codes.at(-1)]).toEqual([["open"], code]);
    }
  });
});

describe("a WebSocket that waits for its next use", () => {
  /** A client whose sockets may be kept. */
  const createKeeping = async (keepsIdle: boolean) => {
    const server = await serveScript({ stream: keepPlaying });
    const options = { agentId: "a1", host: "127.0.0.1", port: server.port, entrypointTag: "story_stream" };
    const client = new RunAgentClientBase(options, {
      createHttp: () => standardHttp(),
      sockets: standardSockets(() => WebSocket, { keepsIdle }),
      createSse: undefined,
      toError: connectionError,
    });
    return { server, client };
  };

  it.each([
    [true, 1],
    [false, 3],
  ])("does so where that keeps no program alive (%s): three streams, %i connections", async (keepsIdle, connections) => {
    const { server, client } = await createKeeping(keepsIdle);
    for (let n = 0; n < 3; n++) expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    expect(server.requests).toHaveLength(connections);
    await client.close();
    await server.idle();
  });

  it("does so for half a minute, counted from the end of its last stream", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const { server, client } = await createKeeping(true);
    expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    vi.advanceTimersByTime(29_999);
    expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    vi.advanceTimersByTime(29_999);
    expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    expect(server.requests).toHaveLength(1);
    vi.advanceTimersByTime(30_000);
    await server.idle();
    expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    expect(server.requests).toHaveLength(2);
    await client.close();
  });
});

describe("auto, where a runtime does not say why a WebSocket was not opened", () => {
  const kinds = (server: ScriptedServer): string[] => server.requests.map((request) => (isUpgrade(request) ? "WebSocket" : request.method));

  it("takes SSE from then on when none ever was", async () => {
    const server = await serveRefusing((n) => n === 1);
    const client = streamClient(server, { WebSocket });
    for (let n = 0; n < 3; n++) expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    expect(kinds(server)).toEqual(["WebSocket", "POST", "POST", "POST"]);
    await client.close();
  });

  it.each<[string, Partial<RunAgentClientOptions>]>([
    ["of the caller", { WebSocket }],
    ["of Node", {}],
  ])("goes back to WebSockets, %s, when one once was", async (_, options) => {
    const server = await serveRefusing((n) => n === 2);
    const client = streamClient(server, options);
    for (let n = 0; n < 4; n++) expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    expect(kinds(server)).toEqual(["WebSocket", "WebSocket", "POST", "WebSocket", "WebSocket"]);
    await client.close();
  });
});

describe.each([
  ["runagent/standard", StandardClient],
  ["runagent/browser", BrowserClient],
])("%s in a runtime without a WebSocket, as Node 20", (_, Client) => {
  const create = (server: ScriptedServer, options: Partial<RunAgentClientOptions> = {}) => {
    vi.stubGlobal("WebSocket", undefined);
    onTestFinished(() => void vi.unstubAllGlobals());
    return new Client({ agentId: "a1", host: "127.0.0.1", port: server.port, ...options, entrypointTag: "story_stream" });
  };

  it("takes SSE", async () => {
    const server = await serveRefusing(() => false);
    const client = create(server, { getToken: () => "tok-1" });
    for (let n = 0; n < 2; n++) expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    const streams = server.requests.filter(({ url }) => url.endsWith("/run-stream"));
    expect(streams.map(({ method, headers }) => [method, headers.authorization])).toEqual(Array(2).fill(["POST", "Bearer tok-1"]));
  });

  it("and transport websocket fails with a typed error", async () => {
    const server = await serveRefusing(() => false);
    const error = await failureOf(create(server, { transport: "websocket" }).runStream({}).collect());
    expect(error).toMatchObject({ code: "CONNECTION_ERROR", retryable: false });
    expect(error.suggestion).toContain("WebSocket");
  });

  it("takes one that it is given, or that is there by the time it is needed", async () => {
    const server = await serveRefusing(() => false);
    const given = create(server, { WebSocket });
    expect(await given.runStream({}).collect()).toEqual(CHUNKS);
    const client = create(server);
    vi.stubGlobal("WebSocket", WebSocket);
    expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    expect(server.requests.every(isUpgrade)).toBe(true);
  });

  it("says that nothing is there when nothing listens", async () => {
    const server = await serveRefusing(() => false);
    await server.close();
    const { error } = await drain(create(server).runStream({}));
    expect(error).toMatchObject({ code: "CONNECTION_ERROR" });
    expect(error?.message).toContain("ECONNREFUSED");
  });

  it("reads no environment", async () => {
    vi.stubEnv("RUNAGENT_API_KEY", "env-key");
    vi.stubEnv("RUNAGENT_PORT", "1");
    onTestFinished(() => void vi.unstubAllEnvs());
    const server = await serveRefusing(() => false);
    expect(await create(server).runStream({}).collect()).toEqual(CHUNKS);
    expect(server.requests.some(({ headers }) => headers.authorization !== undefined)).toBe(false);
  });
});

describe("a runtime without fetch", () => {
  const withoutFetch = (): void => {
    vi.stubGlobal("fetch", undefined);
    onTestFinished(() => void vi.unstubAllGlobals());
  };

  it.each([
    ["runagent/standard", StandardClient],
    ["runagent/browser", BrowserClient],
  ])("%s: run and SSE fail with a typed error that says what to pass; with one they work", async (_, Client) => {
    const server = await serveScript({
      http(request, response) {
        if (request.url.endsWith("/run")) return void response.end(JSON.stringify({ success: true, protocol: 2, data: "ran" }));
        return rest(new SsePeer(request, response));
      },
    });
    const { fetch } = globalThis;
    withoutFetch();
    const options = { agentId: "a1", host: "127.0.0.1", port: server.port, transport: "sse" } as const;
    const expected = { code: "CONNECTION_ERROR", retryable: false, suggestion: expect.stringContaining("fetch") };
    const bare = { ...options, entrypointTag: "story_stream" } as const;
    expect(await failureOf(new Client({ ...options, entrypointTag: "chat" }).run({}))).toMatchObject(expected);
    expect(await failureOf(new Client(bare).runStream({}).collect())).toMatchObject(expected);
    expect(await new Client({ ...options, entrypointTag: "chat", fetch }).run({})).toBe("ran");
    expect(await new Client({ ...bare, fetch }).runStream({}).collect()).toEqual(CHUNKS);
  });

  it("streams over WebSockets all the same", async () => {
    const server = await serveScript({ stream: keepPlaying });
    withoutFetch();
    const options = { agentId: "a1", host: "127.0.0.1", port: server.port, entrypointTag: "story_stream", WebSocket };
    expect(await new StandardClient(options).runStream({}).collect()).toEqual(CHUNKS);
  });
});

describe("the browser entries", () => {
  const options = { agentId: "a1", host: "127.0.0.1", port: 1, entrypointTag: "story_stream" };
  const entries: [string, typeof BrowserClient | typeof WebSocketClient][] = [
    ["runagent/browser", BrowserClient],
    ["runagent/browser/websocket", WebSocketClient],
  ];

  it.each(entries)("%s: refuse an apiKey that was not meant for everybody, and do not show it", (_, Client) => {
    for (const allowApiKeyInBrowser of [undefined, false]) {
      const create = (): unknown => new Client({ ...options, apiKey: "canary-key", allowApiKeyInBrowser });
      const refused = { code: "VALIDATION_ERROR", field: "apiKey", suggestion: expect.stringContaining("getToken") };
      expect(create).toThrow(expect.objectContaining(refused));
      expect(create).not.toThrow("canary-key");
    }
    for (const fine of [{ apiKey: "public-key", allowApiKeyInBrowser: true }, { getToken: () => "tok-1" }, {}]) {
      expect(() => new Client({ ...options, ...fine })).not.toThrow();
    }
  });

  it("refuse options that are none", () => {
    // What plain JavaScript may pass.
    for (const nothing of [undefined, null, 7] as unknown as (typeof options)[]) {
      expect(() => new BrowserClient(nothing)).toThrow(expect.objectContaining({ code: "VALIDATION_ERROR" }));
    }
  });

  it("runagent/browser/websocket has no SSE: a typed error, and no fallback", async () => {
    const server = await serveRefusing(() => true);
    const given = { ...options, port: server.port, WebSocket };
    expect(() => new WebSocketClient({ ...given, transport: "sse" })).toThrow(expect.objectContaining({ field: "transport" }));
    expect(await failureOf(new WebSocketClient(given).runStream({}).collect())).toMatchObject({ code: "CONNECTION_ERROR" });
    expect(server.requests.filter(({ method }) => method === "POST")).toHaveLength(0);
  });
});
