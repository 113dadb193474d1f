import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { defineAgent, serve } from "@runagent/server";
import { RunAgentClient, type RunAgentClientOptions, RunAgentError } from "runagent";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { cacheFolder, findLocalAgent, type LocalAgent, listLocalAgents } from "../src/local-agents.ts";

// Node 20 has no node:sqlite: what other SDKs write is read in tests/behaviour/local-agents.test.ts, in the runtimes that can.

const root = mkdtempSync(join(tmpdir(), "runagent-local-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, "cache-"));
  vi.stubEnv("RUNAGENT_CACHE_DIR", folder);
  return () => vi.unstubAllEnvs();
});

/** A process that has ended: its id is nobody's. */
let gonePid: number;
beforeAll(() => {
  gonePid = spawnSync(process.execPath, ["--version"]).pid;
});

const AGENT: LocalAgent = { agent_id: "a1", host: "0.0.0.0", port: 9000, pid: process.pid, started_at: "2026-01-02T03:04:05.000Z" };

function register(agent: Partial<LocalAgent>, id = agent.agent_id ?? AGENT.agent_id): string {
  const path = join(folder, "agents", id);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "agent.json"), JSON.stringify({ ...AGENT, ...agent }));
  return path;
}

describe("the cache folder", () => {
  it("is RUNAGENT_CACHE_DIR where it is set, else .runagent in the home", () => {
    expect(cacheFolder()).toBe(folder);
    expect([cacheFolder(() => "/somewhere"), cacheFolder(() => "")]).toEqual(["/somewhere", `${homedir()}/.runagent`]);
    vi.stubEnv("RUNAGENT_CACHE_DIR", undefined);
    expect(cacheFolder()).toBe(`${homedir()}/.runagent`);
  });
});

describe("finding an agent by its id", () => {
  it("a registration is running, stopped or gone", () => {
    expect(findLocalAgent("a1")).toBeUndefined();
    register({});
    expect(findLocalAgent("a1")).toEqual({ ...AGENT, source: "serve", state: "running" });
    register({ stopped_at: "2026-01-02T04:00:00.000Z" });
    expect(findLocalAgent("a1")?.state).toBe("stopped");
    register({ pid: gonePid });
    expect(findLocalAgent("a1")?.state).toBe("gone");
    expect(findLocalAgent("a1", { isAlive: () => true })?.state).toBe("running");
  });

  it("a process that is not ours to signal lives", () => {
    register({ pid: 1 });
    // For root every process is.
    const kill = vi.spyOn(process, "kill").mockImplementation(() => {
      throw Object.assign(new Error("kill EPERM"), { code: "EPERM" });
    });
    onTestFinished(() => kill.mockRestore());
    expect(findLocalAgent("a1")?.state).toBe("running");
  });

  it("only what is an id becomes part of a path", () => {
    writeFileSync(join(folder, "agent.json"), JSON.stringify(AGENT));
    for (const id of ["", ".", "..", "../..", "agents/a1", "a1/../a1", "a1\0"]) expect(findLocalAgent(id)).toBeUndefined();
  });

  it("symlinks are followed; what is damaged, large, a folder or another's is not there", () => {
    const path = register({});
    symlinkSync(path, join(folder, "agents", "a2"));
    // The registration says that it is a1's.
    expect(findLocalAgent("a2")).toBeUndefined();
    symlinkSync(folder, join(root, "link"));
    expect(findLocalAgent("a1", { folder: join(root, "link") })?.state).toBe("running");
    for (const text of ["", "{", '{"agent_id":"a1"}', JSON.stringify({ ...AGENT, more: "x".repeat(70_000) })]) {
      writeFileSync(join(path, "agent.json"), text);
      expect(findLocalAgent("a1")).toBeUndefined();
    }
    mkdirSync(join(folder, "agents", "a3", "agent.json"), { recursive: true });
    expect(findLocalAgent("a3")).toBeUndefined();
  });

  it("a pipe in the place of the registration is not waited for", () => {
    mkdirSync(join(folder, "agents", "a1"), { recursive: true });
    const made = spawnSync("sh", ["-c", 'mkfifo "$0"', join(folder, "agents", "a1", "agent.json")]);
    if (made.status === 0) expect(findLocalAgent("a1")).toBeUndefined();
  });

  it("lists every agent in the order of their ids, and no other file", () => {
    expect(listLocalAgents()).toEqual([]);
    register({ agent_id: "b" });
    register({ agent_id: "a", pid: gonePid });
    register({ agent_id: "other" }, "not-other");
    writeFileSync(join(folder, "agents", "c"), "");
    mkdirSync(join(folder, "agents", ".hidden"));
    expect(listLocalAgents().map(({ agent_id, state }) => `${agent_id} ${state}`)).toEqual(["a gone", "b running"]);
  });

  it("a database that is none, or that this runtime cannot read, is not there", () => {
    writeFileSync(join(folder, "runagent_local.db"), "no database");
    expect([findLocalAgent("a1"), listLocalAgents()]).toEqual([undefined, []]);
    register({});
    expect(listLocalAgents()).toHaveLength(1);
  });
});

describe("a client of a local agent", () => {
  /** Where a client's requests go. */
  async function addressOf(options: Partial<RunAgentClientOptions>): Promise<string> {
    let asked = "";
    const fetch: RunAgentClientOptions["fetch"] = async (url) => {
      asked = url;
      throw new Error("enough");
    };
    const client = new RunAgentClient({ agentId: "a1", entrypointTag: "chat", ...options, fetch });
    await client.health().catch(() => {});
    return asked.replace("/api/v1/health", "");
  }

  function refusalOf(options: Partial<RunAgentClientOptions>): unknown {
    try {
      return new RunAgentClient({ agentId: "a1", entrypointTag: "chat", ...options });
    } catch (error) {
      return error;
    }
  }

  it("local alone: the address that is registered; else the default", async () => {
    expect(await addressOf({ local: true })).toBe("http://127.0.0.1:8450");
    register({});
    expect(await addressOf({ local: true })).toBe("http://127.0.0.1:9000");
    register({ host: "::" });
    expect(await addressOf({ local: true })).toBe("http://[::1]:9000");
    vi.stubEnv("RUNAGENT_LOCAL", "yes");
    expect(await addressOf({})).toBe("http://[::1]:9000");
    expect(await addressOf({ agentId: "a2" })).toBe("http://127.0.0.1:8450");
  });

  it("an address that was given goes first, and whoever is not local is not looked for", async () => {
    register({ pid: gonePid });
    expect(await addressOf({ local: true, port: 1 })).toBe("http://127.0.0.1:1");
    expect(await addressOf({ local: true, host: "h" })).toBe("http://h:8450");
    expect(await addressOf({ port: 1 })).toBe("http://127.0.0.1:1");
    expect(await addressOf({ local: true, baseUrl: "http://remote" })).toBe("http://remote");
    expect(await addressOf({ local: false })).toBe("https://backend.run-agent.ai");
    expect(await addressOf({})).toBe("https://backend.run-agent.ai");
    vi.stubEnv("RUNAGENT_PORT", "2");
    expect(await addressOf({ local: true })).toBe("http://127.0.0.1:2");
  });

  it("one that is not served any more is an error that says so", () => {
    register({ pid: gonePid, folder: "/home/me/story" });
    const gone = refusalOf({ local: true });
    expect(gone).toBeInstanceOf(RunAgentError);
    expect(gone).toMatchObject({
      code: "AGENT_ADDRESS_NOT_FOUND",
      message: `Agent a1 is not served on this machine any more: process ${gonePid}, which served it since 2026-01-02T03:04:05.000Z, is gone.`,
      suggestion: "Run: runagent serve /home/me/story. Or pass host and port.",
    });
    register({ stopped_at: "2026-01-02T04:00:00.000Z", folder: "/home/me/my stories" });
    expect(refusalOf({ local: true })).toMatchObject({
      code: "AGENT_ADDRESS_NOT_FOUND",
      message: expect.stringMatching(/, stopped at 2026-01-02T04:00:00.000Z\.$/),
      suggestion: 'Run: runagent serve "/home/me/my stories". Or pass host and port.',
    });
    register({ pid: gonePid });
    expect(refusalOf({ local: true })).toMatchObject({ suggestion: "Run: runagent serve <folder>. Or pass host and port." });
  });

  it("what is wrong with the options is still told by their names", () => {
    expect(refusalOf({ local: true, agentId: "../a1" })).toMatchObject({ code: "VALIDATION_ERROR", field: "agentId" });
    // @ts-expect-error: as plain JavaScript may do.
    expect(refusalOf({ local: true, agentId: 7 })).toMatchObject({ code: "VALIDATION_ERROR", field: "agentId" });
  });

  it("calls the agent, each of its entrypoints", async () => {
    const agent = defineAgent({
      id: "a1",
      entrypoints: {
        chat: () => "hello",
        async *chat_stream() {
          yield "he";
          yield "llo";
        },
      },
    });
    const server = await serve(agent, { port: 0 });
    onTestFinished(() => server.close());
    register({ port: server.port });
    const client = new RunAgentClient({ agentId: "a1", entrypointTag: "chat", local: true });
    expect(await client.run()).toBe("hello");
    // Looked for once: another entrypoint has the same address.
    rmSync(join(folder, "agents"), { recursive: true });
    expect(await client.withEntrypoint("chat_stream").runStream().text()).toBe("hello");
    await client.close();
  });
});
