import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { serveScript } from "../../client/test/harness.ts";
import { columnAfter } from "../src/terminal/column.ts";
import { escapeControls, toOneLine } from "../src/terminal/escape.ts";
import { aborted, deferred, serveEntrypoints, startProxy } from "./served.ts";
import { createHome, run } from "./support.ts";
import { Screen, type Size, startInTerminal } from "./terminal.ts";

const SIZE: Size = { rows: 8, columns: 60 };
const seed = Number(process.env.TEST_SEED ?? 20_268);

/** What stands on a terminal after an agent has given these chunks. */
async function show(
  chunks: readonly unknown[],
  env: Record<string, string> = {},
): Promise<{ output: string; lines: string[]; exitCode: number | null }> {
  const { address } = await serveEntrypoints({
    async *given_stream() {
      for (const chunk of chunks) {
        yield chunk;
        // So that they do not all come at once.
        await new Promise(setImmediate);
      }
    },
  });
  const { stdout, exitCode } = await startInTerminal(["run-stream", ...address, "--tag", "given_stream"], SIZE, { env }).ended;
  return { output: stdout, exitCode, lines: new Screen(SIZE).write(stdout).lines.filter((line) => line !== "") };
}

describe("on a terminal", () => {
  it("there is a spinner, then a status line below the text, and the last one stays", async () => {
    const [begin, go] = [deferred(), deferred()];
    const { address } = await serveEntrypoints({
      async *story_stream() {
        await begin.promise;
        yield "Once upon ";
        await go.promise;
        yield "a time";
      },
    });
    const command = startInTerminal(["run-stream", ...address, "--tag", "story_stream"], SIZE);
    const lines = (): string[] => new Screen(SIZE).write(command.stdout).lines.filter((line) => line !== "");
    await command.prints(/Waiting for story_stream/);
    begin.resolve();
    await expect.poll(lines).toEqual(["Once upon", expect.stringMatching(/^1 chunk · \d\.\d s$/)]);
    go.resolve();
    const { exitCode } = await command.ended;
    expect(exitCode).toBe(0);
    expect(lines()).toEqual(["Once upon a time", expect.stringMatching(/^Completed · 2 chunks · [\d.]+ chunks\/s · \d\.\d s$/)]);
    expect(new Screen(SIZE).write(command.stdout).cursorHidden).toBe(false);
  });

  it("the text stands as it would alone, however it is cut, wraps and scrolls", async () => {
    const word = fc.constantFrom("word ", "日本語", "é", "🚂", "a\tb ", "\n", "x".repeat(59), "y".repeat(61), ".", "👩‍👩‍👧 ");
    const [chunks = []] = fc.sample(
      fc.array(
        fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join("")),
        { minLength: 60, maxLength: 60 },
      ),
      {
        seed,
        numRuns: 1,
      },
    );
    const { lines } = await show(chunks);
    const alone = new Screen(SIZE).write(chunks.join("").replaceAll("\n", "\r\n")).lines.filter((line) => line !== "");
    expect(lines.slice(0, -1), `seed ${seed}`).toEqual(alone);
    expect(lines.at(-1)).toMatch(/^Completed · 60 chunks/);
  });

  it("nothing moves in a line whose width terminals disagree on, until the next one begins", async () => {
    const { output } = await show(["ok ✔️ ", "more ", "end\n", "last"]);
    expect(output).toContain("ok ✔️ more end\r\n");
    expect(output).toContain("last");
  });

  it("nothing moves after the terminal has another size, until the next line begins", async () => {
    const [go, end] = [deferred(), deferred()];
    const { address } = await serveEntrypoints({
      async *slow_stream() {
        yield "one ";
        await go.promise;
        yield "two";
        await end.promise;
      },
    });
    const command = startInTerminal(["run-stream", ...address, "--tag", "slow_stream"], SIZE);
    await command.prints(/1 chunk/);
    command.child.kill("SIGUSR1");
    let before = "";
    const isErased = (): boolean => {
      const still = command.stdout === before;
      before = command.stdout;
      // It would be written anew after a tenth of a second.
      return still && before.endsWith("\u001b[J");
    };
    await expect.poll(isErased, { interval: 300, timeout: 10_000 }).toBe(true);
    go.resolve();
    await command.prints(/two$/);
    expect(command.stdout.slice(before.length)).toBe("two");
    end.resolve();
    expect((await command.ended).stdout.slice(before.length)).toMatch(/^two\r\n.*Completed · 2 chunks/);
  });

  it("control characters of chunks are shown, not obeyed", async () => {
    const { lines } = await show(["\u001b[31mred\u001b[2J", "\u0007\u009b1A\b", { "\u009b": "\u001b" }]);
    expect(lines.slice(0, -1)).toEqual(["\\u001b[31mred\\u001b[2J\\u0007\\u009b1A\\u0008", '{"\\u009b":"\\u001b"}']);
  });

  it.each<[string, Record<string, string>]>([
    ["NO_COLOR", { NO_COLOR: "1" }],
    ["a terminal that can do nothing", { TERM: "dumb" }],
  ])("nothing moves and nothing is coloured with %s; control characters are shown all the same", async (_, env) => {
    const { output, exitCode } = await show(["one ", "two\n", "\u001b[31mred"], env);
    expect([exitCode, output]).toEqual([0, "one two\r\n\\u001b[31mred\r\n"]);
  });

  it("Ctrl-C cancels, and the terminal is left as it was", async () => {
    const { address } = await serveEntrypoints({
      async *slow_stream(_, ctx) {
        yield "one ";
        await aborted(ctx.signal);
      },
    });
    const command = startInTerminal(["run-stream", ...address, "--tag", "slow_stream"], SIZE);
    await command.prints(/1 chunk/);
    command.child.stdin.write("\u0003");
    const { exitCode, stdout } = await command.ended;
    const screen = new Screen(SIZE).write(stdout);
    expect(exitCode).toBe(130);
    expect(screen.lines.filter((line) => line !== "")).toEqual([
      "one ^C",
      "Cancelling… (Ctrl-C again to leave at once)",
      "Cancelled.",
      expect.stringMatching(/^Cancelled · 1 chunk · /),
    ]);
    expect(screen.cursorHidden).toBe(false);
  });

  it("Ctrl-C twice leaves it as it was, too", async () => {
    const started = deferred();
    const server = await serveScript({
      async stream(peer) {
        await peer.next();
        started.resolve();
      },
    });
    const address = ["--id", "a1", "--host", "127.0.0.1", "--port", String(server.port)];
    const command = startInTerminal(["run-stream", ...address, "--tag", "slow_stream"], SIZE);
    await Promise.all([command.prints(/Waiting for slow_stream/), started.promise]);
    command.child.stdin.write("\u0003");
    await command.prints(/Cancelling…/);
    command.child.stdin.write("\u0003");
    const { exitCode, stdout } = await command.ended;
    expect(exitCode).toBe(130);
    expect(new Screen(SIZE).write(stdout).cursorHidden).toBe(false);
  });

  it("a lost connection shows in the status line", async () => {
    const go = deferred();
    const { server } = await serveEntrypoints({
      async *slow_stream() {
        yield "one ";
        await go.promise;
        yield "two";
      },
    });
    const proxy = await startProxy(server.port);
    const command = startInTerminal(["run-stream", "--id", "a1", "--port", String(proxy.port), "--tag", "slow_stream"], SIZE);
    await command.prints(/1 chunk/);
    proxy.drop();
    await command.prints(/reconnecting \(attempt 1\)…/);
    await command.prints(/\d reconnects? · [\d.]+ s(?! · reconnecting)/);
    go.resolve();
    const { stdout } = await command.ended;
    const lines = new Screen(SIZE).write(stdout).lines.filter((line) => line !== "");
    expect(lines).toEqual(["one two", expect.stringMatching(/^Completed · 2 chunks · .+ · \d reconnects? · /)]);
  });

  it("a connection that is lost before the first chunk shows beside the spinner", async () => {
    const server = createServer((socket) => void socket.on("error", () => {}).destroy()).listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const command = startInTerminal(["run-stream", "--id", "a1", "--port", String(port), "--tag", "slow_stream"], SIZE);
    await command.prints(/Waiting for slow_stream · reconnecting \(attempt \d+\)…/);
  });

  it("run has a spinner, its result, and the time it took", async () => {
    const go = deferred();
    const { address } = await serveEntrypoints({
      async chat() {
        await go.promise;
        return "Hello\u0007";
      },
    });
    const command = startInTerminal(["run", ...address, "--tag", "chat"], SIZE);
    await command.prints(/Waiting for chat/);
    go.resolve();
    const { stdout } = await command.ended;
    const lines = new Screen(SIZE).write(stdout).lines.filter((line) => line !== "");
    expect(lines).toEqual(["Hello\\u0007", expect.stringMatching(/^Completed · \d\.\d s$/)]);
  });

  it("events stand between the chunks, and errors are red", async () => {
    const { address } = await serveEntrypoints({
      *failing_stream(_, ctx) {
        yield "one";
        ctx.emit({ type: "turn_completed", turn: 1 });
        throw new Error("It broke.");
      },
    });
    const { exitCode, stdout } = await startInTerminal(["run-stream", ...address, "--tag", "failing_stream", "--events"], SIZE).ended;
    const lines = new Screen(SIZE).write(stdout).lines.filter((line) => line !== "");
    expect(exitCode).toBe(1);
    expect(lines.slice(0, 4)).toEqual([
      "one",
      "turn_completed 1",
      expect.stringMatching(/^Failed · 1 chunk/),
      "error: EXECUTION_ERROR: It broke.",
    ]);
    expect(stdout).toContain("\u001b[31merror: EXECUTION_ERROR");
  });

  it("piped output has nothing of it, whatever the terminal", async () => {
    const { address } = await serveEntrypoints({
      *given_stream() {
        yield "\u001b[31mred\u0007";
      },
    });
    const env = { TERM: "xterm-256color", FORCE_COLOR: "1" };
    expect(await run(["run-stream", ...address, "--tag", "given_stream"], { env, home: createHome() })).toMatchObject({
      stdout: "\u001b[31mred\u0007",
      stderr: "",
    });
  });
});

describe("the column of a cursor", () => {
  it("is that of a terminal", () => {
    const cell = fc.constantFrom("a", "bc", " ", "日", "é", "🚂", "\t", "\n", "\r", "x".repeat(19));
    fc.assert(
      fc.property(fc.array(fc.array(cell).map((cells) => cells.join(""))), (texts) => {
        const screen = new Screen({ rows: 4, columns: 20 });
        let column: number | undefined = 0;
        for (const text of texts) {
          column = columnAfter(text, column, 20);
          screen.write(text.replaceAll(/\r?\n/g, "\r\n"));
          if (column !== undefined) expect(column).toBe(screen.column);
        }
      }),
      { seed },
    );
  });
});

describe("the column of a cursor that nobody knows", () => {
  it.each([
    ["emoji", "ok ✔️"],
    ["marks that join", "e\u0301"],
    ["what a carriage return goes back over", "abc\rZ"],
    ["a tab at the margin", `${"x".repeat(17)}\t`],
  ])("is none, until the next line begins: %s", (_, text) => {
    expect(columnAfter(text, 0, 20)).toBeUndefined();
    expect(columnAfter("more", undefined, 20)).toBeUndefined();
    expect(columnAfter(`${text}\n“é” — 日本…`, 0, 20)).toBe(11);
  });
});

describe("text of others", () => {
  it("is made harmless, and JSON stays the same JSON", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const json = JSON.stringify(text);
        expect(JSON.parse(escapeControls(json))).toBe(text);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
        expect(toOneLine(text)).not.toMatch(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/);
      }),
      { seed },
    );
  });
});
