import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { agentFiles } from "../src/store/paths.ts";
import { createHome, run } from "./support.ts";

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
async function ask(...words: string[]): Promise<string[]> {
  const { exitCode, stdout, stderr } = await run(["complete", "--", ...words], { home, cwd: home });
  expect([exitCode, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/\n$/);
  return stdout.split("\n").slice(0, -1);
}

/** The same, where the shell shall offer nothing beside. */
async function complete(...words: string[]): Promise<string[]> {
  const lines = await ask(...words);
  expect(lines.pop()).toBe(":4");
  return lines;
}

const names = (lines: readonly string[]): string[] => lines.map((line) => line.split("\t")[0] ?? "");

describe("what the script of a shell asks", () => {
  it("commands, and those below", async () => {
    const commands = names(await complete(""));
    expect(commands).toEqual(
      expect.arrayContaining(["serve", "run", "run-stream", "resume", "decide", "cancel", "db", "invocations", "init"]),
    );
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
    expect(names(await complete("resume", "x", "--on-approval", "a"))).toEqual(["ask", "approve"]);
  });

  it("values after =, as whole words", async () => {
    expect(names(await complete("run", "--id="))).toEqual(["--id=chat-1", "--id=story-1"]);
    expect(names(await complete("run-stream", "--output=j"))).toEqual(["--output=json"]);
    expect(await complete("run", "--message=", "--local=")).toEqual([]);
  });

  it("what stands before: values of options and arguments of the agent are no commands", async () => {
    expect(names(await complete("run", "--id", "db", "--message", "Hello", "--tim"))).toEqual(["--timeout"]);
    expect(names(await complete("run", "--count:=5", "--pers"))).toEqual(["--persistent-memory"]);
    expect(names(await complete("db", "logs", "-n", "5", "--fo"))).toEqual(["--follow"]);
  });

  it("the shells of completion, the commands of help", async () => {
    expect(names(await complete("completion", ""))).toEqual(["bash", "zsh", "fish", "powershell"]);
    expect(names(await complete("help", "inv"))).toEqual(["invocations"]);
    expect(names(await complete("help", "db", "st"))).toEqual(["status"]);
  });

  it("folders and files: they are the shell's to offer, which knows how to quote them", async () => {
    writeFileSync(join(home, "input.json"), "{}");
    expect(await ask("run", "--input", "")).toEqual([":0"]);
    expect(await ask("run-stream", "--input=in")).toEqual([":0"]);
    expect(await ask("serve", "")).toEqual([":16"]);
    expect(await ask("init", "--language", "python", "my")).toEqual([":16"]);
    expect(await complete("serve", "folder", "")).toEqual([]);
  });

  it('PowerShell sends "" for an empty word', async () => {
    expect(await complete("db", '""')).toEqual(await complete("db", ""));
  });

  it("nothing to offer is nothing, whatever was typed", async () => {
    for (const words of [
      ["nonsense", ""],
      ["run", "--nonsense", "x"],
      ["db", "logs", "--lines", ""],
      ["--", "--", ""],
      ["run", "--", "--"],
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
    // What was typed or answered is nothing to evaluate.
    expect(stdout).not.toMatch(/\b(eval|compgen|Invoke-Expression)\b/);
  });

  it("another shell is exit code 2", async () => {
    const { exitCode, stdout, stderr } = await run(["completion", "tcsh"], { home });
    expect([exitCode, stdout, stderr]).toEqual([2, "", expect.stringContaining("bash, zsh, fish, powershell")]);
  });
});
