import { getEventListeners } from "node:events";
import { inspect } from "node:util";
import { RunAgentClient } from "runagent";
import undici from "undici";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { failureOf, runClient, serveScript, streamClient } from "./harness.ts";

const json = (body: unknown, status = 200) => ({
  http: (_: unknown, response: import("node:http").ServerResponse) => {
    response.writeHead(status, { "content-type": "application/json" }).end(typeof body === "string" ? body : JSON.stringify(body));
  },
});

describe("run", () => {
  it("sends the request of both versions and reads the answer of version 2", async () => {
    const server = await serveScript(json({ success: true, protocol: 2, data: { reply: "hi" }, error: null }));
    const client = runClient(server, { apiKey: "canary-key", userId: "u1" });
    expect(await client.run({ message: "Hello" }, { args: ["a"] })).toEqual({ reply: "hi" });
    expect(server.requests).toHaveLength(1);
    const [request] = server.requests;
    expect(request?.url).toBe("/api/v1/agents/a1/run");
    expect(request?.headers.authorization).toBe("Bearer canary-key");
    expect(JSON.parse(request?.body ?? "")).toEqual({
      protocol: 2,
      invocation_id: expect.any(String),
      entrypoint_tag: "chat",
      input_args: ["a"],
      input_kwargs: { message: "Hello" },
      async_execution: false,
      timeout_seconds: 300,
      user_id: "u1",
    });
    await client.close();
  });

  it.each([0, "", false, null, [], {}, "text", { a: [1] }])("reads %j as a value, in both versions", async (value) => {
    const v2 = await serveScript(json({ success: true, protocol: 2, data: value }));
    expect(await runClient(v2).run()).toEqual(value);
    const type = value === null ? "null" : Array.isArray(value) ? "array" : typeof value === "number" ? "integer" : typeof value;
    const v1 = await serveScript(json({ success: true, data: JSON.stringify({ type, payload: JSON.stringify(value) }), error: null }));
    expect(await runClient(v1).run()).toEqual(value);
    const legacy = await serveScript(json({ success: true, data: { result_data: { data: value } } }));
    expect(await runClient(legacy).run()).toEqual(value === "" ? "" : value);
  });

  it("checks and types input and output with a schema", async () => {
    const server = await serveScript(json({ success: true, protocol: 2, data: "7" }));
    const client = new RunAgentClient({
      agentId: "a1",
      entrypointTag: "count",
      port: server.port,
      input: z.object({ word: z.string() }),
      output: z.coerce.number(),
    });
    const result: number = await client.run({ word: "seven" });
    expect(result).toBe(7);
    // @ts-expect-error word must be a string.
    expect(await failureOf(client.run({ word: 7 }))).toMatchObject({ code: "VALIDATION_ERROR", field: "word" });
    const strict = client.withEntrypoint("count", { output: z.boolean() });
    expect((await failureOf(strict.run())).code).toBe("VALIDATION_ERROR");
  });

  it.each([
    [
      "an agent's failure",
      500,
      { success: false, error: { code: "EXECUTION_ERROR", message: "It broke." }, request_id: "r1" },
      "EXECUTION_ERROR",
    ],
    ["a version 1 failure", 200, { success: false, error: "It broke." }, "EXECUTION_ERROR"],
    ["an unknown agent", 404, { detail: "Not Found" }, "AGENT_NOT_FOUND"],
    ["a wrong key", 401, { success: false, error: { code: "AUTHENTICATION_ERROR", message: "No." } }, "AUTHENTICATION_ERROR"],
    ["a page", 200, "<html></html>", "PROTOCOL_ERROR"],
    ["a page that is missing", 404, "nope", "PROTOCOL_ERROR"],
    ["a proxy's error", 502, "bad gateway", "SERVER_ERROR"],
    ["an array", 200, "[1]", "PROTOCOL_ERROR"],
    ["nothing", 200, "", "PROTOCOL_ERROR"],
    ["a success without data", 200, { success: true, protocol: 2 }, "PROTOCOL_ERROR"],
    ["another invocation", 200, { success: true, protocol: 2, data: 1, invocation_id: "other" }, "PROTOCOL_ERROR"],
    ["an empty object", 200, {}, "PROTOCOL_ERROR"],
    ["some other API", 200, { status: "ok" }, "PROTOCOL_ERROR"],
    ["a detail with status 200", 200, { detail: "No such thing." }, "EXECUTION_ERROR"],
    ["an error with status 200", 200, { error: "boom" }, "EXECUTION_ERROR"],
    ["65 levels", 200, `{"data":${"[".repeat(65)}${"]".repeat(65)}}`, "PAYLOAD_TOO_LARGE"],
    ["too much", 200, `{"data":"${"x".repeat(70_000)}"}`, "PAYLOAD_TOO_LARGE"],
  ])("%s is a typed error", async (_, status, body, code) => {
    const server = await serveScript(json(body, status));
    const error = await failureOf(runClient(server, { maxServerFrameBytes: 65_536 }).run({}, { invocationId: "inv-1" }));
    expect(error).toMatchObject({ code, invocationId: "inv-1" });
    expect(error.suggestion.length).toBeGreaterThan(0);
    if (status === 500) expect(error.requestId).toBe("r1");
  });

  it("reads a bare text, as some version 1 servers answer", async () => {
    const server = await serveScript(json('"hello"'));
    expect(await runClient(server).run()).toBe("hello");
  });

  it("sends the input as it was at the call", async () => {
    const server = await serveScript({
      ...json({ success: true, protocol: 2, data: 1 }),
      stream: (peer) => void peer.accept().then(({ invocation_id }) => peer.complete(invocation_id, 1, 0)),
    });
    const input = { n: 0 };
    const calls: Promise<unknown>[] = [];
    for (input.n = 1; input.n <= 3; input.n++) calls.push(runClient(server).run(input), streamClient(server).runStream(input).collect());
    await Promise.all(calls);
    const sent = server.requests.filter(({ method }) => method === "POST").map(({ body }) => JSON.parse(body).input_kwargs.n);
    expect(sent.sort()).toEqual([1, 2, 3]);
  });

  it("calls that share a signal warn of no leak", async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on("warning", onWarning);
    const server = await serveScript({ ...json({ success: true, protocol: 2, data: 1 }), stream: (peer) => void peer.accept() });
    const controller = new AbortController();
    const { signal } = controller;
    const runs = Array.from({ length: 20 }, () => runClient(server).run({}, { signal }));
    const streams = Array.from({ length: 20 }, () => streamClient(server).runStream({}, { signal }));
    await Promise.all([...runs, ...streams.map(({ started }) => started)]);
    controller.abort();
    for (const stream of streams) expect((await failureOf(stream.collect())).code).toBe("CANCELLED");
    process.off("warning", onWarning);
    expect(warnings).toEqual([]);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("a fetch of the caller that never settles does not hold up the deadline", async () => {
    const server = await serveScript({});
    const client = runClient(server, { fetch: () => new Promise<Response>(() => {}) });
    expect((await failureOf(client.run({}, { timeoutMs: 20 }))).code).toBe("TIMEOUT");
    expect((await failureOf(client.run({}, { signal: AbortSignal.timeout(20) }))).code).toBe("TIMEOUT");
  });

  const wrong: [string, object][] = [
    ["options", null as unknown as object],
    ["signal", { signal: {} }],
    ["timeoutMs", { timeoutMs: "abc" }],
    ["timeoutMs", { timeoutMs: Number.NaN }],
    ["idleTimeoutMs", { idleTimeoutMs: -5 }],
    ["onDisconnect", { onDisconnect: "bogus" }],
    ["args", { args: "x" }],
  ];

  it.each(wrong)("a wrong %s of a call is refused by name, by run and at the first read of a stream", async (field, options) => {
    const server = await serveScript({});
    expect(await failureOf(runClient(server).run({}, options))).toMatchObject({ code: "VALIDATION_ERROR", field });
    expect(await failureOf(streamClient(server).runStream({}, options).collect())).toMatchObject({ code: "VALIDATION_ERROR", field });
    expect(server.requests).toEqual([]);
  });

  it.each([new Date(), new Map(), new Set(), [], "x", 1])("an input that is %s is refused", async (input) => {
    const server = await serveScript({});
    expect(await failureOf(runClient(server).run(input as never))).toMatchObject({ code: "VALIDATION_ERROR", field: "input" });
  });

  it.each([301, 302, 303, 307, 308])("a redirect with %i is not followed: the key goes nowhere else", async (status) => {
    const other = await serveScript(json({ success: true, data: 1 }));
    const server = await serveScript({ http: (_, response) => void response.writeHead(status, { location: `${other.url}/x` }).end() });
    const error = await failureOf(runClient(server, { apiKey: "canary-key" }).run());
    expect(error).toMatchObject({ code: "CONNECTION_ERROR", retryable: false });
    expect(error.message).toContain(other.url);
    expect(other.requests).toEqual([]);
  });

  it("a refused port names the address and may be tried again; a lost answer may not", async () => {
    const gone = await serveScript({});
    await gone.close();
    expect(await failureOf(runClient(gone).run())).toMatchObject({ code: "CONNECTION_ERROR", retryable: true });
    const server = await serveScript({ http: (_, response) => void response.destroy() });
    expect(await failureOf(runClient(server).run())).toMatchObject({ code: "CONNECTION_ERROR", retryable: false });
  });

  it("an aborted or late run is cancelled on the server", async () => {
    const seen: string[] = [];
    let onRun = (): void => {};
    let onCancel = (): void => {};
    const runSeen = new Promise<void>((resolve) => {
      onRun = resolve;
    });
    const cancelSeen = [1, 2].map(
      () =>
        new Promise<void>((resolve) => {
          const before = onCancel;
          onCancel = () => {
            onCancel = before;
            resolve();
          };
        }),
    );
    const server = await serveScript({
      http(request, response) {
        seen.push(request.url);
        if (request.url.endsWith("/run")) return onRun();
        response.writeHead(200).end('{"success":true,"data":{}}');
        onCancel();
      },
    });
    const controller = new AbortController();
    const call = failureOf(runClient(server).run({}, { signal: controller.signal, invocationId: "inv-1" }));
    await runSeen;
    controller.abort();
    expect((await call).code).toBe("CANCELLED");
    expect(await failureOf(runClient(server).run({}, { timeoutMs: 30, invocationId: "inv-2" }))).toMatchObject({ code: "TIMEOUT" });
    await Promise.all(cancelSeen);
    expect(seen.filter((url) => url.endsWith("/cancel"))).toEqual(["/api/v1/invocations/inv-1/cancel", "/api/v1/invocations/inv-2/cancel"]);
  });
});

describe("architecture, health and initialize", () => {
  it("read an envelope and a bare answer", async () => {
    const data = { agent_id: "a1", entrypoints: [{ tag: "chat", file: "main.py" }] };
    const enveloped = await serveScript(json({ success: true, data }));
    expect(await runClient(enveloped).architecture()).toEqual(data);
    const client = runClient(enveloped);
    expect(await client.initialize()).toBe(client);
    expect(await failureOf(client.withEntrypoint("other").initialize())).toMatchObject({ code: "ENTRYPOINT_NOT_FOUND" });
    const bare = await serveScript(json({ status: "healthy", server: "old", uptime_seconds: 1 }));
    expect(await runClient(bare).health()).toMatchObject({ status: "healthy" });
    expect((await failureOf(runClient(bare).architecture())).code).toBe("ARCHITECTURE_MISSING");
    expect((await failureOf(runClient(enveloped).health())).code).toBe("PROTOCOL_ERROR");
  });
});

describe("options", () => {
  const build =
    (options: Record<string, unknown>, env: Record<string, string> = {}): (() => RunAgentClient) =>
    () => {
      const saved = { ...process.env };
      try {
        for (const name of Object.keys(process.env)) if (name.startsWith("RUNAGENT_")) delete process.env[name];
        for (const [name, value] of Object.entries(env)) process.env[name] = value;
        return new RunAgentClient({ agentId: "a1", entrypointTag: "chat", ...options });
      } finally {
        process.env = saved;
      }
    };
  const urlOf = async (options: Record<string, unknown>, env: Record<string, string> = {}): Promise<string> => {
    let seen = "";
    const fake = async (url: string | URL | Request): Promise<Response> => {
      seen = String(url);
      return new Response('{"success":true,"data":{"status":"ok"}}');
    };
    await build({ ...options, fetch: fake }, env)().health();
    return seen;
  };

  it.each([
    [{}, {}, "https://backend.run-agent.ai/api/v1/health"],
    [{ local: true }, {}, "http://127.0.0.1:8450/api/v1/health"],
    [{ port: 9000 }, {}, "http://127.0.0.1:9000/api/v1/health"],
    [{ local: true, host: "::1", port: 1 }, {}, "http://[::1]:1/api/v1/health"],
    [{}, { RUNAGENT_LOCAL: "true", RUNAGENT_HOST: "agents.test", RUNAGENT_PORT: "81" }, "http://agents.test:81/api/v1/health"],
    [{ local: false }, { RUNAGENT_LOCAL: "true" }, "https://backend.run-agent.ai/api/v1/health"],
    [{ baseUrl: "http://x.test/" }, { RUNAGENT_LOCAL: "1" }, "http://x.test/api/v1/health"],
    [{}, { RUNAGENT_BASE_URL: "x.test/api/v1" }, "https://x.test/api/v1/health"],
    [{ baseUrl: "wss://x.test/base" }, {}, "https://x.test/base/api/v1/health"],
    [{ local: true, baseUrl: "http://127.0.0.1:9001" }, {}, "http://127.0.0.1:9001/api/v1/health"],
    [{ port: 9000 }, { RUNAGENT_PORT: "1", RUNAGENT_BASE_URL: "http://x.test" }, "http://127.0.0.1:9000/api/v1/health"],
    [{}, { RUNAGENT_BASE_URL: "", RUNAGENT_LOCAL: " " }, "https://backend.run-agent.ai/api/v1/health"],
  ])("%j with %j goes to %3$s", async (options, env, url) => {
    expect(await urlOf(options, env)).toBe(url);
  });

  it.each([
    [{ agentId: "../x" }, {}, "agentId"],
    [{ agentId: "a/b" }, {}, "agentId"],
    [{ agentId: "%2e%2e%2f" }, {}, "agentId"],
    [{ agentId: "a\r\nb" }, {}, "agentId"],
    [{ agentId: "a?b" }, {}, "agentId"],
    [{ agentId: "" }, {}, "agentId"],
    [{ agentId: "a".repeat(10_240) }, {}, "agentId"],
    [{ agentId: undefined }, {}, "agentId"],
    [{ entrypointTag: "" }, {}, "entrypointTag"],
    [{ entrypointTag: "a\u0000" }, {}, "entrypointTag"],
    [{ port: 70_000 }, {}, "port"],
    [{ port: "8450" }, {}, "port"],
    [{ local: "yes" }, {}, "local"],
    [{ host: "evil.test/x" }, {}, "host"],
    [{ host: "user@evil.test" }, {}, "host"],
    [{ baseUrl: "ftp://x" }, {}, "baseUrl"],
    [{ baseUrl: "http://user:pass@x" }, {}, "baseUrl"],
    [{ baseUrl: "http://x/?token=1" }, {}, "baseUrl"],
    [{ apiKey: "a\nb" }, {}, "apiKey"],
    [{ fetch: 5 }, {}, "fetch"],
    [{ WebSocket: 5 }, {}, "WebSocket"],
    [{ input: {} }, {}, "input"],
    [{ output: 5 }, {}, "output"],
    [{ onDisconnect: "explode" }, {}, "onDisconnect"],
    [{ idleTimeoutMs: -1 }, {}, "idleTimeoutMs"],
    [{}, { RUNAGENT_LOCAL: "perhaps" }, "RUNAGENT_LOCAL"],
    [{ local: true }, { RUNAGENT_PORT: "http" }, "RUNAGENT_PORT"],
    [{}, { RUNAGENT_TIMEOUT: "0" }, "RUNAGENT_TIMEOUT"],
  ])("%j with %j is refused by name", (options, env, field) => {
    expect(build(options, env)).toThrow(expect.objectContaining({ code: "VALIDATION_ERROR", field }));
  });

  it("who calls, and for how long, may come from the environment; an argument goes before it", async () => {
    const sent: { headers: Record<string, string>; body: Record<string, unknown> }[] = [];
    const fake = async (_: string | URL | Request, init?: RequestInit): Promise<Response> => {
      sent.push({ headers: { ...(init?.headers as Record<string, string>) }, body: JSON.parse(String(init?.body)) });
      return new Response('{"success":true,"protocol":2,"data":1}');
    };
    const env = { RUNAGENT_API_KEY: "env-key", RUNAGENT_USER_ID: "env-user", RUNAGENT_PERSISTENT_MEMORY: "yes", RUNAGENT_TIMEOUT: "7" };
    await build({ fetch: fake }, env)().run();
    await build({ fetch: fake, apiKey: "my-key", userId: "me", persistentMemory: false, timeoutSeconds: 8 }, env)().run();
    expect(sent[0]?.headers.authorization).toBe("Bearer env-key");
    expect(sent[0]?.body).toMatchObject({ user_id: "env-user", persistent_memory: true, timeout_seconds: 7 });
    expect(sent[1]?.headers.authorization).toBe("Bearer my-key");
    expect(sent[1]?.body).toMatchObject({ user_id: "me", timeout_seconds: 8 });
    expect(sent[1]?.body).not.toHaveProperty("persistent_memory");
  });

  it("never show the key", async () => {
    const server = await serveScript({
      ...json({ success: false, error: { code: "AUTHENTICATION_ERROR", message: "Wrong." } }, 401),
      upgrade: (_, socket) => void socket.end("HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n"),
    });
    const client = runClient(server, { apiKey: "canary-key" });
    const error = await failureOf(client.run());
    const stream = streamClient(server, { apiKey: "canary-key" }).runStream({});
    const streamError = await failureOf(stream.collect());
    const shown = [client, error, stream, streamError].map(
      (value) => inspect(value, { depth: 20, showHidden: true }) + JSON.stringify(value),
    );
    expect(shown.join("\n")).not.toContain("canary-key");
    expect(server.requests.map(({ url }) => url).join()).not.toContain("canary-key");
  });

  it("never show the key, even where a server repeats it", async () => {
    const echo = {
      code: "AUTHENTICATION_ERROR",
      message: "canary-key is wrong",
      suggestion: "not canary-key",
      details: [{ "canary-key": ["canary-key"] }],
      field: "canary-key",
    };
    const server = await serveScript({
      ...json({ success: false, error: echo }, 401),
      async stream(peer) {
        await peer.next();
        peer.send({ type: "error", error: echo });
      },
    });
    const errors = [
      await failureOf(runClient(server, { apiKey: "canary-key" }).run()),
      await failureOf(runClient(server, { apiKey: "canary-key" }).health()),
      await failureOf(streamClient(server, { apiKey: "canary-key" }).runStream({}).collect()),
    ];
    const reason: Record<string, unknown> = { n: 1n };
    reason.self = reason;
    const aborted = streamClient(server, { apiKey: "canary-key" }).runStream({}, { signal: AbortSignal.abort(reason) });
    expect(await failureOf(aborted.collect())).toMatchObject({ code: "CANCELLED", cause: reason });
    for (const error of errors) {
      expect(inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error)).not.toContain("canary-key");
      expect(error).toMatchObject({ code: "AUTHENTICATION_ERROR", message: "[key] is wrong" });
    }
    expect(build({ baseUrl: "ftp://user:SECRET@h/" })).toThrow(expect.objectContaining({ message: expect.not.stringContaining("SECRET") }));
  });

  it("keep extraParams, unsent", () => {
    expect(build({ extraParams: { a: 1 } })().extraParams).toEqual({ a: 1 });
  });
});

describe("fetch and WebSocket of the caller", () => {
  it("may be undici's, or the global one", async () => {
    const server = await serveScript(json({ success: true, protocol: 2, data: 1 }));
    expect(await runClient(server, { fetch: undici.fetch, WebSocket: undici.WebSocket }).run()).toBe(1);
    expect(await runClient(server, { fetch }).run()).toBe(1);
  });

  it("carry the calls; the key then travels in the first frame, not in the URL", async () => {
    const { WebSocket } = await import("ws");
    let start: Record<string, unknown> = {};
    const server = await serveScript({
      async stream(peer) {
        start = await peer.accept();
        for (let seq = 1; seq <= 1000; seq++) peer.data(seq);
        peer.complete(start.invocation_id, 1001, 1000);
      },
    });
    const urls: string[] = [];
    class Mine extends WebSocket {
      constructor(url: string) {
        super(url);
        urls.push(url);
      }
    }
    const client = streamClient(server, { apiKey: "canary-key", WebSocket: Mine });
    expect((await client.runStream({}).collect()).length).toBe(1000);
    expect(urls).toEqual([`ws://127.0.0.1:${server.port}/api/v1/agents/a1/run-stream`]);
    expect(start.auth).toEqual({ token: "canary-key" });
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
    await server.close();
    expect((await failureOf(client.runStream({}).collect())).code).toBe("CONNECTION_ERROR");
  });
});
