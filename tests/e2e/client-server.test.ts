import { type Agent, defineAgent, type RunningServer, type ServeOptions, serve } from "@runagent/server";
import { RunAgentClient, type RunAgentClientOptions, RunAgentError } from "runagent";
import * as v from "valibot";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";

// The client and the reference server together, over real sockets.

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((item) => item.close()));
});

/** A promise and what settles it. */
function signalled<T = void>(): { promise: Promise<T>; resolve(value: T): void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

async function start(agent: Agent, options: ServeOptions = {}): Promise<RunningServer> {
  const server = await serve(agent, { port: 0, ...options });
  open.push(server);
  return server;
}

function clientOf<Tag extends string>(
  server: RunningServer,
  entrypointTag: Tag,
  options: Partial<RunAgentClientOptions> = {},
): RunAgentClient<Tag> {
  const client = new RunAgentClient({ agentId: "storyteller", port: server.port, ...options, entrypointTag });
  open.unshift(client);
  return client;
}

async function failureOf(promise: Promise<unknown>): Promise<RunAgentError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof RunAgentError) return error;
  throw new Error(`expected a RunAgentError, got ${String(error)}`);
}

const storyteller = defineAgent({
  id: "storyteller",
  name: "Storyteller",
  version: "1.2.3",
  entrypoints: {
    chat: async (input, ctx) => ({
      reply: `Hello, ${input.message}`,
      args: ctx.args,
      userId: ctx.userId,
      persistentMemory: ctx.persistentMemory,
    }),
    add: { input: z.object({ a: z.number(), b: z.number().default(1) }), output: z.number(), run: (input) => input.a + input.b },
    fail: () => {
      throw new Error("The tool broke.");
    },
    echo: (input) => input.value,
    async *forgot() {
      yield 1;
    },
    *count_stream(input) {
      for (let n = 1; n <= input.count; n++) yield n;
    },
    async *fail_stream() {
      yield "a";
      throw new Error("Halfway.");
    },
    async *events_stream(_, ctx) {
      yield "one";
      ctx.emit({ type: "turn_completed", turn: 1 });
      ctx.emit({ type: "mine", x: [1] });
      yield "two";
    },
    async *forever_stream(_, ctx) {
      for (let n = 1; !ctx.signal.aborted; n++) {
        yield n;
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  },
});

describe("run", () => {
  it("gives what the agent returns, with input, args and user", async () => {
    const server = await start(storyteller);
    const client = clientOf(server, "chat", { userId: "u1", persistentMemory: true });
    const answer = await client.run({ message: "Ada" }, { args: [1, "two"] });
    expect(answer).toEqual({ reply: "Hello, Ada", args: [1, "two"], userId: "u1", persistentMemory: true });
  });

  const values: unknown[] = [
    0,
    "",
    false,
    null,
    [],
    {},
    "text",
    1.5,
    { a: [null] },
    "ü 🦊 \u0000",
    JSON.parse('{"__proto__":{"polluted":1}}'),
  ];

  it.each(values.map((value) => ({ value })))("brings $value back", async ({ value }) => {
    const server = await start(storyteller);
    expect(JSON.stringify(await clientOf(server, "echo").run({ value }))).toBe(JSON.stringify(value));
  });

  it("is idempotent by invocation id: one start, one result", async () => {
    let started = 0;
    const server = await start(defineAgent({ id: "storyteller", entrypoints: { count: () => ++started } }));
    const client = clientOf(server, "count");
    const results = await Promise.all([client.run({}, { invocationId: "inv-1" }), client.run({}, { invocationId: "inv-1" })]);
    expect([results, started]).toEqual([[1, 1], 1]);
    expect(await failureOf(client.run({ other: 1 }, { invocationId: "inv-1" }))).toMatchObject({ code: "INVOCATION_CONFLICT" });
  });

  it("stops the agent when the caller's signal fires or its time is over", async () => {
    const running = signalled<AbortSignal>();
    const server = await start(
      defineAgent({
        id: "storyteller",
        entrypoints: {
          wait: (_, ctx) => {
            running.resolve(ctx.signal);
            return new Promise(() => {});
          },
        },
      }),
    );
    const controller = new AbortController();
    const call = failureOf(clientOf(server, "wait").run({}, { signal: controller.signal }));
    const agentSignal = await running.promise;
    const agentAborted = signalled();
    agentSignal.addEventListener("abort", () => agentAborted.resolve());
    controller.abort();
    expect((await call).code).toBe("CANCELLED");
    await agentAborted.promise;
    expect((await failureOf(clientOf(server, "wait").run({}, { timeoutMs: 50 }))).code).toBe("TIMEOUT");
  });
});

describe("streams", () => {
  it("100,000 chunks in a burst to a slow consumer: all, in order", async () => {
    const server = await start(storyteller);
    const stream = clientOf(server, "count_stream").runStream({ count: 100_000 });
    let expected = 0;
    for await (const chunk of stream) {
      if (chunk !== ++expected) throw new Error(`chunk ${chunk} came in place of ${expected}`);
      if (expected % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(stream.summary).toMatchObject({ status: "completed", protocol: 2, chunks: 100_000, totalChunks: 100_000 });
  });

  it("an agent is slowed down by its consumer", async () => {
    let yielded = 0;
    const agent = defineAgent({
      id: "storyteller",
      entrypoints: {
        *big_stream() {
          for (; yielded < 20_000; yielded++) yield "x".repeat(10_000);
        },
      },
    });
    const server = await start(agent);
    const cursor = clientOf(server, "big_stream").runStream().cursor();
    await cursor.next();
    // 200 MB would be yielded; what fits between the two ends is a small part of it.
    await clientOf(server, "x").health();
    expect(yielded).toBeLessThan(10_000);
    await cursor.close();
  });

  it("events and chunks keep their order", async () => {
    const server = await start(storyteller);
    const records = [];
    for await (const record of clientOf(server, "events_stream").runStream().events()) records.push(record);
    expect(records.map((record) => [record.seq, record.type])).toEqual([
      [1, "data"],
      [2, "event"],
      [3, "event"],
      [4, "data"],
      [5, "status"],
    ]);
    expect(await clientOf(server, "events_stream").runStream().collect()).toEqual(["one", "two"]);
  });

  it("cancel stops the agent, break and abort too; other streams go on", async () => {
    const server = await start(storyteller);
    const client = clientOf(server, "forever_stream");
    const neighbour = client.runStream();
    const neighbourCursor = neighbour.cursor();
    await neighbourCursor.next();

    const cancelled = client.runStream();
    for await (const chunk of cancelled) if (chunk === 3) expect(await cancelled.cancel()).toMatchObject({ outcome: "accepted" });
    expect(cancelled.summary?.status).toBe("cancelled");

    const controller = new AbortController();
    const aborted = client.runStream({}, { signal: controller.signal });
    const cursor = aborted.cursor();
    await cursor.next();
    controller.abort();
    expect((await failureOf(cursor.next())).code).toBe("CANCELLED");

    expect((await neighbourCursor.next()).hasMore).toBe(true);
    await neighbour.cancel();
    const statuses = await statusesOf(server, 3);
    expect(statuses).toEqual(["cancelled", "cancelled", "cancelled"]);
  });

  it("cancels an invocation by its id alone, another's stream, and says when it had ended [cancel.rest.1]", async () => {
    const endless = async function* (_: unknown, ctx: { readonly signal: AbortSignal }) {
      for (let i = 0; !ctx.signal.aborted; i++) yield i;
    };
    const server = await start(defineAgent({ id: "storyteller", entrypoints: { endless_stream: endless } }));
    const stream = clientOf(server, "endless_stream").runStream();
    const { invocationId } = await stream.started;
    const other = clientOf(server, "endless_stream");
    expect(other.apiUrl).toBe(`${server.url}/api/v1`);
    expect(await other.cancel(invocationId)).toEqual({ invocationId, mode: "immediate", outcome: "accepted" });
    expect(await failureOf(stream.collect())).toMatchObject({ code: "CANCELLED" });
    expect(await other.cancel(invocationId, "after_turn")).toEqual({ invocationId, mode: "after_turn", outcome: "already_ended" });
    expect(await failureOf(other.cancel("unknown"))).toMatchObject({ code: "INVOCATION_NOT_FOUND" });
    expect(await failureOf(other.cancel("../x"))).toMatchObject({ code: "VALIDATION_ERROR", field: "invocationId" });
    // @ts-expect-error A word that is none.
    expect(await failureOf(other.cancel(invocationId, "now"))).toMatchObject({ code: "VALIDATION_ERROR", field: "mode" });
  });

  it("cancel at once, before the connection or the first frame", async () => {
    const server = await start(storyteller);
    const client = clientOf(server, "forever_stream");
    const early = client.runStream();
    await early.cancel();
    expect(await early.collect()).toEqual([]);
    expect(early.summary?.status).toBe("cancelled");
  });

  it("after_turn ends at the turn's boundary", async () => {
    const cancelSent = signalled();
    const agent = defineAgent({
      id: "storyteller",
      entrypoints: {
        async *turn_stream(_, ctx) {
          yield "answer";
          await cancelSent.promise;
          yield "tool result";
          ctx.emit({ type: "turn_completed", turn: 1 });
          yield "next turn";
        },
      },
    });
    const server = await start(agent);
    const stream = clientOf(server, "turn_stream").runStream();
    const chunks: unknown[] = [];
    for await (const chunk of stream) {
      chunks.push(chunk);
      if (chunk === "answer") {
        await stream.cancel("after_turn");
        cancelSent.resolve();
      }
    }
    expect(chunks).toEqual(["answer", "tool result"]);
    expect(stream.summary?.status).toBe("cancelled");
  });

  it("detach leaves the agent running to its end", async () => {
    const go = signalled();
    const agent = defineAgent({
      id: "storyteller",
      entrypoints: {
        async *later_stream() {
          yield 1;
          await go.promise;
          yield 2;
        },
      },
    });
    const server = await start(agent);
    const stream = clientOf(server, "later_stream").runStream();
    const position = await stream.detach();
    expect(position).toBeTypeOf("string");
    go.resolve();
    expect(await statusesOf(server, 1)).toEqual(["completed"]);
  });

  it("a server that closes ends its streams with a reason, and the client with an error", async () => {
    const server = await start(storyteller);
    const cursor = clientOf(server, "forever_stream").runStream().cursor();
    await cursor.next();
    const closed = server.close();
    const drained = (async () => {
      while ((await cursor.next()).hasMore);
    })();
    expect(await failureOf(drained)).toMatchObject({
      code: "OWNER_LOST",
      origin: "wire",
      suggestion: expect.stringContaining("Start it again"),
    });
    await closed;
  });
});

describe("what is wrong is said", () => {
  const cases: [string, (server: RunningServer) => Promise<unknown>, Record<string, unknown>, RegExp][] = [
    ["an agent that throws", (s) => clientOf(s, "fail").run(), { code: "EXECUTION_ERROR", origin: "wire" }, /^The tool broke\.$/],
    ["a stream that throws", (s) => clientOf(s, "fail_stream").runStream().collect(), { code: "EXECUTION_ERROR" }, /^Halfway\.$/],
    ["a generator under a tag without _stream", (s) => clientOf(s, "forgot").run(), { code: "EXECUTION_ERROR" }, /generator/],
    ["a wrong type", (s) => clientOf(s, "add").run({ a: "one" }), { code: "VALIDATION_ERROR", field: "a" }, /"a" of the input/],
    ["a missing field", (s) => clientOf(s, "add").run({}), { code: "VALIDATION_ERROR", field: "a" }, /a/],
    ["an unknown tag", (s) => clientOf(s, "nothing").run(), { code: "ENTRYPOINT_NOT_FOUND" }, /nothing/],
    ["an unknown tag, streaming", (s) => clientOf(s, "no_stream").runStream().collect(), { code: "ENTRYPOINT_NOT_FOUND" }, /no_stream/],
    ["an unknown agent", (s) => clientOf(s, "chat", { agentId: "nobody" }).run(), { code: "AGENT_NOT_FOUND" }, /nobody/],
    [
      "an unknown agent, streaming",
      (s) => clientOf(s, "x_stream", { agentId: "nobody" }).runStream().collect(),
      { code: "AGENT_NOT_FOUND" },
      /nobody/,
    ],
    ["an unknown agent, asked", (s) => clientOf(s, "chat", { agentId: "nobody" }).architecture(), { code: "AGENT_NOT_FOUND" }, /nobody/],
    ["too large an input", (s) => clientOf(s, "echo").run({ value: "x".repeat(2_000_000) }), { code: "PAYLOAD_TOO_LARGE" }, /maxBodyBytes/],
    [
      "too large a start",
      (s) =>
        clientOf(s, "count_stream")
          .runStream({ value: "x".repeat(2_000_000) })
          .collect(),
      { code: "PAYLOAD_TOO_LARGE" },
      /./,
    ],
    ["too deep an input", (s) => clientOf(s, "echo").run({ value: nested(100) }), { code: "PAYLOAD_TOO_LARGE" }, /64/],
    [
      "too deep a start",
      (s) =>
        clientOf(s, "count_stream")
          .runStream({ value: nested(100) })
          .collect(),
      { code: "PAYLOAD_TOO_LARGE" },
      /64/,
    ],
  ];

  it.each(cases)("%s", async (_, call, fields, message) => {
    const server = await start(storyteller);
    const error = await failureOf(call(server));
    expect(error).toMatchObject(fields);
    expect(error.message).toMatch(message);
    expect(error.suggestion).not.toBe("");
    expect(JSON.stringify(error)).not.toMatch(/node_modules|\.ts:|at Object/);
    expect(await clientOf(server, "add").run({ a: 1 })).toBe(2);
  });

  it("keys: missing, wrong, right", async () => {
    const server = await start(storyteller, { apiKeys: ["canary-key"] });
    for (const apiKey of [undefined, "wrong-key"]) {
      const options = apiKey === undefined ? {} : { apiKey };
      expect((await failureOf(clientOf(server, "add", options).run({ a: 1 }))).code).toBe("AUTHENTICATION_ERROR");
      expect((await failureOf(clientOf(server, "count_stream", options).runStream({ count: 1 }).collect())).code).toBe(
        "AUTHENTICATION_ERROR",
      );
    }
    expect(await clientOf(server, "add", { apiKey: "canary-key" }).run({ a: 1 })).toBe(2);
    expect(await clientOf(server, "count_stream", { apiKey: "canary-key" }).runStream({ count: 2 }).collect()).toEqual([1, 2]);
  });
});

describe("any Standard Schema", () => {
  it("valibot on both sides: typed, refused by field, left out of the architecture when it has no JSON Schema", async () => {
    const input = v.object({ name: v.pipe(v.string(), v.minLength(2)) });
    const greet = { input, output: v.string(), run: ({ name }: { name: string }) => `Hello, ${name}` };
    const server = await start(defineAgent({ id: "storyteller", entrypoints: { greet } }));
    const client = clientOf(server, "greet");
    expect(await failureOf(client.run({ name: "x" }))).toMatchObject({ code: "VALIDATION_ERROR", field: "name", origin: "wire" });
    const typed = client.withEntrypoint("greet", { input, output: v.string() });
    const text: string = await typed.run({ name: "Ada" });
    expect(text).toBe("Hello, Ada");
    expect(await failureOf(typed.run({ name: "x" }))).toMatchObject({ code: "VALIDATION_ERROR", field: "name", origin: "local" });
    const [entrypoint] = (await client.architecture()).entrypoints;
    expect(entrypoint).toEqual({ tag: "greet", description: null, streaming: false });
  });
});

describe("architecture and health", () => {
  it("tell entrypoints, schemas, versions", async () => {
    const server = await start(storyteller);
    const client = clientOf(server, "add");
    const architecture = await client.architecture();
    expect(architecture).toMatchObject({ agent_id: "storyteller", agent_name: "Storyteller", version: "1.2.3", protocol_versions: [1, 2] });
    const add = architecture.entrypoints.find(({ tag }) => tag === "add");
    expect(add).toMatchObject({ streaming: false, input_schema: { type: "object", required: ["a"] }, output_schema: { type: "number" } });
    expect(await client.initialize()).toBe(client);
    expect(await client.health()).toMatchObject({ status: "healthy", agents: ["storyteller"] });
  });
});

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}

/** The statuses of the server's invocations, once `count` have ended. */
async function statusesOf(server: RunningServer, count: number): Promise<unknown[]> {
  for (;;) {
    const response = await fetch(`${server.url}/api/v1/agents/storyteller/invocations`);
    const { data } = (await response.json()) as { data: { invocations: { status: string; ended_at: string | null }[] } };
    const ended = data.invocations.filter(({ ended_at }) => ended_at !== null);
    if (ended.length >= count) return ended.map(({ status }) => status);
  }
}
