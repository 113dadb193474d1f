import { createFaultProxy, type FaultRule } from "@runagent/conformance";
import { type ApprovalQuestion, ApprovalRequiredError, type RunAgentStream } from "runagent";
import { describe, expect, it, onTestFinished } from "vitest";
import { serveAsking } from "../support/asking-server.ts";
import { startClient } from "../support/client-process.ts";

// Approvals between the client and the reference server: in-line, later, in other processes, over connections that are lost.

const WEBSOCKET = { transport: "websocket" } as const;
const SSE = { transport: "sse" } as const;
const approve = { decision: "approve" } as const;

async function requiredError(stream: RunAgentStream<string>): Promise<ApprovalRequiredError> {
  const error = await stream.text().catch((thrown: unknown) => thrown);
  if (error instanceof ApprovalRequiredError) return error;
  throw new Error(`The stream did not end with an approval: ${String(error)}`);
}

/** What the first request names. */
const idOf = ({ requests }: ApprovalRequiredError): string => requests[0]?.approvalId ?? "none";

describe.each([WEBSOCKET, SSE])("over $transport", (options) => {
  it("a handler answers in-line, approve and reject, and the tool runs for what was approved", async () => {
    const { client, runs } = await serveAsking();
    const asked: string[] = [];
    const onApproval = ({ approvalId, call_id }: ApprovalQuestion) => {
      asked.push(`${approvalId.slice(0, 5)} ${call_id}`);
      return call_id === "call-2" ? ({ decision: "reject", reason: "once is enough" } as const) : ("approve" as const);
    };
    const stream = client(options).runStream<string>({ questions: 3 }, { invocationId: "inv-1", onApproval });
    expect(await stream.text()).toBe("1: approve by anybody. 2: reject by anybody. 3: approve by anybody. ");
    expect(asked).toEqual(["ap-1- call-1", "ap-2- call-2", "ap-3- call-3"]);
    expect(runs.get("inv-1")).toBe(2);
  });

  it("without a handler it ends, and a resume decides and goes on, question after question", async () => {
    const { client, runs } = await serveAsking();
    let error = await requiredError(client(options).runStream<string>({ questions: 3 }, { invocationId: "inv-1" }));
    for (const n of [1, 2]) {
      expect(error.requests).toMatchObject([{ call_id: `call-${n}`, tool_name: "pay" }]);
      const approvals = error.requests.map(({ approvalId }) => ({ approvalId, ...approve }));
      error = await requiredError(client(options).resume<string>(error.position, { approvals }));
    }
    const last = client(options).resume<string>(error.position, { approvals: [{ approvalId: idOf(error), ...approve }] });
    expect(await last.text()).toBe("3: approve by anybody. ");
    expect(runs.get("inv-1")).toBe(3);
  });

  it("a resume with a handler asks about what still waits; one without ends with it again", async () => {
    const { client, runs } = await serveAsking();
    const first = await requiredError(client(options).runStream<string>({ questions: 2 }, { invocationId: "inv-1" }));
    const { position } = first;
    const again = await requiredError(client(options).resume<string>(position));
    expect([again.requests, again.position]).toEqual([first.requests, position]);
    expect(
      await client(options)
        .resume<string>(position, { onApproval: () => "approve" })
        .text(),
    ).toMatch(/^1: approve.*2: approve/);
    expect(runs.get("inv-1")).toBe(2);
    // Whoever reads it all again later is asked nothing.
    const started = client(options).runStream<string>(
      { questions: 2 },
      { invocationId: "inv-1", onApproval: () => Promise.reject(new Error()) },
    );
    expect(await started.text()).toMatch(/^1: approve.*2: approve/);
    expect(runs.get("inv-1")).toBe(2);
  });

  it("a resume whose decision lost ends with ALREADY_DECIDED, and one that says the same goes on", async () => {
    const { client, runs } = await serveAsking();
    const error = await requiredError(client(options).runStream<string>({}));
    const { position, invocationId = "" } = error;
    const approvalId = idOf(error);
    await client().decide(invocationId, { approvalId, decision: "reject", reason: "no money" });
    const lost = client(options).resume<string>(position, { approvals: [{ approvalId, ...approve }] });
    await expect(lost.text()).rejects.toMatchObject({ code: "ALREADY_DECIDED", details: { decision: "reject", reason: "no money" } });
    const same = client(options).resume<string>(position, { approvals: [{ approvalId, decision: "reject" }] });
    expect(await same.text()).toBe("1: reject by anybody. ");
    expect(runs.size).toBe(0);
  });

  it("observers see who decided what; a handler whose question somebody else answers learns it by its signal", async () => {
    const { client } = await serveAsking();
    const questions: ApprovalQuestion[] = [];
    const watch = () =>
      client(options).runStream<string>(
        {},
        {
          invocationId: "inv-1",
          onApproval(question) {
            questions.push(question);
            // The other watchers answer for this one.
            return questions.length === 3 ? ({ decision: "approve", reason: "fine" } as const) : new Promise<undefined>(() => {});
          },
        },
      );
    const decisions = [watch(), watch(), watch()].map(async (stream) => {
      const found: unknown[] = [];
      for await (const { event } of stream.events({ only: ["approval_decided"] })) found.push(event);
      return found;
    });
    const seen = await Promise.all(decisions);
    const approval_id = questions[0]?.approvalId;
    const decided = { type: "approval_decided", approval_id, decision: "approve", reason: "fine", decided_by: "anybody" };
    expect(seen).toEqual([[decided], [decided], [decided]]);
    expect(questions.map(({ signal }) => signal.aborted)).toEqual([true, true, true]);
  });

  it("a client that has waited on a connection that is lost again and again is asked once, and its decision counts once", async () => {
    const { server, client, runs } = await serveAsking({ limits: { heartbeatSeconds: 0.2 } });
    const proxy = await createFaultProxy({ target: { host: server.host, port: server.port }, seed: 1, rules: [] });
    onTestFinished(() => proxy.close());
    let asked = 0;
    let reconnects = 0;
    const onApproval = async (): Promise<"approve"> => {
      asked++;
      for (let drop = 1; drop <= 3; drop++) {
        proxy.dropAll();
        await expect.poll(() => reconnects, { timeout: 10_000 }).toBeGreaterThanOrEqual(drop);
      }
      return "approve";
    };
    const stream = client({ ...options, port: proxy.port }).runStream<string>(
      {},
      { invocationId: "inv-1", onApproval, onReconnected: () => reconnects++ },
    );
    expect(await stream.text()).toBe("1: approve by anybody. ");
    expect([asked, runs.get("inv-1")]).toEqual([1, 1]);
  });

  it("a decision that goes into a black hole goes out with the next connection; over server-sent events it is asked again", async () => {
    const { server, client, runs } = await serveAsking({ limits: { heartbeatSeconds: 0.2 } });
    const hole: FaultRule[] = [
      { on: { event: "frame", direction: "to_server", type: "approval" }, do: { action: "stall", direction: "both" }, times: 1 },
      { on: { event: "request", method: "POST", path: "/approvals" }, do: { action: "reset" }, times: 2 },
    ];
    const proxy = await createFaultProxy({ target: { host: server.host, port: server.port }, seed: 1, rules: hole });
    onTestFinished(() => proxy.close());
    const onApproval = (): "approve" => "approve";
    const stream = client({ ...options, port: proxy.port }).runStream<string>({}, { invocationId: "inv-1", onApproval });
    expect(await stream.text()).toBe("1: approve by anybody. ");
    expect(runs.get("inv-1")).toBe(1);
    expect(proxy.stats.drops).toBe(options === WEBSOCKET ? 1 : 2);
  });
});

const IMPORT = 'import { RunAgentClient } from "runagent";\n';

describe("other processes", () => {
  const CLIENT = `${IMPORT}const [port, approvalId, position] = process.argv.slice(2);
    const client = new RunAgentClient({ agentId: "cashier", entrypointTag: "pay_stream", port: Number(port) });\n`;

  it("asked here, decided and finished in another", async () => {
    const { server, client, runs } = await serveAsking();
    const error = await requiredError(client().runStream<string>({}, { invocationId: "inv-1" }));
    const finish = `${CLIENT}
      const approvals = [{ approvalId, decision: "approve", reason: "from elsewhere" }];
      console.log(JSON.stringify(await client.resume(position, { approvals }).collect()));`;
    const { line } = await startClient(finish, String(server.port), idOf(error), error.position);
    expect(await line).toEqual(["1: approve by anybody. "]);
    expect(runs.get("inv-1")).toBe(1);
  });

  it("client killed and its connection gone while it waits; a third party decides by REST; another client finishes", async () => {
    const keys: Record<string, { id: string; name: string }> = { k1: { id: "clerk", name: "Carla" }, k2: { id: "manager", name: "Max" } };
    const { server, client, runs } = await serveAsking({
      apiKeys: (key) => keys[key] ?? null,
      mayDecide: (principal) => principal.id === "manager",
    });
    const proxy = await createFaultProxy({ target: { host: server.host, port: server.port }, seed: 1, rules: [] });
    const ask = `${IMPORT}const client = new RunAgentClient({ agentId: "cashier", entrypointTag: "pay_stream", port: Number(process.argv[2]), apiKey: "k1" });
      const stream = client.runStream({}, { invocationId: "inv-1", onApproval: () => {} });
      for await (const record of stream.events()) {
        if (record.type === "event" && record.event.type === "approval_required") console.log(JSON.stringify([stream.position, record.event.approval_id]));
      }`;
    const asking = await startClient(ask, String(proxy.port));
    const [position, approvalId] = Array.from(Object(await asking.line), String);
    if (position === undefined || approvalId === undefined) throw new Error("The client printed something else.");
    // The network first, then the process: neither end says goodbye.
    await proxy.close();
    await asking.kill();

    const owner = client({ apiKey: "k1" });
    await expect(owner.decide("inv-1", { approvalId, ...approve })).rejects.toMatchObject({ code: "PERMISSION_ERROR" });
    await client({ apiKey: "k2" }).decide("inv-1", { approvalId, ...approve });
    expect(await owner.resume<string>(position).text()).toBe("1: approve by Max. ");
    await expect(client({ apiKey: "k2" }).resume(position).text()).rejects.toMatchObject({ code: "INVOCATION_NOT_FOUND" });
    expect(runs.get("inv-1")).toBe(1);
  });
});
