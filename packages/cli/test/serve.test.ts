import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { RunAgentClient, RunAgentError } from "runagent";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createHome, type Running, run, start } from "./support.ts";

// `runagent serve`, as a process with a home of its own.

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

const AGENT = `
import time

def chat(message):
    print("asked", message)
    return {"said": message}

def forever_stream():
    try:
        while True:
            yield "again"
            time.sleep(0.001)
    finally:
        print("closed")
`;

const entry = (module: string, tag = module): object => ({ file: "main.py", module, tag });

/** A home, and in it the folder of an agent. */
function agentFolder(files: Readonly<Record<string, string>> = {}, config: object = {}): { home: string; folder: string } {
  const home = createHome();
  const folder = join(home, "agent");
  mkdirSync(folder);
  const entrypoints = [entry("chat"), entry("forever_stream")];
  const whole = { agent_id: "served", agent_name: "Served", version: "3.0.0", agent_architecture: { entrypoints }, ...config };
  const all = { "main.py": AGENT, "runagent.config.json": JSON.stringify(whole), ...files };
  for (const [name, text] of Object.entries(all)) writeFileSync(join(folder, name), text);
  return { home, folder };
}

async function listening(serving: Running): Promise<number> {
  const [, port] = await serving.prints(/Listening on http:\/\/[\w.]+:(\d+)/, "stderr");
  return Number(port);
}

async function end(serving: Running): Promise<void> {
  serving.signal("SIGINT");
  expect((await serving.ended).exitCode).toBe(0);
}

function clientOf<Tag extends string>(port: number, entrypointTag: Tag, apiKey?: string): RunAgentClient<Tag> {
  return new RunAgentClient({ agentId: "served", entrypointTag, host: "127.0.0.1", port, apiKey });
}

async function failureOf(promise: Promise<unknown>): Promise<RunAgentError> {
  try {
    await promise;
  } catch (error) {
    if (RunAgentError.is(error)) return error;
    throw error;
  }
  throw new Error("It did not fail.");
}

/** Holds a port until the test has ended. */
async function hold(port: number): Promise<number> {
  const server = createServer();
  servers.push(server);
  await once(server.listen(port, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}

describe("runagent serve", () => {
  it("says what an agent asks approval for; anybody may decide it by the command, and sees what waits", async () => {
    const main = "def pay(amount, ctx):\n    return ctx.require_approval('pay', {'amount': amount, 'secret': 'x' * 10}).decision\n";
    const { home, folder } = agentFolder({ "main.py": main }, { agent_architecture: { entrypoints: [entry("pay")] } });
    const serving = start(["serve", folder, "--port", "0"], { home });
    const port = await listening(serving);
    const call = run(["run", "--id", "served", "--tag", "pay", "--port", String(port), "--amount:=5"], { home });
    const [, command = "", id = "", approvalId = ""] = await serving.prints(
      /pay asks for approval to call pay: (runagent decide (\S+) (ap-1-\w+) --approve), or --reject\n/,
      "stderr",
    );
    const listed = await run(["invocations", "--agent-id", "served"], { home });
    expect(listed.stdout).toMatch(new RegExp(`^${id} +pay +waiting_approval \\(${approvalId} pay\\) +`, "m"));
    const asJson = await run(["invocations", "--agent-id", "served", "--status", "waiting_approval", "--output", "json"], { home });
    const requests = [{ tool_name: "pay", arguments: null }];
    expect(JSON.parse(asJson.stdout)).toMatchObject({ invocation_id: id, pending_approvals: [{ approval_id: approvalId, requests }] });
    expect((await run(["db", "status"], { home })).stdout).toMatch(/1 \(1 waiting_approval\)/);
    expect((await run(command.split(" ").slice(1), { home })).exitCode).toBe(0);
    expect(await call).toMatchObject({ exitCode: 0, stdout: "approve\n" });
    const after = await run(["invocations", "--agent-id", "served"], { home });
    expect(after.stdout).toMatch(new RegExp(`^${id} +pay +completed +`, "m"));
    await end(serving);
    expect(serving.stderr.match(/asks for approval/g)).toHaveLength(1);
  });

  it("shows the name of a tool as a word in a line, whatever the agent has written", async () => {
    const main = "def pay(ctx):\n    return ctx.require_approval('a\\u202e\\n\\x1b[2J' + 'x' * 1000, expires_in=0.01).decision\n";
    const { home, folder } = agentFolder({ "main.py": main }, { agent_architecture: { entrypoints: [entry("pay")] } });
    const serving = start(["serve", folder, "--port", "0"], { home });
    const port = await listening(serving);
    await run(["run", "--id", "served", "--tag", "pay", "--port", String(port)], { home });
    await serving.prints(/to call a\\u202e \\u001b\[2Jx{170,190}…: runagent decide \S+ ap-1-\w+ --approve, or --reject\n/, "stderr");
    await end(serving);
  });

  it("serves, registers, keeps prints and invocations, and ends at Ctrl-C", async () => {
    const { home, folder } = agentFolder();
    const serving = start(["serve", "--port", "0"], { home, cwd: folder });
    const port = await listening(serving);
    const client = clientOf(port, "chat");
    expect(await client.run({ message: "hello" })).toEqual({ said: "hello" });
    await client.close();
    const registration = join(home, ".runagent/agents/served/agent.json");
    const registered = JSON.parse(readFileSync(registration, "utf8"));
    expect(registered).toEqual({
      agent_id: "served",
      agent_name: "Served",
      version: "3.0.0",
      folder,
      host: "127.0.0.1",
      port,
      pid: serving.child.pid,
      started_at: expect.any(String),
    });
    await serving.prints(/^│ asked hello$/m, "stderr");
    await serving.prints(/^chat completed \(1 chunk, \d+\.\d{3} s, invocation \w+\)$/m, "stderr");
    await end(serving);
    expect(serving.stdout).toBe("");
    expect(JSON.parse(readFileSync(registration, "utf8"))).toEqual({ ...registered, stopped_at: expect.any(String) });
    expect((await run(["db", "logs", "--agent-id", "served"], { home })).stdout).toContain("asked hello");
    expect((await run(["invocations", "--agent-id", "served"], { home })).stdout).toContain("completed");
  });

  it("takes port 8450 or the next free one, and insists on the one that it was given", async () => {
    const { home, folder } = agentFolder();
    // Somebody else may have it, which is as good.
    const held = await hold(8450).catch(() => 8450);
    const serving = start(["serve", folder], { home });
    const port = await listening(serving);
    expect(port).toBeGreaterThan(held);
    expect(port).toBeLessThan(held + 100);
    const second = await run(["serve", folder, "--port", String(port)], { home });
    expect(second.exitCode).toBe(2);
    expect(second.stderr).toContain(`error: VALIDATION_ERROR: Port ${port} on 127.0.0.1 is in use.`);
    await end(serving);
  });

  it("at Ctrl-C tells the callers why their streams end and when to come back, and takes no new ones", async () => {
    const { home, folder } = agentFolder();
    const serving = start(["serve", folder, "--port", "0"], { home });
    const port = await listening(serving);
    const stream = clientOf(port, "forever_stream").runStream();
    const cursor = stream.cursor();
    await cursor.next();
    serving.signal("SIGINT");
    const error = await failureOf(
      (async () => {
        while ((await cursor.next()).hasMore);
      })(),
    );
    expect(error).toMatchObject({
      code: "OWNER_LOST",
      message: "The server is shutting down, and the invocation with it.",
      suggestion: expect.stringContaining("Start it again in a few seconds"),
    });
    expect((await serving.ended).exitCode).toBe(0);
    expect(serving.stderr).toMatch(/Ending: 1 invocation ends/);
    // The generator's finally block has run.
    expect(serving.stderr).toMatch(/^│ closed$/m);
    expect(await failureOf(clientOf(port, "chat").run({ message: "late" }))).toMatchObject({ code: "CONNECTION_ERROR" });
  });

  it("asks for a key", async () => {
    const { home, folder } = agentFolder();
    const serving = start(["serve", folder, "--port", "0", "--api-key", "right"], { home });
    const port = await listening(serving);
    expect(await clientOf(port, "chat", "right").run({ message: "m" })).toEqual({ said: "m" });
    expect(await failureOf(clientOf(port, "chat", "wrong").run({ message: "m" }))).toMatchObject({ code: "AUTHENTICATION_ERROR" });
    expect(serving.stderr).not.toContain("right");
    await end(serving);
  });

  it("says which of two that serve one agent is found by its id", async () => {
    const { home, folder } = agentFolder();
    const first = start(["serve", folder, "--port", "0"], { home });
    await listening(first);
    const second = start(["serve", folder, "--port", "0"], { home });
    const port = await listening(second);
    await second.prints(new RegExp(`Process ${first.child.pid} serves this agent too`), "stderr");
    const registration = (): { port: number; stopped_at?: string } =>
      JSON.parse(readFileSync(join(home, ".runagent/agents/served/agent.json"), "utf8"));
    await end(first);
    expect(registration()).toMatchObject({ port });
    expect(registration().stopped_at).toBeUndefined();
    // One that goes on is found again when another that took its place has ended.
    const third = start(["serve", folder, "--port", "0"], { home });
    await listening(third);
    await end(third);
    await vi.waitFor(() => expect(registration()).toMatchObject({ port, pid: second.child.pid }), { timeout: 10_000 });
    await vi.waitFor(() => expect(registration().stopped_at).toBeUndefined(), { timeout: 10_000 });
    await end(second);
    expect(registration().stopped_at).toBeDefined();
  });
});

it("a server that is killed leaves no process of the agent behind, not even one that never returns", async () => {
  const { home, folder } = agentFolder({
    "agent.mjs": "export const hog = () => { console.log('pid', process.pid); for (;;); };",
    "runagent.config.json": JSON.stringify({
      agent_id: "served",
      agent_architecture: { entrypoints: [{ file: "agent.mjs", module: "hog", tag: "hog" }, entry("forever_stream")] },
    }),
    "main.py": `${AGENT.replace('yield "again"', 'print("pid", __import__("os").getpid())\n            yield "again"')}`,
  });
  const serving = start(["serve", folder, "--port", "0"], { home });
  const port = await listening(serving);
  const cursor = clientOf(port, "forever_stream").runStream().cursor();
  const hog = clientOf(port, "hog").run({}, { timeoutMs: 60_000 });
  hog.catch(() => {}); // Its server is killed.
  await cursor.next();
  // The generator says its own again and again.
  await serving.prints(/│ pid (\d+)\n[\s\S]*│ pid (?!\1\n)\d+\n/, "stderr");
  const pids = new Set([...serving.stderr.matchAll(/│ pid (\d+)/g)].map(([, pid]) => Number(pid)));
  expect(pids.size).toBe(2);
  serving.signal("SIGKILL");
  for (const pid of pids) await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow("ESRCH"), { timeout: 15_000 });
}, 60_000);

describe("runagent serve, where the machine is not as it should be", () => {
  it("says what it cannot keep, once, and serves all the same", async () => {
    const { home, folder } = agentFolder();
    writeFileSync(join(home, "a-file"), "");
    const env = { RUNAGENT_CACHE_DIR: join(home, "a-file") };
    const serving = start(["serve", folder, "--port", "0"], { home, env });
    expect(await clientOf(await listening(serving), "chat").run({ message: "m" })).toEqual({ said: "m" });
    await serving.prints(/log\.jsonl cannot be written \(.*\); agent served is served all the same\./, "stderr");
    await end(serving);
    expect(serving.stderr.match(/log\.jsonl cannot be written/g)).toHaveLength(1);
  });

  it("says that a virtual environment is broken", async () => {
    const { home, folder } = agentFolder();
    mkdirSync(join(folder, ".venv"));
    writeFileSync(join(folder, ".venv/pyvenv.cfg"), "home = /gone");
    const serving = start(["serve", folder, "--port", "0"], { home });
    await listening(serving);
    await serving.prints(/\.venv\/bin\/python is not there: make \.venv anew\. python3 is used in its place\./, "stderr");
    await end(serving);
  });
});

describe("runagent serve --reload", () => {
  it("takes a change at once, and tells callers in one line what is wrong with one that does not load", async () => {
    const { home, folder } = agentFolder();
    const serving = start(["serve", folder, "--port", "0", "--reload"], { home });
    const client = clientOf(await listening(serving), "chat");
    expect(await client.run({ message: "m" })).toEqual({ said: "m" });
    writeFileSync(join(folder, "main.py"), AGENT.replace('{"said": message}', '"new " + message'));
    await serving.prints(/main\.py changed: the agent is loaded anew\./, "stderr");
    expect(await client.run({ message: "m" })).toBe("new m");
    writeFileSync(join(folder, "main.py"), `${AGENT}\ndef (`);
    await serving.prints(/main\.py changed: the agent has mistakes now\./, "stderr");
    expect(await failureOf(client.run({ message: "m" }))).toMatchObject({
      code: "EXECUTION_ERROR",
      message: expect.stringMatching(/^The agent cannot be loaded: main\.py line \d+: SyntaxError: .+$/),
    });
    expect(serving.stderr).toMatch(/^│ +def \($/m);
    writeFileSync(join(folder, "main.py"), AGENT);
    await serving.prints(/loaded anew[\s\S]*loaded anew/, "stderr");
    expect(await client.run({ message: "back" })).toEqual({ said: "back" });
    await end(serving);
  });

  it("is not held up by a file that hangs: the old code answers, and the next change takes its place", async () => {
    const { home, folder } = agentFolder();
    const serving = start(["serve", folder, "--port", "0", "--reload"], { home });
    const client = clientOf(await listening(serving), "chat");
    writeFileSync(join(folder, "main.py"), 'print("hangs", flush=True)\nwhile True: pass');
    await serving.prints(/^│ hangs$/m, "stderr");
    expect(await client.run({ message: "old" })).toEqual({ said: "old" });
    writeFileSync(join(folder, "main.py"), AGENT.replace('{"said": message}', '"new " + message'));
    await serving.prints(/loaded anew/, "stderr");
    expect(await client.run({ message: "m" })).toBe("new m");
    await end(serving);
  });

  it("takes the last of two saves in one second, and is not loaded anew by what the agent writes", async () => {
    const agent = (word: string): string =>
      `def chat():\n    open("out.txt", "a").write("x")\n    return "${word}"\n\ndef forever_stream():\n    yield 1\n`;
    const { home, folder } = agentFolder({ "main.py": agent("first") });
    const serving = start(["serve", folder, "--port", "0", "--reload"], { home });
    const client = clientOf(await listening(serving), "chat");
    expect(await client.run()).toBe("first");
    for (const [index, word] of ["again", "third", "fours"].entries()) {
      // Of equal length, and often within the second that Python's bytecode would be known by.
      writeFileSync(join(folder, "main.py"), agent(word));
      await serving.prints(new RegExp(`(loaded anew[\\s\\S]*){${index + 1}}`), "stderr");
      expect(await client.run()).toBe(word);
    }
    expect(serving.stderr.match(/loaded anew/g)).toHaveLength(3);
    await end(serving);
  });

  it("begins with an agent that does not load, and goes on when it does", async () => {
    const { home, folder } = agentFolder({ "main.py": "import nothing_of_that_name" });
    const serving = start(["serve", folder, "--port", "0", "--reload"], { home });
    const client = clientOf(await listening(serving), "chat");
    expect(await failureOf(client.run({ message: "m" }))).toMatchObject({
      message: expect.stringMatching(/ModuleNotFoundError: No module named 'nothing_of_that_name'$/),
    });
    writeFileSync(join(folder, "main.py"), AGENT);
    await serving.prints(/the agent is loaded anew/, "stderr");
    expect(await client.run({ message: "m" })).toEqual({ said: "m" });
    await end(serving);
  });
});

describe("what cannot be served ends at once, with what to do", () => {
  const config = (...entrypoints: object[]): string => JSON.stringify({ agent_id: "served", agent_architecture: { entrypoints } });

  it.each<[string, Record<string, string>, number, RegExp]>([
    ["no configuration", { "runagent.config.json": "" }, 2, /runagent\.config\.json:1:1: This is not JSON/],
    ["a configuration that is not JSON", { "runagent.config.json": "{ agent_id: 1 }" }, 2, /runagent\.config\.json:1:3: This is not JSON/],
    [
      "two tags alike",
      { "runagent.config.json": config(entry("chat"), entry("chat")) },
      2,
      /entrypoints\[1\]\.tag is "chat" for the second time/,
    ],
    ["no such file", { "runagent.config.json": config({ file: "no.py", module: "m", tag: "t" }) }, 2, /no\.py/],
    ["no such function", { "runagent.config.json": config(entry("chatt")) }, 2, /main\.py has no function "chatt".*chat, forever_stream/],
    ["a syntax error, with its traceback", { "main.py": "def (" }, 2, /│ +def \([\s\S]*error: VALIDATION_ERROR: .*SyntaxError/],
    [
      "a stream tag whose function returns a value",
      { "main.py": "def chat(): pass\ndef forever_stream() -> str: return ''" },
      2,
      /returns no iterable/,
    ],
    [
      "a syntax error in JavaScript that another file imports, with its place",
      {
        "agent.mjs": "import './helper.mjs'; export const chat = () => 1;",
        "helper.mjs": "export const a = 1;\nexport const b = => 2;",
        "runagent.config.json": config({ file: "agent.mjs", module: "chat", tag: "chat" }),
      },
      2,
      /│ export const b = => 2;[\s\S]*agent\.mjs: SyntaxError: Unexpected token '=>' \(helper\.mjs line 2\)/,
    ],
    [
      "every mistake of a configuration on a line",
      { "runagent.config.json": config({ file: "main.py" }) },
      2,
      /module is missing\.\n.*tag is missing\.\n/,
    ],
    ["a generator for another tag", { "main.py": "def chat(): yield 1\ndef forever_stream(): yield 1" }, 2, /name it chat_stream/],
  ])("%s", async (_, files, exitCode, message) => {
    const { home, folder } = agentFolder(files);
    const ended = await run(["serve", folder, "--port", "0"], { home });
    expect(ended.stderr).toMatch(message);
    expect(ended).toMatchObject({ exitCode, stdout: "" });
  });

  it("Ctrl-C ends one that hangs while it loads, and its process with it", async () => {
    const { home, folder } = agentFolder({ "main.py": 'import os\nprint("pid", os.getpid(), flush=True)\nwhile True: pass' });
    const serving = start(["serve", folder, "--port", "0"], { home });
    const [, pid] = await serving.prints(/^│ pid (\d+)$/m, "stderr");
    serving.signal("SIGINT");
    expect((await serving.ended).exitCode).toBe(130);
    expect(() => process.kill(Number(pid), 0)).toThrow("ESRCH");
  });

  it("a folder without one, a Python that is not there, an option that is none", async () => {
    const { home, folder } = agentFolder();
    const nothing = await run(["serve", home], { home });
    expect(nothing).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("There is no runagent.config.json in") });
    expect(nothing.stderr).toContain("runagent init");
    expect(await run(["serve", folder, "--python", "no-such-python"], { home })).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/cannot be started.*no-such-python/),
    });
    expect(await run(["serve", folder, "--port", "99999"], { home })).toMatchObject({ exitCode: 2 });
    expect(existsSync(join(home, ".runagent/agents/served/agent.json"))).toBe(false);
  });
});
