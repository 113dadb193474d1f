/** What a client does not want is not sent, and the order has no gap all the same. [filter.only.1] [skip.send.1] */
import type { JsonObject } from "@runagent/core";
import { describe, expect, test } from "vitest";
import { checkChain, eventsOf, SSE, typesOf, WEBSOCKET } from "./asking.ts";
import { attachSse, openSse, refusedSse } from "./sse-peer.ts";
import { connect, contents, deferred, get, type Peer, post, resumeFrame, serveEntrypoints, startFrame } from "./support.ts";

/** An agent that yields chunks between events of two types, asks, and ends. */
async function serveMixed() {
  const asked = deferred();
  const server = await serveEntrypoints({
    a_stream: async function* (_input, ctx) {
      for (let n = 1; n <= 3; n++) {
        await ctx.emit({ type: "raw", n });
        await ctx.emit({ type: "raw", n });
        yield n;
        await ctx.emit({ type: "step", n });
      }
      asked.resolve();
      const { decision } = await ctx.requireApproval({ tool_name: "pay" });
      await ctx.emit({ type: "raw", decision });
    },
  });
  /** Approves once it was asked. */
  const decide = async (): Promise<void> => {
    await asked.promise;
    const url = `${server.url}/api/v1/invocations/inv-1`;
    const pending = async (): Promise<JsonObject[]> =>
      ((await get(url)).body.data as { pending_approvals?: JsonObject[] }).pending_approvals ?? [];
    await expect.poll(pending).toHaveLength(1);
    await post(`${url}/approvals`, { approval_id: (await pending())[0]?.approval_id, decision: "approve" });
  };
  return { server, decide };
}

const QUESTION = ["approval_required", "approval_decided"];

describe.each([WEBSOCKET, SSE])("over $name", (way) => {
  test.each([
    ["chunks", ["data"], ["skipped", "data", "skipped", "data", "skipped", "data", "skipped", ...QUESTION, "skipped", "stream_completed"]],
    ["one type", ["step"], ["skipped", "step", "skipped", "step", "skipped", "step", ...QUESTION, "skipped", "stream_completed"]],
    ["what nobody sends", ["nothing"], ["skipped", ...QUESTION, "skipped", "stream_completed"]],
    ["nothing", [], ["skipped", ...QUESTION, "skipped", "stream_completed"]],
    [
      "everything by name",
      ["data", "raw", "step"],
      [...Array(3).fill(["raw", "raw", "data", "step"]).flat(), ...QUESTION, "raw", "stream_completed"],
    ],
  ])("only %s: the rest is skipped, approvals and the end come always", async (_name, only, types) => {
    const { server, decide } = await serveMixed();
    const inbox = await way.open(server, startFrame("a_stream", "inv-1", { only }));
    await decide();
    const frames = await inbox.untilEnd();
    expect(typesOf(frames)).toEqual(types);
    expect(checkChain(frames, 0)).toBe(16);
    expect(frames.at(-1)).toMatchObject({ total_chunks: 3 });
  });

  test("without only everything comes, and the accept frame says that a filter is taken", async () => {
    const { server, decide } = await serveMixed();
    const inbox = await way.open(server, startFrame("a_stream", "inv-1"));
    await decide();
    const frames = await inbox.untilEnd();
    expect(frames[0]).toMatchObject({ last_seq: 0 });
    expect(typesOf(frames)).not.toContain("skipped");
    expect(frames).toHaveLength(17);
  });

  test("a heartbeat says what was skipped first, so that it names no record that the client was not told of", async () => {
    const server = await serveEntrypoints(
      {
        a_stream: async function* (_input, ctx) {
          yield 1;
          for (let n = 0; n < 5; n++) await ctx.emit({ type: "raw", n });
          await new Promise((_, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason)));
        },
      },
      { limits: { heartbeatSeconds: 0.05 } },
    );
    const inbox = await way.open(server, startFrame("a_stream", "inv-1", { only: ["data"] }));
    const frames = await inbox.until(({ type }) => type === "heartbeat");
    checkChain(frames, 0);
    expect(frames.slice(1)).toMatchObject([{ seq: 1 }, { type: "skipped", after: 1, seq: 6 }, { type: "heartbeat", seq: 6 }]);
    expect(await inbox.next()).toEqual({ type: "heartbeat", seq: 6 });
  });

  test("at most 256 records and about 64 KiB are skipped in one frame", async () => {
    const server = await serveEntrypoints({
      a_stream: async function* (_input, ctx) {
        for (let n = 0; n < 1000; n++) await ctx.emit({ type: "raw", n });
        yield "small";
        for (let n = 0; n < 100; n++) await ctx.emit({ type: "raw", text: "x".repeat(10_000) });
        yield "large";
      },
    });
    const inbox = await way.open(server, startFrame("a_stream", "inv-1", { only: ["data"] }));
    const frames = await inbox.untilEnd();
    expect(checkChain(frames, 0)).toBe(1103);
    const skips = frames.filter(({ type }) => type === "skipped").map(({ after, seq }) => Number(seq) - Number(after));
    expect(skips.slice(0, 4)).toEqual([256, 256, 256, 232]);
    expect(Math.max(...skips.slice(4))).toBe(7);
  });
});

describe("a filter on the way", () => {
  /** An agent that emits a pair for each word of the test. */
  async function open(extra: JsonObject = {}): Promise<{ peer: Peer; step(): void }> {
    let go = deferred();
    const server = await serveEntrypoints({
      a_stream: async function* (_input, ctx) {
        for (let n = 1; n <= 4; n++) {
          await go.promise;
          go = deferred();
          await ctx.emit({ type: "raw", n });
          yield n;
        }
      },
    });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1", extra));
    await peer.next();
    return { peer, step: () => go.resolve() };
  }

  test("holds from then on, and can be changed again and taken back to everything by its names", async () => {
    const { peer, step } = await open();
    const upTo = (n: number) => peer.until(({ content }) => content === n);
    const acknowledged = async (): Promise<void> => {
      // The answer to a cancel that changes nothing says that the frame before it was read.
      peer.send({ type: "approval", approval_id: "none", decision: "reject" });
      await peer.until(({ status }) => status === "approval_acknowledged");
    };
    step();
    expect(typesOf(await upTo(1))).toEqual(["raw", "data"]);
    peer.send({ type: "filter", only: ["data"] });
    await acknowledged();
    step();
    expect(typesOf(await upTo(2))).toEqual(["skipped", "data"]);
    peer.send({ type: "filter", only: ["raw", "data"] });
    await acknowledged();
    step();
    expect(typesOf(await upTo(3))).toEqual(["raw", "data"]);
    peer.send({ type: "filter", only: [] });
    await acknowledged();
    step();
    expect(typesOf(await peer.untilEnd())).toEqual(["skipped", "stream_completed"]);
    checkChain(peer.frames, 0);
  });

  test.each<[string, unknown]>([
    ["no list", undefined],
    ["null", null],
    ["a text", "data"],
    ["what are no texts", ["data", 1]],
    ["a list of lists", [["data"]]],
    ["too many types", Array.from({ length: 65 }, (_, n) => `t${n}`)],
    ["too long a type", ["t".repeat(129)]],
  ])("of %s is refused with VALIDATION_ERROR, and the invocation goes on", async (_name, only) => {
    const { peer, step } = await open();
    peer.send({ type: "filter", ...(only !== undefined && { only }) });
    const refused = await peer.next();
    expect(refused).toMatchObject({ type: "error", error: { code: "VALIDATION_ERROR", field: expect.stringMatching(/^only/) } });
    expect(await peer.closed).toMatchObject({ code: 4400 });
    step();
  });

  test("after the end it is about nothing, and the connection stays", async () => {
    const server = await serveEntrypoints({ a_stream: () => [1] });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    await peer.untilEnd();
    peer.send({ type: "filter", only: [] });
    peer.send(startFrame("a_stream", "inv-2"));
    expect(contents(await peer.untilEnd())).toEqual([1]);
  });
});

describe("only that is wrong", () => {
  test.each<[string, unknown]>([
    ["a text", "data"],
    ["what are no texts", [null]],
    ["too many types", Array.from({ length: 65 }, (_, n) => `t${n}`)],
    ["too long a type", ["t".repeat(129)]],
  ])("%s refuses a start and a resume, over both transports", async (_name, only) => {
    const server = await serveEntrypoints({ a_stream: () => [1] });
    const first = await connect(server);
    first.send(startFrame("a_stream", "inv-1"));
    const [started = {}] = await first.untilEnd();
    const refusal = { code: "VALIDATION_ERROR", field: expect.stringMatching(/^only/) };
    for (const frame of [startFrame("a_stream", "inv-2", { only }), resumeFrame(started, 0, { only })]) {
      const peer = await connect(server);
      peer.send(frame);
      expect(await peer.next()).toMatchObject({ type: "error", error: refusal });
      await peer.closed;
    }
    const refused = await refusedSse(server, { body: startFrame("a_stream", "inv-2", { only }) });
    expect(refused).toMatchObject({ status: 400, body: { error: refusal } });
    // A start that is refused starts nothing.
    expect((await fetch(`${server.url}/api/v1/invocations/inv-2`)).status).toBe(404);
  });

  test("in a query, too", async () => {
    const server = await serveEntrypoints({ a_stream: () => [1] });
    await (await openSse(server, { body: startFrame("a_stream", "inv-1") })).untilEnd();
    const path = `/api/v1/invocations/inv-1/stream?${Array.from({ length: 65 }, (_, n) => `only=t${n}`).join("&")}`;
    expect(await refusedSse(server, { path })).toMatchObject({ status: 400, body: { error: { field: "only" } } });
  });
});

test("GET stream takes only from its query, once for each type, and Last-Event-ID goes on after what was skipped", async () => {
  const { server, decide } = await serveMixed();
  await openSse(server, { body: startFrame("a_stream", "inv-1") });
  await decide();
  const path = "/api/v1/invocations/inv-1/stream?only=step&only=raw";
  const whole = await openSse(server, { path });
  const frames = await whole.untilEnd();
  expect(checkChain(frames, 0)).toBe(16);
  expect(contents(frames)).toEqual([]);
  expect(eventsOf(frames)).toHaveLength(3 * 3 + 2 + 1);
  const at = frames.findIndex(({ type }) => type === "skipped");
  const rest = await openSse(server, { path, headers: { "Last-Event-ID": whole.ids[at] ?? "" } });
  expect((await rest.untilEnd()).slice(1)).toEqual(frames.slice(at + 1));
  expect(typesOf(await (await attachSse(server, "inv-1")).untilEnd())).toHaveLength(16);
});
