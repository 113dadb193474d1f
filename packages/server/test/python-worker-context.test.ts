/** What Python entrypoints tell and ask through `ctx`, in plain and in async code. */
import { describe, expect, test } from "vitest";
import { findPythons, type PythonPeer, startWorker } from "./python-peer.ts";

const AGENT = `
import asyncio, concurrent.futures, threading, time
from typing import Any, Dict, Optional

def plain(ctx):
    ctx.turn()
    return describe(ctx.require_approval("pay", {"amount": 5}, expires_in=60, call_id="c1"))

async def coroutine(ctx):
    await ctx.turn()
    return describe(await ctx.require_approval("pay", {"amount": 5}, expires_in=60, call_id="c1"))

async def in_thread(ctx):
    return await asyncio.get_running_loop().run_in_executor(None, plain, ctx)

def in_own_loop(ctx):
    return asyncio.run(coroutine(ctx))

def describe(approval):
    return [approval.approved, bool(approval), approval.approval_id, approval.decision, approval.reason, approval.decided_by, repr(approval)]

async def forgets(ctx):
    told = []
    for use in (lambda: bool(ctx.require_approval("pay")), lambda: ctx.require_approval("pay").approved):
        try:
            use()
        except (TypeError, AttributeError) as error:
            told.append([type(error).__name__, str(error)])
    return told

def who(ctx):
    return [ctx.invocation_id, ctx.user_id, ctx.persistent_memory, ctx.cancelled, repr(ctx)]

def first(message, ctx): return [message, hasattr(ctx, "emit")]
def keyword(message, *, ctx): return [message, hasattr(ctx, "emit")]
def anything(message, ctx: Any = None): return [message, hasattr(ctx, "emit")]
def unresolved(message, ctx: "runagent.Context"): return [message, hasattr(ctx, "emit")]
def typed(message, ctx: Dict[str, int]): return [message, ctx]
def text(message, ctx: Optional[str] = None): return [message, ctx]
def default(message, ctx="mine"): return [message, ctx]
def open_ended(message, **more): return [message, more]

def emits(count, ctx):
    for n in range(count):
        ctx.emit({"type": "t", "n": n})
    yield "done"

async def emits_async(count, ctx):
    for n in range(count):
        await ctx.emit({"type": "t", "n": n})
    yield "done"

async def unawaited(ctx):
    for n in range(3):
        ctx.emit({"type": "t", "n": n})
    return "done"

async def flood(ctx):
    while True:
        ctx.emit({"type": "t", "text": "x" * 500000})

async def busy(ctx):
    print("busy begins")
    try:
        while True:
            await ctx.emit({"type": "t"})
    except asyncio.CancelledError:
        print("busy CancelledError")
        raise

def told(name, ctx, wait):
    try:
        wait()
    except BaseException as error:
        print(name, type(error).__name__, ctx.cancelled)
        raise
    finally:
        ctx.emit({"type": "late"})
        time.sleep(0.01)
        print(name, "cleaned up")

def waits(ctx):
    told("waits", ctx, lambda: ctx.require_approval("pay"))

def waits_in_generator(ctx):
    yield 1
    told("waits_in_generator", ctx, ctx.turn)

def waits_for_room(ctx):
    def wait():
        while True:
            try:
                ctx.emit({"type": "t", "text": "x" * 50})
            except Exception:
                pass
    told("waits_for_room", ctx, wait)

def waits_in_own_loop(ctx):
    async def wait():
        await ctx.require_approval("pay")
    told("waits_in_own_loop", ctx, lambda: asyncio.run(wait()))

async def waits_async(ctx):
    try:
        await ctx.require_approval("pay")
    except asyncio.CancelledError:
        print("waits_async CancelledError", ctx.cancelled)
        raise
    finally:
        await asyncio.sleep(0.01)
        await ctx.emit({"type": "late"})
        print("waits_async cleaned up")

async def waits_in_thread(ctx):
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, told, "waits_in_thread", ctx, lambda: ctx.require_approval("pay"))

async def tries_again(ctx):
    try:
        await ctx.require_approval("pay")
    finally:
        try:
            await ctx.require_approval("pay")
        except asyncio.CancelledError:
            print("tries_again CancelledError")

def leaves_behind(ctx):
    def later():
        try:
            ctx.require_approval("pay")
        except RuntimeError as error:
            print("later", error)
        ctx.emit({"type": "late"})
        print("later done")
    threading.Thread(target=later, daemon=True).start()
    return "left"

async def gives_up(ctx):
    try:
        await asyncio.wait_for(ctx.require_approval("pay"), 0.01)
    except asyncio.TimeoutError:
        return "gave up"

def refused(ctx):
    told = []
    for _ in range(2):
        try:
            ctx.require_approval("pay")
        except Exception as error:
            told.append("%s: %s" % (type(error).__name__, error))
    ctx.emit("no event")

class Step:
    def __init__(self): self.text = "one"
    def model_dump(self, mode): return {"type": "step", "text": self.text}

def objects(ctx):
    ctx.emit(Step())

def fast():
    return 1
`;

const entries = (...tags: readonly string[]): Record<string, string> =>
  Object.fromEntries(tags.map((tag) => [tag, `main.py:${tag.replace(/_stream$/, "")}`]));

const approved = { answer: { approvalId: "ap-1", decision: "approve", reason: "fine", decidedBy: "ann" } };

describe.concurrent.each(findPythons())("Python $version", (python) => {
  const start = (...tags: readonly string[]): PythonPeer => startWorker(python, { "main.py": AGENT }, entries(...tags, "fast"));

  test.each(["plain", "coroutine", "in_thread", "in_own_loop"])("%s asks and gets its answer", async (tag) => {
    const worker = start(tag);
    const id = worker.start(tag);
    await worker.answer(id, 1, {});
    await worker.answer(id, 2, approved);
    const { text, value } = await worker.end(id);
    expect(value, text).toEqual([
      ...[true, true, "ap-1", "approve", "fine", "ann"],
      "Approval(approval_id='ap-1', decision='approve', reason='fine', decided_by='ann')",
    ]);
    expect(worker.of(id).map(({ kind, value }) => [kind, value])).toMatchObject([
      ["turn", 1],
      ["approval", { number: 2, request: { tool_name: "pay", arguments: { amount: 5 }, expiresIn: 60, call_id: "c1" } }],
      ["result", expect.anything()],
    ]);
    const other = worker.start(tag);
    await worker.answer(other, 1, {});
    await worker.answer(other, 2, { answer: { approvalId: "ap-1", decision: "reject" } });
    expect((await worker.end(other)).value).toEqual([false, false, "ap-1", "reject", null, null, expect.stringMatching(/^Approval\(/)]);
    expect(worker.stderr).toBe("");
  });

  test("an answer that was not awaited is taken for none", async () => {
    const worker = start("forgets");
    expect(await worker.result("forgets")).toEqual([
      ["TypeError", "This is not known yet: in async code, write `await` before the call."],
      ["AttributeError", "There is no approved yet: in async code, write `await` before the call."],
    ]);
  });

  test("a parameter ctx gets the context, unless it is an input", async () => {
    const names = ["first", "keyword", "anything", "unresolved", "typed", "text", "default", "open_ended"];
    const worker = start(...names, "who");
    const kwargs = { message: "a" };
    for (const name of names.slice(0, 4)) expect(await worker.result(name, { kwargs })).toEqual(["a", true]);
    expect(await worker.result("typed", { kwargs: { ...kwargs, ctx: { b: 1 } } })).toEqual(["a", { b: 1 }]);
    expect(await worker.result("text", { kwargs })).toEqual(["a", null]);
    expect(await worker.result("default", { kwargs })).toEqual(["a", "mine"]);
    expect(await worker.result("open_ended", { kwargs })).toEqual(["a", {}]);
    // The caller's argument goes first, and the function sees a text in its place.
    expect(await worker.result("first", { args: ["a", "mine"] })).toEqual(["a", false]);
    expect(await worker.result("first", { kwargs: { ...kwargs, ctx: "mine" } })).toEqual(["a", false]);
    const ready = await worker.ready();
    for (const name of names.slice(0, 4)) {
      expect(ready[name]?.input_schema).toMatchObject({ properties: { message: {} }, required: ["message"] });
      expect(JSON.stringify(ready[name])).not.toContain("ctx");
    }
    expect(ready.typed?.input_schema).toMatchObject({ required: ["message", "ctx"] });
    const { value } = await worker.call("first", { kwargs: { ct: 1 } });
    expect(value).toEqual({ code: "VALIDATION_ERROR", message: 'first has no argument "ct"; it takes message.', field: "ct" });
    const id = worker.start("who", { user_id: "u1", persistent_memory: true });
    expect((await worker.end(id)).value).toEqual([`inv-${id}`, "u1", true, false, `<ctx of the invocation inv-${id}>`]);
  });

  test.each(["emits_stream", "emits_async_stream"])("%s waits while nobody takes its events", async (tag) => {
    const worker = start(tag);
    const id = worker.start(tag, { window: 100, ack: false, kwargs: { count: 1000 } });
    const events = (): number => worker.of(id).filter(({ kind }) => kind === "event").length;
    await worker.message((message) => message.id === id && (message.value as { n: number }).n === 5);
    for (let call = 0; call < 5; call++) expect(await worker.result("fast")).toBe(1);
    expect(events()).toBe(6);
    worker.send({ op: "ack", id, bytes: 1_000_000 });
    expect((await worker.end(id)).kind).toBe("done");
    expect(worker.of(id).map(({ kind, value }) => (kind === "event" ? (value as { n: number }).n : kind))).toEqual([
      ...Array.from({ length: 1000 }, (_, n) => n),
      "chunk",
      "done",
    ]);
  });

  test("events that nobody waits for are told all the same, up to a bound", async () => {
    const worker = start("unawaited", "flood", "objects");
    const id = worker.start("unawaited", { window: 1, ack: false });
    expect((await worker.end(id)).value).toBe("done");
    expect(worker.of(id).filter(({ kind }) => kind === "event")).toHaveLength(3);
    const { value } = await worker.call("flood", { ack: false });
    expect(value).toMatchObject({ code: "EXECUTION_ERROR", message: expect.stringMatching(/^RuntimeError: No caller takes the events/) });
    const objects = worker.start("objects");
    await worker.end(objects);
    expect(worker.of(objects)[0]?.value).toEqual({ type: "step", text: "one" });
  });

  test("async code that only emits leaves turns to the others, and learns of its cancel", async () => {
    const worker = start("busy");
    const id = worker.start("busy");
    await worker.printed("busy begins");
    for (let call = 0; call < 5; call++) expect(await worker.result("fast")).toBe(1);
    worker.cancel(id);
    expect((await worker.end(id)).kind).toBe("cancelled");
    await worker.printed("busy CancelledError");
    expect(worker.stderr).toBe("");
  });

  test.each([
    ["waits", "Stopped"],
    ["waits_in_generator_stream", "Stopped"],
    ["waits_for_room", "Stopped"],
    ["waits_in_own_loop", "CancelledError"],
    ["waits_async", "CancelledError"],
    ["waits_in_thread", "Stopped"],
  ])("a cancel ends the wait of %s with %s, and its finally blocks run", async (tag, error) => {
    const worker = start(tag);
    const name = tag.replace(/_stream$/, "");
    const id = worker.start(tag, { window: 40, ack: tag !== "waits_for_room" });
    await worker.message((message) => message.id === id && message.kind !== "chunk");
    worker.cancel(id);
    expect((await worker.end(id)).kind).toBe("cancelled");
    await worker.printed(`${name} ${error} True\n${name} cleaned up\n`);
    expect(worker.of(id).filter(({ text }) => text.includes("late"))).toEqual([]);
    expect(worker.messages.filter(({ kind }) => kind === "stuck")).toEqual([]);
    expect(worker.stderr).toBe("");
    expect(await worker.result("fast")).toBe(1);
  });

  test("nothing is asked after a cancel, or after the end", async () => {
    const worker = start("tries_again", "leaves_behind", "gives_up");
    const id = worker.start("tries_again");
    await worker.message(({ kind }) => kind === "approval");
    worker.cancel(id);
    expect((await worker.end(id)).kind).toBe("cancelled");
    await worker.printed("tries_again CancelledError");
    expect(worker.of(id).filter(({ kind }) => kind === "approval")).toHaveLength(1);
    const left = worker.start("leaves_behind");
    expect((await worker.end(left)).value).toBe("left");
    await worker.printed("later The invocation has ended.\nlater done");
    expect(await worker.result("gives_up")).toBe("gave up");
    worker.send({ op: "answer", id: left, number: 1, ...approved });
    expect(await worker.result("fast")).toBe(1);
    expect(worker.stderr).toBe("");
  });

  test("what the server refuses is raised where it was asked, and the log names the agent's line alone", async () => {
    const worker = start("refused");
    const id = worker.start("refused");
    await worker.answer(id, 1, { error: { code: "VALIDATION_ERROR", message: "expiresIn must be more." } });
    await worker.answer(id, 2, { error: { code: "SERVER_ERROR", message: "Broken." } });
    expect((await worker.end(id)).value).toMatchObject({ message: expect.stringMatching(/^ValueError: An event must be a dict/) });
    await worker.printed(/ValueError: An event must be/);
    expect(worker.stderr).toMatch(/line \d+, in refused\n {4}ctx\.emit\("no event"\)\n(.*\^\n)?ValueError/);
    expect(worker.stderr).not.toContain("runagent_worker");
  });
});
