import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { PROGRAMS, versionOf } from "./harness/programs.ts";

// Local agents, found by id in every runtime that has files: what `runagent serve` registers, and the SQLite file that other SDKs write.
// It runs what was built: `npm run build` comes first.

const cwd = fileURLToPath(new URL(".", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "runagent-local-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Makes the table as the deployed Python SDK does, with the rows of this test. */
const MAKE_DATABASE = `
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("PRAGMA journal_mode=" + sys.argv[2])
database.execute("""CREATE TABLE agents (
  agent_id VARCHAR NOT NULL, agent_path VARCHAR NOT NULL, host VARCHAR NOT NULL, port INTEGER NOT NULL, framework VARCHAR, status VARCHAR,
  remote_status VARCHAR, is_local BOOLEAN, fingerprint VARCHAR, agent_name VARCHAR, version VARCHAR, PRIMARY KEY (agent_id))""")
rows = [("python", "localhost", 8452), ("both", "localhost", 8453), ("stale", "0.0.0.0", 8454), ("../bad", "localhost", 1), ("bad-host", "a b", 1), ("bad-port", "h", 0)]
for agent_id, host, port in rows:
    database.execute("INSERT INTO agents (agent_id, agent_path, host, port, status, agent_name) VALUES (?, '/agents/python', ?, ?, 'serving', 'Story')", (agent_id, host, port))
database.commit()
`;
/** Keeps a database locked until its standard input ends. */
const LOCK_DATABASE = `
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
`;

/** Where clients of these agents go, and what they refuse; then the list. */
const PROGRAM = `
import { RunAgentClient } from "runagent";
import { listLocalAgents } from "runagent/local-agents";
const go = async (agentId) => {
  let asked;
  const fetch = async (url) => { asked = url; throw new Error("enough"); };
  try {
    await new RunAgentClient({ agentId, entrypointTag: "chat", local: true, fetch }).health();
  } catch (error) {
    return asked?.replace("/api/v1/health", "") ?? error.code;
  }
};
const clients = {};
for (const id of ["own", "both", "stale", "gone", "python", "never"]) clients[id] = await go(id);
let list;
try {
  list = listLocalAgents().map(({ agent_id, source, state, port }) => [agent_id, source, state, port].join(" "));
} catch (error) {
  list = error.name;
}
console.log(JSON.stringify({ clients, list }));
`;

function makeCache(name: string, journal: "delete" | "wal" | undefined): string {
  const folder = join(root, name);
  mkdirSync(folder);
  if (journal !== undefined) execFileSync("python3", ["-c", MAKE_DATABASE, join(folder, "runagent_local.db"), journal]);
  const nobody = execFileSync("sh", ["-c", "echo $$"], { encoding: "utf8" }).trim();
  const register = (agent_id: string, port: number, pid: number): void => {
    mkdirSync(join(folder, "agents", agent_id), { recursive: true });
    writeFileSync(join(folder, "agents", agent_id, "agent.json"), JSON.stringify({ agent_id, host: "127.0.0.1", port, pid }));
  };
  register("own", 9001, process.pid);
  register("both", 9002, process.pid);
  register("stale", 9003, Number(nobody));
  register("gone", 9004, Number(nobody));
  return folder;
}

/** Runs the program in a runtime. What it says beside its answer, warnings among it, fails the test. */
function run(command: string, args: readonly string[], folder: string): Promise<unknown> {
  const env = { PATH: process.env.PATH, HOME: root, RUNAGENT_CACHE_DIR: folder, DENO_DIR: join(root, "deno"), DENO_NO_UPDATE_CHECK: "1" };
  const child = spawn(command, args, { cwd, env, stdio: ["pipe", "pipe", "pipe"], timeout: 20_000 });
  let said = "";
  let complained = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complained += text;
  });
  child.stdin.end(PROGRAM);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (code === 0 && complained === "") resolve(JSON.parse(said));
      else reject(new Error(`It ended with ${signal ?? code}. ${complained}`));
    });
  });
}

const OWN = { own: "http://127.0.0.1:9001", both: "http://127.0.0.1:9002" };
const NEVER = "http://127.0.0.1:8450";
const WITH_DATABASE = {
  clients: { ...OWN, stale: "http://127.0.0.1:8454", gone: "AGENT_ADDRESS_NOT_FOUND", python: "http://localhost:8452", never: NEVER },
  list: [
    "both serve running 9002",
    "gone serve gone 9004",
    "own serve running 9001",
    "python sqlite unknown 8452",
    "stale sqlite unknown 8454",
  ],
};
const WITHOUT_DATABASE = {
  clients: { ...OWN, stale: "AGENT_ADDRESS_NOT_FOUND", gone: "AGENT_ADDRESS_NOT_FOUND", python: NEVER, never: NEVER },
  list: ["both serve running 9002", "gone serve gone 9004", "own serve running 9001", "stale serve gone 9003"],
};
const NOT_LOOKED = { clients: { ...OWN, own: NEVER, both: NEVER, stale: NEVER, gone: NEVER, python: NEVER, never: NEVER } };

const DENO = ["run", "--no-prompt", "--no-config", "--no-lock", "--no-remote", "--node-modules-dir=manual"];
const NODE = ["--input-type=module", "-"];
const argsOf: Readonly<Record<string, readonly string[]>> = {
  "Node 20": NODE,
  "Node 22": NODE,
  "Node 24": NODE,
  Deno: [...DENO, "--allow-env", "--allow-read", "--allow-run", "--allow-sys", "-"],
  Bun: ["run", "--no-install", "-"],
};
const programs = PROGRAMS.flatMap((program) => {
  const args = argsOf[program.title];
  return args === undefined ? [] : [{ ...program, args, version: versionOf(program) }];
});

describe.each(programs)("$title", ({ title, command, args, version }) => {
  const canRead = title !== "Node 20";

  it.skipIf(version === undefined)("finds what is registered, and what another SDK wrote", async () => {
    expect(await run(command, args, makeCache(`${title}-delete`, "delete"))).toEqual(canRead ? WITH_DATABASE : WITHOUT_DATABASE);
  });

  it.skipIf(version === undefined)("also from a database with a write-ahead log", async () => {
    expect(await run(command, args, makeCache(`${title}-wal`, "wal"))).toEqual(canRead ? WITH_DATABASE : WITHOUT_DATABASE);
  });

  it.skipIf(version === undefined)("a database that is damaged, another's or locked is not there", async () => {
    const folder = makeCache(`${title}-damaged`, undefined);
    const path = join(folder, "runagent_local.db");
    for (const bytes of ["", "no database", `SQLite format 3\0${"\xff".repeat(5_000)}`]) {
      writeFileSync(path, bytes);
      expect(await run(command, args, folder)).toEqual(WITHOUT_DATABASE);
    }
    rmSync(path);
    execFileSync("python3", ["-c", "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('CREATE TABLE agents (name)')", path]);
    expect(await run(command, args, folder)).toEqual(WITHOUT_DATABASE);
    const locked = makeCache(`${title}-locked`, "delete");
    const holder = spawn("python3", ["-c", LOCK_DATABASE, join(locked, "runagent_local.db")]);
    await new Promise((resolve) => holder.stdout.once("data", resolve));
    try {
      expect(await run(command, args, locked)).toEqual(WITHOUT_DATABASE);
    } finally {
      holder.stdin.end();
    }
  });
});

const deno = programs.find(({ title }) => title === "Deno");
describe("Deno, which asks its user for what a program has not been given", () => {
  let folder: string;
  beforeAll(() => {
    folder = makeCache("permissions", "delete");
  });

  it.skipIf(deno?.version === undefined).each([
    ["nothing", [], { ...NOT_LOOKED, list: "NotCapable" }],
    ["the environment", ["--allow-env"], { ...NOT_LOOKED, list: [] }],
    ["files", ["--allow-read"], { ...NOT_LOOKED, list: "NotCapable" }],
    [
      "the environment and files: whether a process lives is not known",
      ["--allow-env", "--allow-read"],
      {
        clients: { ...OWN, python: "http://localhost:8452", never: NEVER, stale: "http://127.0.0.1:9003", gone: "http://127.0.0.1:9004" },
        list: [
          "both serve running 9002",
          "gone serve running 9004",
          "own serve running 9001",
          "python sqlite unknown 8452",
          "stale serve running 9003",
        ],
      },
    ],
  ])("%s", async (_name, allowed, expected) => {
    expect(await run(deno?.command ?? "", [...DENO, ...allowed, "-"], folder)).toEqual(expected);
  });

  // On a terminal of its own it would ask, and wait for an answer.
  it.skipIf(deno?.version === undefined).each([[[]], [["--allow-env"]], [["--allow-read"]], [["--allow-env", "--allow-read"]]])(
    "a client asks for nothing: %j",
    (allowed) => {
      const client = 'new RunAgentClient({ agentId: "own", entrypointTag: "chat", local: true }); console.log("made");';
      // Beside the test, where the package is found.
      mkdirSync(join(cwd, ".tmp"), { recursive: true });
      const file = join(mkdtempSync(join(cwd, ".tmp/")), "main.ts");
      onTestFinished(() => rmSync(dirname(file), { recursive: true }));
      writeFileSync(file, `import { RunAgentClient } from "runagent";\n${client}`);
      const command = [deno?.command, ...DENO.filter((arg) => arg !== "--no-prompt"), ...allowed, file];
      const env = { ...process.env, HOME: root, RUNAGENT_CACHE_DIR: folder, DENO_DIR: join(root, "deno"), NO_COLOR: "1" };
      const pty = ["-c", "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) != 0)", ...command.map(String)];
      expect(execFileSync("python3", pty, { cwd, env, encoding: "utf8", timeout: 20_000 }).trim()).toBe("made");
    },
  );
});
