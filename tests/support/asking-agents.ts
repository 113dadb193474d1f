/**
 * For the tests of hosting: an agent that tells and asks, the same in TypeScript, in plain Python, and in async Python.
 */

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
const ran: Record<string, number> = {};
export async function guarded(_: Input, ctx: AgentContext) {
  const { decision } = await ctx.requireApproval({ tool_name: "tool" });
  if (decision === "approve") ran[ctx.invocationId] = (ran[ctx.invocationId] ?? 0) + 1;
  return decision;
}
export const runs = () => ran;
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

ran = {}

def guarded(ctx):
    answer = ctx.require_approval("tool")
    if answer.approved:
        ran[ctx.invocation_id] = ran.get(ctx.invocation_id, 0) + 1
    return answer.decision

def runs():
    return ran

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

/** Entrypoints that give a value, and those that stream, by the names of their functions. */
export const VALUES: readonly string[] = ["pay", "expiring", "mistakes", "careless", "both", "guarded", "runs"];
export const STREAMS: readonly string[] = ["story", "turns", "waits", "many"];

/** The agent in one language. */
export interface AskingAgent {
  readonly language: string;
  readonly file: string;
  readonly source: string;
  /** What its process is called. */
  readonly process: string;
}

export const ASKING_AGENTS: readonly AskingAgent[] = [
  { language: "TypeScript", file: "agent.ts", source: TYPESCRIPT, process: "Node" },
  { language: "Python", file: "agent.py", source: PYTHON, process: "Python" },
  { language: "async Python", file: "agent.py", source: ASYNC_PYTHON, process: "Python" },
];
