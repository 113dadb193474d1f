import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Invocation } from "@runagent/core";
import fc from "fast-check";
import { findLocalAgent } from "runagent/local-agents";
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { type LogLine, MAX_LINE_LENGTH, readLogLine } from "../src/store/agent-log.ts";
import { type AgentStore, findInvocation, listInvocations, openAgentStore, type Registration } from "../src/store/index.ts";
import { LineReader } from "../src/store/line-reader.ts";
import { LineWriter, MAX_FILE_BYTES } from "../src/store/line-writer.ts";
import { type AgentFiles, agentFiles } from "../src/store/paths.ts";

const seed = Number(process.env.TEST_SEED ?? 20_267);
fc.configureGlobal({ seed, numRuns: 100 });

const root = mkdtempSync(join(tmpdir(), "runagent-store-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let cache: string;
let files: AgentFiles;
let problems: string[];
let store: AgentStore;
beforeEach(() => {
  cache = mkdtempSync(join(root, "cache-"));
  files = agentFiles("a1", cache);
  problems = [];
  store = openStore();
  return () => {
    store.close();
    expect(problems).toEqual([]);
  };
});

function openStore(agentId = "a1"): AgentStore {
  return openAgentStore(agentId, { onProblem: (message) => problems.push(message), cache });
}

const REGISTRATION: Registration = {
  agent_id: "a1",
  agent_name: "Story teller",
  version: "1.0.0",
  folder: "/home/me/story",
  host: "127.0.0.1",
  port: 9000,
  pid: process.pid,
  started_at: "2026-01-02T03:04:05.000Z",
};

describe("the registration", () => {
  it("is found by clients until the store is closed, and says then that it was stopped", () => {
    expect(findLocalAgent("a1", { folder: cache })).toBeUndefined();
    store.register(REGISTRATION);
    expect(findLocalAgent("a1", { folder: cache })).toEqual({ ...REGISTRATION, source: "serve", state: "running" });
    store.close();
    const after = findLocalAgent("a1", { folder: cache });
    expect(after).toMatchObject({ ...REGISTRATION, state: "stopped" });
    expect(Date.now() - Date.parse(after?.stopped_at ?? "")).toBeLessThan(60_000);
    // Nothing else is left there.
    expect(readdirSync(files.folder)).toEqual(["agent.json"]);
    store.close();
    expect(findLocalAgent("a1", { folder: cache })).toEqual(after);
  });

  it("of another process that serves the agent meanwhile is left as it is", () => {
    store.register(REGISTRATION);
    const other = { ...REGISTRATION, pid: process.ppid, port: 9001 };
    openStore().register(other);
    store.close();
    expect(findLocalAgent("a1", { folder: cache })).toEqual({ ...other, source: "serve", state: "running" });
  });

  it("is for its owner alone, as are the prints", () => {
    store.register(REGISTRATION);
    store.log("stdout", "a secret\n");
    for (const path of [files.registration, files.log]) expect(statSync(path).mode & 0o077, path).toBe(0);
    expect(statSync(files.folder).mode & 0o077).toBe(0);
  });

  it("what is no id becomes no path", () => {
    for (const id of ["", "..", "../a1", "a/b"]) expect(() => openStore(id)).toThrow("is not an id");
  });
});

describe(`the log (seed ${seed})`, () => {
  const lines = (): LogLine[] => readLines(files.log).flatMap((line) => readLogLine(line) ?? []);
  const texts = (): string[] => lines().map(({ stream, text }) => `${stream}: ${text}`);

  it("holds a line for each line that was printed, wherever the texts were cut", () => {
    store.log("stdout", "one\ntw");
    store.log("stderr", "oh");
    store.log("serve", "Serving");
    store.log("stdout", "o\r\n\nthree");
    expect(texts()).toEqual(["stdout: one", "serve: Serving", "stdout: two", "stdout: "]);
    store.close();
    expect(texts().slice(4)).toEqual(["stdout: three", "stderr: oh"]);
    expect(lines().every(({ time }) => new Date(time).toISOString() === time)).toBe(true);
  });

  it("any text comes back, cut anywhere", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" })), (pieces) => {
        rmSync(files.log, { force: true });
        const log = openStore();
        for (const piece of pieces) log.log("stdout", piece);
        log.close();
        const printed = pieces.join("").split("\n");
        if (printed.at(-1) === "") printed.pop();
        expect(lines().map(({ text }) => text)).toEqual(printed.map((line) => line.replace(/\r$/, "")));
      }),
    );
  });

  it("a line without an end is cut, and never waits as a whole", () => {
    for (let n = 0; n < 5; n++) store.log("stdout", "x".repeat(MAX_LINE_LENGTH / 2));
    expect(lines().map(({ text }) => text.length)).toEqual([MAX_LINE_LENGTH, MAX_LINE_LENGTH]);
    store.log("stdout", `${"y".repeat(2 * MAX_LINE_LENGTH)}\n`);
    expect(lines().every(({ text }) => text.length <= MAX_LINE_LENGTH)).toBe(true);
    const all = lines().map(({ text }) => text);
    expect(all.join("")).toBe("x".repeat(2.5 * MAX_LINE_LENGTH) + "y".repeat(2 * MAX_LINE_LENGTH));
  });

  it("is there when the process dies", async () => {
    const program = `const fs = require("node:fs"); const fd = fs.openSync(process.argv[1], "a"); fs.writeSync(fd, '{"time":"t","stream":"stdout","te'); process.kill(process.pid, "SIGKILL");`;
    store.log("stdout", "before\n");
    await once(spawn(process.execPath, ["-e", program, files.log]), "close");
    // A reader takes no line whose end is not there, and the next writer begins a new one.
    expect(texts()).toEqual(["stdout: before"]);
    store.close();
    store = openStore();
    store.log("stdout", "after\n");
    expect(texts()).toEqual(["stdout: before", "stdout: after"]);
  });
});

describe("the bound on disk", () => {
  const LINE = `${"x".repeat(1023)}\n`;
  const perFile = MAX_FILE_BYTES / LINE.length;

  it("at most two files of 8 MiB are kept, the last lines in them", () => {
    const path = join(cache, "lines");
    const writer = new LineWriter(path, (error) => problems.push(String(error)));
    for (let n = 0; n < 2.5 * perFile; n++) writer.write(`${n} ${LINE.slice(String(n).length + 1)}`);
    writer.close();
    expect(readdirSync(cache)).toEqual(["lines", "lines.1"]);
    expect(statSync(path).size).toBe(MAX_FILE_BYTES / 2);
    expect(statSync(`${path}.1`).size).toBe(MAX_FILE_BYTES);
    const kept = readLines(path);
    expect([kept.length, kept[0]?.split(" ")[0], kept.at(-1)?.split(" ")[0]]).toEqual([
      1.5 * perFile,
      String(perFile),
      String(2.5 * perFile - 1),
    ]);
  });

  it("goes on where another process left it", () => {
    const path = join(cache, "lines");
    writeFileSync(path, "x".repeat(MAX_FILE_BYTES - 1));
    const writer = new LineWriter(path, (error) => problems.push(String(error)));
    writer.write("a\n");
    writer.write("b\n");
    writer.close();
    expect(readFileSync(path, "utf8")).toBe("a\nb\n");
    expect(statSync(`${path}.1`).size).toBe(MAX_FILE_BYTES - 1);
  });

  it("a reader that follows loses no line to rotations, and reads none twice", () => {
    const path = join(cache, "lines");
    const writer = new LineWriter(path, (error) => problems.push(String(error)));
    const reader = new LineReader(path);
    const read: string[] = reader.read();
    const size = 100 * 1024;
    const count = Math.ceil((5 * MAX_FILE_BYTES) / size);
    for (let n = 0; n < count; n++) {
      writer.write(`${String(n).padEnd(size)}\n`);
      // Also after two rotations.
      if (n % 30 === 0 || n % 70 === 0 || n === count - 1) read.push(...reader.read().map((line) => line.trim()));
    }
    reader.close();
    writer.close();
    expect(read).toEqual(Array.from({ length: count }, (_, n) => String(n)));
  });

  it("a file that was emptied or removed is read anew", () => {
    const path = join(cache, "lines");
    const reader = new LineReader(path);
    onTestFinished(() => reader.close());
    appendFileSync(path, "one\ntwo\n");
    expect(reader.read()).toEqual(["one", "two"]);
    writeFileSync(path, "a\n");
    expect(reader.read()).toEqual(["a"]);
    renameSync(path, join(cache, "elsewhere"));
    expect(reader.read()).toEqual([]);
    appendFileSync(path, "b\nhalf");
    expect(reader.read()).toEqual(["b"]);
    appendFileSync(path, " a line\n");
    expect(reader.read()).toEqual(["half a line"]);
  });
});

describe("a disk that cannot be written", () => {
  it("is told once for each file, and serving goes on", () => {
    // A folder cannot be written as a file.
    for (const path of [files.registration, files.log, files.invocations]) mkdirSync(path, { recursive: true });
    store.register(REGISTRATION);
    for (let n = 0; n < 3; n++) {
      store.log("stdout", "line\n");
      store.invocation(invocation("i1"));
    }
    expect(problems.splice(0).sort()).toEqual(
      [files.registration, files.invocations, files.log].map((path) =>
        expect.stringMatching(new RegExp(`^${path} cannot be written \\(.*\\); agent a1 is served all the same\\.$`)),
      ),
    );
    store.close();
    problems.length = 0;
  });

  it("that is full: lines stay whole", () => {
    const full = spawnSync("sh", ["-c", "test -w /dev/full"]).status === 0;
    if (!full) return;
    const told: unknown[] = [];
    const writer = new LineWriter("/dev/full", (error) => told.push(error));
    writer.write("one\n");
    writer.write("two\n");
    writer.close();
    expect(told.map(String)).toEqual([expect.stringContaining("ENOSPC")]);
  });
});

function invocation(id: string, more: Partial<Invocation> = {}): Invocation {
  return { invocation_id: id, agent_id: "a1", entrypoint_tag: "chat", status: "running", started_at: "2026-01-02T03:04:06.000Z", ...more };
}

describe("invocations", () => {
  const list = (agentId = "a1"): string[] =>
    listInvocations(agentId, cache).map(({ invocation_id, status }) => `${invocation_id} ${status}`);

  it("each is there once, in its last state, the newest first; without its result", () => {
    expect(list()).toEqual([]);
    store.invocation(invocation("i1"));
    store.invocation(invocation("i2", { started_at: "2026-01-02T03:04:07.000Z" }));
    store.invocation(invocation("i3", { started_at: "2026-01-02T03:04:05.500Z" }));
    store.invocation(
      invocation("i1", {
        status: "completed",
        ended_at: "2026-01-02T03:05:00.000Z",
        execution_time: 54,
        total_chunks: 3,
        result: "secret",
      }),
    );
    expect(list()).toEqual(["i2 running", "i1 completed", "i3 running"]);
    expect(listInvocations("a1", cache)[1]).toEqual(
      invocation("i1", { status: "completed", ended_at: "2026-01-02T03:05:00.000Z", execution_time: 54, total_chunks: 3 }),
    );
    expect(readFileSync(files.invocations, "utf8")).not.toContain("secret");
  });

  it("an error is kept with its message, and without what it may drag along", () => {
    const error = {
      code: "EXECUTION_ERROR" as const,
      message: "x".repeat(100_000),
      suggestion: "Look.",
      details: { secret: "y".repeat(100_000) },
    };
    store.invocation(invocation("i1", { status: "failed", error }));
    const [kept] = listInvocations("a1", cache);
    expect(kept?.error).toEqual({ code: "EXECUTION_ERROR", message: "x".repeat(8_192), suggestion: "Look." });
  });

  it("one that was running in a process that is gone is lost", () => {
    const gone = spawnSync(process.execPath, ["--version"]).pid;
    mkdirSync(files.folder, { recursive: true });
    const line = (id: string, pid: unknown, started_at: string): string =>
      `${JSON.stringify({ time: started_at, pid, ...invocation(id, { started_at }) })}\n`;
    appendFileSync(files.invocations, line("dead", gone, "2026-01-02T03:00:00.000Z"));
    appendFileSync(files.invocations, line("no-pid", undefined, "2026-01-02T03:01:00.000Z"));
    appendFileSync(files.invocations, line("alive", process.pid, "2026-01-02T03:02:00.000Z"));
    expect(list()).toEqual(["alive running", "no-pid lost", "dead lost"]);
    // The process that serves now began after that: it was given the id of one that is gone.
    store.register(REGISTRATION);
    expect(list()[0]).toBe("alive lost");
    store.invocation(invocation("new"));
    expect(list()[0]).toBe("new running");
    // Whoever says that it stopped runs nothing.
    store.close();
    expect(list()[0]).toBe("new lost");
  });

  it("lines that are damaged or none are left out", () => {
    store.invocation(invocation("i1"));
    const lines = [
      "",
      "{",
      "null",
      "[]",
      '"i2"',
      "{}",
      JSON.stringify({ ...invocation("i2"), status: "odd" }),
      JSON.stringify({ ...invocation("../i3") }),
    ];
    for (const wrong of [
      { started_at: 1 },
      { total_chunks: "1" },
      { error: { message: 1 } },
      { error: "x" },
      { entrypoint_tag: undefined },
    ]) {
      lines.push(JSON.stringify({ ...invocation("i4"), ...wrong }));
    }
    appendFileSync(files.invocations, `${lines.join("\n")}\n`);
    store.invocation(invocation("i5"));
    appendFileSync(files.invocations, JSON.stringify(invocation("torn")));
    expect(list()).toEqual(["i5 running", "i1 running"]);
  });

  it("one is found by its id, whichever agent had it", () => {
    expect(findInvocation("i2", cache)).toBeUndefined();
    store.invocation(invocation("i1"));
    const other = openStore("a2");
    other.invocation(invocation("i2", { agent_id: "a2" }));
    other.close();
    writeFileSync(join(cache, "agents", "no-folder"), "");
    expect(findInvocation("i2", cache)).toMatchObject({ agent_id: "a2", invocation_id: "i2", status: "running" });
    expect([findInvocation("i3", cache), findInvocation("../a2", cache)]).toEqual([undefined, undefined]);
  });

  it("an end whose start was rotated away is kept", () => {
    store.invocation(invocation("i1", { status: "completed" }));
    renameSync(files.invocations, `${files.invocations}.1`);
    store.close();
    store = openStore();
    store.invocation(invocation("i2", { status: "completed", started_at: "2026-01-02T03:04:07.000Z" }));
    expect(list()).toEqual(["i2 completed", "i1 completed"]);
  });
});

function readLines(path: string): string[] {
  const reader = new LineReader(path);
  try {
    return reader.read();
  } finally {
    reader.close();
  }
}
