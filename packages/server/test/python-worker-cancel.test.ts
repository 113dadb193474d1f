/** Stopping Python code: every kind of it, code that does not stop, and the end of the server. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findPythons, type PythonPeer, startWorker } from "./python-peer.ts";

const entries = (...tags: readonly string[]): Record<string, string> =>
  Object.fromEntries(tags.map((tag) => [tag, `main.py:${tag.replace(/_stream$/, "")}`]));

const lineOf = (source: string, mark: string): number => source.split("\n").findIndex((line) => line.includes(mark)) + 1;

const AGENT = `
import asyncio, contextlib, time

@contextlib.contextmanager
def told(name):
    try:
        print(name, "begins")
        yield
    except BaseException as error:
        print(name, type(error).__name__)
        raise
    finally:
        print(name, "cleaned up")

def suspended():
    with told("suspended"):
        while True:
            yield "0123456789"

async def suspended_async():
    try:
        with told("suspended_async"):
            while True:
                yield "0123456789"
    finally:
        await asyncio.sleep(0.01)
        print("suspended_async waited")

async def waiting():
    try:
        with told("waiting"):
            yield 1
            await asyncio.sleep(1000)
    finally:
        await asyncio.sleep(0.01)
        print("waiting waited")

async def coroutine():
    with told("coroutine"):
        await asyncio.sleep(1000)

def returns_coroutine():
    return coroutine()

async def returns_generator():
    return suspended()

def computes():
    with told("computes"):
        yield 1
        while True:
            try:
                sum(range(1000))
            except Exception:
                pass

def computes_value():
    with told("computes_value"):
        while True:
            time.sleep(0.01)

def own_loop():
    with told("own_loop"):
        asyncio.run(asyncio.sleep(1000))

def slow_to_clean():
    try:
        while True:
            yield 1
    finally:
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            pass
        print("slow_to_clean cleaned up")

def fails_to_clean():
    try:
        while True:
            yield 1
    finally:
        raise ValueError("in the cleaning")

async def swallows():
    while True:
        try:
            yield 1
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            print("swallows swallowed")

def fast():
    print("fast ran")
    return 1
`;

describe.each(findPythons())("Python $version", (python) => {
  const start = (...tags: readonly string[]): PythonPeer => startWorker(python, { "main.py": AGENT }, entries(...tags, "fast"));

  test.each([
    ["suspended_stream", "GeneratorExit", []],
    ["suspended_async_stream", "GeneratorExit", ["suspended_async waited"]],
    ["waiting_stream", "CancelledError", ["waiting waited"]],
    ["coroutine", "CancelledError", []],
    ["returns_coroutine", "CancelledError", []],
    ["returns_generator_stream", "GeneratorExit", []],
    ["computes_stream", "Stopped", []],
    ["computes_value", "Stopped", []],
    ["own_loop", "Stopped", []],
  ])("%s gets %s, and its finally blocks run", async (tag, error, more) => {
    const worker = start(tag);
    const id = worker.start(tag, { window: 50, ack: false });
    const name = tag === "returns_coroutine" ? "coroutine" : tag === "returns_generator_stream" ? "suspended" : tag.replace(/_stream$/, "");
    await worker.printed(`${name} begins`);
    worker.cancel(id);
    worker.cancel(id);
    expect((await worker.end(id)).kind).toBe("cancelled");
    const count = worker.of(id).length;
    await worker.printed([`${name} ${error}`, `${name} cleaned up`, ...more].join("\n"));
    expect(await worker.result("fast")).toBe(1);
    worker.cancel(id);
    expect(await worker.result("fast")).toBe(1);
    expect(worker.of(id)).toHaveLength(count);
    expect(worker.stderr).toBe("");
  });

  test("one that swallows its CancelledError and yields again is closed", async () => {
    const worker = start("swallows_stream");
    const id = worker.start("swallows_stream");
    await worker.message((message) => message.id === id);
    worker.cancel(id);
    expect((await worker.end(id)).kind).toBe("cancelled");
    expect(worker.stdout).toBe("swallows swallowed\n");
    expect(worker.chunks(id)).toEqual([1]);
  });

  test("finally blocks that take their time are not interrupted, and one that fails is told in the log", async () => {
    const worker = start("slow_to_clean_stream", "fails_to_clean_stream");
    const ids = ["slow_to_clean_stream", "fails_to_clean_stream"].map((tag) => worker.start(tag));
    for (const id of ids) await worker.message((message) => message.id === id);
    for (const id of ids) worker.cancel(id);
    for (const id of ids) expect((await worker.end(id)).kind).toBe("cancelled");
    await worker.printed("slow_to_clean cleaned up");
    await worker.printed("ValueError: in the cleaning");
    expect(worker.stderr).not.toContain("worker.py");
  });

  test("a cancel that comes with its start or while the agent loads: it never runs", async () => {
    const source = `
import os, time
while not os.path.exists("go"):
    time.sleep(0.01)
def fast():
    print("fast ran")
    return 1
async def fast_async():
    print("fast ran")
    return 2
`;
    const worker = startWorker(python, { "main.py": source }, entries("fast", "fast_async"));
    const [first, second] = [worker.start("fast"), worker.start("fast_async")];
    worker.cancel(first);
    expect((await worker.end(first)).kind).toBe("cancelled");
    expect(worker.messages).toHaveLength(1);
    writeFileSync(join(worker.folder, "go"), "");
    expect(await worker.end(second)).toMatchObject({ kind: "result", value: 2 });
    expect(worker.messages.map(({ kind }) => kind)).toEqual(["cancelled", "ready", "result"]);
    for (const tag of ["fast", "fast_async"]) {
      const command = worker.prepare(tag);
      worker.send(command, { op: "cancel", id: command.id });
      expect((await worker.end(Number(command.id))).kind).toBe("cancelled");
    }
    expect(worker.stdout).toBe("fast ran\n");
  });

  test("an exception that is raised just when the code ends hits nothing else", async () => {
    const source = `
import time
def ends_at(seconds):
    print("begins")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.0005)
def fast():
    return 1
`;
    const worker = startWorker(python, { "main.py": source }, entries("ends_at", "fast"));
    for (let round = 0; round < 3; round++) {
      const ids = Array.from({ length: 8 }, (_, index) => worker.start("ends_at", { args: [1 + index * 0.004] }));
      await worker.printed(new RegExp(`(begins\n){${8 * (round + 1)}}`));
      for (const id of ids) worker.cancel(id);
      for (const id of ids) expect((await worker.end(id)).kind).toBe("cancelled");
      expect(await worker.result("fast")).toBe(1);
      for (const id of ids) expect(worker.of(id)).toHaveLength(1);
    }
    expect(worker.stderr).toBe("");
  });

  test("code that does not stop is told, once, with its place, and ends when it ends", async () => {
    const source = `
import asyncio, threading, time
released = threading.Event()
def sleeps():
    print("begins")
    released.wait() # in sleeps
def swallows():
    while True:
        try:
            yield 1
        except GeneratorExit:
            while not released.is_set():
                time.sleep(0.01)
            return
class Swallowing:
    async def inner(self):
        while not released.is_set():
            try:
                await asyncio.sleep(0.01) # in inner
            except asyncio.CancelledError:
                pass
    async def chat(self):
        print("begins")
        await self.inner()
swallowing = Swallowing()
async def swallows_async():
    yield 1
    await swallowing.inner() # in swallows_async
def release():
    released.set()
`;
    const blocking = `
import asyncio, threading, time
released = threading.Event()
def block():
    while not released.is_set():
        time.sleep(0.01)
async def blocks():
    print("begins")
    block() # in blocks
def release():
    released.set()
`;
    const tags = { ...entries("sleeps", "swallows_stream", "swallows_async_stream", "release"), chat: "main.py:swallowing.chat" };
    const worker = startWorker(python, { "main.py": source }, tags);
    const blocked = startWorker(python, { "main.py": blocking }, entries("blocks", "release"));
    const ids = ["sleeps", "swallows_stream", "swallows_async_stream", "chat"].map((tag) => worker.start(tag));
    const other = blocked.start("blocks");
    await worker.printed("begins\nbegins");
    for (const id of ids.slice(1, 3)) await worker.message((message) => message.id === id);
    await blocked.printed("begins");
    for (const id of ids) worker.cancel(id);
    blocked.cancel(other);
    const places = await Promise.all(
      ids.map(async (id) => (await worker.message(({ id: of, kind }) => of === id && kind === "stuck")).value as { where: string }),
    );
    const stuck = await blocked.message(({ kind }) => kind === "stuck");
    expect(places[0]).toEqual({ seconds: 5, where: `main.py:${lineOf(source, "# in sleeps")} in sleeps` });
    expect(places[1]?.where).toMatch(/^main\.py:1[1-4] in swallows$/);
    expect(places[2]?.where).toBe(`main.py:${lineOf(source, "# in inner")} in inner`);
    expect(places[3]?.where).toBe(`main.py:${lineOf(source, "# in inner")} in inner`);
    expect(stuck.value).toMatchObject({ where: expect.stringMatching(/^main\.py:\d+ in block$/) });
    await worker.printed("The cancelled invocation inv-1 of sleeps has not stopped within 5 seconds: it is at main.py:");
    for (const peer of [worker, blocked]) await peer.call("release");
    for (const id of ids) {
      expect((await worker.end(id)).kind).toBe("cancelled");
      expect(worker.of(id).filter(({ kind }) => kind === "stuck")).toHaveLength(1);
    }
    expect((await blocked.end(other)).kind).toBe("cancelled");
  });

  describe("the end of the server", () => {
    const EXIT = `
import atexit, os
atexit.register(lambda: print("exit function"))
${AGENT}`;

    test("cancels what runs, runs finally blocks and exit functions, and ends the process", async () => {
      const tags = ["suspended_stream", "suspended_async_stream", "waiting_stream", "coroutine", "computes_value"];
      const worker = startWorker(python, { "main.py": EXIT }, entries(...tags));
      for (const tag of tags) worker.start(tag);
      for (const tag of tags) await worker.printed(`${tag.replace(/_stream$/, "")} begins`);
      worker.leave();
      expect(await worker.ended).toEqual([0, null]);
      for (const tag of tags) expect(worker.stdout).toContain(`${tag.replace(/_stream$/, "")} cleaned up`);
      expect(worker.stdout).toMatch(/exit function\n$/);
      expect(worker.stderr).toBe("");
    });

    test("ends the process while it loads, and when its code does not stop", async () => {
      const endless = startWorker(python, { "main.py": "import time\nprint('loading')\nwhile True: time.sleep(0.01)" }, entries("fast"));
      const stuck = `
import time
def sleeps():
    print("begins")
    time.sleep(1000)
async def blocks():
    print("begins")
    time.sleep(1000)
`;
      const worker = startWorker(python, { "main.py": stuck }, entries("sleeps", "blocks"));
      for (const tag of ["sleeps", "blocks"]) worker.start(tag);
      await endless.printed("loading");
      await worker.printed("begins\nbegins");
      for (const peer of [endless, worker]) peer.leave();
      expect(await endless.ended).toEqual([0, null]);
      expect(await worker.ended).toEqual([0, null]);
      expect(endless.stderr + worker.stderr).toBe("");
      expect(existsSync(worker.folder)).toBe(true);
    });
  });
});
