import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { aborted, deferred, type Entrypoints, serveEntrypoints, serveOld } from "./served.ts";
import { createHome, run, start } from "./support.ts";

const ENTRYPOINTS: Entrypoints = {
  echo: (input, { args, userId, persistentMemory }) => ({ input, args, userId, persistentMemory }),
  give: ({ value }) => value,
};

describe("run", () => {
  it("prints a text as it is, and nothing else", async () => {
    const { address } = await serveEntrypoints({ chat: ({ message }) => `You said: ${message}` });
    const ended = await run(["run", ...address, "--tag", "chat", "--message=日本 🚂"]);
    expect(ended).toEqual({ exitCode: 0, signal: null, stdout: "You said: 日本 🚂\n", stderr: "" });
  });

  it.each<[string, string, string]>([
    ['"two\\nlines"', "two\nlines\n", '"two\\nlines"\n'],
    ['""', "\n", '""\n'],
    ['{"a":[1,null]}', '{"a":[1,null]}\n', '{"a":[1,null]}\n'],
    ["0", "0\n", "0\n"],
    ["null", "null\n", "null\n"],
    ["false", "false\n", "false\n"],
  ])("prints %s as text and as JSON", async (value, asText, asJson) => {
    const { address } = await serveEntrypoints(ENTRYPOINTS);
    const call = ["run", ...address, "--tag", "give", `--value:=${value}`];
    const [text, json] = await Promise.all([run(call), run([...call, "--output", "json"])]);
    expect([text.stdout, json.stdout]).toEqual([asText, asJson]);
  });

  it("gives the agent its arguments, and the server what concerns the call", async () => {
    const { address } = await serveEntrypoints(ENTRYPOINTS);
    const options = ["--user-id", "u1", "--persistent-memory", "--timeout", "20"];
    const words = ["--n=-5", "--flag", "--list:=[1]", "--empty=", "--__proto__=p", "--", "--id=7"];
    const { stdout, stderr } = await run(["run", ...address, "--tag", "echo", ...options, ...words]);
    expect(stderr).toBe("");
    expect(stdout).toBe(
      '{"input":{"n":"-5","flag":true,"list":[1],"empty":"","__proto__":"p","id":"7"},"args":[],"userId":"u1","persistentMemory":true}\n',
    );
  });

  it("speaks to servers of version 1", async () => {
    const { hostAndPort } = await serveOld();
    const { exitCode, stdout } = await run(["run", "--id", "old-1", ...hostAndPort, "--tag", "chat", "--message=hi"]);
    expect([exitCode, stdout]).toEqual([0, '{"reply":"hi"}\n']);
  });

  it("takes the key from the environment, and sends it", async () => {
    const { address } = await serveEntrypoints(ENTRYPOINTS, { apiKeys: ["k-1"] });
    const call = ["run", ...address, "--tag", "give", "--value=x"];
    const answers = await Promise.all([
      run(call, { env: { RUNAGENT_API_KEY: "k-1" } }),
      run([...call, "--api-key", "k-1"], { env: { RUNAGENT_API_KEY: "k-2" } }),
      run(call),
    ]);
    expect(answers.map(({ exitCode }) => exitCode)).toEqual([0, 0, 4]);
  });
});

describe("--input", () => {
  const folder = mkdtempSync(join(createHome(), "input-"));
  const write = (name: string, text: string | Uint8Array): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const echo = async (words: string[], input?: string): Promise<Record<string, unknown>> => {
    const { address } = await serveEntrypoints(ENTRYPOINTS);
    const { stdout, stderr } = await run(["run", ...address, "--tag", "echo", ...words], { ...(input !== undefined && { input }) });
    expect(stderr).toBe("");
    return JSON.parse(stdout);
  };

  it("holds named arguments, and those of the command line go over them", async () => {
    const file = write("named.json", '\ufeff{"a": 1, "b": {"c": [true]}, "__proto__": "p"}');
    const { input, args } = await echo(["--input", file, "--a=2"]);
    expect(JSON.stringify(input)).toBe('{"a":"2","b":{"c":[true]},"__proto__":"p"}');
    expect(args).toEqual([]);
  });

  it("holds positional arguments, beside named ones of the command line", async () => {
    expect(await echo(["--input", write("positional.json", '["x", 2]'), "--a=1"])).toMatchObject({ input: { a: "1" }, args: ["x", 2] });
  });

  it("may be standard input, to its end", async () => {
    const text = "x".repeat(300_000);
    expect(await echo(["--input", "-"], JSON.stringify({ text }))).toMatchObject({ input: { text } });
  });

  it.each<[string, () => string, RegExp]>([
    [
      "a file that is not there",
      () => join(folder, "none.json"),
      /^The input file .*none\.json cannot be read: there is no such file\.\n$/,
    ],
    ["a folder", () => folder, /cannot be read: it is a folder\.\n$/],
    ["what is no JSON", () => write("bad.json", '{\n  "a": 1,\n}'), /bad\.json is not valid JSON: line 3, column 1\.\n/],
    ["a number", () => write("number.json", "5"), /number\.json must hold a JSON object of named arguments .* not a number\.\n$/],
    ["nothing", () => write("empty.json", ""), /empty\.json is not valid JSON: line 1, column 1\.\n/],
    [
      "a number that would be another one",
      () => write("large.json", '{\n  "id": 12345678901234567890\n}'),
      /large\.json holds 12345678901234567890, a number that would lose digits on its way: line 2, column 9\.\nSend it as a text: "1234/,
    ],
    ["depth", () => write("deep.json", "[".repeat(100_000) + "]".repeat(100_000)), /deep\.json nests deeper than 1000 levels/],
    ["bytes that are no text", () => write("bytes.json", Uint8Array.of(0x22, 0xff, 0x22)), /bytes\.json is not UTF-8 text\.\n$/],
  ])("is refused before anything is sent: %s", async (_, file, message) => {
    const { hostAndPort, seen } = await serveOld();
    const { exitCode, stdout, stderr } = await run(["run-stream", ...hostAndPort, "--tag", "x_stream", "--input", file()]);
    expect([exitCode, stdout, seen]).toEqual([2, "", []]);
    expect(stderr).toMatch(message);
  });
});

describe("run, interrupted", () => {
  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("by %s cancels the invocation", async (signal) => {
    const [running, stopped] = [deferred(), deferred()];
    const { address } = await serveEntrypoints({
      async slow(_, ctx) {
        running.resolve();
        await aborted(ctx.signal);
        stopped.resolve();
      },
    });
    const command = start(["run", ...address, "--tag", "slow"]);
    await running.promise;
    command.signal(signal);
    const { exitCode, stdout, stderr } = await command.ended;
    expect([exitCode, stdout, stderr]).toEqual([130, "", "Cancelling… (Ctrl-C again to leave at once)\nCancelled.\n"]);
    await stopped.promise;
  });

  it("after its time is over", async () => {
    const stopped = deferred();
    const { address } = await serveEntrypoints({ slow: (_, ctx) => aborted(ctx.signal).then(() => stopped.resolve()) });
    const { exitCode, stderr } = await run(["run", ...address, "--tag", "slow", "--timeout", "0.2"]);
    expect(exitCode).toBe(6);
    expect(stderr).toMatch(/^error: TIMEOUT: .+\n.+\ninvocation [0-9a-f]{32}\n$/);
    await stopped.promise;
  });
});
