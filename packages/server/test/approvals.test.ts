/** Approvals, from the question to the end: what goes over the wire and into the log, in which order, and who sees what. */
import type { Invocation, JsonObject } from "@runagent/core";
import { describe, expect, test } from "vitest";
import {
  approve,
  askOverWebSocket,
  createRandom,
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
import { attachSse } from "./sse-peer.ts";
import { connect, contents, deferred, get, isTerminal, post, resumeFrame, serveEntrypoints, startFrame } from "./support.ts";

const isHeartbeat = (frame: JsonObject): boolean => frame.type === "heartbeat";

describe.each([WEBSOCKET, SSE])("over $name", (way) => {
  test.each(["approve", "reject"] as const)("an agent asks, is told %s, and goes on [approval.log.1]", async (decision) => {
    const { server, calls } = await serveAsker();
    const inbox = await way.open(server, startFrame("ask_stream", "inv-1"));
    const before = await inbox.until(isRequired);
    expect(contents(before)).toEqual(["asking"]);
    expect(before.at(-1)).toEqual({
      type: "event",
      seq: 2,
      event: {
        type: "approval_required",
        approval_id: expect.stringMatching(/^ap-1-[0-9a-f]{8}$/),
        requests: [REQUEST],
        expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      },
    });
    expect(calls()).toBe(0);
    const id = idOf(inbox);
    const answer = await way.decide(inbox, server, { approval_id: id, decision, reason: "it is due" });
    expect(answer).toMatchObject({ approval_id: id, decision, outcome: "accepted" });
    const after = (await inbox.untilEnd()).filter(({ seq }) => seq !== undefined);
    expect(after).toEqual([
      {
        type: "event",
        seq: 3,
        event: { type: "approval_decided", approval_id: id, decision, reason: "it is due", decided_by: "anybody" },
      },
      { type: "data", seq: 4, content: { approvalId: id, decision, reason: "it is due", decidedBy: "anybody" } },
      expect.objectContaining({ status: "stream_completed", seq: 5, total_chunks: 2 }),
    ]);
    expect(calls()).toBe(decision === "approve" ? 1 : 0);
  });

  test("the stream stays open with heartbeats while it waits", async () => {
    const { server } = await serveAsker({ limits: { heartbeatSeconds: 0.05 } });
    const inbox = await way.open(server, startFrame("ask_stream", "inv-1"));
    await inbox.until(isRequired);
    for (let beat = 0; beat < 5; beat++) expect(await inbox.next()).toEqual({ type: "heartbeat", seq: 2 });
    await decideOverRest(server, approve(inbox));
    expect((await inbox.untilEnd()).at(-1)).toMatchObject({ status: "stream_completed" });
  });

  test("every other decision is refused with the one that stands, also after the end [approval.once.1]", async () => {
    const { server, calls } = await serveAsker();
    const inbox = await way.open(server, startFrame("ask_stream", "inv-1"));
    await inbox.until(isRequired);
    const decide = (decision: string): Promise<JsonObject> =>
      way.decide(inbox, server, { approval_id: idOf(inbox), decision, reason: "r" });
    expect(await decide("approve")).toMatchObject({ outcome: "accepted" });
    const refused = {
      outcome: "refused",
      error: { code: "ALREADY_DECIDED", details: { decision: "approve", reason: "r", decided_by: "anybody" } },
    };
    expect(await decide("reject")).toMatchObject(refused);
    expect(await decide("approve")).toMatchObject(refused);
    await inbox.untilEnd();
    expect(await decide("reject")).toMatchObject(refused);
    expect(calls()).toBe(1);
  });
});

test("while it waits, GET says so, and for what", async () => {
  const { server } = await serveAsker();
  const peer = await askOverWebSocket(server);
  const url = `${server.url}/api/v1`;
  const event = { type: "approval_required", approval_id: idOf(peer), requests: [REQUEST], expires_at: expect.any(String) };
  const waiting = { invocation_id: "inv-1", status: "waiting_approval", ended_at: null };
  const list = `${url}/agents/agent/invocations`;
  expect((await get(`${url}/invocations/inv-1`)).body.data).toMatchObject({ ...waiting, pending_approvals: [event] });
  const { invocations } = (await get(list)).body.data as { invocations: JsonObject[] };
  // A list of a thousand must not hold the arguments of all their tools.
  expect(invocations[0]).not.toHaveProperty("pending_approvals");
  expect((await get(`${list}?status=waiting_approval`)).body.data).toMatchObject({ total_count: 1, invocations: [waiting] });
  expect((await get(`${list}?status=running`)).body.data).toMatchObject({ total_count: 0 });
  expect((await get(`${list}/stats`)).body.data).toMatchObject({ stats: { total: 1, running: 1 } });
  await decideOverRest(server, { ...approve(peer), decision: "reject" });
  await peer.untilEnd();
  const { data } = (await get(`${url}/invocations/inv-1`)).body;
  expect(data).toMatchObject({ status: "completed", total_chunks: 2 });
  expect(data).not.toHaveProperty("pending_approvals");
});

test("who attaches is told what waits, and where the log was then [approval.pending.1]", async () => {
  const { server } = await serveAsker();
  const peer = await askOverWebSocket(server);
  const started = peer.frames[0] ?? {};
  expect(started).toMatchObject({ last_seq: 0 });
  expect(started).not.toHaveProperty("pending_approvals");
  const attach = async (): Promise<JsonObject[]> => {
    const resumed = await connect(server);
    resumed.send(resumeFrame(started, 1));
    return [await resumed.next(), await (await attachSse(server, "inv-1")).next()];
  };
  for (const accepted of await attach())
    expect(accepted).toMatchObject({ last_seq: 2, pending_approvals: [{ approval_id: idOf(peer), requests: [REQUEST] }] });
  await decideOverRest(server, approve(peer));
  await peer.untilEnd();
  for (const accepted of await attach()) {
    expect(accepted).toMatchObject({ last_seq: 5 });
    expect(accepted).not.toHaveProperty("pending_approvals");
  }
});

test("observers see who decided, by the name of the key's owner and never the key", async () => {
  const keys = { "secret-key-1": { id: "owner" }, "secret-key-2": { id: "m", name: "Max" } } as const;
  const apiKeys = (key: string) => keys[key as keyof typeof keys] ?? null;
  const asker = await serveAsker({ apiKeys, mayDecide: () => true });
  const asOwner = { Authorization: "Bearer secret-key-1" };
  const first = await connect(asker.server, { headers: asOwner });
  const peers = [first, await connect(asker.server, { headers: asOwner })];
  for (const peer of peers) peer.send(startFrame("ask_stream", "inv-1"));
  for (const peer of peers) await peer.until(isRequired);
  const decided = await decideOverRest(asker.server, approve(first), { Authorization: "Bearer secret-key-2" });
  expect(decided).toMatchObject({ success: true, status: 200 });
  for (const peer of peers) {
    expect(eventsOf(await peer.untilEnd())).toMatchObject([{ type: "approval_decided", decision: "approve", decided_by: "Max" }]);
    expect(peer.texts.join()).not.toContain("secret-key");
  }
});

test("a key that has no name is not shown, nor anything by which it could be found [approval.name.1]", async () => {
  const key = "a-long-key-of-somebody";
  const { server } = await serveAsker({ apiKeys: [key] });
  const headers = { Authorization: `Bearer ${key}` };
  const peer = await connect(server, { headers });
  peer.send(startFrame("ask_stream", "inv-1"));
  await peer.until(isRequired);
  await decideOverRest(server, approve(peer), headers);
  const [decided] = eventsOf(await peer.untilEnd());
  expect(decided?.decided_by).toMatch(/^key:[0-9a-f]{6}$/);
});

test("several wait at once, and are decided in any order", async () => {
  const server = await serveEntrypoints({
    ask_stream: async function* (_input, ctx) {
      const answers = ["a", "b", "c"].map((tool_name) => ctx.requireApproval({ tool_name, arguments: null }));
      yield (await Promise.all(answers)).map(({ approvalId, decision }) => `${approvalId} ${decision}`);
    },
  });
  const peer = await askOverWebSocket(server);
  await peer.until(({ seq }) => seq === 3);
  const [a, b, c] = [idOf(peer, 1), idOf(peer, 2), idOf(peer, 3)];
  const ids = (data: unknown): unknown =>
    (data as { pending_approvals?: JsonObject[] }).pending_approvals?.map((event) => event.approval_id);
  const url = `${server.url}/api/v1/invocations/inv-1`;
  for (const [id, decision, left] of [
    [c, "reject", [a, b]],
    [a, "approve", [b]],
  ] as const) {
    await decideOverRest(server, { approval_id: id, decision });
    const { data } = (await get(url)).body;
    expect(data).toMatchObject({ status: "waiting_approval" });
    expect(ids(data)).toEqual(left);
  }
  await decideOverRest(server, { approval_id: b, decision: "approve" });
  expect(contents(await peer.untilEnd())).toEqual([[`${a} approve`, `${b} approve`, `${c} reject`]]);
});

test("an entrypoint that does not stream waits as well", async () => {
  const server = await serveEntrypoints({
    pay: async (_input, ctx) => (await ctx.requireApproval({ tool_name: "pay" })).decision,
  });
  const body = { protocol: 2, invocation_id: "inv-1", entrypoint_tag: "pay", input_args: [], input_kwargs: {} };
  const answer = post(`${server.url}/api/v1/agents/agent/run`, body);
  const url = `${server.url}/api/v1/invocations/inv-1`;
  await expect.poll(async () => (await get(url)).body.data).toMatchObject({ status: "waiting_approval" });
  // Without arguments they are null: clients always find the field.
  const { pending_approvals: pending } = (await get(url)).body.data as { pending_approvals: JsonObject[] };
  expect(pending).toMatchObject([{ requests: [{ tool_name: "pay", arguments: null }] }]);
  await decideOverRest(server, { approval_id: pending[0]?.approval_id, decision: "reject" });
  expect(await answer).toMatchObject({ status: 200, body: { data: "reject" } });
});

test("a version 1 client gets the question as a chunk, and its stream goes on after a decision by REST [v1.server.1]", async () => {
  const { server } = await serveAsker();
  const peer = await connect(server, { version: 1 });
  peer.send({ entrypoint_tag: "ask_stream", input_args: [], input_kwargs: {} });
  const frames = await peer.until((frame) => String(frame.content).includes("approval_required"));
  const { approval_id } = JSON.parse(JSON.parse(String(frames.at(-1)?.content)).payload);
  const id = String(frames[0]?.invocation_id);
  expect(await decideOverRest(server, { approval_id, decision: "approve" }, {}, id)).toMatchObject({ success: true });
  const values = (await peer.untilEnd()).filter(({ type }) => type === "data").map(({ content }) => JSON.parse(String(content)));
  expect(values.map(({ type, payload }) => [type, JSON.parse(payload)])).toMatchObject([
    ["object", { type: "approval_decided", decision: "approve" }],
    ["object", { approvalId: approval_id, decision: "approve" }],
  ]);
  expect(await peer.closed).toMatchObject({ code: 1000 });
});

test("of deciders that come at once over WebSockets and REST one wins, and the others learn of it", async () => {
  const seed = Number(process.env.TEST_SEED ?? 20_266);
  const random = createRandom(seed);
  const { server, calls } = await serveAsker();
  for (let round = 1; round <= 25; round++) {
    const id = `inv-${round}`;
    const first = await askOverWebSocket(server, id);
    const peers = [first, await askOverWebSocket(server, id)];
    const before = calls();
    const draw = (): JsonObject => ({
      approval_id: idOf(first),
      decision: random() < 0.5 ? "approve" : "reject",
      reason: String(random()),
    });
    const deciders = [
      ...peers.map((peer) => () => WEBSOCKET.decide(peer, server, draw())),
      () => decideOverRest(server, draw(), {}, id).then(({ data, error }) => ({ ...(data as object), error })),
    ];
    const order = deciders.map((decide) => ({ decide, at: random() })).sort((a, b) => a.at - b.at);
    const answers: JsonObject[] = await Promise.all(order.map(({ decide }) => decide()));
    const [frames = []] = await Promise.all(peers.map((peer) => peer.untilEnd()));
    const [decided = {}, ...more] = eventsOf(frames);
    expect(more).toEqual([]);
    const { decision, reason } = decided;
    const context = `seed ${seed}, round ${round}`;
    expect(
      answers.filter(({ outcome }) => outcome === "accepted"),
      context,
    ).toMatchObject([{ decision }]);
    const losers = answers.filter(({ outcome }) => outcome !== "accepted");
    expect(losers, context).toMatchObject(Array(2).fill({ error: { code: "ALREADY_DECIDED", details: { decision, reason } } }));
    expect(calls() - before, context).toBe(decision === "approve" ? 1 : 0);
  }
});

test("a client that is silent for days costs nothing but its heartbeats: nothing is appended while it waits", async () => {
  const { server } = await serveAsker({ limits: { heartbeatSeconds: 0.02 } });
  const peer = await askOverWebSocket(server);
  await peer.until(isHeartbeat);
  await peer.until(isHeartbeat);
  expect((await get(`${server.url}/api/v1/invocations/inv-1`)).body.data).toMatchObject({ seq: 2 });
});

test("an agent that does not wait for its answer ends as it would, and nobody can decide any more", async () => {
  const asked = deferred();
  const server = await serveEntrypoints({
    ask_stream: (_input, ctx) => {
      ctx.requireApproval(REQUEST).catch(() => asked.resolve());
      return [1];
    },
  });
  const peer = await connect(server);
  peer.send(startFrame("ask_stream", "inv-1"));
  expect((await peer.until(isTerminal)).at(-1)).toMatchObject({ status: "stream_completed" });
  await asked.promise;
  expect(await decideOverRest(server, approve(peer))).toMatchObject({
    status: 400,
    error: { code: "VALIDATION_ERROR", field: "approval_id" },
  });
});

test("onInvocation is told when approvals begin to wait and when none does any more", async () => {
  const told: [string, number][] = [];
  const onInvocation = ({ status, pending_approvals }: Invocation): void => void told.push([status, pending_approvals?.length ?? 0]);
  const server = await serveEntrypoints(
    {
      ask_stream: async function* (_input, ctx) {
        yield (await Promise.all([ctx.requireApproval(REQUEST), ctx.requireApproval(REQUEST)])).length;
      },
    },
    { onInvocation },
  );
  const peer = await askOverWebSocket(server);
  await peer.until((frame) => isEvent(frame, "approval_required"));
  for (const approval_id of [idOf(peer, 1), idOf(peer, 2)]) await decideOverRest(server, { approval_id, decision: "approve" });
  await peer.untilEnd();
  await expect.poll(() => told.at(-1)).toEqual(["completed", 0]);
  expect(told[0]).toEqual(["running", 0]);
  expect(told).toContainEqual(["waiting_approval", 1]);
  expect(told.at(-2)).toEqual(["running", 0]);
});
