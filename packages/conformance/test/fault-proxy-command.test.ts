import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

// The command as a test in another language would use it: a process of its own, bundled from the sources.

const folder = mkdtempSync(join(tmpdir(), "fault-proxy-"));
const program = join(folder, "command.mjs");

beforeAll(async () => {
  const entry = fileURLToPath(new URL("../src/fault-proxy-command.ts", import.meta.url));
  await build({
    entryPoints: [entry],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    conditions: ["@runagent/source"],
    logLevel: "silent",
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

function start(...args: string[]): { child: ChildProcess; line(): Promise<string>; ended: Promise<{ code: unknown; stderr: string }> } {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const lines: string[] = [];
  let rest = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts);
    child.emit("lines");
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return {
    child,
    async line() {
      while (lines.length === 0) await once(child, "lines");
      return lines.shift() ?? "";
    },
    ended: once(child, "close").then(([code]) => ({ code, stderr })),
  };
}

describe("runagent-fault-proxy", () => {
  it("prints its port and seed, does what the rules of a file say, and its figures when it is told to stop", async () => {
    const server = createServer((_, response) => response.end("hello")).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const rules = join(folder, "rules.json");
    writeFileSync(rules, '[{"name":"no","on":{"event":"request","path":"/b"},"do":{"action":"answer","status":503}}]');
    const { child, line, ended } = start("--target", `127.0.0.1:${port}`, "--seed", "7", "--rules", rules);
    const first = JSON.parse(await line());
    expect(first).toEqual({ port: expect.any(Number), seed: 7 });
    const statusOf = async (path: string): Promise<number> => {
      const response = await fetch(`http://127.0.0.1:${first.port}${path}`, { headers: { connection: "close" } });
      await response.text();
      return response.status;
    };
    expect([await statusOf("/a"), await statusOf("/b")]).toEqual([200, 503]);
    child.kill("SIGTERM");
    expect(JSON.parse(await line())).toMatchObject({ connections: 2, drops: 1, rules: { no: 1 } });
    expect(await ended).toEqual({ code: 0, stderr: "" });
    server.close();
  });

  it.each([
    [["--target", "nowhere"], /--target must be HOST:PORT/],
    [["--target", "127.0.0.1:1", "--rules", '[{"on":1}]'], /rules\[0\]\.on must be an object/],
    [["--target", "127.0.0.1:1", "--rules", "/nowhere.json"], /no such file/],
    [["--target", "127.0.0.1:1", "--seed", "x"], /--seed must be a whole number/],
    [["--what"], /Unknown option/],
  ])("refuses %j in a sentence", async (args, message) => {
    const { code, stderr } = await start(...args).ended;
    expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
    expect(stderr).not.toMatch(/ {4}at /);
  });

  it("--help says how it is used", async () => {
    const { line, ended } = start("--help");
    expect(await line()).toMatch(/^Usage: runagent-fault-proxy/);
    expect((await ended).code).toBe(0);
  });
});
