/** Decisions: those that were made before, those that a client sends by itself, and what is malformed. */
import { RunAgentError } from "runagent";
import { describe, expect, it } from "vitest";
import { acknowledge, decided, required, sendEvent } from "./asking.ts";
import { cursorOf, drain, failureOf, inTurn, RESUMABLE, serveScript, streamClient } from "./harness.ts";

const FRESH = { ...RESUMABLE, last_seq: 0 };

describe("what was decided before", () => {
  it.each([true, false])("is nobody's question, in a log that is read again (handler: %s)", async (handled) => {
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept({ ...RESUMABLE, last_seq: 4 });
        sendEvent(peer, 1, required());
        await new Promise((resolve) => setTimeout(resolve, 30));
        sendEvent(peer, 2, decided());
        peer.data(3, "paid");
        peer.complete(invocation_id, 4, 1);
      },
    });
    const onApproval = (): never => {
      throw new Error("It was asked.");
    };
    const stream = streamClient(server).resume(cursorOf("inv-1", 0), handled ? { onApproval } : {});
    expect(await drain(stream)).toEqual({ chunks: ["paid"], error: undefined });
  });

  it("while the connection was lost is nobody's question either", async () => {
    const server = await serveScript({
      stream: inTurn(
        async (peer) => {
          await peer.accept(FRESH);
          peer.data(1);
          peer.reset();
        },
        async (peer) => {
          const { invocation_id } = await peer.accept({ ...RESUMABLE, last_seq: 3 });
          sendEvent(peer, 2, required());
          sendEvent(peer, 3, decided());
          peer.complete(invocation_id, 4, 1);
        },
      ),
    });
    expect(await drain(streamClient(server).runStream({}))).toEqual({ chunks: [1], error: undefined });
  });
});

describe("a server that breaks the rules", () => {
  it.each([
    ["no approval_id", required("ap-1", { approval_id: undefined })],
    ["an approval_id that is no text", required("ap-1", { approval_id: 1 })],
    ["no requests", required("ap-1", { requests: undefined })],
    ["an empty list of requests", required("ap-1", { requests: [] })],
    ["requests that are no list", required("ap-1", { requests: {} })],
    ["a request without a tool_name", required("ap-1", { requests: [{ arguments: 1 }] })],
    ["a request that is null", required("ap-1", { requests: [null] })],
  ])("an approval_required with %s is PROTOCOL_ERROR [event.open.1]", async (_name, event) => {
    const server = await serveScript({
      async stream(peer) {
        await peer.accept(FRESH);
        sendEvent(peer, 1, event);
      },
    });
    const { error } = await drain(streamClient(server).runStream({}, { onApproval: () => "approve" }));
    expect(error).toMatchObject({ code: "PROTOCOL_ERROR", origin: "local" });
  });

  it("extra answers, and decisions about nothing, change nothing", async () => {
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept(FRESH);
        for (const id of ["ap-1", "__proto__"])
          acknowledge(peer, { approval_id: id, decision: "approve" }, { code: "SERVER_ERROR", message: "No." });
        sendEvent(peer, 1, decided("ap-7"));
        sendEvent(peer, 2, { type: "approval_decided" });
        peer.complete(invocation_id, 3, 0);
      },
    });
    expect((await drain(streamClient(server).runStream({}))).error).toBeUndefined();
  });
});

describe("client.decide", () => {
  const answer = (status: number, body: object) =>
    serveScript({ http: (_request, response) => response.writeHead(status).end(JSON.stringify(body)) as never });

  it.each<[string, unknown, string]>([
    ["no decision", { approvalId: "ap-1" }, "decision"],
    ["a wrong word", { approvalId: "ap-1", decision: "yes" }, "decision"],
    ["no id", { decision: "approve" }, "decision.approvalId"],
    ["nothing", undefined, "decision.approvalId"],
    ["too long a reason", { approvalId: "ap-1", decision: "approve", reason: "r".repeat(4097) }, "decision.reason"],
  ])("refuses %s before anything is sent", async (_name, decision, field) => {
    const server = await answer(200, {});
    const error = await failureOf(streamClient(server).decide("inv-1", decision as never));
    expect(error).toMatchObject({ code: "VALIDATION_ERROR", field });
    expect((await failureOf(streamClient(server).decide("a/b", { approvalId: "ap-1", decision: "approve" }))).code).toBe(
      "VALIDATION_ERROR",
    );
    expect(server.requests).toEqual([]);
  });

  it("throws what the server answers: ALREADY_DECIDED with the decision that stands", async () => {
    const details = { decision: "reject", reason: "late", decided_by: "Max" };
    const server = await answer(409, { success: false, error: { code: "ALREADY_DECIDED", message: "Before.", details } });
    const error = await failureOf(streamClient(server).decide("inv-1", { approvalId: "ap-1", decision: "approve" }));
    expect(error).toMatchObject({ code: "ALREADY_DECIDED", details, origin: "wire" });
    expect(RunAgentError.is(error)).toBe(true);
  });

  it.each<[string, number, unknown, string | undefined]>([
    ["the same stands after the answer was lost: it is its own", 1, "approve", undefined],
    ["another stands after the answer was lost", 1, "reject", "ALREADY_DECIDED"],
    ["the same stands at the first try: somebody else's", 0, "approve", "ALREADY_DECIDED"],
  ])("%s", async (_name, lostAnswers, decision, code) => {
    let left = lostAnswers;
    const server = await serveScript({
      http(_request, response) {
        if (left-- > 0) response.destroy();
        else
          response
            .writeHead(409)
            .end(JSON.stringify({ success: false, error: { code: "ALREADY_DECIDED", message: "Before.", details: { decision } } }));
      },
    });
    const deciding = streamClient(server).decide("inv-1", { approvalId: "ap-1", decision: "approve" });
    if (code === undefined) await deciding;
    else expect((await failureOf(deciding)).code).toBe(code);
    expect(server.requests).toHaveLength(lostAnswers + 1);
  });
});
