/** The process that runs Python agents: many invocations at once, what they leave behind, backpressure. */
import { describe, expect, test } from "vitest";
import { findPythons, startWorker } from "./python-peer.ts";

const entries = (names: readonly string[], suffix: string): Record<string, string> =>
  Object.fromEntries(names.map((name) => [`${name}${suffix}`, `main.py:${name}`]));

describe.each(findPythons())("Python $version", (python) => {
  test("many at once share the loop and do not wait for each other", async () => {
    const source = `
import asyncio, threading
gate = asyncio.Event()
barrier = threading.Barrier(20)
async def wait_stream():
    yield "waiting"
    await gate.wait()
    yield "through"
async def open_gate():
    gate.set()
def meet():
    barrier.wait(20)
    return threading.current_thread().daemon
`;
    const worker = startWorker(python, { "main.py": source }, entries(["wait_stream", "open_gate", "meet"], ""));
    const waiting = Array.from({ length: 50 }, () => worker.start("wait_stream"));
    await Promise.all(waiting.map((id) => worker.message((message) => message.id === id)));
    const met = await Promise.all(Array.from({ length: 20 }, () => worker.result("meet")));
    expect(met).toEqual(Array(20).fill(true));
    await worker.call("open_gate");
    for (const id of waiting) {
      expect((await worker.end(id)).kind).toBe("done");
      expect(worker.chunks(id)).toEqual(["waiting", "through"]);
    }
  });

  test("what a module sets in a context variable is there in each invocation, and stays in it", async () => {
    const source = `
import contextvars
name = contextvars.ContextVar("name")
name.set("module")
def read(new):
    old = name.get()
    name.set(new)
    return old
async def read_async(new):
    return read(new)
def read_later(new):
    name.set(new)
    async def later():
        return name.get()
    return later()
`;
    const worker = startWorker(python, { "main.py": source }, entries(["read", "read_async", "read_later"], ""));
    const args = ["call"];
    for (const tag of ["read", "read_async", "read", "read_async"]) expect(await worker.result(tag, { args })).toBe("module");
    expect(await worker.result("read_later", { args })).toBe("call");
  });

  test("10,000 invocations leave nothing behind", { timeout: 120_000 }, async () => {
    const source = `
import asyncio, gc, threading
def one(): return 1
def two_stream(): yield 1
async def three_stream():
    await asyncio.sleep(0)
    yield 1
def four(): raise ValueError("four")
def five(): return asyncio.sleep(0, 5)
def count():
    gc.collect()
    return [len(gc.get_objects()), threading.active_count(), len(asyncio.all_tasks(LOOP))]
async def find_loop():
    global LOOP
    LOOP = asyncio.get_running_loop()
`;
    const tags = ["one", "two_stream", "three_stream", "four", "five"];
    const worker = startWorker(python, { "main.py": source }, entries([...tags, "count", "find_loop"], ""));
    const round = async (times: number): Promise<void> => {
      for (let index = 0; index < times; index += 100) {
        const ids = Array.from({ length: 100 }, (_, turn) => worker.start(tags[turn % tags.length] ?? "one"));
        for (const id of ids) await worker.end(id);
        worker.messages.length = 0;
      }
    };
    await worker.call("find_loop");
    await round(500);
    const before = (await worker.result("count")) as number[];
    await round(10_000);
    const after = (await worker.result("count")) as number[];
    expect((after[0] ?? 0) - (before[0] ?? 0)).toBeLessThan(1_000);
    expect(after.slice(1)).toEqual(before.slice(1));
  });

  describe("backpressure", () => {
    const source = `
import asyncio
made = 0
def endless():
    global made
    while True:
        made += 1
        yield "0123456789"
async def endless_async():
    global made
    while True:
        made += 1
        yield "0123456789"
def count():
    return made
def large(sizes):
    for size in sizes:
        yield "x" * size
async def large_async(sizes):
    for size in sizes:
        yield "x" * size
async def compute():
    while True:
        yield sum(range(100_000))
async def ping():
    return "pong"
`;
    const CHUNK_BYTES = 12;

    test.each(["endless_stream", "endless_async_stream"])("%s stops at the window, and goes on with acks", async (tag) => {
      const worker = startWorker(
        python,
        { "main.py": source },
        { ...entries(["endless", "endless_async"], "_stream"), count: "main.py:count" },
      );
      const id = worker.start(tag, { window: 10 * CHUNK_BYTES, ack: false });
      const expectChunks = async (count: number): Promise<void> => {
        await worker.message(() => worker.chunks(id).length === count);
        // Whoever goes beyond the window would have come to it during this call.
        const made = await worker.result("count");
        expect(made).toBeLessThanOrEqual(count + 1);
        expect(worker.chunks(id)).toHaveLength(count);
      };
      await expectChunks(10);
      worker.send({ op: "ack", id, bytes: CHUNK_BYTES });
      await expectChunks(11);
      worker.send({ op: "ack", id, bytes: 5 * CHUNK_BYTES });
      await expectChunks(16);
      worker.cancel(id);
      expect((await worker.end(id)).kind).toBe("cancelled");
      expect(worker.chunks(id)).toHaveLength(16);
    });

    test.each(["large_stream", "large_async_stream"])(
      "%s: a chunk larger than the window goes out when nothing is outstanding",
      async (tag) => {
        const worker = startWorker(
          python,
          { "main.py": source },
          { ...entries(["large", "large_async"], "_stream"), ping: "main.py:ping" },
        );
        const id = worker.start(tag, { args: [[8, 98, 998, 8]], window: 50, ack: false });
        const sizes = [10, 100, 1000, 10];
        for (const [index, size] of sizes.entries()) {
          await worker.message(() => worker.chunks(id).length === index + 1);
          await worker.call("ping");
          expect(worker.chunks(id)).toHaveLength(index + 1);
          worker.send({ op: "ack", id, bytes: size });
        }
        expect((await worker.end(id)).kind).toBe("done");
      },
    );

    test("an agent that never waits leaves turns to the others, and chunks go out while it computes", async () => {
      const worker = startWorker(python, { "main.py": source }, { ...entries(["compute"], "_stream"), ping: "main.py:ping" });
      const ids = [worker.start("compute_stream"), worker.start("compute_stream")];
      for (const id of ids) await worker.message(() => worker.chunks(id).length >= 3);
      for (let turn = 0; turn < 5; turn++) expect(await worker.result("ping")).toBe("pong");
      for (const id of ids) worker.cancel(id);
      for (const id of ids) expect((await worker.end(id)).kind).toBe("cancelled");
    });
  });
});
