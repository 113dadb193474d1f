/** What must not take the server down, nor its answers out of shape: hostile throws, odd HTTP, full logs, large and strange values. */
import { once } from "node:events";
import net from "node:net";
import { RunAgentError } from "@runagent/core";
import { describe, expect, test } from "vitest";
import { codeOf, connect, contents, deferred, get, post, resumeFrame, serveEntrypoints, startFrame } from "./support.ts";

/** Sends bytes as they are, and gives everything that comes back until the connection ends. */
async function raw(port: number, text: string): Promise<string> {
  const socket = net.connect(port, "127.0.0.1");
  let answer = "";
  socket.setEncoding("latin1").on("data", (data: string) => {
    answer += data;
  });
  socket.write(text);
  await once(socket, "close");
  return answer;
}

const bodyOf = (answer: string): Record<string, unknown> => JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4));
const run = (url: string): string => `${url}/api/v1/agents/agent/run`;

describe("an agent that throws what fails when it is looked at", () => {
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  let deep: unknown = 1;
  for (let level = 0; level < 100; level++) deep = [deep];
  const hostile = (property: string): Error =>
    Object.defineProperty(new Error("x"), property, {
      get() {
        throw new Error("gotcha");
      },
    });
  const thrown: [string, unknown, RegExp][] = [
    ["details with a BigInt", new RunAgentError("EXECUTION_ERROR", "It broke.", { details: { n: 1n } }), /^It broke\.$/],
    ["details that are cyclic", new RunAgentError("EXECUTION_ERROR", "It broke.", { details: cyclic }), /^It broke\.$/],
    ["details that are deep", new RunAgentError("EXECUTION_ERROR", "It broke.", { details: deep }), /^It broke\.$/],
    ["a message getter that throws", hostile("message"), /without a message/],
    ["a message that is an object", Object.assign(new Error("x"), { message: { toString: () => "y" } }), /without a message/],
    ["a suggestion that is a number", Object.assign(new RunAgentError("EXECUTION_ERROR", "It broke."), { suggestion: 5 }), /^It broke\.$/],
    [
      "a Proxy",
      new Proxy(
        {},
        {
          get: () => {
            throw new Error("gotcha");
          },
          getPrototypeOf: () => {
            throw new Error("gotcha");
          },
          has: () => {
            throw new Error("gotcha");
          },
        },
      ),
      /without a message/,
    ],
    ["20 MB of text", new Error("x".repeat(20_000_000)), /^x{16384}…$/],
    ["nothing", undefined, /without a message/],
    ["a string", "Just so.", /^Just so\.$/],
  ];

  test.each(thrown)("%s is EXECUTION_ERROR", async (_, value, message) => {
    const server = await serveEntrypoints({
      chat: () => {
        throw value;
      },
      a_stream: async function* () {
        yield 1;
        throw value;
      },
      fine: () => 1,
    });
    const answer = await post(run(server.url), { entrypoint_tag: "chat" });
    expect([answer.status, codeOf(answer.body)]).toEqual([500, "EXECUTION_ERROR"]);
    expect(answer.body).toHaveProperty("error.message", expect.stringMatching(message));
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    const frames = await peer.untilEnd();
    expect(frames.at(-1)).toMatchObject({
      type: "error",
      seq: 2,
      error: { code: "EXECUTION_ERROR", message: expect.stringMatching(message) },
    });
    expect((await post(run(server.url), { entrypoint_tag: "fine" })).status).toBe(200);
  });
});

describe("values", () => {
  test.each([{ a: Number.NaN }, { toJSON: 1, a: Number.NaN }, { a: [{ b: Number.POSITIVE_INFINITY }] }, [null, Number.NEGATIVE_INFINITY]])(
    "%j with a number that JSON has not is refused",
    async (value) => {
      const server = await serveEntrypoints({ chat: () => value, fine: () => ({ a: null, b: [1.5], c: "null" }) });
      expect(codeOf((await post(run(server.url), { entrypoint_tag: "chat" })).body)).toBe("EXECUTION_ERROR");
      expect((await post(run(server.url), { entrypoint_tag: "fine" })).status).toBe(200);
    },
  );

  test("an event is what its toJSON makes of it", async () => {
    const server = await serveEntrypoints({
      a_stream: function* (_, ctx) {
        for (const json of [5, { no: "type" }]) {
          try {
            ctx.emit({ type: "x", toJSON: () => json });
          } catch (error) {
            yield RunAgentError.is(error) ? error.code : error;
          }
        }
        ctx.emit({ type: "x", toJSON: () => ({ type: "y" }) });
        ctx.emit({ type: "z", toJSON: "data" });
      },
    });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    const frames = await peer.untilEnd();
    expect(contents(frames)).toEqual(["VALIDATION_ERROR", "VALIDATION_ERROR"]);
    expect(frames).toContainEqual({ type: "event", seq: 3, event: { type: "y" } });
    expect(frames).toContainEqual({ type: "event", seq: 4, event: { type: "z", toJSON: "data" } });
  });

  test("no frame is larger than maxServerFrameBytes", async () => {
    const server = await serveEntrypoints({ a_stream: ({ size }) => ["x".repeat(size)] }, { limits: { maxServerFrameBytes: 1000 } });
    const outcomes = new Set<string>();
    for (let size = 900; size <= 1000; size += 5) {
      const peer = await connect(server);
      peer.send(startFrame("a_stream", `inv-${size}`, { input_kwargs: { size } }));
      const frames = await peer.untilEnd();
      outcomes.add(String(frames.at(-1)?.status ?? codeOf(frames.at(-1))));
      expect(Math.max(...peer.texts.map((text) => Buffer.byteLength(text)))).toBeLessThanOrEqual(1000);
    }
    expect([...outcomes].sort()).toEqual(["EXECUTION_ERROR", "stream_completed"]);
  });

  test("an iterator that gives no results is refused, and one that is slow leaves others their turn", async () => {
    const server = await serveEntrypoints({
      a_stream: () => ({ [Symbol.iterator]: () => ({ next: () => 5 as never }) }),
      *big_stream() {
        for (;;) yield "z".repeat(1_000_000);
      },
    });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    expect((await peer.untilEnd()).at(-1)).toMatchObject({ error: { code: "EXECUTION_ERROR" } });
    peer.ws.close();
    const reader = await connect(server);
    reader.send(startFrame("big_stream", "inv-2"));
    await reader.until((frame) => frame.seq === 3);
    const before = reader.frames.length;
    await get(`${server.url}/api/v1/health`);
    expect(reader.frames.length - before).toBeLessThan(64);
  });

  test("the list of invocations leaves results out; an invocation has its own", async () => {
    const server = await serveEntrypoints({ chat: () => ({ big: "x".repeat(10_000) }) });
    await post(run(server.url), { protocol: 2, invocation_id: "inv-1", entrypoint_tag: "chat", input_args: [], input_kwargs: {} });
    const list = await get(`${server.url}/api/v1/agents/agent/invocations?limit=1`);
    expect(JSON.stringify(list.body).length).toBeLessThan(1000);
    expect((await get(`${server.url}/api/v1/invocations/inv-1`)).body).toHaveProperty("data.result.big");
    expect((await get(`${server.url}/api/v1/agents/agent/invocations?limit=0x10`)).status).toBe(400);
  });
});

describe("frames", () => {
  test("too large a frame is told before the close, on the first and later", async () => {
    const server = await serveEntrypoints({ a_stream: () => new Promise<never>(() => {}) });
    for (const first of [true, false]) {
      const peer = await connect(server);
      if (!first) {
        peer.send(startFrame("a_stream", "inv-1"));
        await peer.next();
      }
      peer.send(`{"type":"ack","seq":1,"x":"${"x".repeat(1_100_000)}"}`);
      const error = await peer.next();
      expect(error).toMatchObject({
        error: { code: "PAYLOAD_TOO_LARGE", message: expect.stringContaining(first ? "maxFirstFrameBytes" : "maxClientFrameBytes") },
      });
      expect((await peer.closed).code).toBe(1009);
    }
  });

  test("an unknown frame is ignored on a warm connection too", async () => {
    const server = await serveEntrypoints({ a_stream: () => [1] });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    await peer.untilEnd();
    peer.send({ type: "pause" });
    peer.send(startFrame("a_stream", "inv-2"));
    expect((await peer.untilEnd()).at(-1)).toMatchObject({ status: "stream_completed", invocation_id: "inv-2" });
  });

  test("1,500 cancels in one read are all answered", async () => {
    const server = await serveEntrypoints({ a_stream: () => new Promise<never>(() => {}) });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    await peer.next();
    const socket: unknown = Reflect.get(peer.ws, "_socket");
    if (!(socket instanceof net.Socket)) throw new Error("ws keeps its socket elsewhere now");
    socket.cork();
    for (let count = 0; count < 1500; count++) peer.send({ type: "cancel", mode: "immediate" });
    socket.uncork();
    let answers = 0;
    await peer.until((frame) => frame.status === "cancel_acknowledged" && ++answers === 1500);
    expect(peer.frames.filter(({ status }) => status === "stream_cancelled")).toHaveLength(1);
  });

  test("a start whose key is never checked is refused in time", async () => {
    const server = await serveEntrypoints(
      { a_stream: () => [1] },
      { apiKeys: () => new Promise<never>(() => {}), limits: { handshakeTimeoutMs: 50 } },
    );
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1", { auth: { token: "k" } }));
    expect(await peer.next()).toMatchObject({ error: { code: "TIMEOUT" } });
    expect((await peer.closed).code).toBe(4408);
  });

  test("a type that is no string is a VALIDATION_ERROR, over REST and on a WebSocket", async () => {
    const server = await serveEntrypoints({ chat: () => 1 });
    const answer = await post(run(server.url), { type: { toString: 1 } });
    expect([answer.status, codeOf(answer.body)]).toEqual([400, "VALIDATION_ERROR"]);
    const peer = await connect(server, { version: 1 });
    peer.send({ type: { toString: 1 } });
    expect(await peer.next()).toHaveProperty("error", expect.stringContaining("entrypoint_tag"));
  });
});

describe("odd HTTP", () => {
  test("an offer of HTTP/2 is ignored, the request answered: body and all; then the connection ends", async () => {
    const server = await serveEntrypoints({ echo: ({ value }) => value });
    const body = JSON.stringify({ entrypoint_tag: "echo", input_kwargs: { value: "ü".repeat(50_000) } });
    const head = [
      "POST /api/v1/agents/agent/run HTTP/1.1",
      `Host: 127.0.0.1:${server.port}`,
      "Connection: Upgrade, HTTP2-Settings",
      "Upgrade: h2c",
      "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
      "Content-Type: application/json",
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    const socket = net.connect(server.port, "127.0.0.1");
    const closed = once(socket, "close");
    socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
    let answer = "";
    socket.setEncoding("utf8").on("data", (data: string) => {
      answer += data;
    });
    await closed;
    // Kept alive, it would gather listeners with each such request.
    expect(answer).toMatch(/^HTTP\/1\.1 200 .*\r\nconnection: close\r\n/is);
    expect(answer).toContain("ü".repeat(50_000));
  });

  test.each([
    ["without a Host", (port: number) => `GET /api/v1/health HTTP/1.1\r\nConnection: close\r\nX-Port: ${port}\r\n\r\n`, 400],
    [
      "with an unknown expectation",
      (port: number) => `GET /api/v1/health HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\nExpect: magic\r\n\r\n`,
      417,
    ],
    ["to a proxy", (port: number) => `CONNECT x:1 HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`, 405],
    [
      "with a handshake that lacks its key",
      (port: number) =>
        `GET /api/v1/agents/agent/run-stream HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n`,
      400,
    ],
  ])("a request %s is answered in the envelope", async (_, request, status) => {
    const server = await serveEntrypoints({ chat: () => 1 });
    const answer = await raw(server.port, request(server.port));
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(bodyOf(answer)).toMatchObject({ success: false, error: { code: expect.any(String) } });
  });
});

describe("all logs together", () => {
  const limits = { maxTotalLogBytes: 100_000, maxLogBytes: 1_000_000 };
  const chunk = "x".repeat(10_000);

  test("ended invocations are forgotten first", async () => {
    const server = await serveEntrypoints({ chat: () => chunk }, { limits });
    const body = (id: number) => ({ protocol: 2, invocation_id: `inv-${id}`, entrypoint_tag: "chat", input_args: [], input_kwargs: {} });
    for (let id = 0; id < 30; id++) expect((await post(run(server.url), body(id))).status).toBe(200);
    const { body: list } = await get(`${server.url}/api/v1/agents/agent/invocations`);
    expect(list).toHaveProperty("data.total_count", 4);
    expect((await get(`${server.url}/api/v1/invocations/inv-29`)).status).toBe(200);
  });

  test("streams that nobody reads wait, nothing new starts, and readers go on with what they need", async () => {
    let yielded = 0;
    const full = deferred();
    const server = await serveEntrypoints(
      {
        a_stream: function* () {
          for (; yielded < 50; yielded++) {
            if (yielded === 9) full.resolve();
            yield chunk;
          }
        },
        chat: () => 1,
      },
      { limits },
    );
    const first = await connect(server);
    first.send(startFrame("a_stream", "inv-1", { window_bytes: 1 }));
    const [started = {}] = await first.until((frame) => frame.seq === 1);
    first.ws.close(1000);
    await full.promise;
    const chat = () => post(run(server.url), { entrypoint_tag: "chat" });
    await expect.poll(async () => (await chat()).status, { timeout: 10_000 }).toBe(429);
    expect((await chat()).body).toMatchObject({ error: { code: "RATE_LIMITED", message: expect.stringContaining("maxTotalLogBytes") } });
    expect(yielded).toBeLessThan(15);
    const second = await connect(server);
    second.send(resumeFrame(started, 1));
    const frames = await second.untilEnd();
    expect([contents(frames).length, frames.at(-1)?.status]).toEqual([49, "stream_completed"]);
  });
});
