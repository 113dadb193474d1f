/** Who may get in: keys, principals, Origin and Host, on REST and on the upgrade. */
import http from "node:http";
import { describe, expect, test } from "vitest";
import type { RunningServer, ServeOptions } from "../src/index.ts";
import { codeOf, connect, contents, get, post, refusedUpgrade, resumeFrame, serveEntrypoints, startFrame } from "./support.ts";

const STREAM = "/api/v1/agents/agent/run-stream";
const entrypoints = { a_stream: () => [1], chat: () => 1 };
const secured = (options: ServeOptions = {}) => serveEntrypoints(entrypoints, { apiKeys: ["key-one", "key-two"], ...options });
const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });

describe("API keys", () => {
  test.each([
    ["none", {}],
    ["a wrong one", bearer("key-three")],
    ["a part of one", bearer("key-on")],
    ["another scheme", { Authorization: "Basic a2V5LW9uZQ==" }],
    ["an empty one", { Authorization: "Bearer " }],
  ])("with %s every REST route is 401 and runs nothing", async (_name, headers) => {
    const server = await secured();
    for (const path of [
      "/api/v1",
      "/api/v1/agents/agent/architecture",
      "/api/v1/agents/nope/architecture",
      "/api/v1/agents/agent/invocations",
      "/api/v1/agents/agent/invocations/stats",
      "/api/v1/invocations/x",
    ]) {
      const answer = await get(server.url + path, headers);
      expect([answer.status, codeOf(answer.body)]).toEqual([401, "AUTHENTICATION_ERROR"]);
    }
    for (const path of ["/api/v1/agents/agent/run", "/api/v1/invocations/x/cancel"]) {
      expect((await post(server.url + path, { entrypoint_tag: "chat" }, headers)).status).toBe(401);
    }
    expect((await get(`${server.url}/api/v1/health`, headers)).body.data).not.toHaveProperty("agents");
    const { body } = await get(`${server.url}/api/v1/agents/agent/invocations/stats`, bearer("key-one"));
    expect(body.data).toMatchObject({ stats: { total: 0 } });
  });

  test("in the header, or in the first frame", async () => {
    const server = await secured();
    const byHeader = await connect(server, { headers: bearer("key-one") });
    byHeader.send(startFrame("a_stream", "inv-1"));
    expect(contents(await byHeader.untilEnd())).toEqual([1]);
    const byFrame = await connect(server);
    byFrame.send(startFrame("a_stream", "inv-2", { auth: { token: "key-two" } }));
    expect(contents(await byFrame.untilEnd())).toEqual([1]);
    byFrame.send({ type: "auth", token: "key-two" });
    expect(await byFrame.next()).toEqual({ type: "status", status: "auth_acknowledged" });
    byFrame.send({ type: "auth", token: "key-one" });
    expect(codeOf(await byFrame.next())).toBe("PERMISSION_ERROR");
    expect((await byFrame.closed).code).toBe(4403);
  });

  test.each([
    ["none", {}],
    ["a wrong one", { auth: { token: "wrong" } }],
  ])("with %s in the first frame it is refused with 4401", async (_name, extra) => {
    const server = await secured();
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1", extra));
    const frame = await peer.next();
    expect(codeOf(frame)).toBe("AUTHENTICATION_ERROR");
    expect(JSON.stringify(frame)).not.toContain('wrong"');
    expect((await peer.closed).code).toBe(4401);
  });

  test("a bad header refuses the upgrade, a query only counts where it may", async () => {
    const server = await secured();
    expect(await refusedUpgrade(server, STREAM, bearer("wrong"))).toMatchObject({
      status: 401,
      body: { success: false, error: { code: "AUTHENTICATION_ERROR" } },
    });
    const ignored = await connect(server, { query: "?token=key-one", version: 1 });
    ignored.send({ entrypoint_tag: "a_stream" });
    expect((await ignored.closed).code).toBe(1003);
    const open = await secured({ allowTokenInQuery: true });
    const peer = await connect(open, { query: "?token=key-one", version: 1 });
    peer.send({ entrypoint_tag: "a_stream" });
    expect((await peer.closed).code).toBe(1000);
    expect((await refusedUpgrade(open, `${STREAM}?token=wrong`)).status).toBe(401);
  });

  test("an invocation belongs to its principal, for others it does not exist", async () => {
    const server = await secured();
    const peer = await connect(server, { headers: bearer("key-one") });
    peer.send(startFrame("a_stream", "inv-1"));
    const [started = {}] = await peer.untilEnd();
    const other = bearer("key-two");
    expect(codeOf((await get(`${server.url}/api/v1/invocations/inv-1`, other)).body)).toBe("INVOCATION_NOT_FOUND");
    expect((await post(`${server.url}/api/v1/invocations/inv-1/cancel`, { mode: "immediate" }, other)).status).toBe(404);
    expect((await get(`${server.url}/api/v1/agents/agent/invocations`, other)).body.data).toMatchObject({ total_count: 0 });
    const thief = await connect(server, { headers: other });
    thief.send(resumeFrame(started, 0));
    expect(codeOf(await thief.next())).toBe("INVOCATION_NOT_FOUND");
    const second = await connect(server, { headers: other });
    second.send(startFrame("a_stream", "inv-1"));
    expect(codeOf(await second.next())).toBe("INVOCATION_CONFLICT");
    expect((await get(`${server.url}/api/v1/invocations/inv-1`, bearer("key-one"))).status).toBe(200);
  });

  test("a function may look them up, later or never", async () => {
    const errors: unknown[] = [];
    const server = await secured({
      apiKeys: async (token) => {
        if (token === "broken") throw new Error("no database at /srv/keys");
        return token.startsWith("good") ? { id: token } : null;
      },
      onError: (error) => errors.push(error),
    });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1", { auth: { token: "good-1" } }));
    peer.send({ type: "cancel", mode: "immediate" });
    expect((await peer.untilEnd()).at(-1)).toMatchObject({ status: "stream_cancelled", seq: 1 });
    expect((await get(`${server.url}/api/v1`, bearer("bad"))).status).toBe(401);
    const broken = await get(`${server.url}/api/v1`, bearer("broken"));
    expect([broken.status, codeOf(broken.body)]).toEqual([500, "SERVER_ERROR"]);
    expect(JSON.stringify(broken.body)).not.toContain("/srv");
    expect(errors).toHaveLength(1);
  });
});

describe("Origin and Host", () => {
  /** fetch sets its own Host and Origin. */
  function request(
    server: RunningServer,
    headers: Record<string, string>,
    method = "GET",
  ): Promise<{ status: number | undefined; headers: http.IncomingHttpHeaders; text: string }> {
    return new Promise((resolve, reject) => {
      const options = { host: server.host, port: server.port, path: "/api/v1/health", method, headers };
      const outgoing = http.request(options, async (response) => {
        let text = "";
        for await (const chunk of response) text += String(chunk);
        resolve({ status: response.statusCode, headers: response.headers, text });
      });
      outgoing.on("error", reject).end();
    });
  }

  const refused = (port: number): Record<string, string>[] => [
    { Origin: "https://evil.com" },
    { Origin: "null" },
    { Origin: "https://good.evil.com" },
    { Origin: "https://good.com.evil.com" },
    { Origin: "https://GOOD.com" },
    { Origin: "https://good.com:444" },
    { Origin: "http://good.com" },
    { Origin: `http://127.0.0.1:${port + 1}` },
    { Origin: `http://localhost:${port}` },
    { Host: "evil.com" },
    { Host: `evil.com:${port}` },
    { Host: `localhost.evil.com:${port}` },
    { Host: `LOCALHOST:${port}` },
    { Host: `127.0.0.1.evil.com:${port}` },
    { Host: `evil.com:${port}`, Origin: `http://evil.com:${port}` },
  ];

  test("foreign ones are 403 on REST and on the upgrade", async () => {
    const server = await serveEntrypoints(entrypoints, { allowedOrigins: ["https://good.com"] });
    for (const headers of refused(server.port)) {
      const answer = await request(server, { Host: `127.0.0.1:${server.port}`, ...headers });
      expect([headers, answer.status]).toEqual([headers, 403]);
      expect(JSON.parse(answer.text)).toMatchObject({ success: false, error: { code: "PERMISSION_ERROR" } });
      expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
      const upgrade = await refusedUpgrade(server, STREAM, { Host: `127.0.0.1:${server.port}`, ...headers });
      expect([headers, upgrade.status, codeOf(upgrade.body)]).toEqual([headers, 403, "PERMISSION_ERROR"]);
    }
  });

  test("own and allowed ones pass, with CORS headers for exactly that origin", async () => {
    const server = await serveEntrypoints(entrypoints, { allowedOrigins: ["https://good.com"] });
    const { port } = server;
    for (const headers of [
      {},
      { Host: `localhost:${port}` },
      { Host: "localhost" },
      { Host: `[::1]:${port}` },
      { Host: `localhost:${port - 1}` },
      { Host: `localhost:${port}`, Origin: `http://localhost:${port}` },
      { Origin: "https://good.com" },
    ]) {
      const answer = await request(server, headers);
      expect([headers, answer.status, answer.headers.vary]).toEqual([headers, 200, "Origin"]);
      expect(answer.headers["access-control-allow-origin"]).toBe("Origin" in headers ? headers.Origin : undefined);
      const peer = await connect(server, { headers });
      peer.send(startFrame("a_stream", "inv-1"));
      await peer.untilEnd();
    }
    const preflight = await request(server, { Origin: "https://good.com", "Access-Control-Request-Method": "POST" }, "OPTIONS");
    expect([preflight.status, preflight.headers["access-control-allow-origin"]]).toEqual([204, "https://good.com"]);
    expect(preflight.headers["access-control-allow-headers"]).toMatch(/authorization/i);
    expect((await request(server, { Origin: "https://evil.com", "Access-Control-Request-Method": "POST" }, "OPTIONS")).status).toBe(403);
    expect((await request(server, {}, "OPTIONS")).status).toBe(405);
  });

  test("given hosts replace the default", async () => {
    const server = await serveEntrypoints(entrypoints, { allowedHosts: ["agents.example.com"] });
    expect((await request(server, { Host: "agents.example.com" })).status).toBe(200);
    expect((await request(server, { Host: "localhost" })).status).toBe(403);
  });
});

test.each([
  ["/api/v1/agents/agent/run", 404],
  ["/api/v1/agents/a%2Fb/run-stream", 400],
  ["/api/v1/agents/%00/run-stream", 400],
  ["/api/v1/agents/%E0%A4%A/run-stream", 400],
  ["/elsewhere", 404],
])("an upgrade of %s is %i in the envelope", async (path, status) => {
  const server = await serveEntrypoints(entrypoints);
  expect(await refusedUpgrade(server, path)).toMatchObject({ status, body: { success: false, error: { code: "VALIDATION_ERROR" } } });
});
