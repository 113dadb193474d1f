/** The stream over SSE: its form, attaching and resuming, backpressure, and how it ends. */
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { encodeCursor } from "@runagent/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { attachSse, openSse, refusedSse, requestSse } from "./sse-peer.ts";
import { codeOf, connect, contents, deferred, get, post, resumeFrame, serveEntrypoints, startFrame } from "./support.ts";

const STREAM = (id: string) => `/api/v1/invocations/${id}/stream`;

describe("POST run-stream", () => {
  test("is accepted, delivered in order and ended explicitly, with the headers that proxies need", async () => {
    const server = await serveEntrypoints({
      a_stream: function* (input, ctx) {
        yield `one\n${input.name}\u2028`;
        ctx.emit({ type: "turn_completed", turn: 1 });
        yield null;
      },
    });
    const peer = await openSse(server, { body: startFrame("a_stream", "inv-1", { input_kwargs: { name: "è" } }) });
    expect(peer.response.headers).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
    });
    expect(peer.response.headers).not.toHaveProperty("content-encoding");
    const [started, ...records] = await peer.untilEnd();
    expect(started).toMatchObject({ status: "stream_started", protocol: 2, seq: 0, first_seq: 1, heartbeat_seconds: 15 });
    expect(contents(records)).toEqual(["one\nè\u2028", null]);
    expect(records.map((frame) => [frame.type, frame.seq])).toEqual([
      ["data", 1],
      ["event", 2],
      ["data", 3],
      ["status", 4],
    ]);
    expect(await peer.ended).toBe(true);
    expect(peer.frames).toHaveLength(5);
  });

  test("a window means nothing", async () => {
    const server = await serveEntrypoints({ a_stream: () => ["a", "b", "c"] });
    const peer = await openSse(server, { body: startFrame("a_stream", "inv-1", { window_bytes: 1 }) });
    expect(contents(await peer.untilEnd())).toEqual(["a", "b", "c"]);
  });

  test("an agent's failure is the terminal record, and the body ends", async () => {
    const server = await serveEntrypoints({
      a_stream: () => {
        throw new Error("boom");
      },
    });
    const peer = await openSse(server, { body: startFrame("a_stream", "inv-1") });
    expect((await peer.untilEnd()).at(-1)).toMatchObject({ type: "error", seq: 1, error: { code: "EXECUTION_ERROR", message: "boom" } });
    expect(await peer.ended).toBe(true);
  });

  test("the connection serves the next request", async () => {
    const server = await serveEntrypoints({ a_stream: () => [1] });
    const socket = connectTcp(server.port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    let text = "";
    socket.on("data", (part) => {
      text += part;
    });
    for (const round of [1, 2]) {
      const body = JSON.stringify(startFrame("a_stream", `inv-${round}`));
      socket.write(
        `POST /api/v1/agents/agent/run-stream HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      while (text.split("\r\n0\r\n\r\n").length <= round) await once(socket, "data");
    }
    expect(text.match(/stream_completed/g)).toHaveLength(2);
  });

  test("started over both transports at once, it runs once, and both get everything", async () => {
    let runs = 0;
    const go = deferred();
    const server = await serveEntrypoints({
      a_stream: async function* () {
        runs++;
        yield 1;
        await go.promise;
        yield 2;
      },
    });
    const webSocket = await connect(server);
    webSocket.send(startFrame("a_stream", "inv-1"));
    const peer = await openSse(server, { body: startFrame("a_stream", "inv-1") });
    await peer.until((frame) => frame.seq === 1);
    go.resolve();
    expect(contents(await peer.untilEnd())).toEqual([2]);
    expect(contents(await webSocket.untilEnd())).toEqual([1, 2]);
    expect(runs).toBe(1);
    const conflict = await refusedSse(server, { body: startFrame("a_stream", "inv-1", { input_args: [1] }) });
    expect([conflict.status, codeOf(conflict.body)]).toEqual([409, "INVOCATION_CONFLICT"]);
  });

  test("the key of the body counts where the header has another", async () => {
    const server = await serveEntrypoints({ a_stream: () => [1] }, { apiKeys: ["k1"] });
    const body = startFrame("a_stream", "inv-1", { auth: { token: "k1" } });
    const peer = await openSse(server, { body, headers: { Authorization: "Bearer wrong" } });
    expect(contents(await peer.untilEnd())).toEqual([1]);
    const attached = await openSse(server, { path: STREAM("inv-1"), headers: { Authorization: "Bearer k1" } });
    expect(contents(await attached.untilEnd())).toEqual([1]);
    for (const [token, header] of [
      ["wrong", "Bearer k1"],
      [undefined, "Bearer wrong"],
      [undefined, undefined],
    ]) {
      const auth = token === undefined ? {} : { auth: { token } };
      const headers: Record<string, string> = header === undefined ? {} : { Authorization: header };
      const refused = await refusedSse(server, { body: startFrame("a_stream", "inv-2", auth), headers });
      expect([refused.status, codeOf(refused.body)]).toEqual([401, "AUTHENTICATION_ERROR"]);
    }
    const after = await get(`${server.url}/api/v1/invocations/inv-2`, { Authorization: "Bearer k1" });
    expect(after.status).toBe(404);
  });
});

describe("GET stream", () => {
  const letters = { a_stream: () => ["a", "b", "c"] };

  test("continues after Last-Event-ID, else after ?after=, else from record 1", async () => {
    const server = await serveEntrypoints(letters);
    const first = await openSse(server, { body: startFrame("a_stream", "inv-1") });
    await first.untilEnd();
    const [, , second = "", third = "", end = ""] = first.ids;
    const atStart = encodeCursor({ invocationId: "inv-1", epoch: String(first.frames[0]?.epoch), seq: 0 });
    const path = (after: string) => `${STREAM("inv-1")}?after=${after}`;
    for (const [options, seqs] of [
      [{ path: STREAM("inv-1") }, [0, 1, 2, 3, 4]],
      [{ path: path(second) }, [2, 3, 4]],
      [{ path: path(second), headers: { "Last-Event-ID": third } }, [3, 4]],
      [{ path: path(end) }, [4, 4]],
      [{ path: path(atStart) }, [0, 1, 2, 3, 4]],
    ] as const) {
      const peer = await openSse(server, options);
      const frames = await peer.untilEnd();
      expect(frames[0]).toMatchObject({ status: "stream_resumed" });
      expect(frames.map((frame) => frame.seq)).toEqual(seqs);
      expect(await peer.ended).toBe(true);
    }
  });

  test("one place in the log, from WebSocket to SSE and back", async () => {
    const go = deferred();
    const server = await serveEntrypoints({
      a_stream: async function* () {
        yield* ["a", "b"];
        await go.promise;
        yield* ["c", "d"];
      },
    });
    const webSocket = await connect(server);
    webSocket.send(startFrame("a_stream", "inv-1", { window_bytes: 1000 }));
    const [started = {}] = await webSocket.until((frame) => frame.seq === 1);
    webSocket.ws.terminate();
    const position = encodeCursor({ invocationId: "inv-1", epoch: String(started.epoch), seq: 1 });
    const sse = await attachSse(server, "inv-1", position);
    expect(contents(await sse.until((frame) => frame.seq === 2))).toEqual(["b"]);
    sse.socket.destroy();
    const again = await connect(server);
    again.send(resumeFrame(started, 2));
    await again.next();
    go.resolve();
    expect(contents(await again.untilEnd())).toEqual(["c", "d"]);
  });

  test("a run is attached to as well", async () => {
    const server = await serveEntrypoints({ add: (input) => input.a + 1 });
    const body = { protocol: 2, invocation_id: "inv-1", entrypoint_tag: "add", input_args: [], input_kwargs: { a: 1 } };
    await post(`${server.url}/api/v1/agents/agent/run`, body);
    expect(contents(await (await attachSse(server, "inv-1")).untilEnd())).toEqual([2]);
  });

  test("refuses in every kind, with status and envelope", async () => {
    const server = await serveEntrypoints(letters, { apiKeys: ["k1", "k2"] });
    const key = { Authorization: "Bearer k1" };
    const peer = await openSse(server, { body: startFrame("a_stream", "inv-1"), headers: key });
    const [started] = await peer.untilEnd();
    const epoch = String(started?.epoch);
    const at = (cursor: object) => encodeCursor({ invocationId: "inv-1", epoch, seq: 2, ...cursor });
    for (const [id, lastEventId, headers, status, code] of [
      ["inv-2", undefined, key, 404, "INVOCATION_NOT_FOUND"],
      ["inv-1", undefined, { Authorization: "Bearer k2" }, 404, "INVOCATION_NOT_FOUND"],
      ["inv-1", at({}), { Authorization: "Bearer k2" }, 404, "INVOCATION_NOT_FOUND"],
      ["inv-1", at({}), {}, 401, "AUTHENTICATION_ERROR"],
      ["inv-1", at({ epoch: "e0" }), key, 409, "EPOCH_CHANGED"],
      ["inv-1", at({ epoch: "e0", seq: 9 }), key, 409, "EPOCH_CHANGED"],
      ["inv-1", at({ seq: 5 }), key, 409, "CURSOR_AHEAD"],
      ["inv-1", at({ invocationId: "inv-2" }), key, 400, "VALIDATION_ERROR"],
      ["inv-1", "nonsense", key, 400, "VALIDATION_ERROR"],
      ["inv-1", "", key, 400, "VALIDATION_ERROR"],
      ["inv-1", `${at({})}=`, key, 400, "VALIDATION_ERROR"],
      ["inv-1", `${at({})}, ${at({})}`, key, 400, "VALIDATION_ERROR"],
    ] as const) {
      const all = lastEventId === undefined ? headers : { ...headers, "Last-Event-ID": lastEventId };
      const refused = await refusedSse(server, { path: STREAM(id), headers: all });
      expect([id, lastEventId, refused.status, codeOf(refused.body)]).toEqual([id, lastEventId, status, code]);
    }
  });

  test("below the log's beginning is CURSOR_EXPIRED", async () => {
    const server = await serveEntrypoints({ a_stream: () => Array(200).fill("x".repeat(1000)) }, { limits: { maxLogBytes: 10_000 } });
    const peer = await openSse(server, { body: startFrame("a_stream", "inv-1") });
    await peer.untilEnd();
    for (const headers of [{}, { "Last-Event-ID": String(peer.ids[2]) }]) {
      const refused = await refusedSse(server, { path: STREAM("inv-1"), headers });
      expect(refused.status).toBe(410);
      expect(refused.body).toMatchObject({ error: { code: "CURSOR_EXPIRED", details: { first_seq: expect.any(Number) } } });
    }
    const resumed = await attachSse(server, "inv-1", peer.ids.at(-2));
    expect((await resumed.untilEnd()).at(-1)).toMatchObject({ status: "stream_completed" });
  });
});

describe("flow and end", () => {
  test("a reader that takes nothing stops the agent, and gets everything once it reads", async () => {
    let yielded = 0;
    const server = await serveEntrypoints({
      a_stream: async function* () {
        for (; yielded < 60_000; yielded++) yield "0123456789".repeat(40);
      },
    });
    const peer = await openSse(server, { body: startFrame("a_stream", "inv-1") });
    peer.response.pause();
    // Exchanges with another connection that change nothing any more: the stream has come to rest.
    for (let before = -1; before !== yielded || yielded === 0; ) {
      before = yielded;
      for (let round = 0; round < 20; round++) await get(`${server.url}/api/v1/health`);
    }
    expect(yielded).toBeGreaterThan(0);
    expect(yielded).toBeLessThan(40_000);
    peer.response.resume();
    const frames = await peer.untilEnd();
    expect(frames.at(-1)).toMatchObject({ seq: 60_001, total_chunks: 60_000 });
    frames.slice(1).forEach((frame, index) => {
      if (frame.seq !== index + 1) throw new Error(`Record ${index + 1} is missing.`);
    });
    expect(await peer.ended).toBe(true);
  });

  test("the server's close ends streams after their terminal records", async () => {
    const server = await serveEntrypoints({
      a_stream: async function* () {
        yield 1;
        await new Promise(() => {});
      },
    });
    const peer = await openSse(server, { body: startFrame("a_stream", "inv-1") });
    await peer.until((frame) => frame.seq === 1);
    const closed = server.close({ timeoutMs: 60_000 });
    expect((await peer.untilEnd()).at(-1)).toMatchObject({ type: "error", error: { code: "OWNER_LOST" }, seq: 2 });
    expect(await peer.ended).toBe(true);
    await closed;
  });

  test("cancel over REST ends the stream", async () => {
    const server = await serveEntrypoints({ a_stream: () => new Promise<never>(() => {}) });
    const peer = await openSse(server, { body: startFrame("a_stream", "inv-1") });
    await peer.next();
    const answer = await post(`${server.url}/api/v1/invocations/inv-1/cancel`, { mode: "immediate" });
    expect(answer.body.data).toMatchObject({ outcome: "accepted" });
    expect(await peer.next()).toMatchObject({ status: "stream_cancelled", seq: 1 });
    expect(await peer.ended).toBe(true);
  });

  test("connections count, in all and of one key, and are given back", async () => {
    const limits = { maxConnections: 3, maxConnectionsPerKey: 1 };
    const server = await serveEntrypoints({ a_stream: () => new Promise<never>(() => {}) }, { apiKeys: ["k1", "k2"], limits });
    const open = (key: string, id: string) =>
      requestSse(server, { body: startFrame("a_stream", id), headers: { Authorization: `Bearer ${key}` } });
    const first = await open("k1", "inv-1");
    expect(first.statusCode).toBe(200);
    const refused = await open("k1", "inv-2");
    expect([refused.statusCode, refused.headers["retry-after"]]).toEqual([429, "1"]);
    expect((await open("k2", "inv-3")).statusCode).toBe(200);
    const webSocket = await connect(server);
    expect((await open("k2", "inv-4")).statusCode).toBe(429);
    webSocket.ws.close();
    await webSocket.closed;
    first.socket.destroy();
    for (;;) if ((await open("k1", "inv-1")).statusCode === 200) break;
  });
});
