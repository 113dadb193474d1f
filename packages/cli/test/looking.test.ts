import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Invocation, LocalAgent } from "@runagent/core";
import { defineAgent, serve } from "@runagent/server";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { type AgentStore, openAgentStore } from "../src/store/index.ts";
import { agentFiles } from "../src/store/paths.ts";
import { createHome, type Ended, environment, PROGRAM, run, start } from "./support.ts";

let home: string;
let cache: string;
beforeEach(() => {
  home = createHome();
  cache = join(home, ".runagent");
});

const look = (...args: string[]): Promise<Ended> => run(args, { home });
// Node 20 has no node:sqlite. They are there where npm has them for this platform.
const newerNodes = ["node-22", "node-24"]
  .map((name) => fileURLToPath(new URL(`../../../tests/behaviour/node_modules/${name}/bin/node`, import.meta.url)))
  .filter((path) => existsSync(path));

const noProblem = (message: string): never => {
  throw new Error(message);
};

function openStore(agentId: string): AgentStore {
  const store = openAgentStore(agentId, { onProblem: noProblem, cache });
  onTestFinished(() => store.close());
  return store;
}

/** What `runagent serve` would have written. */
function register(agent: Partial<LocalAgent> & { readonly agent_id: string }): void {
  const { folder, registration } = agentFiles(agent.agent_id, cache);
  mkdirSync(folder, { recursive: true });
  const at = "2026-01-02T03:04:05.000Z";
  writeFileSync(registration, JSON.stringify({ host: "127.0.0.1", port: 9, pid: process.pid, started_at: at, ...agent }));
}

function invocation(id: string, more: Partial<Invocation> = {}): Invocation {
  return { invocation_id: id, agent_id: "a1", entrypoint_tag: "chat", status: "completed", started_at: new Date().toISOString(), ...more };
}

/** The rows of a table, their cells. */
const cells = (table: string): string[][] =>
  table
    .trimEnd()
    .split("\n")
    .map((row) => row.split(/ {2,}/));

const objects = (lines: string): Record<string, unknown>[] =>
  lines
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("runagent db status", () => {
  it("no agents: says so beside an empty standard output", async () => {
    const { exitCode, stdout, stderr } = await look("db", "status");
    expect([exitCode, stdout]).toEqual([0, ""]);
    expect(stderr).toBe(`No agent is registered below ${cache}. \`runagent serve <folder>\` serves one and registers it.\n`);
  });

  it("agents that run, were stopped, are gone, hang, or have made room for another", async () => {
    const agent = defineAgent({ id: "a1", entrypoints: { chat: () => "hello" } });
    const server = await serve(agent, { port: 0 });
    onTestFinished(() => server.close());
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      silent.closeAllConnections();
      silent.close();
    });
    const gone = spawnSync(process.execPath, ["--version"]).pid;
    register({ agent_id: "a1", agent_name: "Story teller", port: server.port, host: "0.0.0.0" });
    register({ agent_id: "a2", port: server.port });
    register({ agent_id: "a3", port: 1 });
    register({ agent_id: "a4", port: server.port, pid: gone });
    register({ agent_id: "a5", port: server.port, stopped_at: "2026-01-02T04:00:00.000Z" });
    register({ agent_id: "a6", port: (silent.address() as AddressInfo).port });
    const store = openStore("a1");
    for (const [id, status] of Object.entries({ i1: "running", i2: "completed", i3: "failed", i4: "failed" } as const)) {
      store.invocation(invocation(id, { status }));
    }
    const began = performance.now();
    const { exitCode, stdout, stderr } = await look("db", "status");
    // All were asked at once, and the one that says nothing for two seconds.
    expect(performance.now() - began).toBeLessThan(6_000);
    expect([exitCode, stderr]).toEqual([0, ""]);
    const by = "runagent serve";
    expect(cells(stdout)).toEqual([
      ["AGENT ID", "NAME", "STATE", "HEALTH", "ADDRESS", "INVOCATIONS", "REGISTERED BY"],
      ["a1", "Story teller", "running", "healthy", `127.0.0.1:${server.port}`, "4 (1 running, 2 failed)", by],
      ["a2", "-", "running", "another agent", `127.0.0.1:${server.port}`, "0", by],
      ["a3", "-", "running", "no answer", "127.0.0.1:1", "0", by],
      ["a4", "-", "gone", "-", `127.0.0.1:${server.port}`, "0", by],
      ["a5", "-", "stopped", "-", `127.0.0.1:${server.port}`, "0", by],
      ["a6", "-", "running", "no answer in 2 s", expect.anything(), "0", by],
    ]);
    const json = await look("db", "status", "--output", "json");
    expect(objects(json.stdout).map(({ agent_id, state, health }) => [agent_id, state, health])).toEqual([
      ["a1", "running", "healthy"],
      ["a2", "running", "another agent"],
      ["a3", "running", "no answer"],
      ["a4", "gone", "none"],
      ["a5", "stopped", "none"],
      ["a6", "running", "no answer in 2 s"],
    ]);
    expect(objects(json.stdout)[0]).toMatchObject({ invocations: { total: 4, running: 1, failed: 2 }, source: "serve", pid: process.pid });
  });

  it("one agent, with its details", async () => {
    register({ agent_id: "a1", folder: "/home/me/my stories", version: "1.2.3", port: 1 });
    register({ agent_id: "a2" });
    const { exitCode, stdout } = await look("db", "status", "--agent-id", "a1");
    expect(exitCode).toBe(0);
    const [, , , ...details] = cells(stdout);
    expect(details).toEqual([
      ["version", "1.2.3"],
      ["folder", "/home/me/my stories"],
      ["process", String(process.pid)],
      ["started", expect.stringMatching(/^2026-01-0\d \d\d:04:05$/)],
      ["kept in", join(cache, "agents", "a1")],
    ]);
  });

  it("those that another SDK has registered are there, and marked, where Node can read them", async () => {
    mkdirSync(cache, { recursive: true });
    const make = `import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("CREATE TABLE agents (agent_id VARCHAR PRIMARY KEY, agent_path VARCHAR NOT NULL, host VARCHAR NOT NULL, port INTEGER NOT NULL, framework VARCHAR, status VARCHAR)")
database.execute("INSERT INTO agents VALUES ('py', '/agents/py', 'localhost', 1, 'default', 'serving')")
database.commit()`;
    execFileSync("python3", ["-c", make, join(cache, "runagent_local.db")]);
    register({ agent_id: "a1", port: 1 });
    for (const node of [process.execPath, ...newerNodes]) {
      const { stdout, stderr } = await run(["db", "status"], { home, node });
      const canRead = node !== process.execPath || process.getBuiltinModule("node:sqlite") !== undefined;
      const ids = ["AGENT ID REGISTERED BY", "a1 runagent serve", ...(canRead ? ["py SQLite (another SDK)"] : [])];
      expect([node, cells(stdout).map((row) => `${row[0]} ${row.at(-1)}`)]).toEqual([node, ids]);
      expect(stderr).toMatch(canRead ? /^$/ : /^Agents that other SDKs .+ are not shown: that needs Node 22\.13 or newer\.\n$/);
    }
  });

  it("an agent that never was here: exit code 3, and what to do", async () => {
    for (const args of [["db", "status"], ["db", "logs"], ["invocations"]]) {
      const { exitCode, stdout, stderr } = await look(...args, "--agent-id", "never");
      expect([exitCode, stdout]).toEqual([3, ""]);
      expect(stderr).toMatch(/There is no agent never on this machine\.\n`runagent db status` lists/);
    }
    const { exitCode, stderr } = await look("db", "logs", "--agent-id", "../..");
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining("is not an id")]);
  });
});

describe("runagent db logs", () => {
  it("prints the last lines, with their times; what serving said is marked", async () => {
    const store = openStore("a1");
    store.log("serve", "Serving");
    for (let n = 1; n <= 150; n++) store.log(n % 2 ? "stdout" : "stderr", `line ${n}\n`);
    const all = await look("db", "logs", "--agent-id", "a1", "-n", "1000");
    const printed = all.stdout.trimEnd().split("\n");
    expect(printed).toHaveLength(151);
    expect(printed[0]).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} runagent: Serving$/);
    const last = await look("db", "logs", "--agent-id", "a1");
    expect(last.stdout.trimEnd().split("\n")).toEqual(printed.slice(-100));
    const json = await look("db", "logs", "--agent-id", "a1", "--lines", "2", "--output", "json");
    expect(objects(json.stdout)).toEqual([
      { time: expect.anything(), stream: "stdout", text: "line 149" },
      { time: expect.anything(), stream: "stderr", text: "line 150" },
    ]);
    expect([all.exitCode, all.stderr]).toEqual([0, ""]);
  });

  it("--follow goes on with what comes, through a rotation, until Ctrl-C", async () => {
    const store = openStore("a1");
    store.log("stdout", "before\n");
    const following = start(["db", "logs", "--agent-id", "a1", "--follow"], { home });
    await following.prints(/ before\n/);
    store.log("stdout", "after\nhalf");
    await following.prints(/ after\n/);
    store.log("stdout", " a line\n");
    await following.prints(/ half a line\n/);
    const long = `${"x".repeat(50_000)}\n`;
    for (let n = 0; n < 200; n++) store.log("stdout", `${n} ${long}`);
    store.log("stdout", "the end\n");
    await following.prints(/ the end\n/);
    following.signal("SIGINT");
    const { exitCode, stdout, stderr } = await following.ended;
    expect([exitCode, stderr]).toEqual([0, ""]);
    const numbers = [...stdout.matchAll(/ (\d+) x+$/gm)].map(([, n]) => Number(n));
    expect(numbers).toEqual(Array.from({ length: 200 }, (_, n) => n));
  });

  it("--follow waits for an agent that has printed nothing yet", async () => {
    register({ agent_id: "a1" });
    const following = start(["db", "logs", "--agent-id", "a1", "-f"], { home });
    const store = openStore("a1");
    store.log("stdout", "hello\n");
    await following.prints(/ hello\n/);
    following.signal("SIGTERM");
    expect((await following.ended).exitCode).toBe(0);
  });

  it("whoever reads may leave: no error", async () => {
    const store = openStore("a1");
    for (let n = 0; n < 1_000; n++) store.log("stdout", `${"x".repeat(1_000)}\n`);
    const command = '"$0" "$@" | head -n 1; echo $PIPESTATUS';
    const args = ["-c", command, process.execPath, PROGRAM, "db", "logs", "--agent-id", "a1", "-n", "1000", "--follow"];
    const { stdout, stderr } = spawnSync("bash", args, { env: environment({ home }), encoding: "utf8", timeout: 20_000 });
    expect([stdout.split("\n").slice(1), stderr]).toEqual([["0", ""], ""]);
  });

  it("on a terminal an agent's colours pass, and nothing else that would drive it", async () => {
    const store = openStore("a1");
    store.log("stdout", "\u001b[31mred\u001b[0m \u001b]0;title\u0007 \u001b[2J\u009b\n");
    const piped = await look("db", "logs", "--agent-id", "a1");
    expect(piped.stdout).toContain("\u001b[31mred\u001b[0m \u001b]0;title\u0007 \u001b[2J\u009b\n");
    const shown = onTerminal(["db", "logs", "--agent-id", "a1"], {});
    expect(shown).toContain("\u001b[31mred\u001b[0m \\u001b]0;title\\u0007 \\u001b[2J\\u009b\u001b[0m\r\n");
    const plain = onTerminal(["db", "logs", "--agent-id", "a1"], { NO_COLOR: "1" });
    expect(plain).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} red \\u001b\]0;title\\u0007 \\u001b\[2J\\u009b\r\n$/);
  });
});

describe("runagent invocations", () => {
  it("the last ones, the newest first, with their times and outcomes", async () => {
    const store = openStore("a1");
    const startedAt = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString();
    store.invocation(invocation("i1", { started_at: startedAt(50), execution_time: 1.5, total_chunks: 3 }));
    const error = { code: "EXECUTION_ERROR" as const, message: "ValueError: boom\nsecond line" };
    store.invocation(invocation("i2", { started_at: startedAt(40), status: "failed", execution_time: 0.25, error }));
    store.invocation(invocation("i3", { started_at: startedAt(30), status: "running", entrypoint_tag: "story_stream" }));
    const { exitCode, stdout, stderr } = await look("invocations", "--agent-id", "a1");
    expect([exitCode, stderr]).toEqual([0, ""]);
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    expect(cells(stdout)).toEqual([
      ["INVOCATION", "TAG", "STATUS", "STARTED", "SECONDS", "CHUNKS", "ERROR"],
      ["i3", "story_stream", "running", time, expect.stringMatching(/^3\d\.\d{3}$/), "-"],
      ["i2", "chat", "failed", time, "0.250", "-", "EXECUTION_ERROR: ValueError: boom"],
      ["i1", "chat", "completed", time, "1.500", "3"],
    ]);
    const json = await look("invocations", "--agent-id", "a1", "--limit", "1", "--status", "failed", "--output", "json");
    expect(objects(json.stdout)).toEqual([
      invocation("i2", { started_at: expect.anything(), status: "failed", execution_time: 0.25, error }),
    ]);
    const none = await look("invocations", "--agent-id", "a1", "--status", "cancelled");
    expect(none).toMatchObject({ exitCode: 0, stdout: "", stderr: "Agent a1 has no cancelled invocations here.\n" });
  });

  it("nothing in a table drives the terminal, breaks its rows, or turns the direction of its text", async () => {
    const store = openStore("a1");
    const error = { code: "EXECUTION_ERROR" as const, message: "\u001b[2Jgone\u202etxt.exe\u0007\ttab \u009b3m" };
    store.invocation(invocation("i1", { status: "failed", entrypoint_tag: "日本語", error }));
    store.invocation(invocation("i2", { entrypoint_tag: "chat" }));
    const { stdout } = await look("invocations", "--agent-id", "a1");
    const [, second = "", first = ""] = stdout.split("\n");
    expect(first).toMatch(/EXECUTION_ERROR: \\u001b\[2Jgone\\u202etxt\.exe\\u0007 tab \\u009b3m$/);
    // A wide character takes two columns.
    expect(first.indexOf("failed") + 3).toBe(second.indexOf("completed"));
    const shown = onTerminal(["invocations", "--agent-id", "a1"], {});
    // Colours, and nothing else.
    expect(shown.split("\u001b").filter((part, index) => index > 0 && !/^\[\d+m/.test(part))).toEqual([]);
    expect(shown).toContain("\u001b[31mfailed\u001b[39m");
    expect(onTerminal(["invocations", "--agent-id", "a1"], { NO_COLOR: "1" })).not.toContain("\u001b");
  });

  it("what was typed wrong is exit code 2", async () => {
    register({ agent_id: "a1" });
    for (const args of [
      ["invocations"],
      ["invocations", "--agent-id", "a1", "--limit", "-1"],
      ["invocations", "--agent-id", "a1", "--status", "odd"],
      ["db", "logs", "--agent-id", "a1", "--lines", "many"],
      ["db", "logs", "--agent-id", "a1", "--output", "xml"],
      ["db", "nothing"],
      ["db", "status", "operand"],
    ]) {
      const { exitCode, stdout, stderr } = await look(...args);
      expect([args, exitCode, stdout]).toEqual([args, 2, ""]);
      expect(stderr).not.toBe("");
    }
  });
});

/** What a terminal is sent. */
function onTerminal(args: readonly string[], env: Readonly<Record<string, string>>): string {
  const pty = ["-c", "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) != 0)", process.execPath, PROGRAM, ...args];
  return execFileSync("python3", pty, {
    env: environment({ home, env: { TERM: "xterm-256color", ...env } }),
    encoding: "utf8",
    timeout: 20_000,
  });
}
