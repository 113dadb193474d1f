import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import type { AgentContext } from "@runagent/server";
import { describe, expect, it } from "vitest";
import { aborted, deferred, type Entrypoints, serveEntrypoints, serveOld, startProxy } from "./served.ts";
import { environment, PROGRAM, run, start } from "./support.ts";

const ENTRYPOINTS: Entrypoints = {
  *words_stream({ message }) {
    for (const word of String(message).split(" ")) yield `${word} `;
  },
  *mixed_stream() {
    yield* ["a", { x: 1 }, "b\n", [1, "\n"], null, "", 0, "c"];
  },
  *halves_stream() {
    // An emoji that was cut in two, as a model's tokens may be.
    for (const half of ["x", ..."🚂é"[Symbol.iterator]()].flatMap((part) => part.split(""))) yield half;
  },
  *events_stream(_, ctx) {
    yield "one\n";
    ctx.emit({ type: "run_item_event", name: "tool_called", item: { tool: "search", q: "a\nb\u001b[2J" } });
    ctx.emit({ type: "raw_response_event", name: "response.output_text.delta", data: { delta: "o" } });
    ctx.emit({ type: "agent_updated", agent: { name: "Writer" } });
    ctx.emit({ type: "turn_completed", turn: 1 });
    ctx.emit({ type: "custom", level: 3 });
    yield "two\n";
  },
  *failing_stream() {
    yield "one ";
    throw new Error("The tool broke.\nAt once.");
  },
};

describe("run-stream", () => {
  it("writes chunks of text as they are, and nothing else", async () => {
    const { address } = await serveEntrypoints(ENTRYPOINTS);
    const ended = await run(["run-stream", ...address, "--tag", "words_stream", "--message=Once upon 日本 🚂"]);
    expect(ended).toEqual({ exitCode: 0, signal: null, stdout: "Once upon 日本 🚂 ", stderr: "" });
  });

  it("writes each chunk when it comes", async () => {
    const next = deferred();
    const { address } = await serveEntrypoints({
      async *slow_stream() {
        yield "first";
        await next.promise;
        yield " second";
      },
    });
    const command = start(["run-stream", ...address, "--tag", "slow_stream"]);
    await command.prints(/^first$/);
    next.resolve();
    expect((await command.ended).stdout).toBe("first second");
  });

  it("writes values other than text as a line of JSON each", async () => {
    const { address } = await serveEntrypoints(ENTRYPOINTS);
    const { stdout } = await run(["run-stream", ...address, "--tag", "mixed_stream"]);
    expect(stdout).toBe('a\n{"x":1}\nb\n[1,"\\n"]\nnull\n0\nc');
  });

  it("joins characters that were cut in two", async () => {
    const { address } = await serveEntrypoints(ENTRYPOINTS);
    const { stdout } = await run(["run-stream", ...address, "--tag", "halves_stream"]);
    expect(stdout).toBe("x🚂é");
  });

  it("writes every record as a line of JSON with --output json", async () => {
    const { address } = await serveEntrypoints(ENTRYPOINTS);
    const { stdout, stderr } = await run(["run-stream", ...address, "--tag", "events_stream", "--output", "json"]);
    const records = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(records.map(({ type, seq }) => [type, seq])).toEqual([
      ["data", 1],
      ...[2, 3, 4, 5, 6].map((seq) => ["event", seq]),
      ["data", 7],
      ["status", 8],
    ]);
    expect(records[0]).toEqual({ type: "data", seq: 1, content: "one\n" });
    expect(records[7]).toMatchObject({ status: "stream_completed", total_chunks: 2 });
    expect(stderr).toBe("");
  });

  it("shows events on standard error with --events, a line each", async () => {
    const { address } = await serveEntrypoints(ENTRYPOINTS);
    const { stdout, stderr } = await run(["run-stream", ...address, "--tag", "events_stream", "--events"]);
    expect(stdout).toBe("one\ntwo\n");
    expect(stderr.split("\n")).toEqual([
      'tool_called {"tool":"search","q":"a\\nb\\u001b[2J"}',
      'response.output_text.delta {"delta":"o"}',
      "agent_updated Writer",
      "turn_completed 1",
      'custom {"level":3}',
      "",
    ]);
  });

  it("says what went wrong after the chunks that came before, also as a record", async () => {
    const { address } = await serveEntrypoints(ENTRYPOINTS);
    const call = ["run-stream", ...address, "--tag", "failing_stream"];
    const [asText, asJson] = await Promise.all([run(call), run([...call, "--output", "json"])]);
    expect([asText.exitCode, asText.stdout]).toEqual([1, "one "]);
    expect(asText.stderr).toMatch(/^error: EXECUTION_ERROR: The tool broke\. At once\.\n.+\ninvocation [0-9a-f]{32}\n$/);
    const [, failure] = asJson.stdout.trimEnd().split("\n");
    expect(JSON.parse(failure ?? "")).toMatchObject({
      type: "error",
      error: { code: "EXECUTION_ERROR", message: "The tool broke.\nAt once.", retryable: false },
    });
    expect(asJson.exitCode).toBe(1);
  });

  it("speaks to servers of version 1", async () => {
    const { hostAndPort } = await serveOld();
    const ended = await run(["run-stream", "--id", "old-1", ...hostAndPort, "--tag", "chat_stream"]);
    expect(ended).toMatchObject({ exitCode: 0, stdout: "one two", stderr: "" });
  });

  it("ends with the time that it was given", async () => {
    const { address } = await serveEntrypoints({
      async *slow_stream(_, ctx) {
        yield "one";
        await aborted(ctx.signal);
      },
    });
    const { exitCode, stdout, stderr } = await run(["run-stream", ...address, "--tag", "slow_stream", "--timeout", "0.3"]);
    expect([exitCode, stdout]).toEqual([6, "one"]);
    expect(stderr).toMatch(/^error: TIMEOUT: /);
  });
});

describe("a connection that is lost", () => {
  it("is made again, and said so; no chunk is missing", async () => {
    const next = deferred();
    const { server } = await serveEntrypoints({
      async *slow_stream() {
        yield "one ";
        await next.promise;
        yield "two";
      },
    });
    const proxy = await startProxy(server.port);
    const command = start(["run-stream", "--id", "a1", "--port", String(proxy.port), "--tag", "slow_stream"]);
    await command.prints(/one /);
    proxy.drop();
    await command.prints(/Reconnected\./, "stderr");
    next.resolve();
    const { exitCode, stdout, stderr } = await command.ended;
    expect([exitCode, stdout]).toEqual([0, "one two"]);
    expect(stderr).toMatch(/^(Reconnecting: .+\n)+Reconnected\.\n$/);
  });

  it("because the key has expired: says from where to go on, and that works as it stands there", async () => {
    const next = deferred();
    const { address } = await serveEntrypoints(
      {
        async *slow_stream() {
          yield "one ";
          await next.promise;
          yield "two";
        },
      },
      { apiKeys: (token) => ({ id: "u1", ...(token === "short" && { expiresAt: Date.now() + 300 }) }) },
    );
    const { exitCode, stdout, stderr } = await run(["run-stream", ...address, "--tag", "slow_stream", "--api-key", "short"]);
    expect([exitCode, stdout]).toEqual([4, "one "]);
    const [, position = ""] = /^error: AUTHENTICATION_ERROR: .+\n.+\nGo on with: runagent resume (\S+)\n$/.exec(stderr) ?? [];
    next.resolve();
    expect(await run(["resume", position], { env: { RUNAGENT_API_KEY: "long" } })).toMatchObject({
      exitCode: 0,
      stdout: "two",
      stderr: "",
    });
  });
});

describe("who reads", () => {
  async function* forever(_: unknown, ctx: AgentContext): AsyncGenerator<string> {
    for (let n = 0; !ctx.signal.aborted; n++) {
      yield `line ${n}\n`;
      await new Promise(setImmediate);
    }
  }

  it("may go: the invocation is cancelled, and nothing is said", async () => {
    const stopped = deferred();
    const { address } = await serveEntrypoints({
      async *forever_stream(input, ctx) {
        void aborted(ctx.signal).then(() => stopped.resolve());
        yield* forever(input, ctx);
      },
    });
    const command = start(["run-stream", ...address, "--tag", "forever_stream"]);
    await command.prints(/line 0\n/);
    command.child.stdout.destroy();
    expect(await command.ended).toMatchObject({ exitCode: 0, signal: null, stderr: "" });
    await stopped.promise;
  });

  it("may go while the agent is silent: it is seen at the next chunk", async () => {
    const next = deferred();
    const stopped = deferred();
    const { address } = await serveEntrypoints({
      async *quiet_stream(_, ctx) {
        yield "one";
        await next.promise;
        yield "two";
        await aborted(ctx.signal);
        stopped.resolve();
      },
    });
    const command = start(["run-stream", ...address, "--tag", "quiet_stream"]);
    await command.prints(/one/);
    command.child.stdout.destroy();
    next.resolve();
    expect(await command.ended).toMatchObject({ exitCode: 0, stderr: "" });
    await stopped.promise;
  });

  it("may be slow: the agent is, too", async () => {
    let yielded = 0;
    const { address } = await serveEntrypoints({
      async *much_stream() {
        for (; yielded < 5_000; yielded++) yield "x".repeat(10_000);
      },
    });
    const command = start(["run-stream", ...address, "--tag", "much_stream"]);
    await command.prints(/x/);
    command.child.stdout.pause();
    let last = -1;
    await expect
      .poll(
        () => {
          const still = last === yielded;
          last = yielded;
          return still;
        },
        { interval: 300, timeout: 15_000 },
      )
      .toBe(true);
    // 50 MB in all; what waits between the two ends is a few.
    expect(yielded).toBeLessThan(2_000);
    command.child.stdout.resume();
    const { exitCode, stdout } = await command.ended;
    expect([exitCode, stdout.length]).toEqual([0, 50_000_000]);
  });

  it.each(["run", "run-stream"])("may have no room: that is an error of %s", async (command) => {
    const { address } = await serveEntrypoints({ forever_stream: forever, chat: () => "hi" });
    const tag = command === "run" ? "chat" : "forever_stream";
    const { code, stderr } = await runWithoutRoom(command, ...address, "--tag", tag);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^error: Standard output cannot be written: ENOSPC.*\n$/)]);
  });

  it("may have no room for a position: that is an error, too", async () => {
    const { address } = await serveEntrypoints({ forever_stream: forever });
    const { code, stderr } = await runWithoutRoom("run-stream", ...address, "--tag", "forever_stream", "--detach");
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Left running\. Go on with: runagent resume \S+\nerror: Standard output cannot be written: ENOSPC/);
  });

  /** Its standard output is a disk that is full. */
  async function runWithoutRoom(...args: string[]): Promise<{ readonly code: unknown; readonly stderr: string }> {
    const shell = spawn("sh", ["-c", 'exec "$0" "$@" > /dev/full', process.execPath, PROGRAM, ...args], { env: environment() });
    const [stderr, code] = await Promise.all([text(shell.stderr), new Promise((resolve) => shell.on("close", resolve))]);
    return { code, stderr };
  }
});
