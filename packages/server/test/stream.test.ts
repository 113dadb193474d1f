/** Streams of version 2: records, ends, errors of agents, warm sockets. */
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { defineAgent } from "../src/index.ts";
import { codeOf, connect, contents, deferred, serveAgents, serveEntrypoints, startFrame } from "./support.ts";

describe("a stream", () => {
  test("is accepted, delivered in order and ended explicitly", async () => {
    const server = await serveEntrypoints({
      story_stream: async function* (input) {
        yield `Once ${input.what}`;
        yield { n: 1 };
        yield null;
        yield undefined;
        yield 0;
      },
    });
    const peer = await connect(server);
    peer.send(startFrame("story_stream", "inv-1", { input_kwargs: { what: "upon" } }));
    const [started, ...rest] = await peer.untilEnd();
    expect(started).toMatchObject({
      status: "stream_started",
      protocol: 2,
      invocation_id: "inv-1",
      seq: 0,
      first_seq: 1,
      heartbeat_seconds: 15,
    });
    expect(started).toMatchObject({ resume_seconds: 86_400, durability: "memory" });
    expect(rest.map((frame) => frame.seq)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(contents(rest)).toEqual(["Once upon", { n: 1 }, null, null, 0]);
    expect(rest.at(-1)).toMatchObject({ status: "stream_completed", total_chunks: 5, invocation_id: "inv-1" });
  });

  test("takes any iterable, or a promise of one", async () => {
    const server = await serveEntrypoints({
      list_stream: () => [1, 2],
      sync_stream: function* () {
        yield 1;
        yield 2;
      },
      later_stream: async () => new Set([1, 2]),
    });
    const peer = await connect(server);
    for (const tag of ["list_stream", "sync_stream", "later_stream"]) {
      peer.send(startFrame(tag, `inv-${tag}`));
      expect(contents(await peer.untilEnd())).toEqual([1, 2]);
    }
  });

  test("a warm socket carries one invocation after another", async () => {
    const server = await serveEntrypoints({ echo_stream: (input) => [input.n] });
    const peer = await connect(server);
    for (let n = 1; n <= 3; n++) {
      peer.send(startFrame("echo_stream", `inv-${n}`, { input_kwargs: { n } }));
      expect(contents(await peer.untilEnd())).toEqual([n]);
    }
    peer.send({ type: "cancel", mode: "immediate" });
    expect(await peer.next()).toMatchObject({ status: "cancel_acknowledged", invocation_id: "inv-3", outcome: "already_ended" });
    peer.send({ type: "ack", seq: 99 });
    peer.send(startFrame("echo_stream", "inv-4", { input_kwargs: { n: 4 } }));
    expect(contents(await peer.untilEnd())).toEqual([4]);
  });

  test("an idle socket is closed with 1000", async () => {
    const server = await serveEntrypoints({ a_stream: () => [] }, { limits: { idleTimeoutMs: 30 } });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    await peer.untilEnd();
    expect((await peer.closed).code).toBe(1000);
  });

  test("events stand in order with the chunks", async () => {
    const server = await serveEntrypoints({
      a_stream: async function* (_input, ctx) {
        yield "a";
        ctx.emit({ type: "tool", name: "x" });
        yield "b";
      },
    });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    const frames = await peer.untilEnd();
    expect(frames.slice(1, 4)).toEqual([
      { type: "data", seq: 1, content: "a" },
      { type: "event", seq: 2, event: { type: "tool", name: "x" } },
      { type: "data", seq: 3, content: "b" },
    ]);
    expect(frames.at(-1)).toMatchObject({ seq: 4, total_chunks: 2 });
  });

  test("the context says what the request said", async () => {
    const server = await serveEntrypoints({
      a_stream: (_input, ctx) => [
        { id: ctx.invocationId, args: ctx.args, user: ctx.userId, memory: ctx.persistentMemory, aborted: ctx.signal.aborted },
      ],
    });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1", { input_args: [1, "b"], user_id: "u1", persistent_memory: true }));
    const [content] = contents(await peer.untilEnd());
    expect(content).toEqual({ id: "inv-1", args: [1, "b"], user: "u1", memory: true, aborted: false });
  });
});

describe("an agent that fails", () => {
  test.each<[string, () => unknown, RegExp, number]>([
    [
      "throws before it starts",
      () => {
        throw new Error("no model");
      },
      /^no model$/,
      0,
    ],
    ["rejects", () => Promise.reject(new Error("no key")), /^no key$/, 0],
    [
      "throws a string",
      () => {
        throw "plain";
      },
      /^plain$/,
      0,
    ],
    [
      "throws nothing that speaks",
      () => {
        throw { a: 1 };
      },
      /without a message/,
      0,
    ],
    [
      "throws after chunks",
      async function* () {
        yield 1;
        throw new Error("tool down");
      },
      /^tool down$/,
      1,
    ],
    ["yields a BigInt", () => [1, 2n], /Chunk 2 .* not JSON.*BigInt/, 1],
    ["yields a function", () => [() => {}], /Chunk 1 .* not JSON.*function/, 0],
    ["yields NaN", () => [Number.NaN], /Chunk 1 .* not JSON.*NaN/, 0],
    [
      "yields a circle",
      () => {
        const a: unknown[] = [];
        a.push(a);
        return [a];
      },
      /Chunk 1 .* not JSON.*circular/i,
      0,
    ],
    [
      "yields too deep",
      () => {
        let a: unknown = 1;
        for (let i = 0; i < 64; i++) a = [a];
        return [a];
      },
      /Chunk 1 .* deeper/,
      0,
    ],
    ["returns no iterable", () => 42, /must return an iterable.*number/, 0],
    ["returns a string", () => "abc", /must return an iterable.*string/, 0],
    ["returns nothing", () => undefined, /must return an iterable/, 0],
  ])("that %s ends with EXECUTION_ERROR, without a stack", async (_name, entrypoint, message, chunks) => {
    const errors: unknown[] = [];
    const server = await serveEntrypoints({ a_stream: entrypoint }, { onError: (error) => errors.push(error) });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    const last = (await peer.untilEnd()).at(-1);
    expect(last).toMatchObject({ type: "error", seq: chunks + 1, total_chunks: chunks, error: { code: "EXECUTION_ERROR" } });
    expect(last).toHaveProperty("error.message", expect.stringMatching(message));
    expect(JSON.stringify(last)).not.toMatch(/\.ts\b|node_modules|\\n +at /);
    expect(errors).toHaveLength(1);
    peer.send(startFrame("a_stream", "inv-2"));
    expect(await peer.untilEnd()).toHaveLength(chunks + 2);
  });

  test("its generator is closed when a chunk cannot be sent", async () => {
    const closed = deferred();
    const server = await serveEntrypoints({
      a_stream: async function* () {
        try {
          yield 1n;
        } finally {
          closed.resolve();
        }
      },
    });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    await peer.untilEnd();
    await closed.promise;
  });

  test("a bad event is thrown to the agent as VALIDATION_ERROR", async () => {
    const caught: unknown[] = [];
    const server = await serveEntrypoints({
      a_stream: (_input, ctx) => {
        for (const event of [{ type: "" }, { type: 1 }, {}, [], null, { type: "x", n: 1n }]) {
          try {
            ctx.emit(event as { type: string });
          } catch (error) {
            caught.push(error);
          }
        }
        return [];
      },
    });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    expect(await peer.untilEnd()).toHaveLength(2);
    expect(caught.map((error) => (error as { code: string }).code)).toEqual(Array(6).fill("VALIDATION_ERROR"));
  });

  test("a deadline ends it with TIMEOUT and aborts its signal", async () => {
    const aborted = deferred<unknown>();
    const server = await serveEntrypoints({
      a_stream: async function* (_input, ctx) {
        ctx.signal.addEventListener("abort", () => aborted.resolve(ctx.signal.reason));
        yield 1;
        await new Promise(() => {});
      },
    });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1", { timeout_seconds: 0.05 }));
    const last = (await peer.untilEnd()).at(-1);
    expect(codeOf(last)).toBe("TIMEOUT");
    expect(last).toMatchObject({ seq: 2, total_chunks: 1 });
    expect(await aborted.promise).toMatchObject({ code: "TIMEOUT" });
  });
});

describe("schemas", () => {
  const agent = defineAgent({
    id: "agent",
    entrypoints: {
      count_stream: {
        description: "Counts.",
        input: z.object({ to: z.number().int(), from: z.number().default(1) }),
        output: z.number().max(3),
        run: function* (input) {
          for (let n = input.from; n <= input.to; n++) yield n;
        },
      },
    },
  });

  test("the input is checked before the agent runs, and gets its defaults", async () => {
    const server = await serveAgents(agent);
    const peer = await connect(server);
    peer.send(startFrame("count_stream", "inv-1", { input_kwargs: { to: 2 } }));
    expect(contents(await peer.untilEnd())).toEqual([1, 2]);
    peer.send(startFrame("count_stream", "inv-2", { input_kwargs: { to: "x" } }));
    expect(await peer.next()).toMatchObject({ type: "error", error: { code: "VALIDATION_ERROR", field: "to" } });
    expect((await peer.closed).code).toBe(4400);
    const again = await connect(server);
    again.send(startFrame("count_stream", "inv-2", { input_kwargs: { to: 1 } }));
    expect(contents(await again.untilEnd())).toEqual([1]);
  });

  test("a chunk that does not fit the output schema fails the stream and is named", async () => {
    const server = await serveAgents(agent);
    const peer = await connect(server);
    peer.send(startFrame("count_stream", "inv-1", { input_kwargs: { to: 9 } }));
    const frames = await peer.untilEnd();
    expect(contents(frames)).toEqual([1, 2, 3]);
    expect(frames.at(-1)).toMatchObject({ error: { code: "EXECUTION_ERROR", message: expect.stringContaining("chunk 4") } });
  });
});
