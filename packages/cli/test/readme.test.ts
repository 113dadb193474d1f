import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHome, environment, PROGRAM, type Running, start } from "./support.ts";

// The commands of the READMEs, run by a shell as they stand there, against the Python agent of the example.

const EXAMPLE = fileURLToPath(new URL("../../../examples/python-agent/", import.meta.url));
const ID = "0c6f3a1e-5b0a-4b55-9a0e-6f2f4f7d9b10";
const execute = promisify(execFile);

let serving: Running;
let port: string;
let env: Record<string, string>;

beforeAll(async () => {
  const home = createHome();
  // What an installation puts on the PATH.
  const bin = join(home, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "runagent"), `#!/bin/sh\nexec "${process.execPath}" "${PROGRAM}" "$@"\n`);
  chmodSync(join(bin, "runagent"), 0o755);
  serving = start(["serve", EXAMPLE, "--port", "0"], { home, keep: true });
  [, port = ""] = await serving.prints(/Listening on http:\/\/127\.0\.0\.1:(\d+)/, "stderr");
  const { PATH = "", ...rest } = environment({ home });
  env = { ...rest, PATH: `${bin}:${PATH}` };
});

afterAll(async () => {
  serving.signal("SIGINT");
  expect((await serving.ended).exitCode).toBe(0);
});

/** The command lines of the fenced blocks of a text that begin so, as they stand there. */
function linesOf(file: string, beginning: string): string[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/```\n(.*?)```/gs)]
    .flatMap(([, block = ""]) => block.trim().split("\n"))
    .filter((line) => line.startsWith(beginning));
}

async function shell(line: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
  const { stdout } = await execute("sh", ["-c", line], { env: { ...env, ...more }, cwd: EXAMPLE, timeout: 20_000 });
  return stdout;
}

const STEPS = [1, 2, 3].map((step) => `{"step": ${step}, "text": "Rainbows, part ${step} of 3"}`);
const CALLS: readonly (readonly [string, string])[] = [
  ["run ", "You said: Hello\n"],
  ["run-stream --id ID --tag chat_stream", "Hello anonymous! You said: Tell me a story "],
  ["run-stream --id ID --tag explain_stream", STEPS.map((step) => `${JSON.stringify(JSON.parse(step))}\n`).join("")],
  ["run-stream --host", "Hello anonymous! You said: Test message "],
];

describe("the commands of the README", () => {
  const lines = linesOf(fileURLToPath(new URL("../README.md", import.meta.url)), "runagent run");
  const calls = lines.filter((line) => (line.includes(" run") && !line.includes('"Hello"')) || line.startsWith("runagent run "));

  it("are the four that people type", () => {
    expect(calls).toEqual([
      'runagent run        --id ID --tag chat        --local --message="Hello"',
      'runagent run-stream --id ID --tag chat_stream --local --message="Tell me a story"',
      "runagent run-stream --id ID --tag explain_stream --input input.json",
      'runagent run-stream --host localhost --port 8080 --tag chat_stream --message="Test message"',
    ]);
  });

  it.each(CALLS)("%s", async (beginning, output) => {
    const line = calls.find((call) => call.replaceAll(/ +/g, " ").startsWith(`runagent ${beginning}`)) ?? "";
    const typed = line.replace(" ID ", ` ${ID} `).replace("8080", port);
    // The third one calls a server elsewhere.
    const elsewhere = typed.includes("--local") || typed.includes("--host") ? {} : { RUNAGENT_BASE_URL: `http://127.0.0.1:${port}` };
    expect(await shell(typed, elsewhere)).toBe(output);
  });
});

describe("the example's README", () => {
  const lines = linesOf(join(EXAMPLE, "README.md"), "runagent run");

  it.each(lines.map((line, index) => [line, CALLS[index]?.[1]] as const))("%s", async (line, output) => {
    expect(await shell(`ID=${ID}; ${line.replace("8450", port)}`)).toBe(output);
  });

  it("every kind of entrypoint", async () => {
    const run = (args: string): Promise<string> => shell(`runagent ${args} --id ${ID} --local`);
    expect(await run('run --tag count --text="one two"')).toBe('{"words":2,"letters":7}\n');
    expect(await run("run-stream --tag numbers_stream --upto:=4")).toBe("1\n2\n3\n4\n");
    expect(await run("run --tag app --prompt=p --deep:='{\"a\":[1]}'")).toBe(
      '{"app":"echo","args":[],"kwargs":{"prompt":"p","deep":{"a":[1]}}}\n',
    );
    expect(await run("run-stream --tag app_stream --prompt=ab")).toBe('{"text":"a"}\n{"text":"b"}\n');
    expect(await shell(`echo '[1, "two"]' | runagent run --tag app --input - --id ${ID} --local`)).toBe(
      '{"app":"echo","args":[1,"two"],"kwargs":{}}\n',
    );
  });

  it("what was printed and called is there to look at", async () => {
    expect(await shell(`runagent db logs --agent-id ${ID}`)).toContain("chat was asked: Hello");
    const invocations = await shell(`runagent invocations --agent-id ${ID} --output json`);
    const listed = invocations
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(listed.map(({ entrypoint_tag }) => entrypoint_tag)).toContain("explain_stream");
    expect(new Set(listed.map(({ status }) => status))).toEqual(new Set(["completed"]));
    expect(await shell("runagent db status")).toContain(ID);
  });
});
