/** Logs that are lost, large, read by many who take nothing, and forgotten: seen from the clients, and from the store. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { encodeCursor, type JsonObject } from "@runagent/core";
import { describe, expect, test } from "vitest";
import { createMemoryLogStore, type InvocationLog, type LogStore, type RunningServer } from "../src/index.ts";
import { storeWith } from "./log-stores.ts";
import { attachSse, openSse, refusedSse } from "./sse-peer.ts";
import { codeOf, connect, contents, deferred, get, post, resumeFrame, serveEntrypoints, startFrame } from "./support.ts";

/** A store whose logs take no more after so many records. */
function fullAfter(records: number): LogStore {
  return storeWith((log) => ({
    append(epoch, seq, record) {
      if (seq > records) throw new Error("disk full");
      return log.append(epoch, seq, record);
    },
  }));
}

describe("an invocation whose log was lost", () => {
  /** It got three records, and its reader was told. */
  async function loseLog(): Promise<{ server: RunningServer; started: JsonObject }> {
    const server = await serveEntrypoints({ a_stream: () => [1, 2, 3, 4] }, { log: fullAfter(3), onError: () => {} });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    const [started = {}, ...frames] = await peer.untilEnd();
    expect(contents(frames)).toEqual([1, 2, 3]);
    expect(codeOf(frames.at(-1))).toBe("SERVER_ERROR");
    expect((await peer.closed).code).toBe(1011);
    return { server, started };
  }

  test.each([0, 2, 3])("refuses a resume after record %i with OWNER_LOST: it has no end [stream.end.1]", async (after) => {
    const { server, started } = await loseLog();
    const peer = await connect(server);
    peer.send(resumeFrame(started, after));
    const answer = await peer.next();
    expect(answer).not.toHaveProperty("seq");
    expect(codeOf(answer)).toBe("OWNER_LOST");
    await peer.closed;
    const cursor = encodeCursor({ invocationId: "inv-1", epoch: String(started.epoch), seq: after });
    const refused = await refusedSse(server, { path: "/api/v1/invocations/inv-1/stream", headers: { "Last-Event-ID": cursor } });
    expect([refused.status, codeOf(refused.body)]).toEqual([503, "OWNER_LOST"]);
  });

  test("refuses the same start, and who attaches without a cursor", async () => {
    const { server } = await loseLog();
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    expect(codeOf(await peer.next())).toBe("OWNER_LOST");
    await peer.closed;
    for (const options of [{ body: startFrame("a_stream", "inv-1") }, { path: "/api/v1/invocations/inv-1/stream" }]) {
      const refused = await refusedSse(server, options);
      expect([refused.status, codeOf(refused.body)]).toEqual([503, "OWNER_LOST"]);
    }
  });

  test("while a client attaches ends that one, too", async () => {
    const asked = deferred();
    const mayAnswer = deferred();
    let heads = 0;
    const store = storeWith((log) => ({
      async append(epoch, seq, record) {
        if (seq > 1) {
          await asked.promise;
          throw new Error("disk full");
        }
        return log.append(epoch, seq, record);
      },
      async head() {
        if (++heads === 2) {
          asked.resolve();
          await mayAnswer.promise;
        }
        return log.head();
      },
    }));
    const server = await serveEntrypoints({ a_stream: () => [1, 2] }, { log: store, onError: () => {} });
    const first = await connect(server);
    first.send(startFrame("a_stream", "inv-1"));
    await first.until((frame) => frame.seq === 1);
    const second = await connect(server);
    second.send(startFrame("a_stream", "inv-1"));
    expect(codeOf((await first.untilEnd()).at(-1))).toBe("SERVER_ERROR");
    mayAnswer.resolve();
    expect(codeOf((await second.untilEnd()).at(-1))).toMatch(/OWNER_LOST|SERVER_ERROR/);
  });
});

test("a log that held a large record gives its memory back [log.bound.1]", async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const used = (): number => {
    collect();
    return process.memoryUsage().arrayBuffers;
  };
  const large = Buffer.alloc(4_194_304, "x");
  const bounds = { bytes: 1000, records: 10 };
  // Counted before: what the test itself holds.
  const before = used();
  const logs: InvocationLog[] = [];
  for (let n = 0; n < 10; n++) {
    const log = await createMemoryLogStore().create(`inv-${n}`);
    await log.append(log.epoch, 1, { seq: 1, kind: "data", data: large });
    await log.append(log.epoch, 2, { seq: 2, kind: "data", data: Buffer.from("{}") });
    await log.trim(2, bounds);
    await log.append(log.epoch, 3, { seq: 3, kind: "terminal", data: Buffer.from("{}") });
    logs.push(log);
  }
  // All ten together hold less than one of the large records did.
  await expect.poll(() => used() - before, { timeout: 10_000 }).toBeLessThan(large.length);
  expect(logs.map((log) => log.head())).toMatchObject(logs.map(() => ({ firstSeq: 2, lastSeq: 3, bytes: 4 })));
});

test("readers whose window is full are read for no further than that, and not at every append", async () => {
  const readers = 20;
  const may = deferred();
  let copied = 0;
  const store = storeWith((log) => ({
    async read(after, limit, bytes) {
      const found = await log.read(after, limit, bytes);
      copied += found.length;
      return found;
    },
  }));
  const server = await serveEntrypoints(
    {
      a_stream: async function* () {
        for (let n = 1; n <= 100; n++) yield n;
        await may.promise;
        for (let n = 101; n <= 1000; n++) yield n;
      },
    },
    { log: store },
  );
  const reader = await connect(server);
  reader.send(startFrame("a_stream", "inv-1"));
  await reader.until((frame) => frame.seq === 100);
  const blocked = await Promise.all(
    Array.from({ length: readers }, async () => {
      const peer = await connect(server);
      peer.send(startFrame("a_stream", "inv-1", { window_bytes: 1 }));
      await peer.until((frame) => frame.seq === 1);
      return peer;
    }),
  );
  may.resolve();
  expect(contents(await reader.untilEnd())).toHaveLength(900);
  // Each record once for who takes it; for each of the others what it was sent, and what did not fit then.
  expect(copied).toBeLessThan(1001 + readers * 10);
  // An acknowledgement of theirs goes on with them.
  for (const peer of blocked) peer.send({ type: "ack", seq: 1 });
  for (const peer of blocked) expect(await peer.next()).toMatchObject({ seq: 2 });
});

describe("too many ended invocations", () => {
  const status = async (server: RunningServer, id: string): Promise<number> => (await get(`${server.url}/api/v1/invocations/${id}`)).status;

  const run = async (server: RunningServer, id: string): Promise<void> => {
    const body = { protocol: 2, invocation_id: id, entrypoint_tag: "chat", input_args: [], input_kwargs: {} };
    expect((await post(`${server.url}/api/v1/agents/agent/run`, body)).status).toBe(200);
  };

  test("are forgotten oldest first, those before the others that a client saw to their end [log.keep.1]", async () => {
    const may = deferred();
    const server = await serveEntrypoints(
      {
        chat: () => 1,
        a_stream: () => [1],
        wait_stream: async function* () {
          yield 1;
          await may.promise;
          yield 2;
        },
      },
      { limits: { maxRetainedInvocations: 6 } },
    );
    const lost = ["lost-1", "lost-2", "lost-3"];
    const starts: JsonObject[] = [];
    for (const id of lost) {
      const peer = await connect(server);
      peer.send(startFrame("wait_stream", id));
      const [started = {}] = await peer.until((frame) => frame.seq === 1);
      starts.push(started);
      peer.ws.close();
      await peer.closed;
      expect(await status(server, id)).toBe(200);
    }
    may.resolve();
    for (let n = 0; n < 6; n += 2) {
      await (await openSse(server, { body: startFrame("a_stream", `seen-${n}`) })).untilEnd();
      // The answer of a run is as good as seen.
      await run(server, `seen-${n + 1}`);
    }
    for (const started of starts) {
      const peer = await connect(server);
      peer.send(resumeFrame(started, 1));
      expect(contents(await peer.untilEnd())).toEqual([2]);
    }
    await expect.poll(() => status(server, "seen-2")).toBe(404);
    expect(await status(server, "seen-3")).toBe(200);
  });

  test.each(["runs", "streams that nobody read"])("do not push out a stream in the moment it ends, if they are %s", async (what) => {
    const may = deferred();
    const server = await serveEntrypoints(
      {
        chat: () => 1,
        a_stream: () => [1, 2],
        wait_stream: async function* () {
          yield 1;
          await may.promise;
        },
      },
      { limits: { maxRetainedInvocations: 6 } },
    );
    for (let n = 0; n < 8; n++) {
      if (what === "runs") {
        await run(server, `other-${n}`);
        continue;
      }
      const peer = await connect(server);
      peer.send(startFrame("wait_stream", `other-${n}`));
      await peer.until((frame) => frame.seq === 1);
      peer.ws.close();
      await peer.closed;
      expect(await status(server, `other-${n}`)).toBe(200);
    }
    may.resolve();
    await expect.poll(() => status(server, "other-0")).toBe(404);
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    const [started = {}] = await peer.untilEnd();
    peer.ws.terminate();
    await run(server, "other-8");
    // What it was sent may have been lost on the way.
    const again = await connect(server);
    again.send(resumeFrame(started, 1));
    expect(contents(await again.untilEnd())).toEqual([2]);
  });
});

test("who has the terminal record gets it again, also while the store has not answered for it [resume.end.1]", async () => {
  const mayAnswer = deferred();
  const store = storeWith((log) => ({
    async append(epoch, seq, record) {
      const head = await log.append(epoch, seq, record);
      if (record.kind === "terminal") await mayAnswer.promise;
      return head;
    },
  }));
  const server = await serveEntrypoints({ a_stream: () => [1] }, { log: store });
  const first = await connect(server);
  first.send(startFrame("a_stream", "inv-1"));
  const [started = {}] = await first.untilEnd();
  const second = await connect(server);
  second.send(resumeFrame(started, 2));
  expect(await second.next()).toMatchObject({ status: "stream_resumed", seq: 2 });
  expect(await second.next()).toMatchObject({ status: "stream_completed", seq: 2 });
  mayAnswer.resolve();
});

test("a client that acknowledges nothing keeps what is on its way to it while other logs are too full [log.bound.1]", async () => {
  const may = deferred();
  const chunk = "x".repeat(10_000);
  const server = await serveEntrypoints(
    {
      a_stream: async function* () {
        yield chunk;
        await may.promise;
        for (let n = 0; n < 30; n++) yield chunk;
        await new Promise(() => {});
      },
      chat: () => 1,
      flood_stream: function* () {
        for (;;) yield chunk;
      },
    },
    { limits: { maxTotalLogBytes: 100_000, maxLogBytes: 1_000_000 } },
  );
  const victim = await openSse(server, { body: startFrame("a_stream", "inv-1") });
  await victim.until((frame) => frame.seq === 1);
  const flood = await connect(server);
  flood.send(startFrame("flood_stream", "inv-2", { window_bytes: 1 }));
  await flood.until((frame) => frame.seq === 1);
  flood.ws.close();
  await expect.poll(async () => (await post(`${server.url}/api/v1/agents/agent/run`, { entrypoint_tag: "chat" })).status).toBe(429);
  may.resolve();
  await victim.until((frame) => frame.seq === 31);
  victim.socket.destroy();
  const again = await attachSse(server, "inv-1", victim.ids[1]);
  expect(contents(await again.until((frame) => frame.seq === 31))).toHaveLength(30);
});
