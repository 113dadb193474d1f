import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { defineAgent } from "@runagent/server";
import { describe, expect, it, onTestFinished } from "vitest";
import { deferred, serveAgents, serveEntrypoints, serveOld } from "./served.ts";
import { createHome, run, start } from "./support.ts";

const chat = (text: string): { chat: () => string; chat_stream: () => string[] } => ({ chat: () => text, chat_stream: () => [text] });

describe("--host and --port without --id", () => {
  it("ask the server which agent it serves", async () => {
    const { hostAndPort } = await serveEntrypoints(chat("hi"));
    const [once, stream] = await Promise.all([
      run(["run", ...hostAndPort, "--tag", "chat"]),
      run(["run-stream", "--host", "localhost", ...hostAndPort.slice(2), "--tag", "chat_stream"]),
    ]);
    expect([once.stdout, stream.stdout]).toEqual(["hi\n", "hi"]);
  });

  it("show the key", async () => {
    const { hostAndPort } = await serveEntrypoints(chat("hi"), { apiKeys: ["k-1"] });
    const call = ["run-stream", ...hostAndPort, "--tag", "chat_stream"];
    const answers = await Promise.all([
      run([...call, "--api-key", "k-1"]),
      run(call, { env: { RUNAGENT_API_KEY: " k-1 " } }),
      run([...call, "--api-key", "k-2"]),
    ]);
    expect(answers.map(({ exitCode, stdout }) => [exitCode, stdout])).toEqual([
      [0, "hi"],
      [0, "hi"],
      [4, ""],
    ]);
  });

  it("ask a server of version 1, too", async () => {
    const { hostAndPort, seen } = await serveOld();
    const { exitCode, stdout } = await run(["run-stream", ...hostAndPort, "--tag", "chat_stream"]);
    expect([exitCode, stdout]).toEqual([0, "one two"]);
    expect(seen).toEqual(["GET /api/v1", "GET /api/v1/health", "GET /api/v1/agents/old-1/run-stream"]);
  });

  it("take the agent that has the entrypoint, where there are several, and otherwise name them", async () => {
    const { port } = await serveAgents([
      defineAgent({ id: "a1", entrypoints: { hello: () => "a1", both: () => "a1" } }),
      defineAgent({ id: "a2", entrypoints: { bye: () => "a2", both: () => "a2" } }),
    ]);
    const [bye, both, none] = await Promise.all(["bye", "both", "none"].map((tag) => run(["run", "--port", String(port), "--tag", tag])));
    expect(bye).toMatchObject({ exitCode: 0, stdout: "a2\n" });
    expect(both).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/more than one with the entrypoint both\.\nPass --id: one of a1, a2\.\n$/),
    });
    expect(none).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/none with the entrypoint none\.\nPass --id: one of a1, a2\.\n$/),
    });
  });

  it.each<[string, number, string, number, RegExp]>([
    [
      "is none of ours",
      200,
      "<html>",
      1,
      /^error: PROTOCOL_ERROR: .+ does not answer as a RunAgent server does \(HTTP 200\)\.\nCheck --host and --port/,
    ],
    [
      "says nothing of agents",
      200,
      '{"status":"ok"}',
      3,
      /^error: AGENT_NOT_FOUND: .+ does not say which agent it serves\.\nPass --id\.\n$/,
    ],
    ["has an agent with an id that is none", 200, '{"agent_id":"../x"}', 3, /does not say which agent it serves/],
    ["fails", 500, '{"detail":"It broke."}', 1, /^error: SERVER_ERROR: It broke\.\n/],
    ["repeats the key", 403, '{"detail":"k-s3cret may not"}', 4, /^error: PERMISSION_ERROR: \[key\] may not\n/],
  ])("are told of a server that %s", async (_, status, body, code, message) => {
    const server = createServer((_request, response) => response.writeHead(status).end(body)).listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const { exitCode, stderr } = await run(["run", "--port", String(port), "--tag", "chat", "--api-key", "k-s3cret"]);
    expect(exitCode).toBe(code);
    expect(stderr).toMatch(message);
  });

  it.each(["run", "run-stream"])("wait no longer than the call may take: %s", async (command) => {
    const port = await serveSilence(() => {});
    const began = performance.now();
    const tag = command === "run" ? "chat" : "chat_stream";
    const { exitCode, stderr } = await run([command, "--port", port, "--tag", tag, "--timeout", "0.5"]);
    expect(performance.now() - began).toBeLessThan(8_000);
    expect(exitCode).toBe(6);
    expect(stderr).toMatch(
      /^error: TIMEOUT: .+ did not say within the time of the call which agent it serves\.\nAllow more with --timeout.+\n$/,
    );
  });

  it("leave the rest of its time to the call", async () => {
    const port = await serveSilence((request, response) => {
      // The question is answered, late; the call never.
      if (request.method === "GET") setTimeout(() => response.end('{"agents":[{"agent_id":"a1"}]}'), 700);
    });
    const { exitCode, stderr } = await run(["run", "--port", port, "--tag", "chat", "--timeout", "1.5"]);
    const [, left] = /^error: TIMEOUT: .+ did not answer within (\d+) ms\.\n/.exec(stderr) ?? [];
    expect(exitCode).toBe(6);
    expect(Number(left)).toBeLessThanOrEqual(800);
  });

  it("may be called off while they ask", async () => {
    const asked = deferred();
    const port = await serveSilence(() => asked.resolve());
    const command = start(["run-stream", "--port", port, "--tag", "chat_stream"]);
    await asked.promise;
    command.signal("SIGINT");
    expect(await command.ended).toMatchObject({
      exitCode: 130,
      stdout: "",
      stderr: "Cancelling… (Ctrl-C again to leave at once)\nCancelled.\n",
    });
  });
});

/** A server that answers nothing by itself. @returns Its port. */
async function serveSilence(onRequest: RequestListener): Promise<string> {
  const server = createServer(onRequest).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return String(port);
}

/** As `runagent serve` writes it down. */
function register(home: string, agentId: string, port: number, more: Record<string, unknown> = {}): void {
  const folder = join(home, ".runagent/agents", agentId);
  mkdirSync(folder, { recursive: true });
  const agent = {
    agent_id: agentId,
    agent_name: agentId,
    version: "1.0.0",
    folder: "/agents/a1",
    host: "127.0.0.1",
    port,
    pid: process.pid,
  };
  writeFileSync(join(folder, "agent.json"), JSON.stringify({ ...agent, started_at: new Date().toISOString(), ...more }));
}

describe("--local", () => {
  it("finds an agent of this machine by its id", async () => {
    const { server } = await serveEntrypoints(chat("hi"));
    const home = createHome();
    register(home, "a1", server.port);
    const [once, stream, byVariable] = await Promise.all([
      run(["run", "--id", "a1", "--tag", "chat", "--local"], { home }),
      run(["run-stream", "--id", "a1", "--tag", "chat_stream", "--local", "--message=Hello"], { home }),
      run(["run-stream", "--id", "a1", "--tag", "chat_stream"], { home, env: { RUNAGENT_LOCAL: "true" } }),
    ]);
    expect([once.stdout, stream.stdout, byVariable.stdout]).toEqual(["hi\n", "hi", "hi"]);
  });

  it("looks where RUNAGENT_CACHE_DIR says", async () => {
    const { server } = await serveEntrypoints(chat("hi"));
    const home = createHome();
    register(home, "a1", server.port);
    const env = { RUNAGENT_CACHE_DIR: join(home, ".runagent") };
    expect(await run(["run", "--id", "a1", "--tag", "chat", "--local"], { env })).toMatchObject({ exitCode: 0, stdout: "hi\n" });
  });

  it.each(["run", "run-stream"])("says how to serve an agent that is not known here: %s", async (command) => {
    const tag = command === "run" ? "chat" : "chat_stream";
    const { exitCode, stderr } = await run([command, "--id", "nobody-knows-this-one", "--tag", tag, "--local"]);
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(
      /^error: AGENT_ADDRESS_NOT_FOUND: Agent nobody-knows-this-one is not known on this machine.+\n.*runagent serve <folder>/,
    );
  });

  it("says that an agent is served no more", async () => {
    const home = createHome();
    register(home, "a1", 8450, { stopped_at: new Date().toISOString() });
    const { exitCode, stderr } = await run(["run", "--id", "a1", "--tag", "chat", "--local"], { home });
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/^error: AGENT_ADDRESS_NOT_FOUND: .+\n.*runagent serve \/agents\/a1/);
  });

  it("says where an address is from that nobody has typed", async () => {
    const home = createHome();
    register(home, "a1", 1);
    expect(await run(["run", "--id", "a1", "--tag", "chat", "--local"], { home })).toMatchObject({
      exitCode: 5,
      stderr: expect.stringMatching(
        /^error: CONNECTION_ERROR: .+\nIt is where process \d+ has registered the agent\. Look at it with `runagent db status --agent-id a1`/,
      ),
    });
  });
});

describe("--base-url", () => {
  it("says where a server is, and so does RUNAGENT_BASE_URL", async () => {
    const { server } = await serveEntrypoints(chat("hi"));
    const answers = await Promise.all([
      run(["run", "--id", "a1", "--tag", "chat", "--base-url", server.url]),
      run(["run-stream", "--id", "a1", "--tag", "chat_stream", "--base-url", `${server.url}/api/v1/`]),
      run(["run-stream", "--id", "a1", "--tag", "chat_stream"], { env: { RUNAGENT_BASE_URL: server.url } }),
    ]);
    expect(answers.map(({ stdout }) => stdout)).toEqual(["hi\n", "hi", "hi"]);
  });

  it.each([
    ["run", "--id", "a1", "--tag", "chat"],
    ["run-stream", "--id", "a1", "--tag", "chat_stream"],
    ["cancel", "i1"],
  ])("that leads beside the API is what is to be looked at: %s", async (...call) => {
    const { server } = await serveEntrypoints(chat("hi"));
    const { exitCode, stdout, stderr } = await run([...call, "--base-url", `${server.url}/foo`]);
    expect([exitCode, stdout]).toEqual([3, ""]);
    expect(stderr).toMatch(
      /^error: AGENT_ADDRESS_NOT_FOUND: There is no RunAgent server at .+\/foo\/api\/v1: .+\nCheck the path of --base-url/,
    );
  });
});
