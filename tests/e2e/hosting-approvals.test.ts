import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Invocation } from "@runagent/core";
import { ApprovalRequiredError, type RunAgentError } from "runagent";
import { describe, expect, it, vi } from "vitest";
import { configOf, folderOf, type Hosted, hostFolder } from "../support/hosted.ts";

// Events, turns and approvals of functions in a folder: the same agent in TypeScript, in plain Python, and in async Python.

const TYPESCRIPT = `
import type { AgentContext } from "@runagent/server";
type Input = Record<string, any>;

export async function* story(_: Input, ctx: AgentContext) {
  yield "once ";
  await ctx.emit({ type: "progress", done: 0.5 });
  await ctx.turn();
  const { approvalId, ...answer } = await ctx.requireApproval({ tool_name: "send_mail", arguments: { to: "all" }, call_id: "c1", expiresIn: 60 });
  await ctx.emit({ type: "answer", approvalId, ...answer });
  yield "upon";
}
export async function pay({ amount }: Input, ctx: AgentContext) {
  const { decision, reason } = await ctx.requireApproval({ tool_name: "pay", arguments: { amount } });
  return [decision, reason ?? null];
}
export async function expiring(_: Input, ctx: AgentContext) {
  const { decision, decidedBy } = await ctx.requireApproval({ tool_name: "pay", expiresIn: 0.05 });
  return [decision, decidedBy];
}
export async function mistakes(_: Input, ctx: AgentContext) {
  const told: string[] = [];
  const tell = (error: unknown) => told.push((error as Error).message);
  for (const event of [{ no: "type" }, { type: "" }, { type: "x", deep: Number.NaN }, "text", { type: "approval_required" }]) {
    try { ctx.emit(event as never); } catch (error) { tell(error); }
  }
  await ctx.requireApproval({ tool_name: "" }).catch(tell);
  await ctx.requireApproval({ tool_name: "pay", expiresIn: -1 }).catch(tell);
  await ctx.requireApproval({ tool_name: "pay", arguments: { amount: 10n } }).catch(tell);
  return told;
}
export async function careless(_: Input, ctx: AgentContext) {
  await ctx.requireApproval({ tool_name: "pay", expiresIn: 1e9 });
}
export async function* turns(_: Input, ctx: AgentContext) {
  try {
    for (let turn = 1; ; turn++) {
      yield turn;
      await ctx.emit({ type: "tool", turn });
      await ctx.turn();
    }
  } finally {
    console.log("stopped");
  }
}
export async function* waits(_: Input, ctx: AgentContext) {
  yield process.pid;
  try {
    await ctx.requireApproval({ tool_name: "pay" });
    yield "decided";
  } finally {
    console.log("stopped");
  }
}
export async function both(_: Input, ctx: AgentContext) {
  const answers = await Promise.all(["a", "b"].map((tool_name) => ctx.requireApproval({ tool_name })));
  return answers.map(({ decision }) => decision);
}
export async function* many({ count }: Input, ctx: AgentContext) {
  for (let n = 0; n < count; n++) await ctx.emit({ type: "tick", n });
  console.log("all told");
  yield "done";
}
`;

const PYTHON = `
import os

def story(ctx):
    yield "once "
    ctx.emit({"type": "progress", "done": 0.5})
    ctx.turn()
    answer = ctx.require_approval("send_mail", {"to": "all"}, call_id="c1", expires_in=60)
    told = {"approvalId": answer.approval_id, "decision": answer.decision, "reason": answer.reason, "decidedBy": answer.decided_by}
    ctx.emit(dict({key: value for key, value in told.items() if value is not None}, type="answer"))
    yield "upon"

def pay(amount, ctx):
    answer = ctx.require_approval("pay", {"amount": amount})
    return [answer.decision, answer.reason]

def expiring(ctx):
    answer = ctx.require_approval("pay", expires_in=0.05)
    return [answer.decision, answer.decided_by]

def mistakes(ctx):
    told = []
    def attempt(call):
        try:
            call()
        except ValueError as error:
            told.append(str(error))
    for event in ({"no": "type"}, {"type": ""}, {"type": "x", "deep": float("nan")}, "text", {"type": "approval_required"}):
        attempt(lambda: ctx.emit(event))
    attempt(lambda: ctx.require_approval(""))
    attempt(lambda: ctx.require_approval("pay", expires_in=-1))
    attempt(lambda: ctx.require_approval("pay", {"amount": object()}))
    return told

def careless(ctx):
    ctx.require_approval("pay", expires_in=1e9)

def turns(ctx):
    turn = 0
    try:
        while True:
            turn += 1
            yield turn
            ctx.emit({"type": "tool", "turn": turn})
            ctx.turn()
    finally:
        print("stopped")

def waits(ctx):
    yield os.getpid()
    try:
        ctx.require_approval("pay")
        yield "decided"
    finally:
        print("stopped")

def both(ctx):
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor() as pool:
        return [answer.decision for answer in pool.map(ctx.require_approval, ["a", "b"])]

def many(count, ctx):
    for n in range(count):
        ctx.emit({"type": "tick", "n": n})
    print("all told")
    yield "done"
`;

/** The same, in async code. */
const ASYNC_PYTHON = PYTHON.replace("import os", "import asyncio, os")
  .replaceAll(/^def /gm, "async def ")
  .replaceAll(/(?<!lambda: )ctx\.(emit|turn|require_approval)\(/g, "await ctx.$1(")
  .replace("    def attempt(call):", "    async def attempt(call):")
  .replace("            call()", "            await call()")
  .replaceAll("    attempt(", "    await attempt(")
  .replace(
    /async def both\(ctx\):\n(.*\n)*?\n/,
    `async def both(ctx):
    return [answer.decision for answer in await asyncio.gather(*(ctx_call(ctx, tool) for tool in ("a", "b")))]

async def ctx_call(ctx, tool):
    return await ctx.require_approval(tool)

`,
  );

const NAMES = ["pay", "expiring", "mistakes", "careless", "both"];
const STREAMS = ["story", "turns", "waits", "many"];

interface Tick {
  readonly type: "tick";
  readonly n: number;
}

const LANGUAGES = [
  { language: "TypeScript", file: "agent.ts", source: TYPESCRIPT, process: "Node" },
  { language: "Python", file: "agent.py", source: PYTHON, process: "Python" },
  { language: "async Python", file: "agent.py", source: ASYNC_PYTHON, process: "Python" },
] as const;

async function failureOf(promise: Promise<unknown>): Promise<RunAgentError> {
  return promise.then(
    () => {
      throw new Error("It did not fail.");
    },
    (error) => error,
  );
}

describe.each(LANGUAGES)("$language", ({ file, source, process: name }) => {
  async function host(): Promise<Hosted> {
    const tags = [...NAMES, ...STREAMS.map((stream) => `${stream}_stream`)];
    const entries = Object.fromEntries(tags.map((tag) => [tag, `${file}:${tag.replace(/_stream$/, "")}`]));
    return hostFolder(await folderOf({ [file]: source, "runagent.config.json": configOf(entries) }));
  }

  async function stateOf({ url }: Hosted, invocationId: string): Promise<Invocation> {
    const answer = await fetch(`${url}/api/v1/invocations/${invocationId}`);
    return (await answer.json()).data;
  }

  /** Resolves once the invocation waits. */
  async function waiting(hosted: Hosted, invocationId: string, count = 1): Promise<void> {
    await vi.waitFor(
      async () => {
        const { status, pending_approvals } = await stateOf(hosted, invocationId);
        expect([status, pending_approvals?.length]).toEqual(["waiting_approval", count]);
      },
      { timeout: 10_000, interval: 10 },
    );
  }

  it("chunks, events, turns and approvals come in the order in which the agent made them", async () => {
    const { client, log } = await host();
    const seen: unknown[] = [];
    const onApproval = vi.fn(() => ({ decision: "reject", reason: "not all" }) as const);
    for await (const record of client("story_stream").runStream({}, { onApproval }).events()) {
      seen.push(record.type === "data" ? record.content : record.type === "event" ? record.event : record.status);
    }
    expect(onApproval).toHaveBeenCalledWith(expect.objectContaining({ tool_name: "send_mail", arguments: { to: "all" }, call_id: "c1" }));
    const decided = { decision: "reject", reason: "not all" };
    expect(seen).toEqual([
      "once ",
      { type: "progress", done: 0.5 },
      { type: "turn_completed", turn: 1 },
      {
        type: "approval_required",
        approval_id: "ap-1",
        requests: [{ tool_name: "send_mail", arguments: { to: "all" }, call_id: "c1" }],
        expires_at: expect.any(String),
      },
      { type: "approval_decided", approval_id: "ap-1", ...decided, decided_by: "anybody" },
      { type: "answer", approvalId: "ap-1", ...decided, decidedBy: "anybody" },
      "upon",
      "stream_completed",
    ]);
    expect(log).toEqual([]);
  });

  it("a run waits too; anybody may decide by REST, once", async () => {
    const hosted = await host();
    const { client } = hosted;
    const paid = client("pay").run({ amount: 5 }, { invocationId: "inv-pay" });
    await waiting(hosted, "inv-pay");
    await client("story_stream").decide("inv-pay", { approvalId: "ap-1", decision: "approve", reason: "small" });
    expect(await paid).toEqual(["approve", "small"]);
    const both = client("both").run({}, { invocationId: "inv-both" });
    await waiting(hosted, "inv-both", 2);
    await client("pay").decide("inv-both", { approvalId: "ap-2", decision: "reject" });
    await waiting(hosted, "inv-both", 1);
    expect(await failureOf(client("pay").decide("inv-both", { approvalId: "ap-2", decision: "approve" }))).toMatchObject({
      code: "ALREADY_DECIDED",
    });
    await client("pay").decide("inv-both", { approvalId: "ap-1", decision: "approve" });
    expect([...(await both)].sort()).toEqual(["approve", "reject"]);
    expect(await client("expiring").run()).toEqual(["reject", "server"]);
  });

  it("an agent waits where its client is gone, and goes on when another resumes with a decision", async () => {
    const { client, logged } = await host();
    const error = await failureOf(client("waits_stream").runStream().collect());
    if (!(error instanceof ApprovalRequiredError)) throw error;
    const rest = client("waits_stream").resume(error.position, { approvals: [{ approvalId: "ap-1", decision: "approve" }] });
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
    await waiting(hosted, "inv-waits");
    await client("pay").cancel("inv-waits");
    expect(await failureOf(stream.collect())).toMatchObject({ code: "CANCELLED" });
    await logged(/^stdout: stopped$/);
    expect(log).toEqual(["stdout: stopped"]);
    expect(await failureOf(client("pay").decide("inv-waits", { approvalId: "ap-1", decision: "approve" }))).toMatchObject({
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
    await waiting(hosted, "inv-waits");
    process.kill(pid, "SIGKILL");
    expect(await failureOf(cursor.next())).toMatchObject({ code: "OWNER_LOST" });
    expect(await failureOf(client("pay").decide("inv-waits", { approvalId: "ap-1", decision: "approve" }))).toMatchObject({
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
    await waiting(hosted, "inv-waits");
    await writeFile(join(folder, file), source.replaceAll('"decided"', '"decided by the new code"'));
    expect(await hosted.hosted.reload()).toBe(true);
    expect(() => process.kill(pid, 0)).not.toThrow();
    await client("pay").decide("inv-waits", { approvalId: "ap-1", decision: "approve" });
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
