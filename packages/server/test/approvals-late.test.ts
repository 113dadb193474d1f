/** Decisions that come late: for what another run had asked, after the end, after hundreds of others. */
import type { JsonObject } from "@runagent/core";
import { describe, expect, test } from "vitest";
import type { RunningServer } from "../src/index.ts";
import { approve, askOverWebSocket, decideOverRest, eventsOf, idOf, isRequired, REQUEST, SSE, serveAsker, WEBSOCKET } from "./asking.ts";
import { contents, type FrameInbox, get, post, serveEntrypoints, startFrame } from "./support.ts";

describe.each([WEBSOCKET, SSE])("over $name", (way) => {
  const ask = async (server: RunningServer): Promise<FrameInbox> => {
    const inbox = await way.open(server, startFrame("ask_stream", "inv-1"));
    await inbox.until(isRequired);
    return inbox;
  };

  test("a yes for what an invocation had asked on another server is refused, and counts for nothing [approval.id.1]", async () => {
    const before = await serveAsker();
    const old = approve(await ask(before.server));
    const { server, calls } = await serveAsker();
    const inbox = await ask(server);
    const id = idOf(inbox);
    expect([old.approval_id, id]).toEqual([expect.stringMatching(/^ap-1-[0-9a-f]{8}$/), expect.stringMatching(/^ap-1-[0-9a-f]{8}$/)]);
    expect(id).not.toBe(old.approval_id);
    const refused = await way.decide(inbox, server, old);
    expect(refused).toMatchObject({ outcome: "refused", error: { code: "VALIDATION_ERROR", field: "approval_id" } });
    expect(calls()).toBe(0);
    const { data } = (await get(`${server.url}/api/v1/invocations/inv-1`)).body;
    expect(data).toMatchObject({ status: "waiting_approval", pending_approvals: [{ approval_id: id }] });
    expect(await way.decide(inbox, server, approve(inbox))).toMatchObject({ outcome: "accepted" });
    expect(eventsOf(await inbox.untilEnd())).toMatchObject([{ type: "approval_decided", approval_id: id }]);
    expect([before.calls(), calls()]).toEqual([0, 1]);
  });

  test("one that comes after the end is told that the invocation has ended, whatever it is about [approval.refuse.1]", async () => {
    const { server } = await serveAsker();
    const inbox = await ask(server);
    await post(`${server.url}/api/v1/invocations/inv-1/cancel`, { mode: "immediate" });
    await inbox.untilEnd();
    for (const approval_id of [idOf(inbox), "ap-9-00000000"]) {
      expect(await way.decide(inbox, server, { approval_id, decision: "approve" })).toMatchObject({
        outcome: "refused",
        error: { code: "VALIDATION_ERROR", field: "approval_id", message: expect.stringMatching(/^The invocation has ended: /) },
      });
    }
  });
});

test("of hundreds of decisions the last hundred are told with their reasons, those before without", async () => {
  const server = await serveEntrypoints({
    ask_stream: async function* (_input, ctx) {
      const answers = await Promise.all(Array.from({ length: 200 }, () => ctx.requireApproval(REQUEST)));
      yield answers.map(({ reason }) => reason);
    },
  });
  const peer = await askOverWebSocket(server);
  await peer.until(({ seq }) => seq === 200);
  const ids = peer.frames.filter(isRequired).map(({ event }) => (event as JsonObject).approval_id);
  const reasons = ids.map((_, index) => `reason ${index}`);
  for (const [index, approval_id] of ids.entries()) {
    expect(await decideOverRest(server, { approval_id, decision: "approve", reason: reasons[index] })).toMatchObject({ success: true });
  }
  // The agent is told them all, and so is whoever reads the log.
  const rest = await peer.untilEnd();
  expect(contents(rest)).toEqual([reasons]);
  expect(eventsOf(rest).map(({ reason }) => reason)).toEqual(reasons);
  const standing = async (index: number): Promise<unknown> => {
    const { error } = await decideOverRest(server, { approval_id: ids[index], decision: "reject" });
    expect(error).toMatchObject({ code: "ALREADY_DECIDED" });
    return (error as JsonObject).details;
  };
  const told = { decision: "approve", decided_by: "anybody" };
  expect(await Promise.all([0, 99].map(standing))).toEqual([told, told]);
  expect(await Promise.all([100, 199].map(standing))).toEqual([
    { ...told, reason: "reason 100" },
    { ...told, reason: "reason 199" },
  ]);
});
