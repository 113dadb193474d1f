/** Bad input on the SSE routes: each a status and the envelope before anything runs, and the server lives and serves others. */
import { connect as connectTcp } from "node:net";
import { encodeCursor } from "@runagent/core";
import { describe, expect, onTestFinished, test } from "vitest";
import type { RunningServer } from "../src/index.ts";
import { attachSse, openSse, refusedSse, requestSse } from "./sse-peer.ts";
import { codeOf, contents, deferred, get, serveEntrypoints, startFrame } from "./support.ts";

const AGENT = "/api/v1/agents/agent/run-stream";
const seed = Number(process.env.TEST_SEED ?? 20_261);
const nested = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;
const start = (extra: object): string => JSON.stringify({ ...startFrame("a_stream", "inv-1"), ...extra });

/** The head of an answer to a request written by hand. */
function raw(server: RunningServer, request: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTcp(server.port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    let text = "";
    socket.on("error", () => {});
    socket.on("data", (data) => {
      text += data.toString();
      if (text.includes("\r\n\r\n")) resolve(text);
    });
    socket.write(request, "latin1");
  });
}

describe("a POST that is refused", () => {
  test.each<[string, string | Buffer, number, string, string?]>([
    ["not JSON", "{", 400, "VALIDATION_ERROR"],
    ["empty", "", 400, "VALIDATION_ERROR"],
    ["an array", "[]", 400, "VALIDATION_ERROR"],
    ["a number", "1e400", 400, "VALIDATION_ERROR"],
    ["not UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400, "VALIDATION_ERROR"],
    ["nested 65 deep", start({ input_args: [JSON.parse(nested(64))] }), 413, "PAYLOAD_TOO_LARGE"],
    ["nested 100,000 deep", nested(100_000), 413, "PAYLOAD_TOO_LARGE"],
    ["larger than maxBodyBytes", start({ input_args: ["x".repeat(1_048_576)] }), 413, "PAYLOAD_TOO_LARGE"],
    ["version 1", '{"entrypoint_tag":"a_stream"}', 400, "VALIDATION_ERROR", "protocol"],
    ["another protocol", start({ protocol: 3 }), 400, "VALIDATION_ERROR", "protocol"],
    ["protocol as text", start({ protocol: "2" }), 400, "VALIDATION_ERROR", "protocol"],
    ["no type", start({ type: undefined }), 400, "VALIDATION_ERROR", "type"],
    ["an unknown type", start({ type: "begin" }), 400, "VALIDATION_ERROR", "type"],
    ["a resume", '{"type":"resume","protocol":2,"invocation_id":"a","epoch":"e","after_seq":1}', 400, "VALIDATION_ERROR", "type"],
    ["no id", start({ invocation_id: undefined }), 400, "VALIDATION_ERROR", "invocation_id"],
    ["an id that climbs", start({ invocation_id: "../x" }), 400, "VALIDATION_ERROR", "invocation_id"],
    ["an id with a line end", start({ invocation_id: "a\r\nb" }), 400, "VALIDATION_ERROR", "invocation_id"],
    ["an id of 10 KB", start({ invocation_id: "a".repeat(10_240) }), 400, "VALIDATION_ERROR", "invocation_id"],
    ["kwargs that are text", start({ input_kwargs: "x" }), 400, "VALIDATION_ERROR", "input_kwargs"],
    ["a tag of a prototype", start({ entrypoint_tag: "__proto__" }), 404, "ENTRYPOINT_NOT_FOUND", "entrypoint_tag"],
    ["a tag that does not stream", start({ entrypoint_tag: "chat" }), 400, "NON_STREAM_ENTRYPOINT", "entrypoint_tag"],
    ["an on_disconnect of its own", start({ on_disconnect: "toString" }), 400, "VALIDATION_ERROR", "on_disconnect"],
  ])("%s", async (_name, body, status, code, field) => {
    let runs = 0;
    const server = await serveEntrypoints({ a_stream: () => [++runs], chat: () => ++runs });
    const refused = await refusedSse(server, { body });
    expect([refused.status, codeOf(refused.body)]).toEqual([status, code]);
    expect(refused.body).toMatchObject({ success: false, data: null, request_id: expect.any(String) });
    if (field !== undefined) expect(refused.body).toHaveProperty("error.field", field);
    expect(runs).toBe(0);
    const next = await openSse(server, { body: startFrame("a_stream", "inv-9") });
    expect(contents(await next.untilEnd())).toEqual([1]);
  });

  test("keys of a prototype are plain data, and control characters stay escaped", async () => {
    const server = await serveEntrypoints({ a_stream: (input) => [input] });
    const kwargs = '{"__proto__":{"polluted":1},"constructor":"\\u0000\\r\\n\\n\\nevent: x\\ud800"}';
    const peer = await openSse(server, { body: start({}).replace('"input_kwargs":{}', `"input_kwargs":${kwargs}`) });
    expect(JSON.stringify(contents(await peer.untilEnd()))).toContain('"__proto__":{"polluted":1}');
    expect(peer.frames).toHaveLength(3);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test.each([
    ["text/event-stream", 200],
    ["application/json, text/event-stream;q=0.5", 200],
    ["TEXT/*", 200],
    ["*/*", 200],
    ["application/json", 400],
    ["text/event-stream;q=0", 400],
    ["", 400],
    [`${"a,".repeat(4000)}b`, 400],
  ])("by its Accept: %s is %i", async (Accept, status) => {
    const server = await serveEntrypoints({ a_stream: () => [1] });
    const response = await requestSse(server, { body: start({}), headers: { Accept } });
    expect(response.statusCode).toBe(status);
  });

  test("by its length, told or not, before the body has come", async () => {
    const server = await serveEntrypoints({ a_stream: () => [1] }, { limits: { maxBodyBytes: 1000 } });
    const head = `POST ${AGENT} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n`;
    expect(await raw(server, `${head}Content-Length: 1001\r\n\r\n`)).toMatch(/^HTTP\/1.1 413 .*maxBodyBytes/s);
    const chunk = `3e9\r\n${" ".repeat(1001)}\r\n`;
    expect(await raw(server, `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}`)).toMatch(/^HTTP\/1.1 413 .*maxBodyBytes/s);
  });

  test("by an unknown agent, or an id in the path that is none", async () => {
    const server = await serveEntrypoints({ a_stream: () => [1] });
    for (const [segment, status, code] of [
      ["nobody", 404, "AGENT_NOT_FOUND"],
      ["__proto__", 404, "AGENT_NOT_FOUND"],
      ["a%2Fb", 400, "VALIDATION_ERROR"],
      ["%2e%2e%2f", 400, "VALIDATION_ERROR"],
      ["a%00", 400, "VALIDATION_ERROR"],
      ["%0d%0a", 400, "VALIDATION_ERROR"],
      ["%E0%A4%A", 400, "VALIDATION_ERROR"],
      ["a".repeat(10_240), 400, "VALIDATION_ERROR"],
    ] as const) {
      const post = await refusedSse(server, { body: start({}), path: `/api/v1/agents/${segment}/run-stream` });
      expect([segment, post.status, codeOf(post.body)]).toEqual([segment, status, code]);
      const attach = await refusedSse(server, { path: `/api/v1/invocations/${segment}/stream` });
      const expected = status === 404 ? "INVOCATION_NOT_FOUND" : code;
      expect([segment, attach.status, codeOf(attach.body)]).toEqual([segment, status, expected]);
    }
  });
});

describe("a GET that is refused", () => {
  test("by its Last-Event-ID, whatever it is", async () => {
    const server = await serveEntrypoints({ a_stream: () => [1] });
    const first = await openSse(server, { body: start({}) });
    await first.untilEnd();
    const good = first.ids[1] ?? "";
    for (const bad of [
      "x".repeat(10_240),
      "..",
      "%00",
      "__proto__",
      `${good}!`,
      good.slice(1),
      "é",
      btoa("ra2:e:1:inv-1\n"),
      btoa("ra2:e:01:inv-1"),
    ]) {
      const header = await refusedSse(server, { path: "/api/v1/invocations/inv-1/stream", headers: { "Last-Event-ID": bad } });
      expect(header.body).toMatchObject({ error: { code: "VALIDATION_ERROR", field: "Last-Event-ID" } });
      const query = await refusedSse(server, { path: `/api/v1/invocations/inv-1/stream?after=${encodeURIComponent(bad)}` });
      expect(query.body).toMatchObject({ error: { code: "VALIDATION_ERROR", field: "after" } });
    }
    const twice = await refusedSse(server, { path: "/api/v1/invocations/inv-1/stream", headers: { "Last-Event-ID": [good, good] } });
    expect(codeOf(twice.body)).toBe("VALIDATION_ERROR");
    for (const bytes of ["a\0b", "a\rb", "a\nb"]) {
      const head = "GET /api/v1/invocations/inv-1/stream HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: ";
      expect(await raw(server, `${head}${bytes}\r\n\r\n`)).toMatch(/^HTTP\/1.1 400 .*VALIDATION_ERROR/s);
    }
    expect(contents(await (await attachSse(server, "inv-1")).untilEnd())).toEqual([1]);
  });

  test("by a cursor of another invocation, and any other method", async () => {
    const server = await serveEntrypoints({ a_stream: () => [1] });
    await (await openSse(server, { body: start({}) })).untilEnd();
    const position = encodeCursor({ invocationId: "inv-2", epoch: "e", seq: 0 });
    const refused = await refusedSse(server, { path: `/api/v1/invocations/inv-1/stream?after=${position}` });
    expect(refused.body).toMatchObject({ error: { code: "VALIDATION_ERROR", message: expect.stringMatching(/another invocation/) } });
    for (const method of ["HEAD", "PUT", "POST", "DELETE"]) {
      const response = await fetch(`${server.url}/api/v1/invocations/inv-1/stream`, { method });
      expect([method, response.status, response.headers.get("allow")]).toEqual([method, 405, "GET"]);
    }
  });
});

describe("streams pipelined behind another answer", () => {
  const attach = "GET /api/v1/invocations/inv-1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n";

  test("are refused, and hold no connection and no invocation when theirs is gone [start.disconnect.1]", async () => {
    const server = await serveEntrypoints(
      {
        a_stream: async function* () {
          yield 1;
          await new Promise(() => {});
        },
      },
      { limits: { maxConnections: 3, disconnectGraceSeconds: 1 } },
    );
    const first = await openSse(server, { body: startFrame("a_stream", "inv-1", { on_disconnect: "cancel" }) });
    await first.until((frame) => frame.seq === 1);
    const pipe = connectTcp(server.port, "127.0.0.1");
    onTestFinished(() => void pipe.destroy());
    let text = "";
    pipe.on("data", (data) => {
      text += data.toString();
    });
    pipe.write(attach.repeat(10));
    await expect.poll(() => text, { interval: 5 }).toMatch(/"seq":1\b/);
    pipe.destroy();
    first.socket.destroy();
    const invocation = async () => (await get(`${server.url}/api/v1/invocations/inv-1`)).body.data;
    await expect.poll(invocation, { interval: 50, timeout: 5000 }).toMatchObject({ status: "cancelled" });
    // The first one holds one of three until its close is heard; those who waited behind it would hold two for ever.
    for (let n = 2; n < 5; n++) await openSse(server, { body: startFrame("a_stream", `inv-${n}`) });
  });

  test("are told so in their turn", async () => {
    const server = await serveEntrypoints({ a_stream: () => [1] });
    const body = start({});
    const head = `POST ${AGENT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    const pipe = connectTcp(server.port, "127.0.0.1");
    onTestFinished(() => void pipe.destroy());
    let text = "";
    pipe.on("data", (data) => {
      text += data.toString();
    });
    pipe.write(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}${attach}`);
    await expect.poll(() => text, { interval: 5 }).toMatch(/^HTTP\/1.1 200 .*stream_completed.*HTTP\/1.1 400 .*cannot be pipelined/s);
    // Behind the end of an answer it is no longer pipelined.
    text = "";
    pipe.write(attach);
    await expect.poll(() => text, { interval: 5 }).toMatch(/^HTTP\/1.1 200 .*stream_completed/s);
  });
});

test("pages of allowed origins may send Last-Event-ID and read Retry-After; foreign ones get nothing", async () => {
  const server = await serveEntrypoints({ a_stream: () => [1] }, { allowedOrigins: ["https://good.com"] });
  const peer = await openSse(server, { body: start({}), headers: { Origin: "https://good.com" } });
  expect(peer.response.headers).toMatchObject({ "access-control-allow-origin": "https://good.com", vary: "Origin" });
  expect(peer.response.headers["access-control-expose-headers"]).toMatch(/Retry-After/);
  const preflight = await fetch(`${server.url}/api/v1/invocations/inv-1/stream`, {
    method: "OPTIONS",
    headers: { Origin: "https://good.com", "Access-Control-Request-Method": "GET" },
  });
  expect(preflight.headers.get("access-control-allow-headers")).toMatch(/Last-Event-ID/);
  for (const options of [{ body: start({ invocation_id: "inv-2" }) }, { path: "/api/v1/invocations/inv-1/stream" }]) {
    const refused = await refusedSse(server, { ...options, headers: { Origin: "https://evil.com" } });
    expect([refused.status, codeOf(refused.body)]).toEqual([403, "PERMISSION_ERROR"]);
  }
  expect((await get(`${server.url}/api/v1/invocations/inv-2`)).status).toBe(404);
});

test(`mutated starts are a stream or a typed error each, and leave nothing open (TEST_SEED=${seed})`, async () => {
  const random = mulberry32(seed);
  const busy = deferred();
  const server = await serveEntrypoints({ a_stream: () => [1], wait_stream: () => busy.promise.then(() => [1]) });
  const witness = await openSse(server, { body: startFrame("wait_stream", "inv-0") });
  const good = Buffer.from(start({ window_bytes: 100, user_id: "u", auth: { token: "t" } }));
  for (let round = 0; round < 500; round++) {
    const body = Buffer.from(good);
    for (let change = 0; change < 1 + random() * 3; change++) body[Math.floor(random() * body.length)] = Math.floor(random() * 256);
    const response = await requestSse(server, { body: random() < 0.2 ? body.subarray(0, Math.floor(random() * body.length)) : body });
    let text = "";
    for await (const part of response.setEncoding("utf8")) text += part;
    if (response.statusCode === 200) expect(text).toMatch(/"status":"stream_completed"/);
    else expect(codeOf(JSON.parse(text))).toMatch(/^(VALIDATION_ERROR|ENTRYPOINT_NOT_FOUND|NON_STREAM_ENTRYPOINT|INVOCATION_CONFLICT)$/);
  }
  busy.resolve();
  expect(contents(await witness.untilEnd())).toEqual([1]);
});

/** A small seeded generator of numbers from 0 to 1. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
