/** Stopping Python code: every kind of it, at every time, and the end of the server. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findPythons, type PythonPeer, startWorker } from "./python-peer.ts";

const entries = (...tags: readonly string[]): Record<string, string> =>
  Object.fromEntries(tags.map((tag) => [tag, `main.py:${tag.replace(/_stream$/, "")}`]));

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
        yield 1
        with told("waiting"):
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
    yield 1
    with told("computes"):
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
            print("swallows waits")
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            print("swallows swallowed")

def fast():
    print("fast ran")
    return 1
`;

describe.concurrent.each(findPythons())("Python $version", (python) => {
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
    await worker.printed("swallows waits");
    worker.cancel(id);
    expect((await worker.end(id)).kind).toBe("cancelled");
    await worker.printed("swallows waits\nswallows swallowed\n");
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
    expect(worker.stderr).not.toContain("runagent_worker");
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
import sys, time
def ends_at(seconds):
    sys.stdout.write("begins\\n")
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
      // On a busy machine, the first may end before they are cancelled.
      for (const id of ids) expect(["cancelled", "result"]).toContain((await worker.end(id)).kind);
      expect(await worker.result("fast")).toBe(1);
      for (const id of ids) expect(worker.of(id)).toHaveLength(1);
    }
    expect(worker.stderr).toBe("");
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
import sys, time
def sleeps():
    sys.stdout.write("begins\\n")
    time.sleep(1000)
async def blocks():
    sys.stdout.write("begins\\n")
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
