/** How errors are told: in words of the command, on standard error and as records. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type ErrorCode, RunAgentError, type RunAgentErrorOptions } from "@runagent/core";
import { defineAgent } from "@runagent/server";
import { describe, expect, it, onTestFinished } from "vitest";
import { inTurn, RESUMABLE, serveScript } from "../../client/test/harness.ts";
import { inCommandWords } from "../src/terminal/command-words.ts";
import { freePort, serveAgents, serveEntrypoints } from "./served.ts";
import { createHome, type Ended, run } from "./support.ts";

describe("an error of a library", () => {
  const CHECK = "Check --host and --port, or --base-url, and that `runagent serve` runs there.";

  it.each<[ErrorCode, string, RunAgentErrorOptions, string, string | undefined]>([
    ["TIMEOUT", "Not open after 9 ms (connectTimeoutMs).", {}, "Not open after 9 ms.", CHECK],
    ["TIMEOUT", "No record came for 9 ms (idleTimeoutMs).", {}, "No record came for 9 ms.", "Look at why the agent is silent."],
    ["TIMEOUT", "No end (timeoutMs).", {}, "No end (--timeout).", "Allow more with --timeout, or look at why the agent is slow."],
    ["CONNECTION_ERROR", "Not accepted in 9 ms (connectTimeoutMs); a proxy.", {}, "Not accepted in 9 ms; a proxy.", CHECK],
    [
      "PAYLOAD_TOO_LARGE",
      "The body is larger than 9 bytes (maxBodyBytes).",
      { origin: "wire" },
      "The body is larger than 9 bytes.",
      "Send less, such as the path of a file in place of what it holds.",
    ],
    [
      "PAYLOAD_TOO_LARGE",
      "The answer is larger than 9 bytes (maxServerFrameBytes).",
      {},
      "The answer is larger than 9 bytes.",
      "Have the agent give less at once.",
    ],
    [
      "PROTOCOL_ERROR",
      "No server.",
      { suggestion: "Check host, port or baseUrl: another server may be there." },
      "No server.",
      "Check --host and --port, or --base-url: another server may be there.",
    ],
    [
      "CONNECTION_ERROR",
      "It redirects.",
      { suggestion: "Set baseUrl to that address." },
      "It redirects.",
      "Pass that address with --base-url.",
    ],
    ["VALIDATION_ERROR", "It is wrong.", {}, "It is wrong.", undefined],
    ["VALIDATION_ERROR", "n is wrong.", { field: "n" }, "n is wrong.", "Correct the named field; the same request will fail again."],
    ["EXECUTION_ERROR", "Mine (maxBodyBytes).", {}, "Mine (maxBodyBytes).", "Read the message; the agent's log has the rest."],
  ])("%s: %s", (code, text, options, message, suggestion) => {
    expect(inCommandWords(new RunAgentError(code, text, options))).toEqual({ message, suggestion });
  });
});

describe("--output json", () => {
  const failureOf = ({ stdout }: Ended): unknown => JSON.parse(stdout);

  it("has the error of a stream that could not begin, as standard error tells it", async () => {
    const call = ["run-stream", "--tag", "x_stream", "--output", "json"];
    const unasked = await run([...call, "--port", await freePort()]);
    expect([unasked.exitCode, failureOf(unasked)]).toMatchObject([5, { type: "error", error: { code: "CONNECTION_ERROR" } }]);
    const unknown = await run([...call, "--id", "nobody", "--local"]);
    expect([unknown.exitCode, failureOf(unknown)]).toMatchObject([
      3,
      {
        type: "error",
        error: {
          code: "AGENT_ADDRESS_NOT_FOUND",
          message: expect.stringContaining("not known on this machine"),
          suggestion: "Start the agent with `runagent serve <folder>`, or pass --host and --port.",
        },
      },
    ]);
  });

  it("has that of a server with several agents, too", async () => {
    const agents = ["a1", "a2"].map((id) => defineAgent({ id, entrypoints: { x_stream: () => ["x"] } }));
    const { port } = await serveAgents(agents);
    const ended = await run(["run-stream", "--port", String(port), "--tag", "x_stream", "--output", "json"]);
    expect([ended.exitCode, failureOf(ended)]).toMatchObject([
      2,
      { type: "error", error: { code: "VALIDATION_ERROR", suggestion: "Pass --id: one of a1, a2." } },
    ]);
  });
});

describe("an invocation", () => {
  it.each(["run", "run-stream"])("is named only where there may be one: not after %s at another server", async (command) => {
    const server = createServer((_, response) => response.end("<html>")).listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    const { port } = server.address() as AddressInfo;
    const tag = command === "run" ? "chat" : "chat_stream";
    const { exitCode, stderr } = await run([command, "--id", "a1", "--port", String(port), "--tag", tag, "--timeout", "1"]);
    expect(exitCode).toBeGreaterThan(0);
    expect(stderr).toMatch(/^error: /);
    expect(stderr).not.toContain("\ninvocation ");
  });

  it("that a server does not know any more was lost, not mistyped", async () => {
    const { port } = await serveScript({
      stream: inTurn(
        async (peer) => {
          await peer.accept(RESUMABLE);
          peer.send({ type: "data", seq: 1, content: "one " });
          peer.socket.terminate();
        },
        async (peer) => {
          await peer.next();
          peer.send({ type: "error", error: { code: "INVOCATION_NOT_FOUND", message: "There is no such invocation here." } });
        },
      ),
    });
    const { exitCode, stdout, stderr } = await run(["run-stream", "--id", "a1", "--port", String(port), "--tag", "x_stream"]);
    expect([exitCode, stdout]).toEqual([5, "one "]);
    expect(stderr).toMatch(/error: STREAM_TRUNCATED: The connection was lost, and .+\nStart it again, if the agent may run twice\.\n$/);
  });

  it("is cancelled where it was left, whatever agent is named", async () => {
    const { address } = await serveEntrypoints({ x_stream: (_, { signal }) => forever(signal) });
    const home = createHome();
    const { stdout } = await run(["run-stream", ...address, "--tag", "x_stream", "--detach"], { home });
    expect(await run(["cancel", stdout.trim(), "--id", "a1"], { home })).toMatchObject({
      exitCode: 0,
      stderr: expect.stringMatching(/is cancelled\.\n$/),
    });
  });
});

async function* forever(signal: AbortSignal): AsyncGenerator<string> {
  while (!signal.aborted) {
    yield "x";
    await new Promise(setImmediate);
  }
}
