/** Loading Python agents: how files are imported, and what is said of those that cannot be. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findOldPython, findPythons, PythonPeer, startWorker, WORKER, writeAgent } from "./python-peer.ts";

const oldPython = findOldPython();

test.skipIf(oldPython === undefined)("a Python that is too old says so, and ends with 3", () => {
  const { status, stderr } = spawnSync(oldPython?.command ?? "", ["-X", "utf8", WORKER], { encoding: "utf8" });
  expect(stderr).toMatch(/^This agent needs Python 3\.9 or newer, and \S+ is Python 3\.[0-8]\.\n$/);
  expect(status).toBe(3);
});

describe.each(findPythons())("Python $version", (python) => {
  test("by hand, without its descriptors, it says who starts it", () => {
    const { status, stderr } = spawnSync(python.command, [WORKER], { encoding: "utf8" });
    expect([stderr, status]).toEqual(["This program is started by `runagent serve`, and not by hand.\n", 2]);
  });

  test("packages, neighbours, odd names, and names that are taken", async () => {
    const say = (name: string): string => `\ndef name():\n    return [__name__, ${name}]\n`;
    const files = {
      "main.py": `import helper, shared.text${say("helper.TEXT + shared.text.TEXT")}`,
      "helper.py": `TEXT = "helper"${say("TEXT")}`,
      "shared/text.py": 'TEXT = " and shared"',
      "src/agent.py": `from .neighbour import TEXT\nimport own\n${say("TEXT + own.TEXT")}`,
      "src/neighbour.py": 'TEXT = "neighbour"',
      "src/own.py": 'TEXT = " and own"',
      "package/__init__.py": 'FROM_INIT = "init"',
      "package/inner/agent.py": `from .. import FROM_INIT\nfrom ..other import TEXT\nimport helper\n${say("FROM_INIT + TEXT + helper.TEXT")}`,
      "package/other.py": 'TEXT = " other "',
      "relative.py": `from .helper import TEXT\nfrom . import helper\n${say("TEXT")}`,
      "src/outside.py": `from ..helper import TEXT\n${say("TEXT")}`,
      "my-agent.py": say('"my-agent"'),
      "agent.v2.py": say('"v2"'),
      "v1.2/agent.py": `from .part import TEXT\n${say("TEXT")}`,
      "v1.2/part.py": 'TEXT = "part"',
      "json.py": `import re${say('"json"')}`,
      "worker.py": say('"worker"'),
      "email/agent.py": `from .text import TEXT\nfrom email.message import Message\n${say("TEXT + Message.__name__")}`,
      "email/text.py": 'TEXT = "email"',
      "__main__.py": say('"main"'),
    };
    const names = ["main", "helper", "src/agent", "package/inner/agent", "relative", "src/outside", "my-agent", "agent.v2", "v1.2/agent"];
    const all = [...names, "json", "worker", "email/agent", "__main__"];
    const worker = startWorker(python, files, Object.fromEntries(all.map((name) => [name, `${name}.py:name`])));
    const errors = Object.values(await worker.ready()).filter((entry) => "error" in entry);
    expect(errors).toEqual([]);
    const found = Object.fromEntries(await Promise.all(all.map(async (name) => [name, await worker.result(name)])));
    const root = worker.folder.split("/").at(-1)?.replaceAll("-", "_");
    expect(found).toEqual({
      main: ["main", "helper and shared"],
      helper: ["helper", "helper"],
      "src/agent": ["src.agent", "neighbour and own"],
      "package/inner/agent": ["package.inner.agent", "init other helper"],
      relative: [`${root}.relative`, "helper"],
      "src/outside": [`${root}.src.outside`, "helper"],
      "my-agent": ["my-agent", "my-agent"],
      "agent.v2": ["agent_v2", "v2"],
      "v1.2/agent": ["v1_2.agent", "part"],
      json: [`${root}.json`, "json"],
      worker: ["worker", "worker"],
      "email/agent": [`${root}.email.agent`, "emailMessage"],
      __main__: [`${root}.__main__`, "main"],
    });
    expect(worker.stderr).toBe("");
  });

  test("each file is loaded once, in its folder, whatever its path", async () => {
    const folder = writeAgent({});
    mkdirSync(join(folder, "real/src"), { recursive: true });
    writeFileSync(
      join(folder, "real/main.py"),
      "import sys, os, src.part\nprint('loaded', __name__)\ndef one(): return [os.getcwd(), sys.path[0]]\ndef two(): pass\n",
    );
    writeFileSync(join(folder, "real/src/part.py"), "print('loaded', __name__)\ndef three(): pass\n");
    symlinkSync(join(folder, "real"), join(folder, "link"));
    const tags = { one: "main.py:one", two: "./src/../main.py:two", three: "src/part.py:three" };
    const worker = new PythonPeer(python, join(folder, "link"), tags);
    expect(Object.values(await worker.ready()).filter((entry) => "error" in entry)).toEqual([]);
    expect(await worker.result("one")).toEqual([join(folder, "real"), join(folder, "real")]);
    expect(worker.stdout).toBe("loaded src.part\nloaded main\n");
  });

  test("one line says what is wrong; the log has the agent's traceback; the others are loaded", async () => {
    const files = {
      "main.py":
        "from functools import partial\ndef chat(): return 1\ndef chat_stream(): yield 1\n_hidden = 1\ntext = 'text'\nhalf = partial(chat)\nimport os\n",
      "syntax.py": "def chat():\n    return 1\nx = = 2\n",
      "imports_syntax.py": "import syntax\n",
      "missing.py": "import openai_that_is_not_there\ndef chat(): pass\n",
      "raises.py": "def load():\n    raise ValueError('first line\\nsecond line')\nload()\n",
      "exits.py": "import sys\nsys.exit(4)\n",
      "interrupts.py": "raise KeyboardInterrupt\n",
      "stops.py": "class Own(BaseException): pass\nraise Own('own')\n",
      "bad_init/__init__.py": "raise ValueError('init')\n",
      "bad_init/agent.py": "def chat(): pass\n",
      "bytes.py": "x = '\u0000'\n",
      "empty.py": "",
      "bot.py": `
class Bot:
    def chat(self, message): return message
    @staticmethod
    def fixed(): return 1
    @classmethod
    def of_class(cls): return 2
    @property
    def broken(self): raise ValueError("property")
class Nothing: pass
bot = Bot()
nothing = Nothing()
`,
    };
    const entrypoints = {
      good: "main.py:chat",
      misspelt: "main.py:chatt",
      text: "main.py:text",
      "no file": "other.py:chat",
      folder: "bad_init:chat",
      syntax: "syntax.py:chat",
      "syntax of another": "imports_syntax.py:chat",
      missing: "missing.py:chat",
      "missing again": "missing.py:chat",
      raises: "raises.py:chat",
      exits: "exits.py:chat",
      interrupts: "interrupts.py:chat",
      stops: "stops.py:chat",
      init: "bad_init/agent.py:chat",
      empty: "empty.py:chat",
      "no method": "bot.py:bot.chatt",
      "no bot": "bot.py:bott.chat",
      "no methods": "bot.py:nothing.chat",
      unbound: "bot.py:Bot.chat",
      fixed: "bot.py:Bot.fixed",
      of_class: "bot.py:Bot.of_class",
      property: "bot.py:bot.broken",
    };
    const worker = startWorker(python, files, entrypoints);
    const loaded = await worker.ready();
    const errors = Object.fromEntries(Object.entries(loaded).flatMap(([tag, { error }]) => (error === undefined ? [] : [[tag, error]])));
    expect(errors).toEqual({
      misspelt: 'main.py has no function "chatt"; it has: chat, chat_stream.',
      text: "text in main.py is no function, but a value of type str.",
      "no file": `There is no file other.py in ${worker.folder}.`,
      folder: `There is no file bad_init in ${worker.folder}.`,
      syntax: "syntax.py line 3: SyntaxError: invalid syntax",
      "syntax of another": "syntax.py line 3: SyntaxError: invalid syntax",
      missing: "missing.py: ModuleNotFoundError: No module named 'openai_that_is_not_there'",
      "missing again": "missing.py: ModuleNotFoundError: No module named 'openai_that_is_not_there'",
      raises: "raises.py: ValueError: first line",
      exits: "exits.py: SystemExit: 4",
      interrupts: "interrupts.py: KeyboardInterrupt",
      stops: "stops.py: Own: own",
      init: "bad_init/agent.py: ValueError: init",
      empty: 'empty.py has no function "chat"; it has none.',
      "no method": 'bot in bot.py has no function "chatt"; it has: chat, fixed, of_class.',
      "no bot": 'bot.py has no function "bott"; it has none.',
      "no methods": 'nothing in bot.py has no function "chat"; it has none.',
      unbound: 'Bot.chat in bot.py needs an object: write bot = Bot(…) in it, and name "bot.chat".',
      property: "bot.py: broken cannot be read: ValueError: property",
    });
    expect(loaded.good).toEqual({
      tag: "good",
      yields: "unknown",
      description: null,
      input_schema: { type: "object", properties: {}, required: [], additionalProperties: false },
    });
    await worker.printed('raise ValueError("property")');
    expect(worker.stderr).toContain('  File "');
    expect(worker.stderr).toContain("ValueError: first line\nsecond line\n");
    expect(worker.stderr.match(/No module named 'openai/g)).toHaveLength(1);
    expect(worker.stderr).not.toContain("runagent_worker");
    expect(worker.stderr).not.toContain("frozen importlib");
    expect(await Promise.all(["good", "fixed", "of_class"].map((tag) => worker.result(tag)))).toEqual([1, 1, 2]);
    expect((await worker.call("syntax")).value).toEqual({
      code: "EXECUTION_ERROR",
      message: "The agent cannot be loaded: syntax.py line 3: SyntaxError: invalid syntax",
      suggestion: "Look at the agent's log.",
    });
  });

  test("a module may run and close a loop of its own, print, and change to another folder", async () => {
    const source = `
import asyncio, os, sys
async def prepare():
    return 1
lock = asyncio.Lock()
asyncio.get_event_loop().run_until_complete(prepare())
asyncio.run(prepare())
os.chdir("/")
sys.stdout.write("half a line")
async def chat():
    async with lock:
        await asyncio.sleep(0)
    raise ValueError("there")
`;
    const worker = startWorker(python, { "main.py": source }, { chat: "main.py:chat" });
    expect(await worker.ready()).toMatchObject({ chat: { yields: "unknown" } });
    expect((await worker.call("chat")).value).toMatchObject({ message: "ValueError: there" });
    worker.leave();
    await worker.ended;
    expect(worker.stdout).toBe("half a line");
    expect(worker.stderr).toContain(", in chat\n");
  });

  test("nothing of the worker's folder can be imported, and the venv's packages can", async () => {
    const folder = writeAgent({ "main.py": "import sys\nimport installed\ndef chat(): return [sys.prefix, installed.TEXT]\n" });
    execFileSync(python.command, ["-m", "venv", "--without-pip", join(folder, ".venv")]);
    const minor = python.version.split(".").slice(0, 2).join(".");
    writeFileSync(join(folder, `.venv/lib/python${minor}/site-packages/installed.py`), 'TEXT = "installed"\n');
    const worker = new PythonPeer({ ...python, command: join(folder, ".venv/bin/python") }, folder, { chat: "main.py:chat" });
    expect(await worker.result("chat")).toEqual([join(folder, ".venv"), "installed"]);
  });
});
