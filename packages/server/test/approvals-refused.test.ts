/** Decisions and questions that are wrong: what is refused, with what, and that the approval waits on. */
import { type JsonObject, parseJson } from "@runagent/core";
import { describe, expect, test } from "vitest";
import type { ApprovalInfo, ServeOptions } from "../src/index.ts";
import { approve, askOverWebSocket, decideOverRest, idOf, isRequired, REQUEST, SSE, serveAsker, WEBSOCKET } from "./asking.ts";
import { openSse } from "./sse-peer.ts";
import { connect, contents, deferred, get, resumeFrame, serveEntrypoints, startFrame } from "./support.ts";

/** Of an invocation that asked nothing so. */
const APPROVE = { approval_id: "ap-1", decision: "approve" };

describe.each([WEBSOCKET, SSE])("over $name, refused and answered, and the approval waits on [approval.refuse.1]", (way) => {
  test.each([
    ["an id that nobody gave out", APPROVE],
    ["the first part of the id alone, which can be guessed", { approval_id: "ap-1-", decision: "approve" }],
    ["an id that is a key of every object", { approval_id: "__proto__", decision: "approve" }],
    ["an id with control characters, which are shown escaped", { approval_id: "ap\n\u001b[1m", decision: "approve" }],
  ])("%s", async (_name, decision) => {
    const { server } = await serveAsker();
    const inbox = await way.open(server, startFrame("ask_stream", "inv-1"));
    await inbox.until(isRequired);
    const answer = await way.decide(inbox, server, decision);
    expect(answer).toMatchObject({ outcome: "refused", error: { code: "VALIDATION_ERROR", field: "approval_id" } });
    expect(answer).not.toHaveProperty("decision");
    expect((answer.error as Error).message).toMatch(/^[\u0020-\u007e]+$/);
    expect(await way.decide(inbox, server, approve(inbox))).toMatchObject({ outcome: "accepted" });
    await inbox.untilEnd();
  });
});

const MALFORMED: [string, unknown, string | undefined][] = [
  ["a wrong word", { ...APPROVE, decision: "approved" }, "decision"],
  ["another case", { ...APPROVE, decision: "Approve" }, "decision"],
  ["a word that is none", { ...APPROVE, decision: true }, "decision"],
  ["no decision", { approval_id: "ap-1" }, "decision"],
  ["no id", { decision: "approve" }, "approval_id"],
  ["an empty id", { ...APPROVE, approval_id: "" }, "approval_id"],
  ["too long an id", { ...APPROVE, approval_id: "a".repeat(129) }, "approval_id"],
  ["an id that is a number", { ...APPROVE, approval_id: 1 }, "approval_id"],
  ["too long a reason", { ...APPROVE, reason: "r".repeat(4097) }, "reason"],
  ["a reason that is no text", { ...APPROVE, reason: { a: 1 } }, "reason"],
];

test.each([
  ...MALFORMED,
  ["an array", [APPROVE], undefined],
  ["null", "null", undefined],
  ["no JSON", "{approval_id:ap-1}", undefined],
  ["no body", "", undefined],
] as const)("by REST %s is VALIDATION_ERROR, and the approval waits on", async (_name, body, field) => {
  const { server, calls } = await serveAsker();
  const peer = await askOverWebSocket(server);
  const refused = await decideOverRest(server, body);
  expect(refused).toMatchObject({ success: false, status: 400, error: { code: "VALIDATION_ERROR", ...(field && { field }) } });
  // The longest reason there may be, in the characters that take the most bytes.
  expect(await decideOverRest(server, { ...approve(peer), reason: "\u0000".repeat(4096) })).toMatchObject({ success: true });
  await peer.untilEnd();
  expect(calls()).toBe(1);
});

test.each(MALFORMED)("in a frame %s closes with 4400, and the invocation waits on", async (_name, body, field) => {
  const { server } = await serveAsker();
  const peer = await askOverWebSocket(server);
  peer.send({ type: "approval", ...(body as object) });
  expect(await peer.next()).toMatchObject({ type: "error", error: { code: "VALIDATION_ERROR", field } });
  expect(await peer.closed).toMatchObject({ code: 4400 });
  expect(await decideOverRest(server, approve(peer))).toMatchObject({ success: true });
});

test.each(["approval", "filter", "cancel", "ack", "auth"])("as first frame %s is refused in version 2", async (type) => {
  const { server } = await serveAsker();
  const peer = await connect(server);
  peer.send({ type, ...APPROVE, only: [], mode: "immediate", seq: 1, token: "t" });
  expect(await peer.next()).toMatchObject({ type: "error", error: { code: "VALIDATION_ERROR" } });
  expect(await peer.closed).toMatchObject({ code: 4400 });
});

test("a decision for an invocation that nobody knows is INVOCATION_NOT_FOUND, a wrong method 405, a wrong id VALIDATION_ERROR", async () => {
  const { server } = await serveAsker();
  expect(await decideOverRest(server, APPROVE, {}, "inv-9")).toMatchObject({ status: 404, error: { code: "INVOCATION_NOT_FOUND" } });
  expect(await decideOverRest(server, APPROVE, {}, "a%2Fb")).toMatchObject({ status: 400, error: { field: "invocation_id" } });
  expect((await fetch(`${server.url}/api/v1/invocations/inv-1/approvals`)).status).toBe(405);
});

test("on a warm connection a decision about the invocation before is answered", async () => {
  const { server } = await serveAsker();
  const peer = await askOverWebSocket(server);
  const first = approve(peer);
  await decideOverRest(server, first);
  await peer.untilEnd();
  expect(await WEBSOCKET.decide(peer, server, first)).toMatchObject({ outcome: "refused", error: { code: "ALREADY_DECIDED" } });
  peer.send(startFrame("ask_stream", "inv-2"));
  await peer.until(isRequired);
  // The id of one is not that of the other.
  expect(await WEBSOCKET.decide(peer, server, first)).toMatchObject({ outcome: "refused", error: { code: "VALIDATION_ERROR" } });
  expect(await WEBSOCKET.decide(peer, server, { ...first, approval_id: idOf(peer, 2) })).toMatchObject({ outcome: "accepted" });
});

describe("who may decide", () => {
  const as = (name: string): Record<string, string> => ({ Authorization: `Bearer ${name}` });
  const open = async (mayDecide?: ServeOptions["mayDecide"], more: ServeOptions = {}) => {
    const asker = await serveAsker({ apiKeys: (key) => ({ id: key }), ...(mayDecide && { mayDecide }), ...more });
    const peer = await connect(asker.server, { headers: as("owner") });
    peer.send(startFrame("ask_stream", "inv-1"));
    await peer.until(isRequired);
    return { ...asker, peer, decide: (name: string) => decideOverRest(asker.server, approve(peer), as(name)) };
  };

  test("out of the box the owner alone: for others the invocation does not exist [sec.tenant.1]", async () => {
    const { decide, server, peer } = await open();
    expect(await decide("other")).toMatchObject({ status: 404, error: { code: "INVOCATION_NOT_FOUND" } });
    expect((await decideOverRest(server, approve(peer))).error).toMatchObject({ code: "AUTHENTICATION_ERROR" });
    expect(await decide("owner")).toMatchObject({ success: true });
    expect(await decide("other")).toMatchObject({ status: 404, error: { code: "INVOCATION_NOT_FOUND" } });
  });

  test("with mayDecide whom it allows: the owner may be refused, and a third party not", async () => {
    const asked: ApprovalInfo[] = [];
    const { decide, peer, server, calls } = await open((principal, about) => {
      asked.push(about);
      return principal.id === "manager";
    });
    expect(await decide("owner")).toMatchObject({ status: 403, error: { code: "PERMISSION_ERROR" } });
    expect(await WEBSOCKET.decide(peer, server, approve(peer))).toMatchObject({ outcome: "refused", error: { code: "PERMISSION_ERROR" } });
    expect(await decide("stranger")).toMatchObject({ status: 404, error: { code: "INVOCATION_NOT_FOUND" } });
    expect(await decide("manager")).toMatchObject({ success: true });
    expect(contents(await peer.untilEnd())).toMatchObject([{ decision: "approve", decidedBy: "manager" }]);
    expect(calls()).toBe(1);
    const about = { agentId: "agent", entrypointTag: "ask_stream", invocationId: "inv-1", approvalId: idOf(peer) };
    expect(asked[0]).toEqual({ ...about, decision: "approve", owner: { id: "owner" } });
  });

  test.each<[string, ServeOptions["mayDecide"]]>([
    [
      "throws",
      () => {
        throw new Error("directory down: secret");
      },
    ],
    ["rejects", async () => Promise.reject(new Error("directory down: secret"))],
    ["never answers", () => new Promise<boolean>(() => {})],
  ])("a mayDecide that %s is the server's failure, told to onError and not to the client", async (_name, mayDecide) => {
    const errors: string[] = [];
    const limits = { handshakeTimeoutMs: 100 };
    const { decide, peer, server } = await open(mayDecide, { limits, onError: (error) => errors.push(String(error)) });
    const refused = { code: "SERVER_ERROR", message: expect.not.stringContaining("secret") };
    expect(await decide("owner")).toMatchObject({ status: 500, error: refused });
    expect(await WEBSOCKET.decide(peer, server, approve(peer))).toMatchObject({ outcome: "refused", error: refused });
    expect(errors).toHaveLength(2);
  });

  test("a cancel does not wait for a mayDecide that takes its time, nor do as many decisions as anybody sends", async () => {
    let asked = 0;
    const { peer } = await open(() => {
      asked++;
      return new Promise<boolean>(() => {});
    });
    for (let n = 0; n < 10; n++) peer.send({ type: "approval", ...approve(peer) });
    peer.send({ type: "cancel", mode: "immediate" });
    // Before any of them is answered.
    expect((await peer.untilEnd()).map(({ status }) => status)).toEqual(["cancel_acknowledged", "stream_cancelled"]);
    expect(asked).toBe(10);
  });

  test("of a hundred decisions at once on one connection one wins and all are answered, in their order", async () => {
    const { peer } = await open(async () => true);
    const frame = { type: "approval", ...approve(peer) };
    for (let n = 0; n < 100; n++) peer.send({ ...frame, reason: `reason ${n}` });
    const answers: JsonObject[] = [];
    await peer.until((answer) => {
      if (answer.status === "approval_acknowledged") answers.push(answer);
      return answers.length === 100;
    });
    expect(answers[0]).toMatchObject({ outcome: "accepted" });
    const details = { decision: "approve", reason: "reason 0" };
    expect(answers.slice(1)).toMatchObject(Array(99).fill({ outcome: "refused", error: { code: "ALREADY_DECIDED", details } }));
  });

  test("a mayDecide that answers with something that is not true refuses", async () => {
    const { decide } = await open(() => "yes" as never);
    expect(await decide("owner")).toMatchObject({ status: 403 });
  });
});

/** Arrays in arrays. */
const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);

test("arguments that nest as deep as they may can be read wherever they are shown", async () => {
  const { server } = await serveAsker({}, { tool_name: "pay", arguments: nested(56) });
  const peer = await askOverWebSocket(server);
  const again = await connect(server);
  again.send(resumeFrame(peer.frames[0] ?? {}, 0));
  const sse = await openSse(server, { path: "/api/v1/invocations/inv-1/stream" });
  for (const inbox of [again, sse]) expect(await inbox.next()).toMatchObject({ pending_approvals: [{ approval_id: idOf(peer) }] });
  const list = await fetch(`${server.url}/api/v1/agents/agent/invocations`);
  expect(parseJson(await list.text(), "answer", "PROTOCOL_ERROR")).toMatchObject({ data: { total_count: 1 } });
});

test.each<[string, unknown, string]>([
  ["arguments that nest too deep for the frame that tells of what waits", { tool_name: "pay", arguments: nested(57) }, "arguments"],
  ["no tool_name", { arguments: 1 }, "tool_name"],
  ["an empty tool_name", { tool_name: "" }, "tool_name"],
  ["nothing", undefined, "tool_name"],
  ["an array", [REQUEST], "tool_name"],
  ["expiresIn 0", { tool_name: "pay", expiresIn: 0 }, "expiresIn"],
  ["expiresIn beyond a week", { tool_name: "pay", expiresIn: 604_801 }, "expiresIn"],
  ["expiresIn NaN", { tool_name: "pay", expiresIn: Number.NaN }, "expiresIn"],
  ["expiresIn as text", { tool_name: "pay", expiresIn: "60" }, "expiresIn"],
  ["arguments that are not JSON", { tool_name: "pay", arguments: { n: 1n } }, ""],
  ["arguments that are a function", { tool_name: "pay", arguments: () => 1 }, "arguments"],
  ["arguments with NaN", { tool_name: "pay", arguments: [Number.NaN] }, ""],
  ["arguments that are too large", { tool_name: "pay", arguments: "x".repeat(20_000) }, ""],
])("a question with %s cannot be asked: the agent is told, and nothing is in the log", async (_name, request, field) => {
  const { promise, resolve } = deferred<unknown>();
  const server = await serveEntrypoints(
    {
      ask_stream: async function* (_input, ctx) {
        await ctx.requireApproval(request as never).catch(resolve);
        yield "and goes on";
      },
    },
    { limits: { maxServerFrameBytes: 10_000 } },
  );
  const peer = await connect(server);
  peer.send(startFrame("ask_stream", "inv-1"));
  const frames = await peer.untilEnd();
  expect(await promise).toMatchObject({ code: "VALIDATION_ERROR", ...(field && { field }) });
  expect(frames.map(({ seq, content }) => [seq, content])).toMatchObject([
    [0, undefined],
    [1, "and goes on"],
    [2, undefined],
  ]);
});

describe("what waits together, which everybody who attaches is told in one frame", () => {
  const LIMITS = { limits: { maxServerFrameBytes: 20_000 } };

  test.each([
    ["letters", "x".repeat(4000)],
    ["characters of three bytes", "漢".repeat(1400)],
  ])("is no more than half of what a frame may be, in %s: the agent is told, and may ask when others are decided", async (_name, text) => {
    const { promise, resolve } = deferred<unknown>();
    const server = await serveEntrypoints(
      {
        ask_stream: async function* (_input, ctx) {
          const ask = (n: number) => ctx.requireApproval({ tool_name: "pay", arguments: { n, text } });
          const first = [ask(1), ask(2)];
          await ask(3).catch(resolve);
          await Promise.race(first);
          const third = ask(4);
          yield (await Promise.all([...first, third])).map(({ decision }) => decision);
        },
      },
      LIMITS,
    );
    const peer = await askOverWebSocket(server);
    expect(await promise).toMatchObject({ code: "PAYLOAD_TOO_LARGE", message: expect.stringContaining("maxServerFrameBytes") });
    const { pending_approvals: pending } = (await get(`${server.url}/api/v1/invocations/inv-1`)).body.data as {
      pending_approvals: JsonObject[];
    };
    expect(Buffer.byteLength(JSON.stringify(pending))).toBeLessThan(10_000);
    const ids = pending.map(({ approval_id }) => String(approval_id));
    expect(ids).toHaveLength(2);
    await decideOverRest(server, { approval_id: ids[0], decision: "reject" });
    await peer.until(
      ({ event }) => (event as JsonObject)?.type === "approval_required" && !ids.includes(String((event as JsonObject).approval_id)),
    );
    const left = (await get(`${server.url}/api/v1/invocations/inv-1`)).body.data as { pending_approvals: JsonObject[] };
    for (const { approval_id } of left.pending_approvals) await decideOverRest(server, { approval_id, decision: "approve" });
    expect(contents(await peer.untilEnd())).toEqual([["reject", "approve", "approve"]]);
  });

  test("is what was asked, whatever the agent does with the object afterwards", async () => {
    const shown = { amount: 480 };
    const server = await serveEntrypoints({
      ask_stream: async function* (_input, ctx) {
        const waiting = ctx.requireApproval({ tool_name: "pay", arguments: shown });
        waiting.catch(() => {});
        await ctx.emit({ type: "asked" });
        shown.amount = 1_000_000;
        yield await waiting;
      },
    });
    const peer = await askOverWebSocket(server);
    await expect.poll(() => shown.amount).toBe(1_000_000);
    const asked = [{ tool_name: "pay", arguments: { amount: 480 } }];
    expect((await get(`${server.url}/api/v1/invocations/inv-1`)).body.data).toMatchObject({ pending_approvals: [{ requests: asked }] });
    const second = await connect(server);
    second.send(resumeFrame(peer.frames[0] ?? {}, 0));
    expect(await second.next()).toMatchObject({ pending_approvals: [{ requests: asked }] });
  });
});
