/** Version 1: the exact shapes of deployed servers, on WebSocket and POST run. */
import { describe, expect, test } from "vitest";
import { connect, deferred, post, serveEntrypoints } from "./support.ts";

const request = (tag: string, kwargs: object = {}) => ({
  entrypoint_tag: tag,
  input_args: [],
  input_kwargs: kwargs,
  timeout_seconds: 300,
  async_execution: false,
});

describe("a version 1 stream", () => {
  test("has the shapes of deployed servers, byte for byte", async () => {
    const server = await serveEntrypoints({
      a_stream: async function* (_input, ctx) {
        yield "tok ";
        yield 1;
        yield 0.5;
        yield true;
        yield null;
        yield [1];
        yield { a: 1 };
        ctx.emit({ type: "turn_completed", turn: 1 });
      },
    });
    const peer = await connect(server, { version: 1 });
    peer.send(request("a_stream"));
    expect(await peer.closed).toEqual({ code: 1000, reason: "" });
    const started = peer.frames[0];
    const id = started?.invocation_id;
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(peer.texts[0]).toBe(`{"type":"status","status":"stream_started","invocation_id":"${id}"}`);
    expect(peer.texts.slice(1, -1)).toEqual([
      String.raw`{"type":"data","content":"{\"type\":\"string\",\"payload\":\"\\\"tok \\\"\"}"}`,
      String.raw`{"type":"data","content":"{\"type\":\"integer\",\"payload\":\"1\"}"}`,
      String.raw`{"type":"data","content":"{\"type\":\"number\",\"payload\":\"0.5\"}"}`,
      String.raw`{"type":"data","content":"{\"type\":\"boolean\",\"payload\":\"true\"}"}`,
      String.raw`{"type":"data","content":"{\"type\":\"null\",\"payload\":\"null\"}"}`,
      String.raw`{"type":"data","content":"{\"type\":\"array\",\"payload\":\"[1]\"}"}`,
      String.raw`{"type":"data","content":"{\"type\":\"object\",\"payload\":\"{\\\"a\\\":1}\"}"}`,
      String.raw`{"type":"data","content":"{\"type\":\"object\",\"payload\":\"{\\\"type\\\":\\\"turn_completed\\\",\\\"turn\\\":1}\"}"}`,
    ]);
    const last = peer.frames.at(-1);
    expect(Object.keys(last ?? {})).toEqual(["type", "status", "total_chunks", "execution_time", "invocation_id"]);
    expect(last).toMatchObject({
      type: "status",
      status: "stream_completed",
      total_chunks: 8,
      invocation_id: id,
      execution_time: expect.any(Number),
    });
  });

  test("a failing agent is a sentence, then 1000", async () => {
    const server = await serveEntrypoints({
      a_stream: async function* () {
        yield 1;
        throw new Error("tool down");
      },
    });
    const peer = await connect(server, { version: 1 });
    peer.send(request("a_stream"));
    expect((await peer.closed).code).toBe(1000);
    expect(peer.frames).toHaveLength(3);
    expect(peer.texts.at(-1)).toBe('{"type":"error","error":"Streaming error: tool down"}');
  });

  test.each([
    ["an unknown tag", { ...request("b_stream") }, /no entrypoint "b_stream"/],
    ["a tag that does not stream", request("chat"), /does not stream/],
    ["no tag", { input_args: [], input_kwargs: {} }, /entrypoint_tag/],
    ["args that are no list", { ...request("a_stream"), input_args: {} }, /input_args/],
    ["an empty object", {}, /entrypoint_tag/],
  ])("%s is refused with 1003", async (_name, body, message) => {
    const server = await serveEntrypoints({ a_stream: () => [1], chat: () => 1 });
    const peer = await connect(server, { version: 1 });
    peer.send(body);
    expect((await peer.closed).code).toBe(1003);
    expect(peer.frames).toHaveLength(1);
    expect(peer.frames[0]).toMatchObject({ type: "error", detail: expect.stringMatching(message) });
  });

  test("closing stops the agent, and later frames are ignored", async () => {
    const aborted = deferred();
    const server = await serveEntrypoints({
      a_stream: async function* (_input, ctx) {
        ctx.signal.addEventListener("abort", () => aborted.resolve());
        yield 1;
        await new Promise(() => {});
      },
    });
    const peer = await connect(server, { version: 1 });
    peer.send(request("a_stream"));
    peer.send("anything");
    await peer.until((frame) => frame.type === "data");
    peer.send({ type: "cancel", mode: "immediate" });
    peer.ws.close();
    await aborted.promise;
    expect(peer.frames).toHaveLength(2);
  });
});

describe("a version 1 run", () => {
  test("answers the result encoded twice, in the envelope", async () => {
    const server = await serveEntrypoints({ echo: (input) => input.value });
    const url = `${server.url}/api/v1/agents/agent/run`;
    const { status, body } = await post(url, request("echo", { value: "hello" }));
    expect(status).toBe(200);
    expect(Object.keys(body)).toEqual(["success", "data", "message", "error", "timestamp", "request_id"]);
    expect(body).toMatchObject({ success: true, error: null, data: String.raw`{"type":"string","payload":"\"hello\""}` });
    for (const [value, data] of [
      [0, '{"type":"integer","payload":"0"}'],
      [1.5, '{"type":"number","payload":"1.5"}'],
      [false, '{"type":"boolean","payload":"false"}'],
      ["", String.raw`{"type":"string","payload":"\"\""}`],
      [null, '{"type":"null","payload":"null"}'],
      [[], '{"type":"array","payload":"[]"}'],
      [{}, '{"type":"object","payload":"{}"}'],
    ]) {
      expect((await post(url, request("echo", { value }))).body).toMatchObject({ success: true, data });
    }
  });

  test("takes a body without input_args and input_kwargs, and ignores what it does not know", async () => {
    const server = await serveEntrypoints({ chat: (_input, ctx) => ctx.args.length });
    const { body } = await post(`${server.url}/api/v1/agents/agent/run`, { entrypoint_tag: "chat", strategy: "x", user_id: null });
    expect(body).toMatchObject({ success: true, data: '{"type":"integer","payload":"0"}' });
  });

  test("a failing agent is success false with its message", async () => {
    const server = await serveEntrypoints({ chat: () => Promise.reject(new Error("no model")) });
    const { status, body } = await post(`${server.url}/api/v1/agents/agent/run`, request("chat"));
    expect(status).toBe(500);
    expect(body).toMatchObject({ success: false, data: null, error: { code: "EXECUTION_ERROR", message: "no model" } });
    expect(Object.keys(body.error as object).sort()).toEqual(["code", "details", "field", "message", "suggestion"]);
  });

  test("goes on when its client leaves", async () => {
    const started = deferred();
    const go = deferred();
    const ended = deferred<boolean>();
    const server = await serveEntrypoints({
      chat: async (_input, ctx) => {
        started.resolve();
        await go.promise;
        ended.resolve(ctx.signal.aborted);
      },
    });
    const leave = new AbortController();
    const answer = fetch(`${server.url}/api/v1/agents/agent/run`, {
      method: "POST",
      body: JSON.stringify(request("chat")),
      signal: leave.signal,
    });
    await started.promise;
    leave.abort();
    await expect(answer).rejects.toThrow();
    go.resolve();
    expect(await ended.promise).toBe(false);
  });
});
