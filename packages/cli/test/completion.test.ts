import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { agentFiles } from "../src/store/paths.ts";
import { createHome, environment, PROGRAM, run } from "./support.ts";

let home: string;
beforeEach(() => {
  home = createHome();
  for (const [agent_id, agent_name] of [
    ["story-1", "Story\tteller\u001b[2J\nnew line"],
    ["chat-1", "Chat"],
  ] as const) {
    const { folder, registration } = agentFiles(agent_id, join(home, ".runagent"));
    mkdirSync(folder, { recursive: true });
    writeFileSync(registration, JSON.stringify({ agent_id, agent_name, host: "127.0.0.1", port: 9, pid: process.pid }));
  }
});

/** What the scripts of all shells ask: these words, the last of which is being typed. */
async function complete(...words: string[]): Promise<string[]> {
  const { exitCode, stdout, stderr } = await run(["complete", "--", ...words], { home, cwd: home });
  expect([exitCode, stderr]).toEqual([0, ""]);
  // The last line is what the shell shall do beside: here, to offer no files.
  expect(stdout).toMatch(/:4\n$/);
  return stdout.split("\n").slice(0, -2);
}

const names = (lines: readonly string[]): string[] => lines.map((line) => line.split("\t")[0] ?? "");

describe("what the script of a shell asks", () => {
  it("commands, and those below", async () => {
    const commands = names(await complete(""));
    expect(commands).toEqual(expect.arrayContaining(["serve", "run", "run-stream", "resume", "cancel", "db", "invocations", "init"]));
    expect(commands).not.toContain("complete");
    expect(names(await complete("run"))).toEqual(["run", "run-stream"]);
    expect(names(await complete("db", ""))).toEqual(expect.arrayContaining(["status", "logs"]));
    expect(await complete("db", "st")).toEqual(["status\twhich agents there are, and how they are"]);
  });

  it("options of a command", async () => {
    expect(names(await complete("db", "logs", "--"))).toEqual(expect.arrayContaining(["--agent-id", "--lines", "--follow", "--output"]));
    expect(names(await complete("init", "--l"))).toEqual(["--language"]);
  });

  it("values: the ids of local agents, and what an option may be", async () => {
    const ids = ["chat-1\tChat (running)", "story-1\tStory teller\\u001b[2J new line (running)"];
    expect(await complete("run", "--id", "")).toEqual(ids);
    expect(await complete("run-stream", "--tag", "chat_stream", "--id", "st")).toEqual([ids[1]]);
    expect(await complete("db", "logs", "--agent-id", "")).toEqual(ids);
    expect(names(await complete("invocations", "--status", "c"))).toEqual(["completed", "cancelled"]);
    expect(names(await complete("init", "--language", ""))).toEqual(["typescript", "python"]);
  });

  it("values: folders with an agent, and files of JSON", async () => {
    mkdirSync(join(home, "my-agent"));
    writeFileSync(join(home, "my-agent", "runagent.config.json"), "{}");
    mkdirSync(join(home, "other"));
    writeFileSync(join(home, "input.json"), "{}");
    expect(names(await complete("serve", ""))).toEqual(["my-agent"]);
    expect(names(await complete("run", "--input", ""))).toEqual(["input.json"]);
  });

  it("nothing to offer is nothing, whatever was typed", async () => {
    for (const words of [
      ["nonsense", ""],
      ["run", "--nonsense", "x"],
      ["db", "logs", "--lines", ""],
      ["--", "--", ""],
    ]) {
      expect([words, await complete(...words)]).toEqual([words, []]);
    }
  });
});

describe("runagent completion", () => {
  it.each(["bash", "zsh", "fish", "powershell"])("%s: a script that asks runagent", async (shell) => {
    const { exitCode, stdout, stderr } = await run(["completion", shell], { home });
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("runagent complete");
  });

  it("another shell is exit code 2", async () => {
    const { exitCode, stdout, stderr } = await run(["completion", "tcsh"], { home });
    expect([exitCode, stdout, stderr]).toEqual([2, "", expect.stringContaining("bash, zsh, fish, powershell")]);
  });

  it("bash completes with it", () => {
    const bin = join(home, "bin");
    mkdirSync(bin);
    symlinkSync(PROGRAM, join(bin, "runagent"));
    // compopt is for the shell while somebody types.
    const script = `
compopt() { :; }
source <(runagent completion bash)
try() { COMPREPLY=(); COMP_WORDS=(runagent "$@"); COMP_CWORD=$#; __runagent_complete; echo "\${COMPREPLY[*]}"; }
try db st
try run --id ""
complete -p runagent`;
    const env = { ...environment({ home }), PATH: `${bin}:${join(process.execPath, "..")}:${process.env.PATH}` };
    const said = execFileSync("bash", ["-c", script], { env, encoding: "utf8", timeout: 20_000 });
    expect(said.split("\n")).toEqual([
      expect.stringContaining("status"),
      expect.stringMatching(/chat-1.*story-1/),
      "complete -F __runagent_complete runagent",
      "",
    ]);
  });

  it.each(["zsh", "fish"])("%s reads it, where there is one", async (shell) => {
    if (spawnSync(shell, ["--version"]).error !== undefined) return;
    const { stdout } = await run(["completion", shell], { home });
    const file = join(home, `completion.${shell}`);
    writeFileSync(file, stdout);
    const { status, stderr } = spawnSync(shell, ["-n", file], { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
  });
});
