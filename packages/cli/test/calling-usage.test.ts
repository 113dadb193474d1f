import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { EXIT } from "../src/exit-codes.ts";
import { freePort, serveEntrypoints, serveOld } from "./served.ts";
import { run } from "./support.ts";

const ID = ["--id", "a1", "--local"];

describe("a tag that does not fit the command", () => {
  it("is refused by run-stream, word for word as the deployed command does", async () => {
    const ended = await run(["run-stream", ...ID, "--tag", "chat", "--message=hi"]);
    const stderr = "Streaming command requires entrypoint tag ending with '_stream'. Got: chat\n";
    expect(ended).toEqual({ exitCode: 2, signal: null, stdout: "", stderr });
  });

  it("is refused by run", async () => {
    const { exitCode, stderr } = await run(["run", ...ID, "--tag", "chat_stream"]);
    expect(exitCode).toBe(2);
    expect(stderr).toBe(
      "Non-streaming command requires entrypoint tag without '_stream'. Got: chat_stream\nWith _stream: runagent run-stream\n",
    );
  });
});

describe("a command that was typed wrong", () => {
  const STREAM = ["run-stream", ...ID, "--tag", "x_stream"];

  it.each<[string, string[], RegExp]>([
    ["no tag", ["run-stream", ...ID], /Pass --tag TAG, such as --tag chat_stream/],
    ["no address", ["run", "--tag", "chat"], /Pass --id ID, with --local .*, or --host HOST --port PORT/],
    ["two places", [...STREAM, "--base-url", "https://example.com"], /--base-url and --local name two places/],
    [
      "two places by host",
      ["run", "--id", "a", "--tag", "t", "--host", "h", "--base-url", "https://e.com"],
      /--base-url and --host name two/,
    ],
    [
      "a timeout that is none",
      [...STREAM, "--timeout", "abc"],
      /'--timeout <seconds>' argument 'abc' is invalid\. It must be a number of seconds/,
    ],
    ["a timeout of nothing", [...STREAM, "--timeout=0"], /argument '0' is invalid/],
    ["a timeout that is too short", [...STREAM, "--timeout=0.0001"], /argument '0\.0001' is invalid\. .* from 0\.001 to 999999999/],
    ["a timeout with an exponent", [...STREAM, "--timeout=1e3"], /argument '1e3' is invalid\. .* in digits such as 90 or 0\.5\./],
    ["a timeout below nothing", [...STREAM, "--timeout", "-5"], /argument '-5' is invalid/],
    [
      "a port too high",
      [...STREAM, "--port", "99999"],
      /'--port <port>' argument '99999' is invalid\. It must be a whole number from 1 to 65535/,
    ],
    ["a port with letters", [...STREAM, "--port", "80a"], /argument '80a' is invalid/],
    ["an output of another kind", [...STREAM, "--output", "yaml"], /argument 'yaml' is invalid\. Allowed choices are text, json/],
    ["a flag with a value", [...STREAM, "--local=yes"], /^The option --local takes no value: write --local alone\.\n/],
    ["a flag with a value, of another command", ["db", "logs", "--agent-id", "a", "--follow=true"], /^The option --follow takes no value/],
    ["an option without its value", ["run", "--tag"], /Option '--tag <tag>' argument missing/],
    ["an id that is none", ["run", "--id", "a/b", "--tag", "chat", "--port", "1"], /^--id is "a\/b", which is not an id\.\nUse 1 to 128/],
    ["an empty host", ["run", "--id", "a", "--tag", "chat", "--host", ""], /^--host must be a string that is not empty\.\n$/],
    [
      "a host with a port",
      ["run", "--id", "a", "--tag", "chat", "--host", "h:80"],
      /^"h:80" is not the name or the number of a host\.\nPass/,
    ],
    ["a host with a scheme", ["run", "--id", "a", "--tag", "chat", "--host", "http://h"], /^"http:\/\/h" is not the name.+\n.* --base-url/],
    [
      "an address that is none",
      ["run", "--id", "a", "--tag", "chat", "--base-url", "ftp://x"],
      /^--base-url is not an http or https address/,
    ],
    ["a word without dashes", [...STREAM, "hello"], /^"hello" is no argument: write --name=value\.\nFor example --message=hello\n$/],
    ["an argument twice", [...STREAM, "--a=1", "--a=2"], /^The argument a is given twice\.\n/],
    ["an argument that is no JSON", [...STREAM, "--n:=x"], /^The argument n is not valid JSON: /],
    ["a position that is none", ["resume", "nonsense", "--port", "1", "--id", "a"], /"nonsense" is no position/],
    [
      "a position of an unknown place",
      ["resume", "cmEyOmU6MDppbnYtMQ"],
      /It is not known here where invocation inv-1 runs\.\nPass --host HOST/,
    ],
    ["an invocation of an unknown place", ["cancel", "inv-1"], /It is not known here where invocation inv-1 runs\.\nPass --host HOST/],
    ["no position", ["resume"], /Missing required argument 'position'/],
    ["an option that resume does not have", ["resume", "x", "--message=hi"], /Unknown option '--message=hi'/],
    ["what is no id of an invocation", ["cancel", "../x"], /^"\.\.\/x" is neither the id of an invocation nor a position\.\n/],
    ["help of an unknown command", ["help", "db", "nope"], /^Unknown command 'db nope'\n/],
    ["an unknown command", ["run-steam"], /Unknown command 'run-steam'\n\(Did you mean run-stream\?\)/],
    ["no command", [], /Usage: runagent \[options\] \[command\]/],
  ])("ends with code 2 and says what to type: %s", async (_, args, message) => {
    const { exitCode, stdout, stderr } = await run(args);
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(message);
  });

  it("sends nothing", async () => {
    const { hostAndPort, seen } = await serveOld();
    const wrong = [
      ["--tag", "chat"],
      ["--tag", "x_stream", "hello"],
      ["--tag", "x_stream", "--n:=x"],
      ["--tag", "x_stream", "--input", "none.json"],
    ];
    const ended = await Promise.all(wrong.map((args) => run(["run-stream", ...hostAndPort, ...args])));
    expect(ended.map(({ exitCode }) => exitCode)).toEqual([2, 2, 2, 2]);
    expect(seen).toEqual([]);
  });

  it("names a variable of the environment that is wrong", async () => {
    const { exitCode, stderr } = await run(["run", "--id", "a1", "--tag", "chat"], {
      env: { RUNAGENT_LOCAL: "true", RUNAGENT_PORT: "eighty" },
    });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^RUNAGENT_PORT must be a number above 0, not "eighty"\.\n/);
  });

  it("never shows a key", async () => {
    const { exitCode, stdout, stderr } = await run(["run", "--id", "a1", "--tag", "chat", "--port", "1", "--api-key", "my secret"]);
    expect(exitCode).toBe(2);
    expect(stdout + stderr).not.toContain("secret");
  });
});

describe("errors", () => {
  it.each<[string, string[], number, RegExp]>([
    ["an agent that is not there", ["--id", "a2", "--tag", "chat"], EXIT.notFound, /^error: AGENT_NOT_FOUND: .+\nCheck --id/],
    [
      "an entrypoint that is not there",
      ["--id", "a1", "--tag", "chatt"],
      EXIT.notFound,
      /^error: ENTRYPOINT_NOT_FOUND: .+\nUse one of: chat/,
    ],
    ["an argument that the agent refuses", ["--id", "a1", "--tag", "picky"], EXIT.failed, /^error: EXECUTION_ERROR: No\.\n/],
    [
      "a wrong key",
      ["--id", "a1", "--tag", "chat", "--api-key", "s3cret-wrong"],
      EXIT.notAllowed,
      /^error: AUTHENTICATION_ERROR: .+\nPass a valid key with --api-key/,
    ],
  ])("have a code, a message, a suggestion and an exit code of their own: %s", async (_, args, code, message) => {
    const { server } = await serveEntrypoints(
      {
        chat: () => "hi",
        picky() {
          throw new Error("No.");
        },
      },
      { apiKeys: ["k-1"] },
    );
    const { exitCode, stdout, stderr } = await run(["run", "--port", String(server.port), ...args], { env: { RUNAGENT_API_KEY: "k-1" } });
    expect([exitCode, stdout]).toEqual([code, ""]);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n").length).toBeLessThanOrEqual(3);
    expect(stderr).not.toMatch(/k-1|s3cret/);
  });

  it.each(["run", "run-stream"])("of %s with nobody at the address", async (command) => {
    const port = await freePort();
    const { exitCode, stderr } = await run([command, "--id", "a1", "--port", port, "--tag", command === "run" ? "chat" : "chat_stream"]);
    expect(exitCode).toBe(5);
    expect(stderr).toMatch(
      /^error: CONNECTION_ERROR: No answer from .+127\.0\.0\.1:\d+: nothing listens there \(ECONNREFUSED\)\.\nCheck --host and --port/,
    );
  });

  it("say where they come from with RUNAGENT_DEBUG alone", async () => {
    const call = ["run", "--id", "a1", "--port", "1", "--tag", "chat"];
    const [quiet, debug] = await Promise.all([run(call), run(call, { env: { RUNAGENT_DEBUG: "1" } })]);
    expect(quiet.stderr).not.toContain("    at ");
    expect(debug.stderr).toContain("    at ");
  });
});

describe("help", () => {
  it("of the program lists commands, exit codes and variables", async () => {
    const { exitCode, stdout } = await run(["--help"]);
    expect(exitCode).toBe(0);
    for (const code of Object.values(EXIT)) expect(stdout).toMatch(new RegExp(`^  ${code} `, "m"));
    for (const name of ["run", "run-stream", "resume", "decide", "cancel"]) expect(stdout).toMatch(new RegExp(`^  ${name} `, "m"));
    for (const name of ["API_KEY", "BASE_URL", "LOCAL", "HOST", "PORT", "TIMEOUT", "USER_ID", "CACHE_DIR"])
      expect(stdout).toContain(`RUNAGENT_${name}`);
    expect(stdout).toContain("NO_COLOR");
  });

  it.each(["run", "run-stream", "resume", "decide", "cancel"])("of %s shows its options and examples", async (name) => {
    const [asked, byCommand] = await Promise.all([run([name, "--help"]), run(["help", name])]);
    expect([asked.exitCode, asked.stderr]).toEqual([0, ""]);
    expect(asked.stdout).toMatch(/--api-key <key>[\s\S]*Examples:\n {2}runagent /);
    expect(byCommand.stdout).toBe(asked.stdout);
  });

  it("of a command of two words is found", async () => {
    const [asked, byCommand] = await Promise.all([run(["db", "logs", "--help"]), run(["help", "db", "logs"])]);
    expect(byCommand).toEqual(asked);
    expect(asked.stdout).toMatch(/^Usage: runagent db logs/);
  });

  it("is shown whatever else stands there, but for what stands after --", async () => {
    const { exitCode, stdout } = await run(["run", "hello", "--help"]);
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining("Usage: runagent run")]);
    expect(await run(["run", "--id", "a", "--tag", "chat", "--port", "1", "--", "--help"])).toMatchObject({ exitCode: 5 });
  });

  it("has the version of the package", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
    expect((await run(["--version"])).stdout).toBe(`${version}\n`);
  });
});
