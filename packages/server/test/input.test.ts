/** Bad input on the WebSocket: each a typed error, and the server lives and serves others. */
import { once } from "node:events";
import net from "node:net";
import { describe, expect, test } from "vitest";
import { codeOf, connect, contents, deferred, post, serveEntrypoints, startFrame } from "./support.ts";

const nested = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;
const start = (extra: object): string => JSON.stringify({ ...startFrame("a_stream", "inv-1"), ...extra });
const MIB = 1_048_576;

describe("a first frame that is refused", () => {
  test.each<[string, string | Buffer, string, number, string?]>([
    ["not JSON", "{", "VALIDATION_ERROR", 4400],
    ["empty", "", "VALIDATION_ERROR", 4400],
    ["an array", "[]", "VALIDATION_ERROR", 4400],
    ["a number", "1e400", "VALIDATION_ERROR", 4400],
    ["null", "null", "VALIDATION_ERROR", 4400],
    ["binary", Buffer.from("{}"), "VALIDATION_ERROR", 4400],
    ["nested 65 deep", `{"protocol":2,"a":${nested(64)}}`, "PAYLOAD_TOO_LARGE", 1009],
    ["nested 100,000 deep", nested(100_000), "PAYLOAD_TOO_LARGE", 1009],
    ["another protocol", start({ protocol: 3 }), "VALIDATION_ERROR", 4400, "protocol"],
    ["protocol as text", start({ protocol: "2" }), "VALIDATION_ERROR", 4400, "protocol"],
    ["an operation before start", '{"type":"cancel","mode":"immediate"}', "VALIDATION_ERROR", 4400, "type"],
    ["an ack before start", '{"type":"ack","seq":1}', "VALIDATION_ERROR", 4400, "type"],
    ["no type", '{"protocol":2}', "VALIDATION_ERROR", 4400, "type"],
    ["kwargs that are text", start({ input_kwargs: "x" }), "VALIDATION_ERROR", 4400, "input_kwargs"],
    ["kwargs that are null", start({ input_kwargs: null }), "VALIDATION_ERROR", 4400, "input_kwargs"],
    ["an id with a slash", start({ invocation_id: "a/b" }), "VALIDATION_ERROR", 4400, "invocation_id"],
    ["an id that climbs", start({ invocation_id: "../x" }), "VALIDATION_ERROR", 4400, "invocation_id"],
    ["an id with a line end", start({ invocation_id: "a\r\nb" }), "VALIDATION_ERROR", 4400, "invocation_id"],
    ["an id with a line end at its end", start({ invocation_id: "a\n" }), "VALIDATION_ERROR", 4400, "invocation_id"],
    ["a long id", start({ invocation_id: "a".repeat(129) }), "VALIDATION_ERROR", 4400, "invocation_id"],
    ["a tag with NUL", start({ entrypoint_tag: "a\u0000_stream" }), "VALIDATION_ERROR", 4400, "entrypoint_tag"],
    ["a tag of a prototype", start({ entrypoint_tag: "constructor" }), "ENTRYPOINT_NOT_FOUND", 4404, "entrypoint_tag"],
    ["an unknown tag", start({ entrypoint_tag: "nope_stream" }), "ENTRYPOINT_NOT_FOUND", 4404, "entrypoint_tag"],
    ["a tag that does not stream", start({ entrypoint_tag: "chat" }), "NON_STREAM_ENTRYPOINT", 4400, "entrypoint_tag"],
    ["a negative window", start({ window_bytes: -1 }), "VALIDATION_ERROR", 4400, "window_bytes"],
    ["a window without measure", start({ window_bytes: 2 ** 53 }), "VALIDATION_ERROR", 4400, "window_bytes"],
    ["a deadline of nothing", start({ timeout_seconds: 0 }), "VALIDATION_ERROR", 4400, "timeout_seconds"],
    [
      "a resume with a fraction",
      '{"type":"resume","protocol":2,"invocation_id":"a","epoch":"e","after_seq":1.5}',
      "VALIDATION_ERROR",
      4400,
      "after_seq",
    ],
    ["a resume of nothing", '{"type":"resume","protocol":2,"invocation_id":"a","epoch":"e","after_seq":1}', "INVOCATION_NOT_FOUND", 4404],
  ])("%s", async (_name, frame, code, closeCode, field) => {
    const server = await serveEntrypoints({ a_stream: () => [1], chat: () => 1 });
    const peer = await connect(server);
    peer.send(frame);
    const answer = await peer.next();
    expect(answer).not.toHaveProperty("seq");
    expect(codeOf(answer)).toBe(code);
    if (field !== undefined) expect(answer).toHaveProperty("error.field", field);
    expect(await peer.closed).toEqual({ code: closeCode, reason: code });
    expect(peer.frames).toHaveLength(1);
    const other = await connect(server);
    other.send(startFrame("a_stream", "inv-9"));
    expect(contents(await other.untilEnd())).toEqual([1]);
  });

  test("an unknown agent is named by a frame, for browsers cannot read a refused upgrade", async () => {
    const server = await serveEntrypoints({ a_stream: () => [1] });
    const peer = await connect(server, { agentId: "nobody" });
    peer.send(startFrame("a_stream", "inv-1"));
    expect(codeOf(await peer.next())).toBe("AGENT_NOT_FOUND");
    expect((await peer.closed).code).toBe(4404);
  });

  test("a frame at the limit passes, one byte more does not", async () => {
    const server = await serveEntrypoints({ a_stream: () => [1] }, { limits: { maxFirstFrameBytes: 1000, maxClientFrameBytes: 2000 } });
    const empty = start({ input_kwargs: { a: "" } }).length;
    const fits = await connect(server);
    fits.send(start({ input_kwargs: { a: "x".repeat(1000 - empty) } }));
    await fits.untilEnd();
    const over = await connect(server);
    over.send(start({ input_kwargs: { a: "x".repeat(1001 - empty) } }));
    expect(await over.next()).toMatchObject({
      error: { code: "PAYLOAD_TOO_LARGE", message: expect.stringContaining("maxFirstFrameBytes") },
    });
    expect((await over.closed).code).toBe(1009);
    const giant = await connect(server);
    giant.send("x".repeat(2001));
    expect((await giant.closed).code).toBe(1009);
  });

  test("that never comes", async () => {
    const server = await serveEntrypoints({ a_stream: () => [1] }, { limits: { firstFrameTimeoutMs: 30 } });
    const peer = await connect(server);
    expect(await peer.next()).toMatchObject({ error: { code: "TIMEOUT", message: expect.stringContaining("firstFrameTimeoutMs") } });
    expect((await peer.closed).code).toBe(4408);
  });
});

describe("later frames", () => {
  test.each([
    ["a second start", startFrame("a_stream", "inv-2"), "VALIDATION_ERROR", 4400],
    ["not JSON", "}", "VALIDATION_ERROR", 4400],
    ["an odd cancel", { type: "cancel", mode: "now" }, "VALIDATION_ERROR", 4400],
    ["a negative ack", { type: "ack", seq: -1 }, "VALIDATION_ERROR", 4400],
  ])("%s breaks the connection, not the invocation", async (_name, frame, code, closeCode) => {
    const go = deferred();
    const server = await serveEntrypoints({
      a_stream: async function* () {
        yield 1;
        await go.promise;
        yield 2;
      },
    });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    await peer.until((each) => each.seq === 1);
    peer.send(frame);
    const answer = await peer.next();
    expect(answer).not.toHaveProperty("seq");
    expect(codeOf(answer)).toBe(code);
    expect((await peer.closed).code).toBe(closeCode);
    go.resolve();
    const again = await connect(server);
    again.send(startFrame("a_stream", "inv-1"));
    expect(contents(await again.untilEnd())).toEqual([1, 2]);
  });

  test("unknown frames are ignored, approvals are answered", async () => {
    const go = deferred();
    const server = await serveEntrypoints({
      a_stream: async function* () {
        yield 1;
        await go.promise;
      },
    });
    const peer = await connect(server);
    peer.send({ type: "novelty", protocol: 2 });
    peer.send(startFrame("a_stream", "inv-1", { novelty: 1 }));
    await peer.until((frame) => frame.seq === 1);
    peer.send({ type: "novelty", x: 1 });
    peer.send({ type: "approval", approval_id: "ap-1", decision: "approve" });
    expect(await peer.next()).toMatchObject({
      status: "approval_acknowledged",
      outcome: "refused",
      error: { code: "VALIDATION_ERROR", field: "approval_id" },
    });
    go.resolve();
    expect(await peer.next()).toMatchObject({ status: "stream_completed" });
  });
});

test("__proto__ in the input is a key like any other", async () => {
  const server = await serveEntrypoints({
    a_stream: (input) => [Object.keys(input), input.polluted ?? null],
    chat: (input) => Object.keys(input),
  });
  const peer = await connect(server);
  const polluted = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
  peer.send(start({}).replace('"input_kwargs":{}', `"input_kwargs":${polluted}`));
  expect(contents(await peer.untilEnd())).toEqual([["__proto__", "constructor"], null]);
  const run = await post(
    `${server.url}/api/v1/agents/agent/run`,
    `{"entrypoint_tag":"chat","input_kwargs":${polluted},"__proto__":{"protocol":2}}`,
  );
  expect(run.body.data).toBe(String.raw`{"type":"array","payload":"[\"__proto__\",\"constructor\"]"}`);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

describe("HTTP bodies", () => {
  test.each<[string, string | Uint8Array<ArrayBuffer>, number, string]>([
    ["not JSON", "{", 400, "VALIDATION_ERROR"],
    ["empty", "", 400, "VALIDATION_ERROR"],
    ["an array", "[]", 400, "VALIDATION_ERROR"],
    ["not UTF-8", new Uint8Array([0x7b, 0xff, 0x7d]), 400, "VALIDATION_ERROR"],
    ["too deep", `{"a":${nested(10_000)}}`, 413, "PAYLOAD_TOO_LARGE"],
    ["too large", `{"a":"${"x".repeat(MIB)}"}`, 413, "PAYLOAD_TOO_LARGE"],
  ])("%s", async (_name, body, status, code) => {
    const server = await serveEntrypoints({ chat: () => 1 });
    const response = await fetch(`${server.url}/api/v1/agents/agent/run`, { method: "POST", body });
    expect(response.status).toBe(status);
    expect(codeOf(await response.json())).toBe(code);
  });

  test("a body without a length is read no further than its limit", async () => {
    const server = await serveEntrypoints({ chat: () => 1 }, { limits: { maxBodyBytes: 10_000 } });
    let sent = 0;
    const body = new ReadableStream({
      pull(controller) {
        sent += 1000;
        if (sent > 50_000_000) controller.close();
        else controller.enqueue(Buffer.alloc(1000, "x"));
      },
    });
    const init = { method: "POST", body, duplex: "half" };
    const status = await fetch(`${server.url}/api/v1/agents/agent/run`, init).then(
      (response) => response.status,
      () => 413,
    );
    expect(status).toBe(413);
    expect(sent).toBeLessThan(50_000_000);
  });
});

describe("below HTTP", () => {
  test("what is no HTTP gets an envelope, and a request that never comes is cut off", async () => {
    const server = await serveEntrypoints({ chat: () => 1 }, { limits: { handshakeTimeoutMs: 100 } });
    for (const bytes of ["nonsense\r\n\r\n", "GET /api/v1/health HTTP/1.1\r\nHost: localh", ""]) {
      const socket = net.connect(server.port, server.host);
      await once(socket, "connect");
      socket.write(bytes);
      let text = "";
      socket.on("data", (data) => {
        text += data.toString();
      });
      await once(socket, "close");
      if (bytes !== "") expect(text).toContain('"success":false');
    }
    expect((await fetch(`${server.url}/api/v1/health`)).status).toBe(200);
  });

  test.each([
    ["unmasked", Buffer.from([0x81, 0x02, 0x7b, 0x7d]), 1002],
    ["invalid UTF-8", Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff]), 4400],
    ["a reserved bit", Buffer.from([0xc1, 0x80, 0, 0, 0, 0]), 1002],
    ["a giant length", Buffer.from([0x81, 0xff, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 1009],
    [
      "65 fragments",
      Buffer.concat([Buffer.from([0x01, 0x80, 0, 0, 0, 0]), ...Array(64).fill(Buffer.from([0x00, 0x80, 0, 0, 0, 0]))]),
      1008,
    ],
  ])("a WebSocket frame that is %s closes that connection only", async (_name, bytes, code) => {
    const server = await serveEntrypoints({ a_stream: () => [1] });
    const peer = await connect(server);
    const raw: unknown = Reflect.get(peer.ws, "_socket");
    if (raw instanceof net.Socket) raw.write(bytes);
    expect((await peer.closed).code).toBe(code);
    const other = await connect(server);
    other.send(startFrame("a_stream", "inv-1"));
    await other.untilEnd();
  });
});
