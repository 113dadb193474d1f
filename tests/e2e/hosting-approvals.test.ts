import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createRandom } from "@runagent/conformance";
import type { Invocation } from "@runagent/core";
import { type ApprovalQuestion, ApprovalRequiredError, type RunAgentError } from "runagent";
import { describe, expect, it, vi } from "vitest";
import { ASKING_AGENTS, STREAMS, VALUES } from "../support/asking-agents.ts";
import { configOf, folderOf, type Hosted, hostFolder } from "../support/hosted.ts";

// Events, turns and approvals of functions in a folder: the same agent in TypeScript, in plain Python, and in async Python.

interface Tick {
  readonly type: "tick";
  readonly n: number;
}

const seed = Number(process.env.TEST_SEED ?? 20_269);

async function failureOf(promise: Promise<unknown>): Promise<RunAgentError> {
  return promise.then(
    () => {
      throw new Error("It did not fail.");
    },
    (error) => error,
  );
}

describe.each(ASKING_AGENTS)("$language", ({ file, source, process: name }) => {
  async function host(): Promise<Hosted> {
    const tags = [...VALUES, ...STREAMS.map((stream) => `${stream}_stream`)];
    const entries = Object.fromEntries(tags.map((tag) => [tag, `${file}:${tag.replace(/_stream$/, "")}`]));
    return hostFolder(await folderOf({ [file]: source, "runagent.config.json": configOf(entries) }));
  }

  async function stateOf({ url }: Hosted, invocationId: string): Promise<Invocation> {
    const answer = await fetch(`${url}/api/v1/invocations/${invocationId}`);
    return (await answer.json()).data;
  }

  /** Resolves once the invocation waits, with the ids of what it asks. */
  async function waiting(hosted: Hosted, invocationId: string, count = 1): Promise<string[]> {
    return vi.waitFor(
      async () => {
        const { status, pending_approvals: pending = [] } = await stateOf(hosted, invocationId);
        expect([status, pending.length]).toEqual(["waiting_approval", count]);
        return pending.map(({ approval_id }) => approval_id);
      },
      { timeout: 10_000, interval: 10 },
    );
  }

  it("chunks, events, turns and approvals come in the order in which the agent made them", async () => {
    const { client, log } = await host();
    const seen: unknown[] = [];
    const onApproval = vi.fn((_question: ApprovalQuestion) => ({ decision: "reject", reason: "not all" }) as const);
    for await (const record of client("story_stream").runStream({}, { onApproval }).events()) {
      seen.push(record.type === "data" ? record.content : record.type === "event" ? record.event : record.status);
    }
    expect(onApproval).toHaveBeenCalledWith(expect.objectContaining({ tool_name: "send_mail", arguments: { to: "all" }, call_id: "c1" }));
    const decided = { decision: "reject", reason: "not all" };
    const approvalId = onApproval.mock.calls[0]?.[0].approvalId;
    expect(approvalId).toMatch(/^ap-1-[0-9a-f]{8}$/);
    expect(seen).toEqual([
      "once ",
      { type: "progress", done: 0.5 },
      { type: "turn_completed", turn: 1 },
      {
        type: "approval_required",
        approval_id: approvalId,
        requests: [{ tool_name: "send_mail", arguments: { to: "all" }, call_id: "c1" }],
        expires_at: expect.any(String),
      },
      { type: "approval_decided", approval_id: approvalId, ...decided, decided_by: "anybody" },
      { type: "answer", approvalId, ...decided, decidedBy: "anybody" },
      "upon",
      "stream_completed",
    ]);
    expect(log).toEqual([]);
  });

  it("a run waits too; anybody may decide by REST, once", async () => {
    const hosted = await host();
    const { client } = hosted;
    const paid = client("pay").run({ amount: 5 }, { invocationId: "inv-pay" });
    const [approvalId = ""] = await waiting(hosted, "inv-pay");
    await client("story_stream").decide("inv-pay", { approvalId, decision: "approve", reason: "small" });
    expect(await paid).toEqual(["approve", "small"]);
    const both = client("both").run({}, { invocationId: "inv-both" });
    const [first = "", second = ""] = await waiting(hosted, "inv-both", 2);
    await client("pay").decide("inv-both", { approvalId: second, decision: "reject" });
    await waiting(hosted, "inv-both", 1);
    expect(await failureOf(client("pay").decide("inv-both", { approvalId: second, decision: "approve" }))).toMatchObject({
      code: "ALREADY_DECIDED",
    });
    await client("pay").decide("inv-both", { approvalId: first, decision: "approve" });
    expect([...(await both)].sort()).toEqual(["approve", "reject"]);
    expect(await client("expiring").run()).toEqual(["reject", "server"]);
  });

  it("of decisions and cancels that race one wins, and a tool runs once at most", async () => {
    const hosted = await host();
    const { client } = hosted;
    const random = createRandom(seed);
    const guarded = client("guarded");
    const race = async (index: number): Promise<void> => {
      const id = `inv-${index}`;
      const result = guarded.run({}, { invocationId: id }).catch((error: RunAgentError) => error.code);
      const [approvalId = ""] = await waiting(hosted, id);
      const decide = async (decision: "approve" | "reject"): Promise<string> => {
        for (let turns = random.integer(0, 20); turns > 0; turns--) await new Promise(setImmediate);
        return guarded.decide(id, { approvalId, decision }).then(
          () => decision,
          (error: RunAgentError) => error.code,
        );
      };
      const cancels = random.chance(0.3);
      const cancel = cancels ? guarded.cancel(id) : undefined;
      const answers = await Promise.all([decide("approve"), decide("reject"), decide("approve")]);
      await cancel;
      const won = answers.filter((answer) => answer === "approve" || answer === "reject");
      expect(won.length, `seed ${seed}, ${id}: ${answers}`).toBeLessThanOrEqual(1);
      const ended = await result;
      if (won.length === 0) expect([cancels, ended]).toEqual([true, "CANCELLED"]);
      else expect(cancels ? [won[0], "CANCELLED"] : [won[0]]).toContain(ended);
      if (won[0] === "approve" && ended === "approve") approved.push(id);
      if (won[0] !== "approve") refused.push(id);
    };
    const approved: string[] = [];
    const refused: string[] = [];
    for (let batch = 0; batch < 10; batch++) await Promise.all(Array.from({ length: 20 }, (_, index) => race(batch * 20 + index)));
    const ran = await client("runs").run();
    expect(Math.max(...Object.values<number>(ran))).toBe(1);
    for (const id of approved) expect(ran[id], id).toBe(1);
    for (const id of refused) expect(ran[id], id).toBeUndefined();
  });

  it("an agent waits where its client is gone, and goes on when another resumes with a decision", async () => {
    const { client, logged } = await host();
    const error = await failureOf(client("waits_stream").runStream().collect());
    if (!(error instanceof ApprovalRequiredError)) throw error;
    const rest = client("waits_stream").resume(error.position, {
      approvals: error.requests.map(({ approvalId }) => ({ approvalId, decision: "approve" })),
    });
    expect(await rest.collect()).toEqual(["decided"]);
    await logged(/^stdout: stopped$/);
  });

  it("what cannot be told or asked is told to the agent, in full sentences", async () => {
    const { client, log } = await host();
    const told = await client("mistakes").run();
    expect(told).toEqual([
      expect.stringMatching(/^An event must be .*type/),
      expect.stringMatching(/^An event must be .*type/),
      expect.stringMatching(/^The event .*is not JSON: it holds NaN/),
      expect.stringMatching(/^An event must be .*type/),
      expect.stringMatching(/^An event of type approval_required cannot be emitted/),
      expect.stringMatching(/^An approval is asked for with an object that has a tool_name\.$/),
      expect.stringMatching(/^expires_?[iI]n must be a number of seconds above 0, and no more than 604800/),
      expect.stringMatching(/is not JSON: .*(BigInt|object)/),
    ]);
    expect(log).toEqual([]);
    expect(await failureOf(client("careless").run())).toMatchObject({
      code: "EXECUTION_ERROR",
      message: expect.stringMatching(/expires_?[iI]n must be/),
    });
  });

  it("cancel after_turn lets the turn end, and no other begin", async () => {
    const { client, logged, log } = await host();
    const stream = client("turns_stream").runStream();
    const seen: unknown[] = [];
    for await (const record of stream.events()) {
      seen.push(record.type === "data" ? record.content : record.type === "event" ? record.event.type : [record.status, record.seq]);
      if (seen.length === 1) await stream.cancel("after_turn");
    }
    const turns = Math.floor(seen.length / 3);
    const each = Array.from({ length: turns }, (_, index) => [index + 1, "tool", "turn_completed"]);
    expect(seen).toEqual([...each.flat(), ["stream_cancelled", 3 * turns + 1]]);
    await logged(/^stdout: stopped$/);
    expect(log).toEqual(["stdout: stopped"]);
  });

  it("a cancel interrupts the wait at once", async () => {
    const hosted = await host();
    const { client, logged, log } = hosted;
    const stream = client("waits_stream").runStream({}, { invocationId: "inv-waits", onApproval: () => undefined });
    await stream.started;
    const [approvalId = ""] = await waiting(hosted, "inv-waits");
    await client("pay").cancel("inv-waits");
    expect(await failureOf(stream.collect())).toMatchObject({ code: "CANCELLED" });
    await logged(/^stdout: stopped$/);
    expect(log).toEqual(["stdout: stopped"]);
    expect(await failureOf(client("pay").decide("inv-waits", { approvalId, decision: "approve" }))).toMatchObject({
      code: "VALIDATION_ERROR",
      field: "approval_id",
    });
  });

  it("a process that dies takes what waits in it along; nobody can decide that any more", async () => {
    const hosted = await host();
    const { client, logged } = hosted;
    const cursor = client("waits_stream")
      .runStream({}, { invocationId: "inv-waits", onApproval: () => undefined })
      .cursor();
    const { data: pid } = await cursor.next();
    const [approvalId = ""] = await waiting(hosted, "inv-waits");
    process.kill(pid, "SIGKILL");
    expect(await failureOf(cursor.next())).toMatchObject({ code: "OWNER_LOST" });
    expect(await failureOf(client("pay").decide("inv-waits", { approvalId, decision: "approve" }))).toMatchObject({
      code: "VALIDATION_ERROR",
    });
    await logged(new RegExp(`^host: The ${name} process of the agent was ended by SIGKILL\\.`));
    expect(await client("expiring").run()).toEqual(["reject", "server"]);
  });

  it("a reload leaves what waits with the code that asked", async () => {
    const hosted = await host();
    const { client, folder } = hosted;
    const cursor = client("waits_stream")
      .runStream({}, { invocationId: "inv-waits", onApproval: () => undefined })
      .cursor();
    const { data: pid } = await cursor.next();
    const [approvalId = ""] = await waiting(hosted, "inv-waits");
    await writeFile(join(folder, file), source.replaceAll('"decided"', '"decided by the new code"'));
    expect(await hosted.hosted.reload()).toBe(true);
    expect(() => process.kill(pid, 0)).not.toThrow();
    await client("pay").decide("inv-waits", { approvalId, decision: "approve" });
    expect((await cursor.next()).data).toBe("decided");
    // Its last call was this one.
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow("ESRCH"), { timeout: 15_000 });
    const error = await failureOf(client("waits_stream").runStream({}, { invocationId: "inv-new" }).collect());
    expect(error).toBeInstanceOf(ApprovalRequiredError);
    await hosted.hosted.close();
    await expect.poll(() => stateOf(hosted, "inv-new")).toMatchObject({ status: "failed", error: { code: "OWNER_LOST" } });
  });

  it("events wait for a client that is slow, and none is lost", async () => {
    const { client, log } = await host();
    const stream = client("many_stream").runStream({ count: 100_000 });
    let next = 0;
    for await (const record of stream.events<Tick>()) {
      if (record.type !== "event" || record.event.type !== "tick") continue;
      expect(record.event.n).toBe(next++);
      if (next === 1) {
        // Neighbours are served while this one is slow.
        for (let index = 0; index < 5; index++) expect(await client("expiring").run()).toEqual(["reject", "server"]);
        expect(log).toEqual([]);
      }
    }
    expect(next).toBe(100_000);
    expect(log).toEqual(["stdout: all told"]);
  });
});

describe("what the worker alone would let pass", () => {
  it("people are asked about what the agent calls, and nothing else", async () => {
    const source = `
      async function refused(ctx, request) {
        return ctx.requireApproval({ expiresIn: 0.01, ...request }).catch(({ code, field, message }) => ({ code, field, message }));
      }
      export async function ask(_, ctx) {
        const answers = [];
        for (const args of [() => 1, Symbol("s")]) answers.push(await refused(ctx, { tool_name: "pay", arguments: args }));
        answers.push(await refused(ctx, { tool_name: "pay", toJSON: () => ({ tool_name: "look" }) }));
        return answers;
      }`;
    const { client } = await hostFolder(await folderOf({ "main.mjs": source, "runagent.config.json": configOf({ ask: "main.mjs:ask" }) }));
    expect(await client("ask").run()).toEqual([
      { code: "VALIDATION_ERROR", field: "arguments", message: "arguments must be a JSON value, and not a function." },
      { code: "VALIDATION_ERROR", field: "arguments", message: "arguments must be a JSON value, and not a symbol." },
      { code: "VALIDATION_ERROR", field: "tool_name", message: expect.stringMatching(/^The tool_name of an approval must be the same/) },
    ]);
  });

  it("an event that only the server finds wrong is the agent's fault", async () => {
    const source = 'def tell(ctx):\n    ctx.emit({"type": "n", "n": 10 ** 400})\n    return 1\n';
    const { client } = await hostFolder(await folderOf({ "main.py": source, "runagent.config.json": configOf({ tell: "main.py:tell" }) }));
    expect(await failureOf(client("tell").run())).toMatchObject({
      code: "EXECUTION_ERROR",
      message: expect.stringMatching(/^The event of the agent is not JSON: it holds NaN or an infinite number/),
    });
  });
});
