import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { createHome, type Ended, run, start } from "./support.ts";

let home: string;
let folder: string;
beforeEach(() => {
  home = createHome();
  folder = join(home, "agents");
  mkdirSync(folder);
});

const init = (...args: string[]): Promise<Ended> => run(["init", ...args], { home, cwd: folder });
const readConfig = (path: string): Record<string, unknown> => JSON.parse(readFileSync(join(path, "runagent.config.json"), "utf8"));

describe("runagent init", () => {
  it.each([
    ["typescript", "agent.ts"],
    ["python", "main.py"],
  ])("%s: what it wrote is served, and called as it says", async (language, file) => {
    const { exitCode, stdout, stderr } = await init("story teller", "--language", language);
    expect([exitCode, stderr]).toEqual([0, ""]);
    const path = join(folder, "story teller");
    expect(readdirSync(path).sort()).toEqual([file, "runagent.config.json"]);
    const commands = [...stdout.matchAll(/^ {2}runagent (.*)$/gm)].map(([, line = ""]) => splitWords(line));
    expect(commands.map(([name]) => name)).toEqual(["serve", "run", "run-stream"]);
    const [serving = [], ...calls] = commands;
    const served = start([...serving, "--port", "0"], { home, cwd: folder });
    await served.prints(/^Listening on /m, "stderr");
    const [answered, streamed] = await Promise.all(calls.map((args) => run(args, { home })));
    expect(answered).toEqual({ exitCode: 0, signal: null, stdout: "You said: Hello\n", stderr: "" });
    expect(streamed?.stdout.trim()).toBe("You said: Tell me a story");
    served.signal("SIGINT");
    await served.ended;
  });

  it("the configuration is as deployed ones are", async () => {
    await init("--name", "  Story teller ");
    const config = readConfig(folder);
    expect(config).toEqual({
      agent_id: expect.stringMatching(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/),
      agent_name: "Story teller",
      description: expect.any(String),
      framework: "default",
      template: "basic",
      version: "1.0.0",
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      template_source: { repo_url: expect.any(String), author: expect.any(String), path: "." },
      agent_architecture: {
        entrypoints: ["chat", "chat_stream"].map((name) => ({ file: "agent.ts", module: name, tag: name })),
      },
      env_vars: {},
    });
    await init("again");
    expect(readConfig(join(folder, "again")).agent_id).not.toBe(config.agent_id);
    expect(readConfig(join(folder, "again")).agent_name).toBe("again");
  });

  it("the folder of its own is the default, and is called as it is", async () => {
    const { stdout } = await init("--language", "python");
    expect(readConfig(folder).agent_name).toBe(basename(folder));
    expect(stdout).toMatch(/^Wrote main\.py and runagent\.config\.json\./);
    expect(stdout).toMatch(/^ {2}runagent serve$/m);
  });

  it.each(["it's $HOME `x`", "-dash"])(
    "what is to be typed next is typed as it stands, whatever the folder is called: %s",
    async (name) => {
      const { stdout } = await init("--", name);
      const [, line = ""] = /^ {2}runagent (serve .*)$/m.exec(stdout) ?? [];
      expect(splitWords(line)).toEqual(["serve", name === "-dash" ? "./-dash" : name]);
    },
  );

  it.each(["runagent.config.json", "agent.ts"])("%s that is there stays, and nothing is written", async (file) => {
    writeFileSync(join(folder, file), "mine");
    const { exitCode, stdout, stderr } = await init();
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toBe(`${file} is in this folder already.\nNothing was written. Choose another folder: runagent init my-agent.\n`);
    expect([readdirSync(folder), readFileSync(join(folder, file), "utf8")]).toEqual([[file], "mine"]);
  });

  it("two files that are there are both named", async () => {
    await init("mine");
    const { exitCode, stderr } = await init("mine");
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining("agent.ts and runagent.config.json are in mine already.")]);
  });

  it("what cannot be written leaves nothing behind", async () => {
    writeFileSync(join(folder, "file"), "");
    const inFile = await init("file/agent");
    expect([inFile.exitCode, inFile.stderr]).toEqual([2, expect.stringContaining("file/agent is no folder")]);
    // Root may write anywhere.
    if (process.getuid?.() === 0) return;
    chmodSync(folder, 0o500);
    const denied = await init("new/agent");
    expect([denied.exitCode, denied.stderr]).toEqual([2, expect.stringContaining("Nothing was written.")]);
    expect(existsSync(join(folder, "new"))).toBe(false);
    chmodSync(folder, 0o700);
  });

  it("what was typed wrong is exit code 2, and writes nothing", async () => {
    for (const args of [
      ["--language", "cobol"],
      ["--name", " "],
      ["--name", "a\u001b[2Jb"],
      ["--name", "x".repeat(101)],
      ["a", "b"],
    ]) {
      const { exitCode, stdout, stderr } = await init(...args);
      expect([args, exitCode, stdout]).toEqual([args, 2, ""]);
      expect(stderr).not.toBe("");
    }
    expect(readdirSync(folder)).toEqual([]);
  });
});

/** As a shell does it. */
function splitWords(line: string): string[] {
  const words = execFileSync("bash", ["-c", `printf '%s\\0' ${line}`], { encoding: "utf8" }).split("\0");
  return words.slice(0, -1);
}
