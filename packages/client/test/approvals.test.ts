/** Approvals with a handler, against a server that does what the test says. */
import { type ApprovalHandler, type ApprovalQuestion, ApprovalRequiredError } from "runagent";
import { describe, expect, it } from "vitest";
import { aborted, acknowledge, decided, required, sendEvent } from "./asking.ts";
import { deferred, drain, inTurn, RESUMABLE, serveScript, streamClient } from "./harness.ts";
import type { Peer } from "./scripted-server.ts";
import { serveSse } from "./sse-peer.ts";

const FRESH = { ...RESUMABLE, last_seq: 0 };

/** A server whose agent asks once, takes the decision that comes on the connection, and ends. */
function serveQuestion(play: (peer: Peer, frame: Record<string, unknown>) => void | Promise<void> = () => {}) {
  const frames: Record<string, unknown>[] = [];
  const server = serveScript({
    async stream(peer) {
      const { invocation_id } = await peer.accept(FRESH);
      peer.data(1, "asking");
      sendEvent(peer, 2, required());
      const frame = await peer.nextOf("approval");
      frames.push(frame);
      await play(peer, frame);
      sendEvent(peer, 3, decided("ap-1", String(frame.decision)));
      peer.data(4, frame.decision);
      peer.complete(invocation_id, 5, 2);
    },
  });
  return { server, frames };
}

describe("a handler", () => {
  it.each<[ReturnType<ApprovalHandler>, Record<string, string>]>([
    ["approve", { decision: "approve" }],
    [{ decision: "reject" }, { decision: "reject" }],
    [
      { decision: "reject", reason: "too much" },
      { decision: "reject", reason: "too much" },
    ],
    [Promise.resolve("approve" as const), { decision: "approve" }],
  ])("answers %o in-line, and the stream goes on", async (answer, sent) => {
    const { server, frames } = serveQuestion((peer, frame) => acknowledge(peer, frame));
    const questions: ApprovalQuestion[] = [];
    const stream = streamClient(await server).runStream(
      {},
      {
        onApproval(question) {
          questions.push(question);
          return answer;
        },
      },
    );
    expect(await drain(stream)).toEqual({ chunks: ["asking", sent.decision], error: undefined });
    expect(frames).toEqual([{ type: "approval", approval_id: "ap-1", ...sent }]);
    const request = { approvalId: "ap-1", tool_name: "pay", arguments: { amount: 480 }, call_id: "call-ap-1" };
    const told = { ...request, expiresAt: "2030-01-01T00:00:00.000Z" };
    const { invocationId } = stream;
    expect(questions).toEqual([{ ...told, requests: [told], invocationId, signal: expect.any(AbortSignal) }]);
  });

  it("over server-sent events answers by REST", async () => {
    const answered = deferred();
    const server = await serveSse(
      [
        async (peer) => {
          const { invocation_id } = await peer.accept(FRESH);
          sendEvent(peer, 1, required());
          await answered.promise;
          sendEvent(peer, 2, decided());
          peer.complete(invocation_id, 3, 0);
        },
      ],
      (request, response) => {
        const data = { ...JSON.parse(request.body), outcome: "accepted" };
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ success: true, data, error: null }));
        answered.resolve();
      },
    );
    const client = streamClient(server, { transport: "sse", apiKey: "key-1" });
    const stream = client.runStream({}, { invocationId: "inv-1", onApproval: () => ({ decision: "approve", reason: "fine" }) });
    expect((await drain(stream)).error).toBeUndefined();
    const [, rest] = server.requests;
    expect([rest?.method, rest?.url, rest?.headers.authorization]).toEqual(["POST", "/api/v1/invocations/inv-1/approvals", "Bearer key-1"]);
    expect(JSON.parse(rest?.body ?? "")).toEqual({ approval_id: "ap-1", decision: "approve", reason: "fine" });
  });

  it.each([
    ["a wrong word", "approved"],
    ["a wrong word in an object", { decision: "yes" }],
    ["no decision", {}],
    ["null", null],
    ["true", true],
    ["a list", ["approve"]],
    ["too long a reason", { decision: "approve", reason: "r".repeat(4097) }],
    ["a reason that is no text", { decision: "approve", reason: 1 }],
  ])("that gives %s ends the stream in VALIDATION_ERROR, and decides nothing", async (_name, answer) => {
    const { server, frames } = serveQuestion();
    const stream = streamClient(await server).runStream({}, { onApproval: () => answer as never });
    const { error } = await drain(stream);
    expect(error).toMatchObject({ code: "VALIDATION_ERROR", field: expect.stringMatching(/^onApproval/), cursor: stream.position });
    expect(frames).toEqual([]);
    await (await server).idle();
  });

  it.each([
    ["throws", () => Promise.reject(new Error("the dialog was closed"))],
    [
      "throws at once",
      () => {
        throw new Error("the dialog was closed");
      },
    ],
  ])("that %s ends the stream in ApprovalRequiredError, with what it threw", async (_name, onApproval) => {
    const { server, frames } = serveQuestion();
    const stream = streamClient(await server).runStream({}, { onApproval: onApproval as never });
    const { error } = await drain(stream);
    expect(error).toBeInstanceOf(ApprovalRequiredError);
    expect(error).toMatchObject({
      code: "APPROVAL_REQUIRED",
      requests: [{ approvalId: "ap-1" }],
      cause: { message: "the dialog was closed" },
    });
    expect(frames).toEqual([]);
  });

  it("that gives nothing leaves it to others: the stream waits, past the idle deadline, and goes on with their decision", async () => {
    const asked = deferred<ApprovalQuestion>();
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept(FRESH);
        sendEvent(peer, 1, required());
        const question = await asked.promise;
        // Three times the idle deadline, in heartbeats.
        for (let beat = 0; beat < 6; beat++) {
          peer.send({ type: "heartbeat", seq: 1 });
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        expect(question.signal.aborted).toBe(false);
        sendEvent(peer, 2, decided("ap-1", "reject", { decided_by: "Max" }));
        await aborted(question);
        peer.complete(invocation_id, 3, 0);
      },
    });
    const stream = streamClient(server, { idleTimeoutMs: 200 }).runStream({}, { onApproval: (question) => asked.resolve(question) });
    expect(await drain(stream)).toEqual({ chunks: [], error: undefined });
  });

  it("that never answers is told by its signal that others have decided, or that the stream has ended", async () => {
    for (const end of ["decided", "cancelled", "left", "aborted"]) {
      const { server } = serveQuestion();
      const asked = deferred<ApprovalQuestion>();
      const caller = new AbortController();
      const onApproval = (question: ApprovalQuestion): Promise<never> => {
        asked.resolve(question);
        return new Promise(() => {});
      };
      const other = await serveScript({
        async stream(peer) {
          const { invocation_id } = await peer.accept(FRESH);
          sendEvent(peer, 1, required());
          if (end === "decided") {
            await asked.promise;
            sendEvent(peer, 2, decided());
            await peer.nextOf("cancel");
          } else await peer.nextOf("cancel");
          const common = { type: "status", invocation_id, mode: "immediate" };
          peer.send({ ...common, status: "cancel_acknowledged", outcome: "accepted" });
          peer.send({ ...common, status: "stream_cancelled", seq: end === "decided" ? 3 : 2, total_chunks: 0, execution_time: 1 });
        },
      });
      const stream = streamClient(other).runStream({}, { onApproval, signal: caller.signal });
      const iterator = stream[Symbol.asyncIterator]();
      const next = iterator.next().catch((error: unknown) => error);
      const question = await asked.promise;
      if (end === "cancelled") void stream.cancel();
      if (end === "left") void iterator.return?.();
      if (end === "aborted") caller.abort();
      await aborted(question);
      if (end === "decided") void stream.cancel();
      await next;
      await (await server).close();
    }
  });

  it("whose answer comes after others have decided sends nothing", async () => {
    const frames: unknown[] = [];
    const asked = deferred<ApprovalQuestion>();
    const late = deferred();
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept(FRESH);
        peer.socket.on("message", (data) => frames.push(JSON.parse(String(data)).type));
        sendEvent(peer, 1, required());
        await asked.promise;
        sendEvent(peer, 2, decided());
        await late.promise;
        peer.complete(invocation_id, 3, 0);
      },
    });
    const onApproval = async (question: ApprovalQuestion): Promise<"approve"> => {
      asked.resolve(question);
      await aborted(question);
      setImmediate(late.resolve);
      return "approve";
    };
    expect((await drain(streamClient(server).runStream({}, { onApproval }))).error).toBeUndefined();
    expect(frames).not.toContain("approval");
  });

  it.each([
    ["ALREADY_DECIDED: the stream goes on with the decision that stands", { code: "ALREADY_DECIDED", message: "Before." }, undefined],
    ["that nothing waits any more: the stream tells why", { code: "VALIDATION_ERROR", message: "None.", field: "approval_id" }, undefined],
    ["that it may not: the stream ends with that", { code: "PERMISSION_ERROR", message: "Not you." }, "PERMISSION_ERROR"],
    ["that the server failed", { code: "SERVER_ERROR", message: "Down." }, "SERVER_ERROR"],
    ["nothing that can be read", undefined, "SERVER_ERROR"],
  ])("is answered %s", async (_name, error, code) => {
    const { server } = serveQuestion((peer, frame) => {
      if (error !== undefined) acknowledge(peer, frame, error);
      else peer.send({ type: "status", status: "approval_acknowledged", approval_id: "ap-1", outcome: "refused" });
    });
    const ended = await drain(streamClient(await server).runStream({}, { onApproval: () => "reject" }));
    expect(ended.error?.code).toBe(code);
  });

  it("is asked once, though the connection is lost before and after its decision, which is sent again until it is answered", async () => {
    let asked = 0;
    const decisions: unknown[] = [];
    const server = await serveScript({
      stream: inTurn(
        async (peer) => {
          await peer.accept(FRESH);
          sendEvent(peer, 1, required());
          decisions.push((await peer.nextOf("approval")).decision);
          peer.reset();
        },
        async (peer) => {
          const first = await peer.accept({ ...RESUMABLE, last_seq: 1, pending_approvals: [required()] });
          expect(first.after_seq).toBe(1);
          const frame = await peer.nextOf("approval");
          decisions.push(frame.decision);
          acknowledge(peer, frame);
          sendEvent(peer, 2, decided());
          peer.complete(first.invocation_id, 3, 0);
        },
      ),
    });
    const onApproval = (): "approve" => {
      asked++;
      return "approve";
    };
    expect((await drain(streamClient(server).runStream({}, { onApproval }))).error).toBeUndefined();
    expect([asked, decisions]).toEqual([1, ["approve", "approve"]]);
  });

  it("is asked about every approval that waits, at once", async () => {
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept(FRESH);
        for (let n = 1; n <= 3; n++) sendEvent(peer, n, required(`ap-${n}`));
        const frames = [await peer.nextOf("approval"), await peer.nextOf("approval"), await peer.nextOf("approval")];
        for (const frame of frames.reverse()) acknowledge(peer, frame);
        for (const [index, { approval_id }] of frames.entries()) sendEvent(peer, 4 + index, decided(String(approval_id)));
        peer.complete(invocation_id, 7, 0);
      },
    });
    const open = new Set<string>();
    const all = deferred();
    const onApproval = async ({ approvalId }: ApprovalQuestion): Promise<"approve"> => {
      if (open.add(approvalId).size === 3) all.resolve();
      await all.promise;
      return "approve";
    };
    expect((await drain(streamClient(server).runStream({}, { onApproval }))).error).toBeUndefined();
  });
});
