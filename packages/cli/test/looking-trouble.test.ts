/** What the looking commands do where files, the disk or the terminal are not as they should be. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { type AgentStore, openAgentStore } from "../src/store/index.ts";
import { agentFiles } from "../src/store/paths.ts";
import { createHome, type Ended, environment, PROGRAM, run } from "./support.ts";
import { Screen, startInTerminal } from "./terminal.ts";

let home: string;
let cache: string;
beforeEach(() => {
  home = createHome();
  cache = join(home, ".runagent");
});

const look = (...args: string[]): Promise<Ended> => run(args, { home });

function register(agentId: string): void {
  const { folder, registration } = agentFiles(agentId, cache);
  mkdirSync(folder, { recursive: true });
  const at = "2026-01-02T03:04:05.000Z";
  const agent = { agent_id: agentId, host: "127.0.0.1", port: 9, pid: process.pid, started_at: at, stopped_at: at };
  writeFileSync(registration, JSON.stringify(agent));
}

function openStore(agentId: string): AgentStore {
  const store = openAgentStore(agentId, { onProblem() {}, cache });
  onTestFinished(() => store.close());
  return store;
}

function keepInvocation(agentId: string): void {
  const started_at = new Date().toISOString();
  openStore(agentId).invocation({ invocation_id: "i1", agent_id: agentId, entrypoint_tag: "chat", status: "completed", started_at });
}

describe("a file that cannot be read", () => {
  it("takes nothing from what is known of other agents", async () => {
    register("a1");
    register("a2");
    keepInvocation("a2");
    // Root may read everything; nobody can follow this.
    const { invocations } = agentFiles("a1", cache);
    symlinkSync(invocations, invocations);
    const { exitCode, stdout, stderr } = await look("db", "status");
    expect([exitCode, stderr]).toEqual([0, `${invocations} cannot be read (ELOOP).\n`]);
    expect(stdout).toMatch(/^a1 .+ - {2,}runagent serve$/m);
    expect(stdout).toMatch(/^a2 .+ 1 {2,}runagent serve$/m);
    const { stdout: json } = await look("db", "status", "--output", "json");
    expect(
      json
        .trim()
        .split("\n")
        .map((line) => "invocations" in JSON.parse(line)),
    ).toEqual([false, true]);
    // It looks through those of all agents.
    expect(await look("cancel", "i9")).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("It is not known here") });
    expect(await look("invocations", "--agent-id", "a1")).toMatchObject({
      exitCode: 1,
      stderr: `error: ${invocations} cannot be read (ELOOP).\n`,
    });
  });

  it("and is a pipe that nobody writes to, is not waited for", async () => {
    keepInvocation("a1");
    execFileSync("python3", ["-c", "import os, sys; os.mkfifo(sys.argv[1])", agentFiles("a1", cache).registration]);
    expect(await look("invocations", "--agent-id", "a1")).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("i1") });
  });
});

describe("a disk that is full", () => {
  it.each([
    ["db", "status"],
    ["db", "logs", "--agent-id", "a1"],
    ["invocations", "--agent-id", "a1"],
  ])("is told: %s %s", (...args) => {
    register("a1");
    keepInvocation("a1");
    openStore("a1").log("stdout", "hello\n");
    const words = ["-c", 'exec "$0" "$@" > /dev/full', process.execPath, PROGRAM, ...args];
    const { status, stderr } = spawnSync("sh", words, { env: environment({ home }), encoding: "utf8", timeout: 20_000 });
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^error: Standard output cannot be written: ENOSPC.*\n$/)]);
  });
});

describe("where there is nothing to show", () => {
  it("it is said, and only then", async () => {
    register("a1");
    expect(await look("db", "logs", "--agent-id", "a1")).toMatchObject({
      exitCode: 0,
      stdout: "",
      stderr: "Agent a1 has printed nothing here.\n",
    });
    keepInvocation("a1");
    expect(await look("invocations", "--agent-id", "a1", "--limit", "0")).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
  });

  it.each([["db", "status"], ["db", "logs"], ["invocations"]])("an id that is none is named as it was typed: %s %s", async (...args) => {
    const { exitCode, stderr } = await look(...args, "--agent-id", "../x");
    expect([exitCode, stderr]).toEqual([
      2,
      expect.stringMatching(/^error: VALIDATION_ERROR: --agent-id is "\.\.\/x", which is not an id\.\n/),
    ]);
  });
});

describe("a terminal that is too narrow for a table", () => {
  it("gets a block for each row", async () => {
    register("a1");
    register("a2");
    const size = { rows: 30, columns: 60 };
    const { stdout } = await startInTerminal(["db", "status"], size, { home }).ended;
    const blocks = new Screen(size).write(stdout).lines.join("\n").trim().split("\n\n");
    expect(blocks).toHaveLength(2);
    expect(blocks[1]?.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
      ["AGENT ID", "a2"],
      ["NAME", "-"],
      ["STATE", "stopped"],
      ["HEALTH", "-"],
      ["ADDRESS", "127.0.0.1:9"],
      ["INVOCATIONS", "0"],
      ["REGISTERED BY", "runagent serve"],
    ]);
    const wide = await startInTerminal(["db", "status"], { rows: 30, columns: 120 }, { home }).ended;
    expect(wide.stdout.trim().split("\n")).toHaveLength(3);
  });
});
