/** REST: run of version 2, invocations, architecture, and the envelope around everything. */
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import packageJson from "../package.json" with { type: "json" };
import { defineAgent } from "../src/index.ts";
import { SERVER_VERSION } from "../src/version.ts";
import { codeOf, connect, deferred, get, post, serveAgents, serveEntrypoints, startFrame } from "./support.ts";

const RUN = "/api/v1/agents/agent/run";
const body = (tag: string, id: string, extra: object = {}) => ({
  protocol: 2,
  invocation_id: id,
  entrypoint_tag: tag,
  input_args: [],
  input_kwargs: {},
  ...extra,
});

describe("run, version 2", () => {
  test("answers the plain value with protocol and id", async () => {
    const server = await serveEntrypoints({ chat: async (input) => ({ reply: input.m }) });
    const answer = await post(server.url + RUN, body("chat", "inv-1", { input_kwargs: { m: "hi" } }));
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ success: true, data: { reply: "hi" }, error: null, protocol: 2, invocation_id: "inv-1" });
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect(answer.body.request_id).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("the same id and content runs once, also while it runs; other content is 409", async () => {
    let runs = 0;
    const go = deferred();
    const server = await serveEntrypoints({
      chat: async () => {
        runs++;
        await go.promise;
        return runs;
      },
    });
    const both = [post(server.url + RUN, body("chat", "inv-1")), post(server.url + RUN, body("chat", "inv-1"))];
    const conflict = await post(server.url + RUN, body("chat", "inv-1", { input_args: [1] }));
    expect(conflict.status).toBe(409);
    expect(conflict.body).toMatchObject({ protocol: 2, invocation_id: "inv-1", error: { code: "INVOCATION_CONFLICT" } });
    go.resolve();
    for (const answer of await Promise.all(both)) expect(answer.body.data).toBe(1);
    expect((await post(server.url + RUN, body("chat", "inv-1"))).body.data).toBe(1);
    expect(runs).toBe(1);
  });

  test("async_execution answers 202 at once; the result is read later", async () => {
    const go = deferred();
    const server = await serveEntrypoints({ chat: () => go.promise.then(() => 0) });
    const answer = await post(server.url + RUN, body("chat", "inv-1", { async_execution: true }));
    expect(answer.status).toBe(202);
    expect(answer.body.data).toMatchObject({ invocation_id: "inv-1", status: "running", total_chunks: 0 });
    go.resolve();
    await post(server.url + RUN, body("chat", "inv-1"));
    const { body: found } = await get(`${server.url}/api/v1/invocations/inv-1`);
    expect(found.data).toMatchObject({ status: "completed", result: 0, seq: 2, total_chunks: 1, error: null, entrypoint_tag: "chat" });
  });

  test.each<[string, () => unknown, object, number, string, RegExp]>([
    [
      "a throw",
      () => {
        throw new Error("boom");
      },
      {},
      500,
      "EXECUTION_ERROR",
      /^boom$/,
    ],
    ["a BigInt", () => 1n, {}, 500, "EXECUTION_ERROR", /result .* not JSON/],
    ["a deadline", () => new Promise(() => {}), { timeout_seconds: 0.02 }, 504, "TIMEOUT", /0.02 seconds/],
  ])("%s is its code and status", async (_name, run, extra, status, code, message) => {
    const server = await serveEntrypoints({ chat: run });
    const answer = await post(server.url + RUN, body("chat", "inv-1", extra));
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ success: false, error: { code, message: expect.stringMatching(message) } });
    const { body: found } = await get(`${server.url}/api/v1/invocations/inv-1`);
    expect(found).toMatchObject({ success: true, data: { status: "failed", seq: 1, error: { code } } });
  });

  test("a slow agent is no late request: the handshake's deadline is only for the request", async () => {
    const run = () => new Promise((resolve) => setTimeout(resolve, 300, "slow"));
    const server = await serveEntrypoints({ chat: run, a_stream: async () => [await run()] }, { limits: { handshakeTimeoutMs: 50 } });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    expect((await post(server.url + RUN, body("chat", "inv-2"))).body.data).toBe("slow");
    expect((await peer.untilEnd()).at(-1)).toMatchObject({ status: "stream_completed" });
  });

  test("a cancel over REST ends it with 409", async () => {
    const started = deferred();
    const server = await serveEntrypoints({
      chat: () => {
        started.resolve();
        return new Promise(() => {});
      },
    });
    const answer = post(server.url + RUN, body("chat", "inv-1"));
    await started.promise;
    const url = `${server.url}/api/v1/invocations/inv-1/cancel`;
    expect((await post(url, { mode: "immediate" })).body.data).toEqual({ invocation_id: "inv-1", mode: "immediate", outcome: "accepted" });
    expect((await post(url, { mode: "immediate" })).body.data).toMatchObject({ outcome: "already_ended" });
    expect((await answer).status).toBe(409);
    expect(codeOf((await answer).body)).toBe("CANCELLED");
    expect(await post(url, { mode: "now" })).toMatchObject({ status: 400, body: { error: { field: "mode" } } });
  });

  test.each([
    ["a streaming tag", body("a_stream", "inv-1"), 400, "STREAM_ENTRYPOINT", "entrypoint_tag"],
    ["an unknown tag", body("nope", "inv-1"), 404, "ENTRYPOINT_NOT_FOUND", "entrypoint_tag"],
    ["no args", { ...body("chat", "inv-1"), input_args: undefined }, 400, "VALIDATION_ERROR", "input_args"],
    ["kwargs that are a list", body("chat", "inv-1", { input_kwargs: [] }), 400, "VALIDATION_ERROR", "input_kwargs"],
    ["a bad id", body("chat", "a/b"), 400, "VALIDATION_ERROR", "invocation_id"],
    ["another protocol", body("chat", "inv-1", { protocol: 3 }), 400, "VALIDATION_ERROR", "protocol"],
    ["a version 1 body with bad args", { entrypoint_tag: "chat", input_args: "x" }, 400, "VALIDATION_ERROR", "input_args"],
  ])("%s is refused, and nothing runs", async (_name, request, status, code, field) => {
    const server = await serveEntrypoints({ chat: () => 1, a_stream: () => [] });
    const answer = await post(server.url + RUN, request);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ success: false, data: null, error: { code, field } });
    const { body: stats } = await get(`${server.url}/api/v1/agents/agent/invocations/stats`);
    expect(stats.data).toMatchObject({ stats: { total: 0 } });
  });
});

describe("the other routes", () => {
  test("architecture shows schemas where the library can", async () => {
    const agent = defineAgent({
      id: "calc",
      name: "Calculator",
      version: "1.2.3",
      entrypoints: {
        add: {
          description: "Adds.",
          input: z.object({ a: z.number(), b: z.number() }),
          output: z.number(),
          run: (input) => input.a + input.b,
        },
        plain_stream: () => [],
      },
    });
    const server = await serveAgents(agent);
    const { body: answer } = await get(`${server.url}/api/v1/agents/calc/architecture`);
    const [add, plain] = (answer.data as { entrypoints: unknown[] }).entrypoints;
    expect(answer.data).toMatchObject({ agent_id: "calc", agent_name: "Calculator", version: "1.2.3", protocol_versions: [1, 2] });
    expect(add).toMatchObject({ tag: "add", description: "Adds.", streaming: false, output_schema: { type: "number" } });
    expect(add).toMatchObject({ input_schema: { type: "object", properties: { a: { type: "number" } }, required: ["a", "b"] } });
    expect(plain).toEqual({ tag: "plain_stream", description: null, streaming: true });
    expect((await post(`${server.url}/api/v1/agents/calc/run`, body("add", "i", { input_kwargs: { a: 1, b: 2 } }))).body.data).toBe(3);
  });

  test("health and the list of agents", async () => {
    const server = await serveEntrypoints({ chat: () => 1 });
    expect((await get(`${server.url}/api/v1/health`)).body.data).toMatchObject({
      status: "healthy",
      version: SERVER_VERSION,
      agents: ["agent"],
    });
    expect((await get(`${server.url}/api/v1`)).body.data).toMatchObject({
      agents: [{ agent_id: "agent", entrypoints: ["chat"] }],
      protocol_versions: [1, 2],
    });
    expect(SERVER_VERSION).toBe(packageJson.version);
  });

  test("history and statistics", async () => {
    const server = await serveEntrypoints({
      chat: (input) => {
        if (input.fail) throw new Error("x");
      },
      a_stream: () => [],
    });
    for (const id of ["i1", "i2", "i3"]) await post(server.url + RUN, body("chat", id, { input_kwargs: { fail: id === "i2" } }));
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "i4"));
    await peer.untilEnd();
    const url = `${server.url}/api/v1/agents/agent/invocations`;
    const ids = async (query: string) =>
      ((await get(url + query)).body.data as { invocations: { invocation_id: string }[] }).invocations.map((each) => each.invocation_id);
    expect(await ids("")).toEqual(["i4", "i3", "i2", "i1"]);
    expect(await ids("?limit=2")).toEqual(["i4", "i3"]);
    expect(await ids("?status=failed")).toEqual(["i2"]);
    for (const query of ["?limit=0", "?limit=1001", "?limit=x", "?limit=1.5", "?status=odd"])
      expect((await get(url + query)).status).toBe(400);
    const { body: stats } = await get(`${url}/stats`);
    expect(stats.data).toMatchObject({ agent_id: "agent", stats: { total: 4, running: 0, completed: 3, failed: 1, cancelled: 0 } });
  });

  test.each([
    ["GET", "/", 404],
    ["GET", "/api/v1/agents/nope/architecture", 404],
    ["GET", "/api/v1/invocations/nope", 404],
    ["GET", RUN, 405],
    ["POST", "/api/v1/health", 405],
    ["POST", "/api/v1/agents/agent/run-stream", 400],
    ["PUT", "/api/v1/agents/agent/run-stream", 405],
    ["GET", "/api/v1/agents/agent/run-stream", 426],
    ["GET", "/api/v1/agents/a%2Fb/architecture", 400],
    ["GET", "/api/v1/agents/%2e%2e%2farchitecture/architecture", 400],
    ["GET", "/api/v1/invocations/a%00b", 400],
    ["GET", "/api/v1/invocations/%0d%0a", 400],
    ["GET", "/api/v1/invocations/%E0%A4%A", 400],
    ["GET", `/api/v1/invocations/${"a".repeat(10_000)}`, 400],
  ])("%s %s is %i in the envelope", async (method, path, status) => {
    const server = await serveEntrypoints({ chat: () => 1 });
    const response = await fetch(server.url + path, { method });
    expect(response.status).toBe(status);
    const answer = await response.json();
    expect(answer).toMatchObject({
      success: false,
      data: null,
      error: { code: expect.any(String), message: expect.any(String) },
      request_id: expect.any(String),
    });
    if (status === 405) expect(response.headers.get("allow")).toMatch(/^(GET|POST|POST, GET)$/);
  });

  test("a client that goes while it sends its body is not the server's trouble", async () => {
    const errors: unknown[] = [];
    const server = await serveEntrypoints({ chat: () => 1, a_stream: () => [1] }, { onError: (error) => errors.push(error) });
    for (const path of [RUN, `${RUN}-stream`]) {
      const socket = connectTcp(server.port, "127.0.0.1");
      socket.on("error", () => {});
      const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n`;
      socket.write(`${head}Expect: 100-continue\r\n\r\n{"protocol"`);
      // It waits for the rest.
      await once(socket, "data");
      socket.destroy();
      for (let n = 0; n < 10; n++) expect((await get(`${server.url}/api/v1/health`)).status).toBe(200);
    }
    expect(errors).toEqual([]);
  });
});
