/** An agent whose files are being written: each new process runs what is saved, whatever Python remembers of the files. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { findPythons, type Python, PythonPeer, writeAgent } from "./python-peer.ts";

/** Saves files, all of them in the same second, as a program sees it that looks at their times. */
function save(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
    utimesSync(join(folder, name), 1_700_000_000, 1_700_000_000);
  }
}

/** An agent all of whose files say the same word. */
const sayAll = (word: string): Readonly<Record<string, string>> => ({
  "main.py": `
import importlib.util, os
import helper, package.inner, installed
spec = importlib.util.spec_from_file_location("plugin", os.path.join(os.path.dirname(__file__), "plugins/plugin.py"))
plugin = importlib.util.module_from_spec(spec)
spec.loader.exec_module(plugin)
def chat():
    return ["${word}", helper.WORD, package.WORD, package.inner.WORD, plugin.WORD]
`,
  "helper.py": `WORD = "${word}"`,
  "package/__init__.py": `WORD = "${word}"`,
  "package/inner.py": `WORD = "${word}"`,
  "plugins/plugin.py": `WORD = "${word}"`,
  "src/agent.py": `from .part import WORD\ndef chat(): return ["${word}", WORD]\n`,
  "src/part.py": `WORD = "${word}"`,
});

async function load(python: Python, folder: string, fresh: boolean): Promise<unknown> {
  const command = join(folder, ".venv/bin/python");
  const worker = new PythonPeer({ ...python, command }, folder, { chat: "main.py:chat", src: "src/agent.py:chat" }, fresh);
  const said = [await worker.result("chat"), await worker.result("src")].flat();
  worker.leave();
  await worker.ended;
  return said;
}

const bytecodeOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.includes("__pycache__") && !name.startsWith(".venv"));

describe.concurrent.each(findPythons())("Python $version", (python) => {
  test("of two saves within a second the second is run, and no bytecode is left but that of what is installed", async () => {
    const folder = writeAgent({});
    execFileSync(python.command, ["-m", "venv", "--without-pip", join(folder, ".venv")]);
    const installed = join(folder, ".venv/lib", `python${python.version.split(".").slice(0, 2).join(".")}`, "site-packages");
    writeFileSync(join(installed, "installed.py"), "");
    const all = (word: string): string[] => Array.from({ length: 7 }, () => word);

    save(folder, sayAll("first"));
    expect(await load(python, folder, true)).toEqual(all("first"));
    save(folder, sayAll("other"));
    expect(await load(python, folder, true)).toEqual(all("other"));
    expect(bytecodeOf(folder)).toEqual([]);
    expect(existsSync(join(installed, "__pycache__"))).toBe(true);

    // What an earlier run has left is not believed either.
    expect(await load(python, folder, false)).toEqual(all("other"));
    expect(bytecodeOf(folder)).not.toEqual([]);
    save(folder, sayAll("third"));
    expect(await load(python, folder, true)).toEqual(all("third"));
  });
});
