/** The event loop that all coroutines of a Python agent share: one of them that keeps it to itself. And those of plain functions. */
import { describe, expect, test } from "vitest";
import { findPythons, startWorker } from "./python-peer.ts";

const entries = (...tags: readonly string[]): Record<string, string> =>
  Object.fromEntries(tags.map((tag) => [tag, `main.py:${tag.replace(/_stream$/, "")}`]));

describe.concurrent.each(findPythons())("Python $version", (python) => {
  const HOGS = `
import asyncio, sys, time

gate = asyncio.Event()

def work():
    while True:
        try:
            sum(range(1000))
        except Exception:
            pass

async def told(run):
    try:
        print("begins")
        run()
    except BaseException as error:
        print(type(error).__name__)
        raise
    finally:
        await asyncio.sleep(0.01)
        print("cleaned up")

def spins():
    while True:
        pass

async def hangs(): await told(spins)
async def calls(): await told(work)
async def sleeps(): await told(lambda: time.sleep(1000))
def returns(): return hangs()
async def generates():
    yield 1
    await told(spins)
async def converts():
    class Model:
        def model_dump(self, mode):
            try:
                print("begins")
                spins()
            except BaseException as error:
                print(type(error).__name__)
                raise
            finally:
                print("cleaned up")
    return Model()

async def waits():
    yield "waits"
    await gate.wait()
    yield "through"
async def opens():
    gate.set()
`;

  test.each(["hangs", "calls", "sleeps", "returns", "generates_stream", "converts"])(
    "%s: it is stopped, and the others go on",
    async (tag) => {
      const worker = startWorker(python, { "main.py": HOGS }, entries(tag, "waits_stream", "opens"));
      const waiting = worker.start("waits_stream");
      await worker.message(({ id, kind }) => id === waiting && kind === "chunk");
      const id = worker.start(tag);
      await worker.printed("begins");
      worker.send({ op: "ping" });
      worker.cancel(id);
      expect((await worker.end(id)).kind).toBe("cancelled");
      // It comes from the loop, and so not before that turns again.
      await worker.message(({ kind }) => kind === "pong");
      await worker.printed("begins\nStopped\ncleaned up\n");
      await worker.call("opens");
      await worker.end(waiting);
      expect(worker.chunks(waiting)).toEqual(["waits", "through"]);
      expect(worker.of(id).filter(({ kind }) => kind !== "chunk")).toHaveLength(1);
      expect(worker.stderr).toBe("");
    },
  );

  test("one that the cancel has reached is not interrupted in its cleaning", async () => {
    const source = `
import asyncio, time
async def cleans():
    try:
        print("begins")
        await asyncio.sleep(1000)
    finally:
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            pass
        print("cleaned up")
`;
    const worker = startWorker(python, { "main.py": source }, entries("cleans"));
    const id = worker.start("cleans");
    await worker.printed("begins");
    worker.cancel(id);
    expect((await worker.end(id)).kind).toBe("cancelled");
    await worker.printed("cleaned up");
  });

  test("an exception that is raised just when it lets go hits nothing else", async () => {
    const source = `
import asyncio, sys, time
turns = 0
async def hogs(seconds, more):
    sys.stdout.write("begins\\n")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.0005)
    for _ in range(more):
        await asyncio.sleep(0)
async def turns_forever():
    global turns
    while True:
        turns += 1
        await asyncio.sleep(0)
async def count(): return turns
`;
    const peers = Array.from({ length: 4 }, () =>
      startWorker(python, { "main.py": source }, { hogs: "main.py:hogs", forever: "main.py:turns_forever", count: "main.py:count" }),
    );
    const rounds = peers.map(async (worker, index) => {
      const forever = worker.start("forever");
      for (let round = 0; round < 3; round++) {
        const id = worker.start("hogs", { args: [1 + (index + round * 4) * 0.001, round % 2] });
        await worker.printed(new RegExp(`(begins\n){${round + 1}}`));
        worker.cancel(id);
        // On a busy machine, it may end before it is cancelled.
        expect(["cancelled", "result"]).toContain((await worker.end(id)).kind);
        const before = Number(await worker.result("count"));
        expect(Number(await worker.result("count"))).toBeGreaterThan(before);
        expect(worker.of(id)).toHaveLength(1);
      }
      worker.cancel(forever);
      expect((await worker.end(forever)).kind).toBe("cancelled");
      expect(worker.stderr).toBe("");
    });
    await Promise.all(rounds);
  });

  // From 3.14 on, the main thread of a program gets no loop unasked either.
  test.skipIf(Number(python.version.split(".")[1]) >= 14)(
    "a plain function gets a loop where it asks for one, closed at its end",
    async () => {
      const source = `
import asyncio, threading
loops = []
async def double(number):
    await asyncio.sleep(0)
    return number * 2
def asks(number):
    loops.append(asyncio.get_event_loop())
    assert asyncio.get_event_loop() is loops[-1]
    asyncio.run(double(1))
    return asyncio.get_event_loop().run_until_complete(double(number))
def yields():
    loops.append(asyncio.get_event_loop())
    yield loops[-1].run_until_complete(double(1))
    yield loops[-1].run_until_complete(double(2))
def waits():
    print("begins")
    asyncio.get_event_loop().run_until_complete(asyncio.sleep(1000))
def own():
    loops.append(asyncio.new_event_loop())
    asyncio.set_event_loop(loops[-1])
    return asyncio.get_event_loop() is loops.pop()
def thread():
    told = []
    def ask():
        try:
            asyncio.get_event_loop()
        except RuntimeError:
            told.append("none")
    one = threading.Thread(target=ask)
    one.start()
    one.join()
    return told
async def shared():
    return [loop.is_closed() for loop in loops] + [asyncio.get_event_loop() is asyncio.get_running_loop()]
`;
      const worker = startWorker(python, { "main.py": source }, entries("asks", "yields_stream", "waits", "own", "thread", "shared"));
      expect(await worker.result("asks", { args: [21] })).toBe(42);
      expect((await worker.stream("yields_stream")).chunks).toEqual([2, 4]);
      expect(await worker.result("own")).toBe(true);
      expect(await worker.result("thread")).toEqual(["none"]);
      const id = worker.start("waits");
      await worker.printed("begins");
      worker.cancel(id);
      expect((await worker.end(id)).kind).toBe("cancelled");
      expect(await worker.result("shared")).toEqual([true, true, true]);
    },
  );
});
