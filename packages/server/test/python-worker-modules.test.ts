/** The worker's own modules: the agent's may have their names and those of the standard library, and no file of ours is written. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { findPythons, startWorker, WORKER } from "./python-peer.ts";

const filesOf = (folder: string): string[] => readdirSync(folder, { recursive: true, encoding: "utf8" });

describe.concurrent.each(findPythons())("Python $version", (python) => {
  test("what the agent finds is a Python with nothing of ours in it", async () => {
    const source = `
import os, sys
import helper
def look():
    return {
        "modules": [name for name in sys.modules if "runagent" in name or "process" == name],
        "files": [name for name, one in sys.modules.items() if name != "__main__" and str(getattr(one, "__file__", "")).startswith(OURS)],
        "path": [path for path in sys.path if path.startswith(OURS)] + [path for path in sys.path_importer_cache if path.startswith(OURS)],
        "first": sys.path[0],
        "bytecode": [sys.dont_write_bytecode, sys.flags.dont_write_bytecode, sys.pycache_prefix],
        "loaders": sorted({type(getattr(one, "__loader__", None)).__module__ for one in sys.modules.values()} & {"__main__"}),
    }
def spawned(_):
    return [name for name in vars(sys.modules["__mp_main__"]) if not name.startswith("__")]
def spawn():
    import multiprocessing
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.map(spawned, [1])[0]
OURS = ${JSON.stringify(dirname(WORKER))}
`;
    const worker = startWorker(python, { "main.py": source, "helper.py": "" }, { look: "main.py:look", spawn: "main.py:spawn" });
    expect(await worker.result("look")).toEqual({
      modules: [],
      files: [],
      path: [],
      first: worker.folder,
      bytecode: [false, 0, null],
      loaders: [],
    });
    expect(await worker.result("spawn")).toEqual(["sys", "import_main"]);
    expect(existsSync(join(worker.folder, "__pycache__"))).toBe(true);
    expect(filesOf(dirname(WORKER)).filter((file) => !file.endsWith(".py"))).toEqual(["runagent_worker"]);
  });

  test("the agent's modules may have any name, and the worker goes on with its own", async () => {
    const ours = filesOf(join(dirname(WORKER), "runagent_worker")).map((file) => file.replace(".py", ""));
    const ofPython = [
      "types",
      "json",
      "typing",
      "asyncio",
      "inspect",
      "difflib",
      "ctypes",
      "binascii",
      "unicodedata",
      "datetime",
      "uuid",
      "decimal",
    ];
    const free = ["runagent_worker", ...ours.filter((name) => name !== "__init__"), "datetime", "uuid", "decimal"];
    const say = (name: string): string => `NAME = "own ${name}"\ndate = time = UUID = Decimal = "not a class"\ndef name(): return NAME\n`;
    const source = `
import ${free.join(", ")}
from runagent_worker import NAME
def names():
    return [${free.map((name) => `${name}.NAME`).join(", ")}]
def chat(message):
    return message
def odd():
    return {"bytes": b"bytes", "set": {1}, "key": range(2), 1: Odd()}
class Odd(list):
    pass
def bad():
    return object()
def raises():
    return 1 + {"中文": 1}["中" +
        "国"]
def busy():
    print("begins")
    while True:
        pass
`;
    const names = [...new Set([...free, ...ofPython])];
    const files = Object.fromEntries(names.map((name) => [`${name}.py`, say(name)]));
    const tags = ["names", "chat", "odd", "bad", "raises", "busy"].map((name) => [name, `main.py:${name}`]);
    const entrypoints = Object.fromEntries([...tags, ...names.map((name) => [`own ${name}`, `${name}.py:name`])]);
    const worker = startWorker(python, { ...files, "main.py": source }, entrypoints);
    expect(Object.values(await worker.ready()).filter((entry) => "error" in entry)).toEqual([]);
    expect(await worker.result("names")).toEqual(free.map((name) => `own ${name}`));
    for (const name of names) expect(await worker.result(`own ${name}`)).toBe(`own ${name}`);
    expect(await worker.result("odd")).toEqual({ bytes: "Ynl0ZXM=", set: [1], key: [0, 1], 1: [] });
    expect((await worker.call("bad")).value).toMatchObject({
      message: "The result of the agent is not JSON: it holds a value of type object.",
    });
    expect((await worker.call("chat", { kwargs: { massage: 1 } })).value).toMatchObject({ suggestion: 'Did you mean "message"?' });
    expect(worker.stderr).toBe("");
    await worker.call("raises");
    await worker.printed(/, in raises\n(.+\n)+KeyError: '中国'\n/);
    const busy = worker.start("busy");
    await worker.printed("begins");
    worker.cancel(busy);
    expect((await worker.end(busy)).kind).toBe("cancelled");
  });

  test("once the agent is loaded, nothing is imported for its calls", async () => {
    const source = `
import asyncio, collections, sys, time, warnings
LOOKED_FOR = []
def listen(event, args):
    if event == "import" and args[0] not in sys.builtin_module_names:
        LOOKED_FOR.append(args[0])
class Model:
    def model_dump(self, mode):
        return {}
ODD = [{1}, b"b", range(1), collections.UserString("s"), Model(), {1: 2}.values(), 10**5000]
BAD = [object(), [float("nan")], {(): 1}, Model, sys, ODD.__iter__()]
def odd(): return ODD
def bad(index): return BAD[index]
def odd_stream(): yield from ODD
async def odd_async_stream():
    for one in ODD:
        await asyncio.sleep(0)
        yield one
def raises():
    return {"中文": 1}["中文"] + LOOKED_FOR["中文" +
        "中"]
def misspells(): return LOOKED_FORR
def compiles(): compile("x = = 2", "中文", "exec")
async def raises_async(): raise ValueError from LookupError("中文")
async def breaks():
    async def crash(error):
        raise error
    for error in (ValueError("in a task"), SystemExit(3)):
        asyncio.ensure_future(crash(error))
def busy():
    print("begins busy")
    while True:
        pass
async def waits():
    print("begins waits")
    await asyncio.sleep(100)
def runs():
    print("begins runs")
    asyncio.run(asyncio.sleep(100))
def looked_for(): return LOOKED_FOR
sys.addaudithook(listen)
`;
    const calls = ["odd", "odd_stream", "odd_async_stream", "raises", "misspells", "compiles", "raises_async", "breaks"];
    const endless = ["busy", "waits", "runs"];
    const entrypoints = Object.fromEntries([...calls, ...endless, "bad", "looked_for"].map((name) => [name, `main.py:${name}`]));
    const worker = startWorker(python, { "main.py": source, "broken.py": "中 = = 2" }, { ...entrypoints, broken: "broken.py:chat" });
    for (const tag of [...calls, "broken", "none"]) await worker.call(tag);
    for (const index of [0, 1, 2, 3, 4, 5]) expect((await worker.call("bad", { kwargs: { index } })).kind).toBe("failed");
    for (const kwargs of [{}, { indexx: 1 }]) expect((await worker.call("bad", { kwargs })).kind).toBe("failed");
    for (const tag of endless) {
      const id = worker.start(tag);
      await worker.printed(`begins ${tag}`);
      worker.cancel(id);
      expect((await worker.end(id)).kind).toBe("cancelled");
    }
    await worker.printed("SystemExit: 3");
    expect(await worker.result("looked_for")).toEqual([]);
  });
});
