/** What Python agents print, raise and start: it goes to their log, and never into the protocol. */
import { describe, expect, test } from "vitest";
import { findPythons, type PythonPeer, startWorker } from "./python-peer.ts";

const entries = (...tags: readonly string[]): Record<string, string> => Object.fromEntries(tags.map((tag) => [tag, `main.py:${tag}`]));

describe.concurrent.each(findPythons())("Python $version", (python) => {
  test("what an agent raises is told to the caller in a line, and to the log in full, without our own code", async () => {
    const source = `
import asyncio, sys

def boom():
    try:
        int("x")
    except ValueError as error:
        raise LookupError("first line\\nsecond line") from error

async def boom_async():
    await asyncio.sleep(0)
    raise ValueError("async")

def boom_stream():
    yield 1
    raise ValueError("in a stream")

async def boom_async_stream():
    yield 1
    raise ValueError("in an async stream")

def empty(): raise ValueError
def long(): raise ValueError("x" * 10_000)
def exits(): sys.exit("goodbye")
async def exits_async(): sys.exit(3)
def interrupts(): raise KeyboardInterrupt
async def cancels_itself(): raise asyncio.CancelledError("myself")
def stops(): raise StopIteration("over")
def stops_stream():
    yield 1
    raise GeneratorExit

class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no")
def unspeakable(): raise Unspeakable

def recursion(): return recursion()
def surrogate(): raise ValueError("\\ud800")
def fine(): return "fine"
`;
    const expected: Readonly<Record<string, string>> = {
      boom: "LookupError: first line",
      boom_async: "ValueError: async",
      boom_stream: "ValueError: in a stream",
      boom_async_stream: "ValueError: in an async stream",
      empty: "ValueError",
      long: `ValueError: ${"x".repeat(2000 - 13)}…`,
      exits: "SystemExit: goodbye",
      exits_async: "SystemExit: 3",
      interrupts: "KeyboardInterrupt",
      cancels_itself: "CancelledError: myself",
      stops: "StopIteration: over",
      stops_stream: "GeneratorExit",
      unspeakable: "Unspeakable",
      surrogate: "ValueError: \ud800",
    };
    const worker = startWorker(python, { "main.py": source }, entries(...Object.keys(expected), "recursion", "fine"));
    for (const [tag, message] of Object.entries(expected)) {
      const { chunks, end } = await worker.stream(tag);
      expect([tag, chunks, end.kind, end.value]).toEqual([
        tag,
        tag.endsWith("_stream") ? [1] : [],
        "failed",
        { code: "EXECUTION_ERROR", message },
      ]);
    }
    expect((await worker.call("recursion")).value).toMatchObject({ message: expect.stringMatching(/^RecursionError: /) });
    expect(await worker.result("fine")).toBe("fine");
    await worker.printed("RecursionError: maximum recursion depth exceeded");
    for (const text of [
      "ValueError: invalid literal",
      "The above exception was the direct cause",
      "first line\nsecond line",
      "in boom_async_stream",
    ]) {
      expect(worker.stderr).toContain(text);
    }
    expect(worker.stderr).not.toContain("runagent_worker");
    expect(worker.stdout).toBe("");
  });

  test("prints go to the log line by line, whatever they hold, also from other threads and programs", async () => {
    const source = `
import os, subprocess, sys, threading
print("while loading")
def prints():
    print("ünï \\ud800 ☃")
    print("to stderr", file=sys.stderr)
    os.write(1, b"chunk 1 \\"forged\\"\\n")
    sys.stdout.write("half")
    thread = threading.Thread(target=print, args=(" from a thread",))
    thread.start()
    thread.join()
    subprocess.run([sys.executable, "-c", "print('from a program')"], check=True)
    return sys.stdin.read()
`;
    const worker = startWorker(python, { "main.py": source }, entries("prints"));
    expect(await worker.result("prints")).toBe("");
    await worker.printed("from a program");
    expect(worker.stdout).toBe('while loading\nünï \\ud800 ☃\nchunk 1 "forged"\nhalf from a thread\nfrom a program\n');
    expect(worker.stderr).toBe("to stderr\n");
    expect(worker.messages.map(({ kind }) => kind)).toEqual(["ready", "result"]);
  });

  test("processes that the agent starts do not get the descriptors", async () => {
    const source = `
import multiprocessing, os, subprocess, sys, warnings
warnings.simplefilter("ignore")
CHECK = "import os; print([fd for fd in (3, 4, 100, 101) if os.path.exists('/proc/self/fd/%d' % fd) and 'socket' in os.readlink('/proc/self/fd/%d' % fd)])"
def programs():
    subprocess.run([sys.executable, "-c", CHECK], close_fds=False, check=True)
    os.system("ls -l /proc/self/fd | grep -c 'socket' ; true")
def forks(ctx):
    pid = os.fork()
    if pid == 0:
        for fd in (3, 4, 100, 101):
            os.write(fd, b"result 1 666\\n")
        print("in the child", os.read(3, 10), flush=True)
        for use in (lambda: ctx.emit({"type": "t"}), ctx.turn, lambda: ctx.require_approval("pay")):
            try:
                use()
            except RuntimeError as error:
                print(error, flush=True)
        os._exit(0)
    return os.waitpid(pid, 0)[1]
def forks_stream():
    for number in range(3):
        pid = os.fork()
        yield number
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
def work(number):
    return number * 2
def pool():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.map(work, [1, 2])
`;
    const worker = startWorker(python, { "main.py": source }, entries("programs", "forks", "forks_stream", "pool"));
    expect(await worker.result("programs")).toBeNull();
    await worker.printed("[]\n");
    expect(await worker.result("forks")).toBe(0);
    await worker.printed("in the child b''");
    await worker.printed(/(ctx works in the process of the agent only: .*\n){3}/);
    expect((await worker.stream("forks_stream")).chunks).toEqual([0, 1, 2]);
    expect(await worker.result("pool")).toEqual([2, 4]);
    expect(worker.messages.filter(({ value }) => value === 666)).toEqual([]);
  });

  test("threads and tasks of the agent that fail are told in the log, and the worker lives on", async () => {
    const source = `
import asyncio, sys, threading
def thread():
    def crash():
        raise ValueError("in a thread")
    one = threading.Thread(target=crash)
    one.start()
    one.join()
async def crash(error):
    raise error
async def tasks():
    for error in (ValueError("in a task"), SystemExit(3), KeyboardInterrupt()):
        asyncio.ensure_future(crash(error))
    asyncio.get_running_loop().call_soon(sys.exit, "in a callback")
    asyncio.get_running_loop().stop()
async def fine():
    await asyncio.sleep(0.01)
    return "fine"
`;
    const worker = startWorker(python, { "main.py": source }, entries("thread", "tasks", "fine"));
    await worker.call("thread");
    await worker.printed("ValueError: in a thread");
    await worker.call("tasks");
    for (const text of ["SystemExit: 3", "KeyboardInterrupt", "SystemExit: in a callback"]) await worker.printed(text);
    expect(await worker.result("fine")).toBe("fine");
    expect(worker.stderr).not.toContain("runagent_worker");
  });

  test("an agent may close and write to the first descriptors, as programs do that go to the background", async () => {
    const source = `
import asyncio, os
os.closerange(3, 100)
def write():
    files = [open("own.txt", "ab+", buffering=0) for _ in range(4)]
    for fd in (3, 4):
        os.write(fd, b"result 1 666\\nno message\\n")
    os.closerange(3, 100)
    return [file.name for file in files]
async def write_async():
    await asyncio.sleep(0.01)
    return write()
`;
    const worker = startWorker(python, { "main.py": source }, entries("write", "write_async"));
    for (const tag of ["write", "write_async", "write"]) expect(await worker.result(tag)).toHaveLength(4);
    const untouched = startWorker(python, { "main.py": source.replace("os.closerange(3, 100)\ndef", "def") }, entries("write"));
    expect(await untouched.result("write")).toHaveLength(4);
  });

  test("an agent that closes what it did not open ends its process, with one line", async () => {
    const source = `
import asyncio, os
CLOSE_EARLY = %s
def close(first):
    os.closerange(first, 256)
async def close_async(first):
    os.closerange(first, 256)
if CLOSE_EARLY:
    os.closerange(*CLOSE_EARLY)
`;
    const line =
      "The process of the agent cannot go on (OSError: [Errno 9] Bad file descriptor): the agent has closed file descriptors that it did not open.\n";
    const start = (early: string): PythonPeer =>
      startWorker(python, { "main.py": source.replace("%s", early) }, entries("close", "close_async"));
    // 100 and 101 are the server's, those behind them the event loop's: while it sleeps, it does not see what becomes of them.
    const early = ["(3, 256)", "(100, 102)", "(102, 256)"].map(start);
    const calls = [
      { tag: "close", first: 3 },
      { tag: "close", first: 101 },
      { tag: "close_async", first: 3 },
      { tag: "close_async", first: 102 },
    ];
    const late = calls.map(({ tag, first }) => {
      const worker = start("None");
      worker.start(tag, { kwargs: { first } });
      return worker;
    });
    for (const worker of [...early, ...late]) {
      expect(await worker.ended).toEqual([1, null]);
      expect(worker.stderr).toBe(line);
    }
  });

  test("what a signal handler of the agent raises does not end the process", async () => {
    const source = `
import os, signal
def handler(*_):
    raise TimeoutError("from a handler")
signal.signal(signal.SIGUSR1, handler)
def interrupt():
    os.kill(os.getpid(), signal.SIGUSR1)
async def fine():
    return "fine"
`;
    const worker = startWorker(python, { "main.py": source }, entries("interrupt", "fine"));
    // Before that, its main thread is at the agent's files and first calls.
    await worker.ready();
    await worker.call("interrupt");
    // Just before it sleeps, the main thread does not see the signal, and is woken by this.
    worker.start("fine");
    await worker.printed("TimeoutError: from a handler");
    expect(await worker.result("fine")).toBe("fine");
  });

  test("Ctrl-C reaches the process and is left to the server; a crash names its line and ends the process", async () => {
    const source = `
import os, signal, time
def chat():
    return "still there"
def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
def crash():
    os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(10)
def leaves():
    os._exit(7)
`;
    const worker = startWorker(python, { "main.py": source }, entries("chat", "interrupt", "crash"));
    await worker.call("interrupt");
    expect(await worker.result("chat")).toBe("still there");
    worker.start("crash");
    expect(await worker.ended).toEqual([null, "SIGSEGV"]);
    expect(worker.stderr).toContain("Fatal Python error: Segmentation fault");
    expect(worker.stderr).toContain("in crash");
    const other = startWorker(python, { "main.py": source }, entries("leaves"));
    other.start("leaves");
    expect(await other.ended).toEqual([7, null]);
  });
});
