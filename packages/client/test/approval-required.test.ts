/** Approvals without a handler: the stream ends with what is asked and where it goes on, and a resume decides. */
import { ApprovalRequiredError, RunAgentClient, RunAgentError } from "runagent";
import { describe, expect, it } from "vitest";
import { acknowledge, decided, required, sendEvent } from "./asking.ts";
import { cursorOf, deferred, drain, inTurn, RESUMABLE, serveScript, streamClient } from "./harness.ts";
import type { Peer, Script, SeenRequest } from "./scripted-server.ts";
import { serveSse } from "./sse-peer.ts";

const FRESH = { ...RESUMABLE, last_seq: 0 };
const APPROVE = { approvalId: "ap-1", decision: "approve" } as const;

/** Asks in the first connection, which the client leaves. */
const ask = async (peer: Peer): Promise<void> => {
  await peer.accept(FRESH);
  peer.data(1, "asking");
  sendEvent(peer, 2, required());
};

/** Answers decisions by REST. */
const decideOver =
  (seen: unknown[], status = 200, error: unknown = null): NonNullable<Script["http"]> =>
  (request: SeenRequest, response) => {
    seen.push([request.url, JSON.parse(request.body)]);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify({ success: error === null, data: error === null ? { outcome: "accepted" } : null, error }));
  };

async function requiredError(stream: AsyncIterable<unknown>): Promise<ApprovalRequiredError> {
  const { error } = await drain(stream);
  if (error instanceof ApprovalRequiredError) return error;
  throw error ?? new Error("The stream did not end with an approval.");
}

describe("a stream without a handler", () => {
  it("ends with ApprovalRequiredError after what came before, with the requests and the position", async () => {
    const server = await serveScript({ stream: ask });
    const stream = streamClient(server).runStream({}, { invocationId: "inv-1" });
    const { chunks, error } = await drain(stream);
    expect(chunks).toEqual(["asking"]);
    expect(error).toBeInstanceOf(ApprovalRequiredError);
    expect(error).toBeInstanceOf(RunAgentError);
    const request = { approvalId: "ap-1", tool_name: "pay", arguments: { amount: 480 }, call_id: "call-ap-1" };
    const requests = [{ ...request, expiresAt: "2030-01-01T00:00:00.000Z" }];
    const position = cursorOf("inv-1", 2);
    expect(error).toMatchObject({ name: "ApprovalRequiredError", code: "APPROVAL_REQUIRED", requests, position, invocationId: "inv-1" });
    expect(error?.message).toContain("pay");
    // As it is written to a log, or sent to a page.
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({ code: "APPROVAL_REQUIRED", cursor: position, details: { requests } });
    expect(stream.position).toBe(position);
    expect(stream.summary?.status).toBe("failed");
    await server.idle();
  });

  it("closes with 1000: it has left, and the invocation waits [approval.client.1]", async () => {
    const closed = deferred<number>();
    const server = await serveScript({
      async stream(peer) {
        await ask(peer);
        closed.resolve((await peer.closed).code);
      },
    });
    await requiredError(streamClient(server).runStream({}));
    expect(await closed.promise).toBe(1000);
  });

  it.each(["for await", "events", "collect", "text", "cursor", "readable", "only"])("whichever way it is read: %s", async (way) => {
    const server = await serveScript({ stream: ask });
    const stream = streamClient(server).runStream<string>({});
    const reads: Record<string, () => Promise<unknown>> = {
      "for await": () => drain(stream).then(({ error }) => Promise.reject(error)),
      events: () => drain(stream.events()).then(({ error }) => Promise.reject(error)),
      only: () => drain(stream.events({ only: ["turn_completed"] })).then(({ error }) => Promise.reject(error)),
      collect: () => stream.collect(),
      text: () => stream.text(),
      cursor: async () => {
        for (const cursor = stream.cursor(); (await cursor.next()).hasMore; );
      },
      readable: async () => {
        for (const reader = stream.toReadableStream().getReader(); !(await reader.read()).done; );
      },
    };
    await expect(reads[way]?.()).rejects.toMatchObject({ code: "APPROVAL_REQUIRED", requests: [{ approvalId: "ap-1" }] });
  });

  it("gathers what the agent asks together", async () => {
    const server = await serveScript({
      async stream(peer) {
        await ask(peer);
        sendEvent(
          peer,
          3,
          required("ap-2", {
            requests: [
              { tool_name: "a", arguments: 1 },
              { tool_name: "b", arguments: null },
            ],
          }),
        );
      },
    });
    const { requests, position } = await requiredError(streamClient(server).runStream({}, { invocationId: "inv-1" }));
    expect(requests.map(({ approvalId, tool_name }) => [approvalId, tool_name])).toEqual([
      ["ap-1", "pay"],
      ["ap-2", "a"],
      ["ap-2", "b"],
    ]);
    expect(position).toBe(cursorOf("inv-1", 3));
  });

  it("loses none to a consumer who is busy while another one comes: position and requests fit each other", async () => {
    const server = await serveScript({
      async stream(peer) {
        await ask(peer);
        // The client has read the question, and waits for others that belong to it.
        await new Promise((resolve) => peer.socket.once("pong", resolve).ping());
        peer.data(3, "meanwhile");
        sendEvent(peer, 4, required("ap-2"));
      },
    });
    const stream = streamClient(server).runStream({}, { invocationId: "inv-1" });
    let error: unknown;
    try {
      for await (const chunk of stream) {
        // Longer than the stream gathers.
        if (chunk === "meanwhile") await new Promise((resolve) => setTimeout(resolve, 100));
      }
    } catch (thrown) {
      error = thrown;
    }
    const ids = error instanceof ApprovalRequiredError ? error.requests.map(({ approvalId }) => approvalId) : [];
    // On a slow machine the stream had ended before the second one came: then it is after the position.
    const both = stream.position === cursorOf("inv-1", 4);
    expect([ids, stream.position]).toEqual(both ? [["ap-1", "ap-2"], cursorOf("inv-1", 4)] : [["ap-1"], cursorOf("inv-1", 2)]);
  });

  it("goes on, and throws nothing, where the decision is there by then", async () => {
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept(FRESH);
        sendEvent(peer, 1, required());
        sendEvent(peer, 2, decided());
        peer.complete(invocation_id, 3, 0);
      },
    });
    expect(await drain(streamClient(server).runStream({}))).toEqual({ chunks: [], error: undefined });
  });
});

describe("a resume with decisions", () => {
  /** The second connection: what comes after the question, once it is decided. */
  const goOn = async (peer: Peer): Promise<void> => {
    const first = await peer.accept({ ...RESUMABLE, last_seq: 3 });
    sendEvent(peer, 3, decided());
    peer.data(4, "paid");
    peer.complete(first.invocation_id, 5, 2);
  };

  it("decides first, and goes on after the question, in another client", async () => {
    const seen: unknown[] = [];
    const server = await serveScript({ stream: inTurn(ask, goOn), http: decideOver(seen) });
    const { position, requests } = await requiredError(streamClient(server).runStream({}, { invocationId: "inv-1" }));
    const approvals = requests.map(({ approvalId }) => ({ approvalId, decision: "approve", reason: "due" }) as const);
    // What a process keeps is text.
    const kept: typeof approvals = JSON.parse(JSON.stringify(approvals));
    const stream = streamClient(server).resume(position, { approvals: kept });
    expect(await drain(stream)).toEqual({ chunks: ["paid"], error: undefined });
    expect(seen).toEqual([["/api/v1/invocations/inv-1/approvals", { approval_id: "ap-1", decision: "approve", reason: "due" }]]);
  });

  it.each([
    ["goes on where the same decision stands", "approve", undefined],
    ["ends with ALREADY_DECIDED where another stands", "reject", "ALREADY_DECIDED"],
  ])("%s", async (_name, stands, code) => {
    const details = { decision: stands, reason: "was first", decided_by: "Max" };
    const http = decideOver([], 409, { code: "ALREADY_DECIDED", message: "Before.", details });
    const server = await serveScript({ stream: goOn, http });
    const { chunks, error } = await drain(streamClient(server).resume(cursorOf("inv-1", 2), { approvals: [APPROVE] }));
    expect(error?.code).toBe(code);
    if (code === undefined) expect(chunks).toEqual(["paid"]);
    else expect(error).toMatchObject({ details, cursor: cursorOf("inv-1", 2), invocationId: "inv-1" });
  });

  it.each(["PERMISSION_ERROR", "INVOCATION_NOT_FOUND", "VALIDATION_ERROR"])("ends with %s of the server", async (code) => {
    const status = { PERMISSION_ERROR: 403, INVOCATION_NOT_FOUND: 404, VALIDATION_ERROR: 400 }[code];
    const server = await serveScript({ stream: goOn, http: decideOver([], status, { code, message: "No." }) });
    expect((await drain(streamClient(server).resume(cursorOf("inv-1", 2), { approvals: [APPROVE] }))).error?.code).toBe(code);
  });

  it("over server-sent events is the same", async () => {
    const seen: unknown[] = [];
    const server = await serveSse(
      [
        async (peer) => {
          const { invocation_id } = await peer.accept({ ...RESUMABLE, last_seq: 3 });
          sendEvent(peer, 3, decided());
          peer.complete(invocation_id, 4, 0);
        },
      ],
      decideOver(seen),
    );
    const client = streamClient(server, { transport: "sse" });
    expect(await drain(client.resume(cursorOf("inv-1", 2), { approvals: [APPROVE] }))).toEqual({ chunks: [], error: undefined });
    expect(seen).toHaveLength(1);
  });

  it.each<[string, unknown, string]>([
    ["a number", 5, "approvals"],
    ["a text", "ap-1", "approvals"],
    ["an object", { ...APPROVE }, "approvals"],
    ["null in a list", [null], "approvals[0].approvalId"],
    ["no id", [{ decision: "approve" }], "approvals[0].approvalId"],
    ["a wrong word", [APPROVE, { ...APPROVE, decision: "yes" }], "approvals[1]"],
    ["too long a reason", [{ ...APPROVE, reason: "r".repeat(5000) }], "approvals[0].reason"],
  ])("that are %s throws nothing, and fails at the first read with VALIDATION_ERROR", async (_name, approvals, field) => {
    const server = await serveScript({});
    const stream = streamClient(server).resume(cursorOf("inv-1", 2), { approvals: approvals as never });
    const { error } = await drain(stream);
    expect(error).toMatchObject({ code: "VALIDATION_ERROR", field });
    expect(server.connections).toBe(0);
  });

  it("that is aborted or has a wrong position decides nothing", async () => {
    const seen: unknown[] = [];
    const server = await serveScript({ http: decideOver(seen) });
    const client = streamClient(server);
    const failures = [
      drain(client.resume("nonsense", { approvals: [APPROVE] })),
      drain(client.resume(cursorOf("inv-1", 2), { approvals: [APPROVE], signal: AbortSignal.abort() })),
    ];
    expect((await Promise.all(failures)).map(({ error }) => error?.code)).toEqual(["VALIDATION_ERROR", "CANCELLED"]);
    expect(seen).toEqual([]);
  });
});

describe("a position after the question, which still waits", () => {
  const waiting = async (peer: Peer): Promise<void> => {
    const first = await peer.accept({ ...RESUMABLE, last_seq: 2, pending_approvals: [required()] });
    const frame = await peer.nextOf("approval");
    acknowledge(peer, frame);
    sendEvent(peer, 3, decided());
    peer.complete(first.invocation_id, 4, 1);
  };

  it("without a handler ends with the same requests again", async () => {
    const server = await serveScript({ stream: waiting });
    const { requests, position } = await requiredError(streamClient(server).resume(cursorOf("inv-1", 2)));
    expect([requests.map(({ approvalId }) => approvalId), position]).toEqual([["ap-1"], cursorOf("inv-1", 2)]);
  });

  it("with a handler asks it once, as a page does that was loaded anew", async () => {
    const server = await serveScript({ stream: waiting });
    const asked: string[] = [];
    const onApproval = ({ approvalId }: { approvalId: string }): "approve" => {
      asked.push(approvalId);
      return "approve";
    };
    expect((await drain(streamClient(server).resume(cursorOf("inv-1", 2), { onApproval }))).error).toBeUndefined();
    expect(asked).toEqual(["ap-1"]);
  });

  it("of several asks about those that nobody decided", async () => {
    const server = await serveScript({
      stream: async (peer) => {
        await peer.accept({ ...RESUMABLE, last_seq: 4, pending_approvals: [required("ap-2"), required("ap-3")] });
        sendEvent(peer, 4, required("ap-3"));
      },
    });
    const { requests } = await requiredError(streamClient(server).resume(cursorOf("inv-1", 3)));
    expect(requests.map(({ approvalId }) => approvalId).sort()).toEqual(["ap-2", "ap-3"]);
  });

  it("is read by what the handler is told, not by what it does not know: pending_approvals that are no list of events", async () => {
    for (const pending of ["ap-1", [1, null], [{ approval_id: 1 }], [{ type: "approval_required", approval_id: "ap-1" }]]) {
      const server = await serveScript({
        stream: async (peer) => {
          const first = await peer.accept({ ...RESUMABLE, last_seq: 2, pending_approvals: pending });
          peer.complete(first.invocation_id, 3, 1);
        },
      });
      const { error } = await drain(streamClient(server).resume(cursorOf("inv-1", 2)));
      // Refused or read past; never thrown as something else.
      expect([undefined, "PROTOCOL_ERROR"]).toContain(error?.code);
    }
  });
});

it("is told by ApprovalRequiredError.is, also where it comes of another copy of the package", async () => {
  const server = await serveScript({ stream: ask });
  const { error } = await drain(new RunAgentClient({ agentId: "a1", port: server.port, entrypointTag: "story_stream" }).runStream({}));
  expect(ApprovalRequiredError.is(error)).toBe(true);
  expect(ApprovalRequiredError.is(new RunAgentError("APPROVAL_REQUIRED", "Of another copy."))).toBe(true);
  for (const other of [new RunAgentError("CANCELLED", "Not this."), undefined, "APPROVAL_REQUIRED"]) {
    expect(ApprovalRequiredError.is(other)).toBe(false);
  }
});
