/** What a page is told when its browser keeps it from a server; a real server, and a fetch that heeds CORS as browsers do. */
import { defineAgent, serve } from "@runagent/server";
import { WebSocket } from "undici";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import type { WebSocketConstructor } from "../src/options.ts";
import { failureOf, inTurn, RESUMABLE, serveScript } from "./harness.ts";
import { SsePeer } from "./sse-peer.ts";

const PAGE = "https://app.example";
const realFetch = globalThis.fetch;

/** Each test has a page of its own: what it has learnt of servers is the page's. */
beforeEach(() => void vi.resetModules());
const load = () => import("../src/blocked-page.ts");
const loadPage = async () => ({ ...(await load()), ...(await import("runagent/browser")) });

/** A fetch that tells a page nothing of an answer that does not name its origin. */
function createPageFetch(origin: string) {
  const asked: string[] = [];
  const fetchAs = async (url: string, init: RequestInit = {}): Promise<Response> => {
    const { mode = "cors" } = init;
    asked.push(mode);
    const headers = { ...Object(init.headers), ...(mode === "cors" ? { origin } : {}) };
    const response = await realFetch(url, { ...init, mode: "cors", headers });
    if (mode !== "cors" || response.headers.get("access-control-allow-origin") === origin) return response;
    await response.body?.cancel();
    throw new TypeError("Failed to fetch");
  };
  return { fetchAs, asked };
}

/** The globals of a page, as far as they are looked at. */
function openPage(origin = PAGE) {
  const document = new EventTarget();
  const { fetchAs, asked } = createPageFetch(origin);
  vi.stubGlobal("location", new URL(origin));
  vi.stubGlobal("origin", origin);
  vi.stubGlobal("document", document);
  vi.stubGlobal("fetch", fetchAs);
  onTestFinished(() => void vi.unstubAllGlobals());
  const violate = (blockedURI: string): boolean =>
    document.dispatchEvent(Object.assign(new Event("securitypolicyviolation"), { blockedURI }));
  return { violate, asked };
}

/** A server that answers whoever asks and names no origin, from the first request to the one after which it is gone. */
const serveOpenly = (until = Number.POSITIVE_INFINITY) => {
  let count = 0;
  return serveScript({ http: (_, response) => void (++count > until ? response.destroy() : response.end("{}")) });
};

async function serveFor(...allowedOrigins: string[]) {
  const agent = defineAgent({ id: "a1", entrypoints: { story_stream: () => [1, 2], chat: () => "ran" } });
  const server = await serve(agent, { port: 0, allowedOrigins });
  onTestFinished(() => server.close({ timeoutMs: 100 }));
  return server;
}

describe("a page that came over https", () => {
  it.each(["ws://agents.example/api/v1/s", "http://agents.example/api/v1/s", "ws://192.168.1.7:8450/api/v1/s", "http://127.example/s"])(
    "cannot use %s: mixed content, said without asking anybody",
    async (url) => {
      const { asked } = openPage();
      const error = await (await load()).explainBlocked(url);
      expect(error).toMatchObject({ code: "CONNECTION_ERROR", retryable: false, message: expect.stringContaining("mixed content") });
      expect(error?.message).toContain(new URL(url).host);
      expect(error?.suggestion).toContain("https");
      expect(asked).toEqual([]);
    },
  );

  it.each(["127.0.0.1", "localhost"])("may use this machine, %s", async (host) => {
    const { port } = await serveFor(PAGE);
    openPage();
    expect(await (await load()).explainBlocked(`ws://${host}:${port}/api/v1/s`)).toBeUndefined();
  });

  it("and one that came over http may use both", async () => {
    openPage("http://app.example");
    const { explainBlocked } = await load();
    // This machine by another name, which is not known for it.
    for (const url of ["ws://[::ffff:127.0.0.1]:1/api/v1/s", "wss://127.0.0.1:1/s"]) expect(await explainBlocked(url)).toBeUndefined();
  });
});

describe("a page with a Content-Security-Policy", () => {
  it.each([
    ["wss://agents.example:8450/api/v1/s", "wss://agents.example:8450/s"],
    ["https://agents.example:8450/api/v1/health", "https://agents.example:8450"],
  ])("that forbids %s is told what to add to it", async (url, blockedURI) => {
    const { violate, asked } = openPage();
    const { explainBlocked, watchPolicy } = await load();
    watchPolicy();
    watchPolicy();
    violate(blockedURI);
    const error = await explainBlocked(url);
    expect(error).toMatchObject({
      code: "CONNECTION_ERROR",
      retryable: false,
      message: expect.stringContaining("Content-Security-Policy"),
    });
    for (const part of ["connect-src", "https://agents.example:8450", "wss://agents.example:8450"])
      expect(error?.suggestion).toContain(part);
    expect(asked).toEqual([]);
  });

  it("hears of it in a task after the failure; of other addresses, and of what is no address, it says nothing", async () => {
    const { violate } = openPage("http://app.example");
    const { explainBlocked, watchPolicy } = await load();
    watchPolicy();
    violate("inline");
    violate("wss://other.example/api/v1/s");
    expect(await explainBlocked("wss://127.0.0.1:1/api/v1/s")).toBeUndefined();
    setTimeout(() => violate("wss://127.0.0.1:1/api/v1/s"));
    expect((await explainBlocked("wss://127.0.0.1:1/api/v1/s"))?.message).toContain("Content-Security-Policy");
  });

  it("may be a worker, which has no document", async () => {
    openPage();
    const worker = new EventTarget();
    vi.stubGlobal("document", undefined);
    vi.stubGlobal("addEventListener", worker.addEventListener.bind(worker));
    const { explainBlocked, watchPolicy } = await load();
    watchPolicy();
    worker.dispatchEvent(Object.assign(new Event("securitypolicyviolation"), { blockedURI: "wss://agents.example/s" }));
    expect((await explainBlocked("wss://agents.example/api/v1/s"))?.message).toContain("Content-Security-Policy");
  });
});

describe("a page whose origin the server does not know", () => {
  it("is told the origin to add, by a server that is there for others", async () => {
    const { port } = await serveFor("https://other.example");
    openPage();
    const error = await (await load()).explainBlocked(`ws://127.0.0.1:${port}/api/v1/s`);
    expect(error).toMatchObject({ code: "PERMISSION_ERROR", retryable: false, message: expect.stringContaining(PAGE) });
    expect(error?.message).toContain(`127.0.0.1:${port}`);
    expect(error?.suggestion).toContain(`Add ${PAGE} to allowedOrigins`);
  });

  it("is told nothing of a server that knows it, that is away, or that went away while it was asked", async () => {
    const known = await serveFor(PAGE);
    const away = await serveScript({});
    await away.close();
    const leaving = await serveOpenly(2);
    const there = await serveOpenly();
    openPage();
    const { explainBlocked } = await load();
    for (const { port } of [known, away, leaving]) expect(await explainBlocked(`ws://127.0.0.1:${port}/api/v1/s`)).toBeUndefined();
    expect((await explainBlocked(`ws://127.0.0.1:${there.port}/api/v1/s`))?.code).toBe("PERMISSION_ERROR");
    // Asked without a credential, and for nothing that costs anything.
    expect(new Set(there.requests.map(({ method, url, headers }) => [method, url, headers.authorization].join()))).toEqual(
      new Set(["GET,/api/v1/health,"]),
    );
  });

  it("is told that a sandboxed frame has no origin to allow", async () => {
    const server = await serveOpenly();
    openPage();
    vi.stubGlobal("origin", "null");
    const error = await (await load()).explainBlocked(`ws://127.0.0.1:${server.port}/api/v1/s`);
    expect(error).toMatchObject({ code: "PERMISSION_ERROR", suggestion: expect.stringContaining("allow-same-origin") });
  });

  it("is not asked about a server that has answered before: what fails there is the network's", async () => {
    const server = await serveOpenly();
    const { asked } = openPage();
    const { explainBlocked, markReached } = await load();
    markReached(`http://127.0.0.1:${server.port}/api/v1/health`);
    expect(await explainBlocked(`ws://127.0.0.1:${server.port}/api/v1/s`)).toBeUndefined();
    expect(asked).toEqual([]);
    expect((await explainBlocked(`ws://localhost:${server.port}/api/v1/s`))?.code).toBe("PERMISSION_ERROR");
  });

  it("is told all the same of a policy that forbids the other scheme of that server", async () => {
    const { violate } = openPage("http://app.example");
    const { explainBlocked, markReached, watchPolicy } = await load();
    watchPolicy();
    markReached("wss://agents.example/api/v1/agents/a1/run-stream");
    violate("https://agents.example/api/v1/agents/a1/run");
    expect((await explainBlocked("https://agents.example/api/v1/agents/a1/run"))?.message).toContain("Content-Security-Policy");
  });
});

describe("a client of the browser entry", () => {
  const base = { agentId: "a1", host: "127.0.0.1" };

  it.each(["sse", "websocket", "auto"] as const)("says so by its error, over %s", async (transport) => {
    const { port } = await serveFor();
    openPage();
    vi.stubGlobal("WebSocket", pageSocket());
    const { RunAgentClient } = await loadPage();
    const client = new RunAgentClient({ ...base, port, transport, entrypointTag: "story_stream", getToken: () => "tok-1" });
    const error = await failureOf(client.runStream({}).collect());
    expect(error).toMatchObject({ code: "PERMISSION_ERROR", suggestion: expect.stringContaining("allowedOrigins") });
  });

  it("says so by the error of run", async () => {
    const { port } = await serveFor();
    openPage();
    const { RunAgentClient } = await loadPage();
    const client = new RunAgentClient({ ...base, port, entrypointTag: "chat" });
    expect(await failureOf(client.run({}))).toMatchObject({ code: "PERMISSION_ERROR", retryable: false });
  });

  it("works for a page that is known, and does not ask", async () => {
    const { port } = await serveFor(PAGE);
    const { asked } = openPage();
    vi.stubGlobal("WebSocket", pageSocket());
    const { RunAgentClient } = await loadPage();
    for (const transport of ["sse", "websocket"] as const) {
      const client = new RunAgentClient({ ...base, port, transport, entrypointTag: "story_stream" });
      expect(await client.runStream({}).collect()).toEqual([1, 2]);
      await client.close();
    }
    expect(await new RunAgentClient({ ...base, port, entrypointTag: "chat" }).run({})).toBe("ran");
    expect(asked).toHaveLength(2);
  });

  it("takes a request that fails where the server once answered for a lost connection, and repeats it", async () => {
    let count = 0;
    const server = await serveScript({
      async http(request, response) {
        response.setHeader("access-control-allow-origin", PAGE);
        if (++count === 2) return void response.destroy();
        const peer = new SsePeer(request, response);
        const first = await peer.accept(RESUMABLE);
        if (count === 3) return peer.finish(first, 2);
        peer.data(1);
        peer.reset();
      },
    });
    const { asked } = openPage();
    const { RunAgentClient } = await loadPage();
    const client = new RunAgentClient({
      ...base,
      port: server.port,
      transport: "sse",
      entrypointTag: "story_stream",
      maxReconnectDelayMs: 1,
    });
    expect(await client.runStream({}).collect()).toEqual([1, 2]);
    expect(asked).toHaveLength(3);
  });

  it("takes a WebSocket that is not opened where one once was for a lost connection, too", async () => {
    let upgrades = 0;
    const server = await serveScript({
      upgrade: (_, socket) => ++upgrades !== 2 || void socket.destroy(),
      stream: inTurn(
        async (peer) => {
          await peer.accept(RESUMABLE);
          peer.data(1);
          peer.reset();
        },
        async (peer) => peer.finish(await peer.accept(RESUMABLE), 2),
      ),
    });
    const { asked } = openPage();
    vi.stubGlobal("WebSocket", pageSocket());
    const { RunAgentClient } = await loadPage();
    const options = { ...base, port: server.port, transport: "websocket", entrypointTag: "story_stream", maxReconnectDelayMs: 1 } as const;
    expect(await new RunAgentClient(options).runStream({}).collect()).toEqual([1, 2]);
    expect([upgrades, asked]).toEqual([3, []]);
  });

  it("hears of the page's policy from the time when it was made", async () => {
    const { violate } = openPage();
    vi.stubGlobal("WebSocket", pageSocket());
    const { RunAgentClient } = await loadPage();
    const client = new RunAgentClient({ ...base, port: 1, transport: "websocket", entrypointTag: "story_stream" });
    violate("ws://127.0.0.1:1/api/v1/agents/a1/run-stream");
    const error = await failureOf(client.runStream({}).collect());
    expect(error).toMatchObject({ code: "CONNECTION_ERROR", retryable: false, suggestion: expect.stringContaining("connect-src") });
  });

  it("does not look for a reason of what the caller has aborted", async () => {
    const server = await serveScript({ http: ({ url }, response) => void (url === "/marker" && response.end()) });
    openPage();
    const { RunAgentClient } = await loadPage();
    const client = new RunAgentClient({ ...base, port: server.port, entrypointTag: "chat" });
    const controller = new AbortController();
    const read = failureOf(client.run({}, { signal: controller.signal }));
    while (server.requests.length === 0) await new Promise(setImmediate);
    controller.abort();
    expect((await read).code).toBe("CANCELLED");
    // What else it may ask goes out before these have been there and back.
    for (let n = 0; n < 3; n++) await (await realFetch(`${server.url}/marker`)).text();
    expect(server.requests.some(({ url }) => url.endsWith("/health"))).toBe(false);
  });
});

/** A WebSocket of a page: it says where the page is from. */
function pageSocket(): WebSocketConstructor {
  return class extends WebSocket {
    constructor(url: string) {
      super(url, { headers: { origin: PAGE } });
    }
  };
}
