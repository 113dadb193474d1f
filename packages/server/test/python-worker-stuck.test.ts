/** Python code that does not stop when its invocation is cancelled: nobody can stop it, and so it is told. */
import { describe, expect, test } from "vitest";
import { findPythons, startWorker } from "./python-peer.ts";

const entries = (...tags: readonly string[]): Record<string, string> =>
  Object.fromEntries(tags.map((tag) => [tag, `main.py:${tag.replace(/_stream$/, "")}`]));

const lineOf = (source: string, mark: string): number => source.split("\n").findIndex((line) => line.includes(mark)) + 1;

describe.concurrent.each(findPythons())("Python $version", (python) => {
  test("code that does not stop is told, once, with its place, and ends when it ends", async () => {
    const source = `
import asyncio, sys, threading, time
released = threading.Event()
def sleeps():
    sys.stdout.write("begins\\n")
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
        sys.stdout.write("begins\\n")
        while not released.is_set():
            try:
                await asyncio.sleep(0.01) # in inner
            except asyncio.CancelledError:
                pass
    async def chat(self):
        await self.inner()
swallowing = Swallowing()
async def swallows_async():
    yield 1
    await swallowing.inner() # in swallows_async
def release():
    released.set()
`;
    const blocking = `
import asyncio, sys, threading, time
released = threading.Event()
def block():
    while not released.is_set():
        try:
            time.sleep(0.01)
        except BaseException:
            pass
async def blocks():
    sys.stdout.write("begins\\n")
    block() # in blocks
def release():
    released.set()
`;
    const tags = { ...entries("sleeps", "swallows_stream", "swallows_async_stream", "release"), chat: "main.py:swallowing.chat" };
    const worker = startWorker(python, { "main.py": source }, tags);
    const blocked = startWorker(python, { "main.py": blocking }, entries("blocks", "release"));
    const ids = ["sleeps", "swallows_stream", "swallows_async_stream", "chat"].map((tag) => worker.start(tag));
    const other = blocked.start("blocks");
    await worker.printed("begins\nbegins\nbegins");
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
    for (const peer of [worker, blocked]) await peer.call("release");
    for (const id of ids) {
      expect((await worker.end(id)).kind).toBe("cancelled");
      expect(worker.of(id).filter(({ kind }) => kind === "stuck")).toHaveLength(1);
    }
    expect((await blocked.end(other)).kind).toBe("cancelled");
  });
});
