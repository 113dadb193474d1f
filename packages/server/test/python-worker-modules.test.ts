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
    const ofPython = ["types", "json", "typing", "asyncio", "inspect", "difflib", "ctypes", "binascii", "datetime", "uuid", "decimal"];
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
def busy():
    print("begins")
    while True:
        pass
`;
    const names = [...new Set([...free, ...ofPython])];
    const files = Object.fromEntries(names.map((name) => [`${name}.py`, say(name)]));
    const tags = ["names", "chat", "odd", "bad", "busy"].map((name) => [name, `main.py:${name}`]);
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
    const busy = worker.start("busy");
    await worker.printed("begins");
    worker.cancel(busy);
    expect((await worker.end(busy)).kind).toBe("cancelled");
    expect(worker.stderr).toBe("");
  });
});
