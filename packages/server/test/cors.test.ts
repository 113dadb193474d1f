/**
 * What web pages of other origins may do: read every answer when their origin is on the list, nothing when it is not.
 * [sec.origin.1] [sec.cors.1] [sec.cors.2]
 */
import http from "node:http";
import { describe, expect, test } from "vitest";
import { RunAgentError, type RunningServer, type ServeOptions } from "../src/index.ts";
import { connect, contents, deferred, refusedUpgrade, serveEntrypoints, startFrame } from "./support.ts";

const PAGE = "https://app.example.com";
const PREFLIGHT = { Origin: PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type" };
const STREAM = "/api/v1/agents/agent/run-stream";
const JSON_BODY = { "Content-Type": "application/json" };

interface Answer {
  readonly status: number | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: unknown;
}

/** A request as raw as Node makes it: fetch would set Host and Origin itself. */
function request(server: RunningServer, { method = "GET", path = "/api/v1/health", headers = {}, body }: Asked): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = http.request({ host: server.host, port: server.port, agent: false, path, method, headers }, async (response) => {
      let text = "";
      for await (const part of response) text += String(part);
      resolve({ status: response.statusCode, headers: response.headers, text });
    });
    outgoing.on("error", reject).end(typeof body === "object" ? JSON.stringify(body) : body);
  });
}

function serveFor(allowedOrigins: readonly string[], options: ServeOptions = {}): Promise<RunningServer> {
  const entrypoints = { a_stream: () => ["a", "b"], chat: () => "hello" };
  return serveEntrypoints(entrypoints, { apiKeys: ["key"], allowedOrigins, ...options });
}

/** The page may read this answer, and no other page may. */
function expectReadable({ headers }: Answer): void {
  expect(headers["access-control-allow-origin"]).toBe(PAGE);
  expect(headers["access-control-expose-headers"]).toMatch(/\bRetry-After\b/);
  expect(headers.vary).toMatch(/\bOrigin\b/);
  expect(headers).not.toHaveProperty("access-control-allow-credentials");
}

describe("a page of an allowed origin", () => {
  test.each(["/api/v1/agents/agent/run", STREAM, "/api/v1/invocations/inv-1/stream", "/api/v1/invocations/inv-1/cancel"])(
    "may ask before it sends to %s, without a key",
    async (path) => {
      const server = await serveFor([PAGE]);
      const answer = await request(server, { method: "OPTIONS", path, headers: PREFLIGHT });
      expectReadable(answer);
      expect([answer.status, answer.text]).toEqual([204, ""]);
      expect(answer.headers["access-control-allow-methods"]).toBe("GET, POST");
      const allowed = String(answer.headers["access-control-allow-headers"]).toLowerCase().split(/, ?/);
      expect(allowed.sort()).toEqual(["authorization", "content-type", "last-event-id"]);
      expect(Number(answer.headers["access-control-max-age"])).toBeGreaterThanOrEqual(60);
    },
  );

  const key = { Authorization: "Bearer key" };
  const body = startFrame("a_stream", "inv-1");
  test.each<[string, number, Asked]>([
    ["an answer", 200, { path: "/api/v1", headers: key }],
    ["a result", 200, { method: "POST", path: "/api/v1/agents/agent/run", headers: key, body: { entrypoint_tag: "chat" } }],
    ["a stream", 200, { method: "POST", path: STREAM, headers: key, body }],
    ["a missing key", 401, { path: "/api/v1" }],
    ["a wrong key of a stream", 401, { method: "POST", path: STREAM, headers: { Authorization: "Bearer no" }, body }],
    ["an unknown agent", 404, { path: "/api/v1/agents/nobody/architecture", headers: key }],
    ["an unknown invocation's stream", 404, { path: "/api/v1/invocations/nothing/stream", headers: key }],
    ["an unknown route", 404, { path: "/elsewhere" }],
    ["a wrong method", 405, { method: "DELETE", path: "/api/v1" }],
    ["a bad body", 400, { method: "POST", path: STREAM, headers: key, body: "{" }],
    ["a body that is too large", 413, { method: "POST", path: STREAM, headers: key, body: `"${"x".repeat(2000)}"` }],
    ["a failed check of the key", 500, { path: "/api/v1", headers: { Authorization: "Bearer broken" } }],
  ])("may read %s (%i)", async (_name, status, asked) => {
    const apiKeys = (token: string) => {
      if (token === "broken") throw new Error("no database");
      return token === "key" ? { id: "page" } : null;
    };
    const server = await serveFor([PAGE], { apiKeys, limits: { maxBodyBytes: 1000 } });
    const answer = await request(server, { ...asked, headers: { ...JSON_BODY, ...asked.headers, Origin: PAGE } });
    expect([answer.status, answer.text.slice(0, 500)]).toEqual([status, expect.stringContaining(status === 200 ? "" : "success")]);
    expectReadable(answer);
  });

  test("may read when to come back (429)", async () => {
    const release = deferred();
    const entrypoints = { a_stream: () => release.promise, b_stream: () => [1] };
    const server = await serveEntrypoints(entrypoints, { allowedOrigins: [PAGE], limits: { maxInvocations: 1 } });
    const holder = await connect(server);
    holder.send(startFrame("a_stream", "inv-1"));
    await holder.next();
    const headers = { ...JSON_BODY, Origin: PAGE };
    const answer = await request(server, { method: "POST", path: STREAM, headers, body: startFrame("b_stream", "inv-2") });
    expect([answer.status, answer.headers["retry-after"]]).toEqual([429, "1"]);
    expectReadable(answer);
    release.resolve();
  });

  test("is one of several on the list, and is named alone", async () => {
    const others = ["http://localhost:5173", "http://[::1]:5173", "chrome-extension://abcdefghijklmnop", "capacitor://localhost"];
    const server = await serveFor([...others, PAGE]);
    for (const origin of [...others, PAGE]) {
      const answer = await request(server, { headers: { Origin: origin } });
      expect([answer.status, answer.headers["access-control-allow-origin"]]).toEqual([200, origin]);
      const peer = await connect(server, { headers: { Origin: origin, Authorization: "Bearer key" } });
      peer.send(startFrame("a_stream", "inv-1"));
      expect(contents(await peer.untilEnd())).toEqual(["a", "b"]);
    }
  });
});

describe("a page of any other origin", () => {
  const foreign = [
    "https://evil.example",
    "null",
    "https://app.example.com.evil.example",
    "https://evil-app.example.com",
    "https://sub.app.example.com",
    "https://APP.example.com",
    "https://app.example.com:8443",
    "http://app.example.com",
    "https://app.example.com/",
    `${PAGE}, https://evil.example`,
    "*",
    "",
  ];

  test.each([
    ["with a list", [PAGE]],
    ["without one", []],
  ])("%s gets 403 on REST, SSE and WebSocket, and nothing that lets it read why", async (_name, list) => {
    const server = await serveFor(list);
    const frame = startFrame("a_stream", "inv-1");
    for (const origin of list.length > 0 ? foreign : [...foreign, PAGE]) {
      const headers = { ...JSON_BODY, Authorization: "Bearer key", Origin: origin };
      const answers = await Promise.all([
        request(server, { headers }),
        request(server, { method: "POST", path: "/api/v1/agents/agent/run", headers, body: { entrypoint_tag: "chat" } }),
        request(server, { method: "POST", path: STREAM, headers, body: frame }),
        request(server, { path: "/api/v1/invocations/inv-1/stream", headers }),
        request(server, { method: "OPTIONS", path: STREAM, headers: { ...PREFLIGHT, Origin: origin } }),
      ]);
      expect([origin, answers.map(({ status }) => status)]).toEqual([origin, [403, 403, 403, 403, 403]]);
      for (const answer of answers) {
        expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control-"))).toEqual([]);
        expect(answer.headers.vary).toBe("Origin");
      }
      expect(await refusedUpgrade(server, STREAM, { Authorization: "Bearer key", Origin: origin })).toMatchObject({ status: 403 });
    }
    const invocations = await request(server, { path: "/api/v1/agents/agent/invocations", headers: { Authorization: "Bearer key" } });
    expect(JSON.parse(invocations.text)).toMatchObject({ data: { total_count: 0 } });
  });

  test("that made its name point here gets 403, on SSE too", async () => {
    const server = await serveFor([PAGE], { apiKeys: ["key"] });
    const host = `evil.example:${server.port}`;
    const headers = { ...JSON_BODY, Authorization: "Bearer key", Host: host };
    for (const origin of [{}, { Origin: `http://${host}` }, { Origin: PAGE }]) {
      const asked = { method: "POST", path: STREAM, headers: { ...headers, ...origin }, body: startFrame("a_stream", "inv-1") };
      expect((await request(server, asked)).status).toBe(403);
    }
  });
});

describe("the list of origins", () => {
  const WRITE_OUT = /^Write each origin out/;
  test.each<[unknown, string | RegExp]>([
    ["https://app.example.com/", 'Write "https://app.example.com".'],
    ["https://app.example.com/chat?x#y", 'Write "https://app.example.com".'],
    ["HTTPS://App.Example.com", 'Write "https://app.example.com".'],
    ["https://app.example.com:443", 'Write "https://app.example.com".'],
    ["http://user:word@app.example.com:80", 'Write "http://app.example.com".'],
    ["https://müller.example", 'Write "https://xn--mller-kva.example".'],
    [" https://app.example.com", 'Write "https://app.example.com".'],
    ["wss://app.example.com", 'Write "https://app.example.com".'],
    ["*", WRITE_OUT],
    ["https://*.example.com", WRITE_OUT],
    ["app.example.com", WRITE_OUT],
    ["localhost:5173", WRITE_OUT],
    ["null", WRITE_OUT],
    ["file://", WRITE_OUT],
    ["data:,x", WRITE_OUT],
  ])("refuses %s before anything listens", async (entry, suggestion) => {
    const error: unknown = await serveFor([PAGE, entry as string]).catch((cause: unknown) => cause);
    if (!(error instanceof RunAgentError)) throw error;
    expect(error).toMatchObject({ code: "VALIDATION_ERROR", field: "allowedOrigins", suggestion: expect.stringMatching(suggestion) });
    expect(error.message).toContain(JSON.stringify(entry));
  });

  test.each([
    ["allowedOrigins", PAGE],
    ["allowedOrigins", [1]],
    ["allowedOrigins", [""]],
    ["allowedHosts", "agents.example.com"],
  ])("and %s that is %j", async (field, value) => {
    await expect(serveEntrypoints({ chat: () => 1 }, { [field]: value })).rejects.toMatchObject({ code: "VALIDATION_ERROR", field });
  });

  test("leaves nothing listening behind when it is refused", async () => {
    const first = await serveFor([]);
    const { port } = first;
    await first.close();
    await expect(serveFor(["*"], { port })).rejects.toThrow("allowedOrigins");
    const second = await serveFor([], { port });
    expect(second.port).toBe(port);
  });
});
