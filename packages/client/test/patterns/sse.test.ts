/** toSSE and toJSONLines: real servers, a far client that reads events as a browser does, goes and comes back. */
import { serve } from "@hono/node-server";
import { RunAgentError } from "@runagent/core";
import { createParser } from "eventsource-parser";
import { describe, expect, it, onTestFinished } from "vitest";
import { buffered, toJSONLines, toSSE, withTimeout } from "../../src/patterns/index.ts";
import { aborted, serveStory } from "./served.ts";
import { createSource, nextTurn, sourceOf, until } from "./sources.ts";

interface Event {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** Answers every request with what the handler makes of it; the address. */
async function listen(handler: (request: Request) => Response): Promise<string> {
  return new Promise((resolve) => {
    const server = serve({ fetch: handler, port: 0, hostname: "127.0.0.1" }, ({ port }) => resolve(`http://127.0.0.1:${port}`));
    onTestFinished(
      () =>
        new Promise((closed) => {
          server.close(() => closed());
          // Those that are kept for a next request would be waited for.
          if ("closeAllConnections" in server) server.closeAllConnections();
        }),
    );
  });
}

/** The events of a body, and its comments, one by one. */
async function* eventsOf(response: Response): AsyncGenerator<Event | string, void> {
  const found: (Event | string)[] = [];
  const parser = createParser({
    onEvent: ({ event = "message", id, data }) => found.push({ event, id, data }),
    onComment: (comment) => found.push(comment.trim()),
  });
  for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    parser.feed(text);
    yield* found.splice(0);
  }
}

async function allOf(response: Response): Promise<Event[]> {
  const events: Event[] = [];
  for await (const event of eventsOf(response)) if (typeof event !== "string") events.push(event);
  return events;
}

const COUNT = 200;

describe("toSSE", () => {
  it("tells chunks, positions and the end, with the headers of a stream that nobody holds back", async () => {
    const chunks = ["a\nb\r\nc", { text: "\u2028é😀" }, null, 5, ["x"], ""];
    const { client } = await serveStory(async function* () {
      yield* chunks;
    });
    const url = await listen(() => toSSE(client.runStream({}), { headers: { "access-control-allow-origin": "https://app.example.com" } }));
    const response = await fetch(url);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
      "access-control-allow-origin": "https://app.example.com",
    });
    const events = await allOf(response);
    expect(events.slice(0, -1).map(({ event, data }) => [event, JSON.parse(data)])).toEqual(chunks.map((chunk) => ["message", chunk]));
    expect(events.at(-1)).toMatchObject({ event: "end", data: '{"status":"completed"}' });
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    expect(events.every(({ id }) => typeof id === "string")).toBe(true);
  });

  it("a far client that was lost resumes by Last-Event-ID, again and again: every chunk once, the agent runs once", async () => {
    let runs = 0;
    const { client } = await serveStory(async function* () {
      runs++;
      for (let n = 0; n < COUNT; n++) {
        if (n % 10 === 0) await nextTurn();
        yield n;
      }
    });
    const url = await listen((request) => {
      const position = request.headers.get("last-event-id");
      const stream = position === null ? client.runStream({}) : client.resume(position);
      return toSSE(stream, { onClose: "detach" });
    });
    const got: unknown[] = [];
    let lastEventId: string | undefined;
    let ended = false;
    let connections = 0;
    while (!ended) {
      const gone = new AbortController();
      const headers: Record<string, string> = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
      const response = await fetch(url, { headers, signal: gone.signal });
      connections++;
      let taken = 0;
      for await (const event of eventsOf(response)) {
        if (typeof event === "string") continue;
        lastEventId = event.id;
        ended = event.event === "end";
        if (event.event === "message") got.push(JSON.parse(event.data));
        // What came behind it on this connection is lost.
        if (++taken === 15) break;
      }
      gone.abort();
    }
    expect(got).toEqual(Array.from({ length: COUNT }, (_, n) => n));
    expect(connections).toBeGreaterThan(10);
    expect(runs).toBe(1);
  });

  it("after its end was lost, the end comes once more", async () => {
    const { client } = await serveStory(async function* () {
      yield "only";
    });
    const url = await listen((request) => toSSE(client.resume(request.headers.get("last-event-id") ?? "")));
    const [, end] = await allOf(toSSE(client.runStream({})));
    const again = await allOf(await fetch(url, { headers: { "last-event-id": end?.id ?? "" } }));
    expect(again).toEqual([end]);
  });

  it.each([
    ["a chunk is awaited", false],
    ["through other functions", true],
  ])("a far client that goes cancels the invocation (%s)", async (_when, piped) => {
    const stopped: string[] = [];
    const { client, statusOf } = await serveStory(async function* (_input, ctx) {
      yield "first";
      await aborted(ctx.signal);
      stopped.push("aborted");
    });
    const ids: string[] = [];
    const url = await listen(() => {
      const stream = client.runStream({});
      ids.push(stream.invocationId);
      return toSSE(piped ? withTimeout(buffered(stream, { count: 1 }), { idleMs: 3_600_000 }) : stream);
    });
    const gone = new AbortController();
    const events = eventsOf(await fetch(url, { signal: gone.signal }));
    expect((await events.next()).value).toBe("open");
    expect((await events.next()).value).toMatchObject({ data: piped ? '["first"]' : '"first"' });
    gone.abort();
    await until(() => stopped.length === 1);
    await until(async () => (await statusOf(ids[0] ?? "")) === "cancelled");
  });

  it("detach leaves the invocation running", async () => {
    const source = createSource<string>("first");
    const { client, statusOf } = await serveStory(async function* () {
      yield* source;
    });
    const stream = client.runStream({});
    const body = toSSE(stream, { onClose: "detach" }).body?.getReader();
    await body?.read();
    await body?.read();
    await body?.cancel();
    expect(stream.summary?.status).toBe("detached");
    expect(await statusOf(stream.invocationId)).toBe("running");
    source.push("second");
    source.end();
    expect(await client.resume(stream.position ?? "").collect()).toEqual(["second"]);
  });

  it("heartbeats in silence, and the chunk that was awaited meanwhile is not lost", async () => {
    const source = createSource<string>();
    const { client } = await serveStory(async function* () {
      yield* source;
    });
    const url = await listen(() => toSSE(client.runStream({}), { heartbeatMs: 10 }));
    const events = eventsOf(await fetch(url));
    for (const comment of ["open", "heartbeat", "heartbeat"]) expect((await events.next()).value).toBe(comment);
    source.push("late");
    let event = (await events.next()).value;
    while (event === "heartbeat") event = (await events.next()).value;
    expect(event).toMatchObject({ event: "message", data: '"late"', id: expect.any(String) });
    source.end();
    for await (const last of events) event = last;
    expect(event).toMatchObject({ event: "end" });
  });

  it("an error is the last event, without its stack, after the chunks before it", async () => {
    const { client } = await serveStory(async function* () {
      yield "first";
      throw new RunAgentError("EXECUTION_ERROR", "The model is out of order.");
    });
    const [first, error, ...more] = await allOf(toSSE(client.runStream({})));
    expect(first).toMatchObject({ event: "message", data: '"first"' });
    expect(error).toMatchObject({ event: "error", id: undefined });
    expect(JSON.parse(error?.data ?? "")).toEqual({
      code: "EXECUTION_ERROR",
      message: "The model is out of order.",
      suggestion: expect.any(String),
    });
    expect(more).toEqual([]);
  });

  it("of an error that is not ours nothing is told", async () => {
    const [, error] = await allOf(toSSE(sourceOf(["first"], new Error("the password is hunter2"))));
    expect(error).toMatchObject({ event: "error" });
    expect(error?.data).not.toContain("hunter2");
    expect(JSON.parse(error?.data ?? "")).toMatchObject({ code: "SERVER_ERROR" });
  });

  it("a cancelled stream ends with that status", async () => {
    const { client } = await serveStory(async function* (_input, ctx) {
      yield "first";
      await aborted(ctx.signal);
    });
    const stream = client.runStream({});
    const events = eventsOf(toSSE(stream));
    await events.next();
    await events.next();
    await stream.cancel();
    expect((await events.next()).value).toMatchObject({ event: "end", data: '{"status":"cancelled"}' });
  });

  it("events of the agent are told too, with the positions of their stream", async () => {
    const { client } = await serveStory(async function* (_input, ctx) {
      await ctx.emit({ type: "turn_started" });
      yield "first";
    });
    const stream = client.runStream({});
    const events = await allOf(toSSE(stream.events(), { id: () => stream.position }));
    expect(events.map(({ data }) => JSON.parse(data))).toMatchObject([
      { type: "event", event: { type: "turn_started" } },
      { type: "data", content: "first" },
      { type: "status", status: "stream_completed" },
      { status: "completed" },
    ]);
    expect(await client.resume(events[0]?.id ?? "").collect()).toEqual(["first"]);
  });

  it("ids may be your own; one that would break the event is an error, and leaves the source", async () => {
    const source = createSource(1, 2);
    const events = await allOf(toSSE(source, { id: (chunk) => (chunk === 1 ? "one" : "a\nb") }));
    expect(events).toMatchObject([{ id: "one" }, { event: "error", data: expect.stringContaining("VALIDATION_ERROR") }]);
    expect(source.left).toBe(1);
  });

  it("is read as fast as the body is, and no faster", async () => {
    const source = createSource(...Array.from({ length: 100 }, (_, n) => n));
    const body = toSSE(source).body?.getReader();
    await nextTurn();
    expect(source.asked).toBe(0);
    await body?.read();
    await body?.read();
    await nextTurn();
    expect(source.asked).toBe(1);
    await body?.cancel();
    expect(source.left).toBe(1);
  });
});

describe("toJSONLines", () => {
  it("a line for each chunk", async () => {
    const chunks = ["a\nb", { text: "é" }, null, 5];
    const url = await listen(() => new Response(toJSONLines(sourceOf<unknown>(chunks))));
    const text = await (await fetch(url)).text();
    expect(text.endsWith("\n")).toBe(true);
    expect(
      text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual(chunks);
  });

  it("an error is a last line, or fails the body", async () => {
    const failure = new RunAgentError("TIMEOUT", "Too late.");
    const [first, last = ""] = (await new Response(toJSONLines(sourceOf(["a"], failure))).text()).split("\n");
    expect(first).toBe('"a"');
    expect(JSON.parse(last)).toEqual({ error: { code: "TIMEOUT", message: "Too late.", suggestion: expect.any(String) } });
    await expect(new Response(toJSONLines(sourceOf(["a"], failure), { onError: "throw" })).text()).rejects.toBe(failure);
  });

  it.each([
    ["undefined", undefined],
    ["a bigint", 5n],
    ["a function", () => {}],
  ])("%s is no JSON: a typed error, and the source is left", async (_what, chunk) => {
    const source = createSource<unknown>(chunk, "more");
    const text = await new Response(toJSONLines(source)).text();
    expect(JSON.parse(text)).toMatchObject({ error: { code: "VALIDATION_ERROR", field: "chunk" } });
    expect(source.left).toBe(1);
  });

  it("details that are no JSON are left out", async () => {
    const failure = new RunAgentError("TIMEOUT", "Too late.", { details: 5n });
    expect(JSON.parse(await new Response(toJSONLines(sourceOf([], failure))).text())).toMatchObject({ error: { code: "TIMEOUT" } });
  });

  it("nothing is read before the body is", async () => {
    const source = createSource(1, 2, 3);
    const body = toJSONLines(source).getReader();
    await nextTurn();
    expect(source.asked).toBe(0);
    await body.read();
    await nextTurn();
    expect(source.asked).toBe(1);
    await body.cancel();
    expect(source.left).toBe(1);
  });

  it("a far client that goes leaves the source", async () => {
    const source = createSource(1, 2, 3);
    const url = await listen(() => new Response(toJSONLines(source)));
    const gone = new AbortController();
    const body = (await fetch(url, { signal: gone.signal })).body?.getReader();
    expect(new TextDecoder().decode((await body?.read())?.value)).toMatch(/^1\n/);
    gone.abort();
    await source.wasLeft;
  });
});
