/** Definition, options, limits on numbers, retention, and an orderly end. */
import { describe, expect, test } from "vitest";
import {
  type Agent,
  createMemoryLogStore,
  defineAgent,
  type ErrorContext,
  type InvocationLog,
  type LogStore,
  RunAgentError,
  type ServeOptions,
  serve,
} from "../src/index.ts";
import { codeOf, connect, contents, get, type Peer, post, resumeFrame, serveAgents, serveEntrypoints, startFrame } from "./support.ts";

const agent = defineAgent({ id: "agent", entrypoints: { a_stream: () => [1] } });
const thrownBy = async (work: () => unknown): Promise<RunAgentError> => {
  try {
    await work();
  } catch (error) {
    if (error instanceof RunAgentError) return error;
  }
  throw new Error("It did not throw a RunAgentError.");
};

describe("defineAgent refuses", () => {
  test.each<[string, () => unknown, string]>([
    ["a bad id", () => defineAgent({ id: "a/b", entrypoints: { a: () => 1 } }), "id"],
    ["no id", () => defineAgent({ id: "", entrypoints: { a: () => 1 } }), "id"],
    ["no entrypoints", () => defineAgent({ id: "a", entrypoints: {} }), "entrypoints"],
    ["a bad tag", () => defineAgent({ id: "a", entrypoints: { "a\nb": () => 1 } }), "entrypoint_tag"],
    ["an entrypoint that is none", () => defineAgent({ id: "a", entrypoints: { a: { run: 1 } as never } }), "entrypoints.a"],
    [
      "a schema that is none",
      () => defineAgent({ id: "a", entrypoints: { a: { run: () => 1, input: {} as never } } }),
      "entrypoints.a.input",
    ],
  ])("%s", async (_name, define, field) => {
    expect(await thrownBy(define)).toMatchObject({ code: "VALIDATION_ERROR", field });
  });
});

describe("serve refuses", () => {
  test.each<[string, Agent | Agent[], ServeOptions, string]>([
    ["a port beyond range", agent, { port: 70_000 }, "port"],
    ["an unknown limit", agent, { limits: { maxFrames: 1 } as never }, "limits.maxFrames"],
    ["a limit that is no number", agent, { limits: { maxLogBytes: Number.NaN } }, "limits.maxLogBytes"],
    ["a limit that wraps around", agent, { limits: { idleTimeoutMs: 2 ** 31 } }, "limits.idleTimeoutMs"],
    ["a part of a millisecond", agent, { limits: { handshakeTimeoutMs: 0.5 } }, "limits.handshakeTimeoutMs"],
    ["an empty key", agent, { apiKeys: [""] }, "apiKeys"],
    ["no agents", [], {}, "agents"],
    ["two agents of one id", [agent, agent], {}, "id"],
    ["a host that is not here", agent, { host: "203.0.113.1", port: 0 }, "host"],
  ])("%s", async (_name, agents, options, field) => {
    expect(await thrownBy(() => serve(agents, options))).toMatchObject({ code: "VALIDATION_ERROR", field });
  });

  test("a port in use, and says what to do", async () => {
    const server = await serveAgents(agent);
    const error = await thrownBy(() => serve(agent, { port: server.port }));
    expect(error).toMatchObject({ code: "VALIDATION_ERROR", field: "port", message: `Port ${server.port} on 127.0.0.1 is in use.` });
    expect(error.suggestion).toMatch(/port 0/);
  });
});

test("several agents share a server", async () => {
  const other = defineAgent({ id: "other", entrypoints: { a_stream: () => [2] } });
  const server = await serveAgents([agent, other]);
  const peer = await connect(server, { agentId: "other" });
  peer.send(startFrame("a_stream", "inv-1"));
  const [started = {}] = await peer.until((frame) => frame.type === "data");
  expect(contents(peer.frames)).toEqual([2]);
  const wrong = await connect(server);
  wrong.send(resumeFrame(started, 0));
  expect(codeOf(await wrong.next())).toBe("INVOCATION_NOT_FOUND");
});

describe("limits on numbers", () => {
  test("too many invocations are RATE_LIMITED until one ends", async () => {
    const server = await serveEntrypoints(
      { a_stream: () => new Promise<never>(() => {}), chat: () => 1 },
      { limits: { maxInvocations: 1 } },
    );
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    await peer.next();
    const url = `${server.url}/api/v1/agents/agent/run`;
    const refused = await post(url, { entrypoint_tag: "chat" });
    expect([refused.status, codeOf(refused.body), refused.headers.get("retry-after")]).toEqual([429, "RATE_LIMITED", "1"]);
    peer.send({ type: "cancel", mode: "immediate" });
    await peer.untilEnd();
    expect((await post(url, { entrypoint_tag: "chat" })).status).toBe(200);
  });

  test("one key's connections and invocations do not use up those of others", async () => {
    const limits = { maxConnectionsPerKey: 1, maxInvocationsPerKey: 1 };
    const server = await serveEntrypoints(
      { a_stream: () => new Promise<never>(() => {}), chat: () => 1 },
      { apiKeys: ["k1", "k2"], limits },
    );
    const open = async (key: string, id: string): Promise<Peer> => {
      const peer = await connect(server);
      peer.send(startFrame("a_stream", id, { auth: { token: key } }));
      return peer;
    };
    const first = await open("k1", "inv-1");
    expect(await first.next()).toMatchObject({ status: "stream_started" });
    const refused = await open("k1", "inv-2");
    expect(await refused.next()).toMatchObject({
      error: { code: "RATE_LIMITED", message: expect.stringContaining("maxConnectionsPerKey") },
    });
    const url = `${server.url}/api/v1/agents/agent/run`;
    const run = (key: string) => post(url, { entrypoint_tag: "chat" }, { authorization: `Bearer ${key}` });
    const limited = await run("k1");
    expect([limited.status, codeOf(limited.body)]).toEqual([429, "RATE_LIMITED"]);
    expect((await run("k2")).status).toBe(200);
    expect(await (await open("k2", "inv-3")).next()).toMatchObject({ status: "stream_started" });
    first.send({ type: "cancel", mode: "immediate" });
    await first.untilEnd();
    expect((await run("k1")).status).toBe(200);
    first.ws.close();
    await first.closed;
    await expect.poll(async () => (await (await open("k1", "inv-1")).next()).status).toBe("stream_started");
  });

  test("too many connections are refused on the upgrade", async () => {
    const server = await serveAgents(agent, { limits: { maxConnections: 1 } });
    const first = await connect(server);
    await expect(connect(server)).rejects.toThrow("429");
    first.ws.close();
    await first.closed;
    await expect
      .poll(() =>
        connect(server).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
  });

  test("a chunk larger than clients take fails the stream", async () => {
    const server = await serveEntrypoints({ a_stream: () => ["x", "x".repeat(200)] }, { limits: { maxServerFrameBytes: 100 } });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    expect((await peer.untilEnd()).at(-1)).toMatchObject({
      seq: 2,
      error: { code: "EXECUTION_ERROR", message: expect.stringContaining("Chunk 2") },
    });
  });

  test("ended invocations are forgotten by number and by time, not while they are read", async () => {
    const server = await serveEntrypoints(
      { chat: () => 1, a_stream: () => [1, 2] },
      { limits: { maxRetainedInvocations: 2, retentionSeconds: 1 } },
    );
    const reader = await connect(server);
    reader.send(startFrame("a_stream", "slow", { window_bytes: 1 }));
    await reader.until((frame) => frame.seq === 1);
    // Another reader takes it to its end; the first one still needs the rest.
    const fast = await connect(server);
    fast.send(startFrame("a_stream", "slow"));
    await fast.untilEnd();
    for (const id of ["i1", "i2", "i3"]) {
      await post(`${server.url}/api/v1/agents/agent/run`, {
        protocol: 2,
        invocation_id: id,
        entrypoint_tag: "chat",
        input_args: [],
        input_kwargs: {},
      });
    }
    const status = async (id: string) => (await get(`${server.url}/api/v1/invocations/${id}`)).status;
    expect([await status("i1"), await status("i2"), await status("i3")]).toEqual([404, 404, 200]);
    await expect.poll(() => status("i3"), { timeout: 5000 }).toBe(404);
    reader.send({ type: "ack", seq: 1 });
    expect(await reader.next()).toMatchObject({ seq: 2 });
    reader.send({ type: "ack", seq: 2 });
    expect(await reader.next()).toMatchObject({ status: "stream_completed", total_chunks: 2 });
  });
});

describe("close", () => {
  test("cancels what runs, lets the end out, closes with 1001, and leaves nothing behind", async () => {
    const server = await serveEntrypoints({
      a_stream: async function* () {
        yield 1;
        await new Promise(() => {});
      },
      chat: () => new Promise(() => {}),
    });
    const peer = await connect(server);
    const warm = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    await peer.until((frame) => frame.seq === 1);
    const run = post(`${server.url}/api/v1/agents/agent/run`, { entrypoint_tag: "chat" });
    await expect
      .poll(async () => (await get(`${server.url}/api/v1/agents/agent/invocations?status=running`)).body.data)
      .toMatchObject({ total_count: 2 });
    const closing = server.close();
    expect((await peer.untilEnd()).at(-1)).toMatchObject({
      type: "error",
      seq: 2,
      error: {
        code: "OWNER_LOST",
        message: expect.stringContaining("shutting down"),
        suggestion: expect.stringContaining("in a few seconds"),
      },
    });
    expect((await peer.closed).code).toBe(1001);
    expect((await warm.closed).code).toBe(1001);
    expect((await run).status).toBe(503);
    await closing;
    await server.close();
    await expect(fetch(server.url)).rejects.toThrow();
  });

  test("destroys after its time what does not leave", async () => {
    const server = await serveEntrypoints({
      a_stream: async function* () {
        for (;;) yield "x".repeat(1000);
      },
    });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    await peer.until((frame) => frame.seq === 1);
    peer.ws.pause();
    await server.close({ timeoutMs: 50 });
    peer.ws.resume();
    await peer.closed;
  });
});

describe("a store of one's own", () => {
  /** Answers later, as a database does. */
  function createLateStore(fail: (seq: number) => boolean = () => false): LogStore {
    const memory = createMemoryLogStore();
    const later = async <T>(answer: T | Promise<T>): Promise<T> => {
      await new Promise((resolve) => setImmediate(resolve));
      return answer;
    };
    const wrap = (log: InvocationLog): InvocationLog => ({
      epoch: log.epoch,
      append: async (epoch, seq, record) => {
        await later(undefined);
        if (fail(seq)) throw new Error("disk full");
        return log.append(epoch, seq, record);
      },
      read: (after, limit, bytes) => later(log.read(after, limit, bytes)),
      head: () => later(log.head()),
      watch: (listener) => log.watch(() => setImmediate(listener)),
      trim: (before, bounds) => later(log.trim(before, bounds)),
      drop: () => later(log.drop()),
    });
    return { durability: "disk", create: async (id) => wrap(await memory.create(id)) };
  }

  test("may answer later: order, ends, windows and full logs hold", async () => {
    const server = await serveEntrypoints(
      {
        a_stream: function* (_input, ctx) {
          for (let n = 0; n < 300; n++) {
            if (n % 7 === 0) ctx.emit({ type: "step", n });
            yield n;
          }
        },
      },
      { log: createLateStore(), limits: { maxLogBytes: 2000 } },
    );
    const peers = await Promise.all([connect(server), connect(server)]);
    for (const peer of peers) peer.send(startFrame("a_stream", "inv-1", peer === peers[0] ? { window_bytes: 300 } : {}));
    await Promise.all(
      peers.map(async (peer) => {
        for (let last = 0; ; last++) {
          const frame = await peer.next();
          if (last > 0) expect(frame.seq).toBe(last);
          if (peer === peers[0] && last > 0) peer.send({ type: "ack", seq: last });
          if (frame.status === "stream_completed") break;
        }
        expect(contents(peer.frames)).toEqual(Array.from({ length: 300 }, (_, n) => n));
      }),
    );
    expect(peers[0]?.frames[0]).toMatchObject({ durability: "disk" });
  });

  test("may fail: the invocation fails, its readers are told, the server lives", async () => {
    const reported: ErrorContext[] = [];
    const store = createLateStore((seq) => seq === 2);
    const server = await serveEntrypoints(
      { a_stream: () => [1, 2, 3] },
      { log: store, onError: (_error, context) => reported.push(context) },
    );
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    const frames = await peer.untilEnd();
    expect(frames.at(-1)).not.toHaveProperty("seq");
    expect(codeOf(frames.at(-1))).toBe("SERVER_ERROR");
    expect((await peer.closed).code).toBe(1011);
    expect((await get(`${server.url}/api/v1/invocations/inv-1`)).body.data).toMatchObject({
      status: "failed",
      error: { code: "SERVER_ERROR" },
    });
    expect(reported).toEqual([{ where: "log", invocationId: "inv-1" }]);
  });
});

test("a memory log fences off a second owner", async () => {
  const log = await createMemoryLogStore().create("inv-1");
  const record = { seq: 1, kind: "data", data: Buffer.from("{}") } as const;
  expect(await log.append(log.epoch, 1, record)).toMatchObject({ firstSeq: 1, lastSeq: 1, bytes: 2 });
  expect(await thrownBy(() => log.append(log.epoch, 1, record))).toMatchObject({ code: "OWNER_LOST" });
  expect(await thrownBy(() => log.append("other", 2, { ...record, seq: 2 }))).toMatchObject({ code: "OWNER_LOST" });
  for (let seq = 2; seq <= 5000; seq++) await log.append(log.epoch, seq, { ...record, seq });
  expect(await log.trim(3000, { bytes: 100, records: 10_000 })).toMatchObject({ firstSeq: 3000, lastSeq: 5000, bytes: 4002 });
  expect((await log.read(3000, 2, 1e6)).map(({ seq }) => seq)).toEqual([3001, 3002]);
  expect((await log.read(4999, 9, 1e6)).map(({ seq }) => seq)).toEqual([5000]);
  expect(await log.read(5000, 9, 1e6)).toEqual([]);
});
