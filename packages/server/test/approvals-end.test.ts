/** What ends an approval before anybody decides, and what time does to it. The agent's wait ends each time, and nothing is left behind. */
import { describe, expect, test } from "vitest";
import {
  approve,
  askOverWebSocket,
  decideOverRest,
  eventsOf,
  idOf,
  isEvent,
  isRequired,
  REQUEST,
  SSE,
  serveAsker,
  WEBSOCKET,
} from "./asking.ts";
import { holdingStore, lateStore } from "./log-stores.ts";
import { codeOf, connect, contents, deferred, get, isTerminal, post, resumeFrame, serveEntrypoints, startFrame } from "./support.ts";

const GONE = { status: 400, error: { code: "VALIDATION_ERROR", field: "approval_id" } };

describe("the deadline of the invocation (timeout_seconds) [start.timeout.1]", () => {
  test("stands still while an approval waits, and runs on afterwards", async () => {
    const decided = deferred();
    const server = await serveEntrypoints(
      {
        ask_stream: async function* (_input, ctx) {
          yield (await ctx.requireApproval(REQUEST)).decision;
          decided.resolve();
          await new Promise((_, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason)));
        },
      },
      { limits: { heartbeatSeconds: 0.1 } },
    );
    const peer = await askOverWebSocket(server, "inv-1", { timeout_seconds: 0.3 });
    // Six heartbeats are twice the time that the invocation has.
    for (let beat = 0; beat < 6; beat++) expect(await peer.next()).toMatchObject({ type: "heartbeat" });
    const { data } = (await get(`${server.url}/api/v1/invocations/inv-1`)).body;
    expect(data).toMatchObject({ status: "waiting_approval" });
    await decideOverRest(server, approve(peer));
    await decided.promise;
    expect(codeOf((await peer.untilEnd()).at(-1))).toBe("TIMEOUT");
  });

  test("stands still until the last of several is decided", async () => {
    const server = await serveEntrypoints(
      {
        ask_stream: async function* (_input, ctx) {
          const both = [ctx.requireApproval(REQUEST), ctx.requireApproval(REQUEST)];
          yield await Promise.race(both);
          yield (await Promise.all(both)).length;
        },
      },
      { limits: { heartbeatSeconds: 0.1 } },
    );
    const peer = await askOverWebSocket(server, "inv-1", { timeout_seconds: 0.3 });
    await decideOverRest(server, approve(peer));
    await peer.until(({ type }) => type === "data");
    for (let beat = 0; beat < 5; beat++) expect(await peer.next()).toMatchObject({ type: "heartbeat" });
    await decideOverRest(server, { ...approve(peer), approval_id: idOf(peer, 2) });
    expect((await peer.untilEnd()).at(-1)).toMatchObject({ status: "stream_completed" });
  });
});

describe("an approval that expires [approval.expire.1]", () => {
  test("is rejected by the server, once, and later decisions learn so", async () => {
    const { server, calls } = await serveAsker({}, { ...REQUEST, expiresIn: 0.1 });
    const peer = await connect(server);
    peer.send(startFrame("ask_stream", "inv-1"));
    const beforeMs = Date.now();
    const asked = eventsOf(await peer.until(isRequired))[0];
    expect(asked).not.toHaveProperty("expiresIn");
    expect(asked?.requests).toEqual([REQUEST]);
    const frames = await peer.untilEnd();
    expect(Date.parse(String(asked?.expires_at))).toBeLessThanOrEqual(Date.now());
    expect(Date.now() - beforeMs).toBeGreaterThan(80);
    const rejected = { decision: "reject", reason: "The approval expired.", decided_by: "server" };
    const id = idOf(peer);
    expect(eventsOf(frames)).toEqual([{ type: "approval_decided", approval_id: id, ...rejected }]);
    expect(contents(frames)).toEqual([{ approvalId: id, decision: "reject", reason: "The approval expired.", decidedBy: "server" }]);
    expect(await decideOverRest(server, approve(peer))).toMatchObject({
      status: 409,
      error: { code: "ALREADY_DECIDED", details: rejected },
    });
    expect(calls()).toBe(0);
  });

  test("waits no longer than maxApprovalSeconds, whatever the agent says", async () => {
    const { server } = await serveAsker({ limits: { maxApprovalSeconds: 0.1 } });
    const peer = await askOverWebSocket(server);
    expect(eventsOf(await peer.untilEnd())).toMatchObject([{ decision: "reject", decided_by: "server" }]);
  });
});

describe.each([WEBSOCKET, SSE])("over $name, while an approval waits", (way) => {
  const open = async (extra: object = {}, limits: object = {}) => {
    const asker = await serveAsker({ limits: { disconnectGraceSeconds: 0.1, ...limits } });
    const inbox = await way.open(asker.server, startFrame("ask_stream", "inv-1", { ...extra }));
    await inbox.until(isRequired);
    return { ...asker, inbox };
  };

  test("a cancel ends it: the wait rejects with CANCELLED, and nobody can decide any more", async () => {
    const { server, inbox, told, calls } = await open();
    await post(`${server.url}/api/v1/invocations/inv-1/cancel`, { mode: "immediate" });
    expect((await inbox.untilEnd()).at(-1)).toMatchObject({ status: "stream_cancelled", seq: 3 });
    expect(await told).toMatchObject({ code: "CANCELLED" });
    expect(await decideOverRest(server, approve(inbox))).toMatchObject(GONE);
    const { data } = (await get(`${server.url}/api/v1/invocations/inv-1`)).body;
    expect(data).toMatchObject({ status: "cancelled" });
    expect(data).not.toHaveProperty("pending_approvals");
    expect(calls()).toBe(0);
  });

  test("a cancel after_turn waits for the decision", async () => {
    const { server, inbox, calls } = await open();
    const answer = await post(`${server.url}/api/v1/invocations/inv-1/cancel`, { mode: "after_turn" });
    expect(answer.body.data).toMatchObject({ outcome: "accepted" });
    expect((await get(`${server.url}/api/v1/invocations/inv-1`)).body.data).toMatchObject({ status: "waiting_approval" });
    await decideOverRest(server, approve(inbox));
    expect((await inbox.untilEnd()).at(-1)).toMatchObject({ status: "stream_completed", reason: expect.stringContaining("turn") });
    expect(calls()).toBe(1);
  });

  test("the server shuts down: OWNER_LOST for the agent and the client", async () => {
    const { server, inbox, told } = await open();
    await server.close();
    expect(codeOf((await inbox.untilEnd()).at(-1))).toBe("OWNER_LOST");
    expect(await told).toMatchObject({ code: "OWNER_LOST" });
  });
});

describe("the last client goes while an approval waits", () => {
  test.each([1000, undefined])("with on_disconnect cancel (close code %s) the invocation ends, and the wait with it", async (code) => {
    const { server, told } = await serveAsker({ limits: { disconnectGraceSeconds: 0.1 } });
    const peer = await askOverWebSocket(server, "inv-1", { on_disconnect: "cancel" });
    if (code === undefined) peer.ws.terminate();
    else peer.ws.close(code);
    expect(await told).toMatchObject({ code: "CANCELLED" });
    expect(await decideOverRest(server, approve(peer))).toMatchObject(GONE);
  });

  test("with continue it waits on, is decided without a client, and whoever comes back gets the rest", async () => {
    const { server, calls } = await serveAsker();
    const peer = await askOverWebSocket(server);
    peer.ws.terminate();
    await peer.closed;
    expect(await decideOverRest(server, approve(peer))).toMatchObject({ success: true });
    await expect.poll(async () => (await get(`${server.url}/api/v1/invocations/inv-1`)).body.data).toMatchObject({ status: "completed" });
    const back = await connect(server);
    back.send(resumeFrame(peer.frames[0] ?? {}, 2));
    const frames = await back.untilEnd();
    expect(frames.map(({ seq }) => seq)).toEqual([2, 3, 4, 5]);
    expect(calls()).toBe(1);
  });
});

describe("a store that answers later", () => {
  test("changes nothing: asked, decided, gone on, in this order", async () => {
    const { server, calls } = await serveAsker({ log: lateStore() });
    const peer = await askOverWebSocket(server);
    expect(await WEBSOCKET.decide(peer, server, approve(peer))).toMatchObject({ outcome: "accepted" });
    expect((await peer.untilEnd()).map(({ seq }) => seq).filter(Number)).toEqual([3, 4, 5]);
    expect(calls()).toBe(1);
  });

  test("holds the agent and the answer until it has the decision [approval.log.1]", async () => {
    const log = holdingStore((text) => text.includes("approval_decided"));
    const { server, calls } = await serveAsker({ log });
    const peer = await askOverWebSocket(server);
    let answered = false;
    const answer = decideOverRest(server, approve(peer)).finally(() => {
      answered = true;
    });
    await log.held;
    // Whoever comes second is told at once; the agent has not gone on by then, and the first has no answer.
    expect(await decideOverRest(server, approve(peer))).toMatchObject({ error: { code: "ALREADY_DECIDED" } });
    expect([calls(), answered]).toEqual([0, false]);
    log.release();
    expect(await answer).toMatchObject({ success: true });
    expect((await peer.untilEnd()).at(-1)).toMatchObject({ status: "stream_completed" });
    expect(calls()).toBe(1);
  });

  test("that loses the decision: the wait rejects, the tool does not run, and nobody is told that the decision stands", async () => {
    const log = holdingStore((text) => text.includes("approval_decided"));
    const { server, told, calls } = await serveAsker({ log });
    const peer = await askOverWebSocket(server);
    const answer = decideOverRest(server, approve(peer));
    await log.held;
    log.fail();
    expect(await told).toMatchObject({ code: "SERVER_ERROR" });
    expect(await answer).toMatchObject({ success: false, error: { code: "SERVER_ERROR" } });
    expect(codeOf((await peer.until(isTerminal)).at(-1))).toBe("SERVER_ERROR");
    expect(calls()).toBe(0);
  });

  test.each(["cancel", "fail", "expire"])("%s before it has the question: the wait rejects all the same", async (what) => {
    const log = holdingStore((text) => text.includes("approval_required"));
    const { server, told, calls } = await serveAsker({ log }, { ...REQUEST, ...(what === "expire" && { expiresIn: 0.05 }) });
    const peer = await connect(server);
    peer.send(startFrame("ask_stream", "inv-1"));
    await log.held;
    if (what === "cancel") await post(`${server.url}/api/v1/invocations/inv-1/cancel`, { mode: "immediate" });
    const url = `${server.url}/api/v1/invocations/inv-1`;
    if (what === "expire") await expect.poll(async () => (await get(url)).body.data).toMatchObject({ status: "running" });
    if (what === "fail") log.fail();
    else log.release();
    const expected = { cancel: { code: "CANCELLED" }, fail: { code: "SERVER_ERROR" }, expire: { decision: "reject" } };
    expect(await told).toMatchObject(expected[what as "cancel"]);
    const frames = await peer.untilEnd();
    expect(frames.filter((frame) => isEvent(frame, "approval_required"))).toHaveLength(what === "fail" ? 0 : 1);
    expect(calls()).toBe(0);
  });
});

test("a decision whose record is larger than the server's frames may be is refused, and the approval waits on", async () => {
  const { server, calls } = await serveAsker({ limits: { maxServerFrameBytes: 1000 } });
  const peer = await askOverWebSocket(server);
  expect(await decideOverRest(server, { ...approve(peer), reason: "r".repeat(2000) })).toMatchObject({ status: 400 });
  expect((await get(`${server.url}/api/v1/invocations/inv-1`)).body.data).toMatchObject({ status: "waiting_approval" });
  expect(await decideOverRest(server, approve(peer))).toMatchObject({ success: true });
  await peer.untilEnd();
  expect(calls()).toBe(1);
});

test("an agent that asks after the end is told why it ended", async () => {
  const { promise, resolve } = deferred<unknown>();
  const server = await serveEntrypoints({
    ask_stream: async function* (_input, ctx) {
      yield 1;
      await new Promise((done) => ctx.signal.addEventListener("abort", done));
      await ctx.requireApproval(REQUEST).catch(resolve);
    },
  });
  const peer = await connect(server);
  peer.send(startFrame("ask_stream", "inv-1"));
  await peer.until(({ seq }) => seq === 1);
  peer.send({ type: "cancel", mode: "immediate" });
  await peer.untilEnd();
  expect(await promise).toMatchObject({ code: "CANCELLED" });
});
