import type { AgentContext } from "@runagent/server";
import { describe, expect, it } from "vitest";
import { readAnswer } from "../src/calling/approval-prompt.ts";
import { shellWord } from "../src/calling/shell-word.ts";
import { deferred, type Entrypoints, type Served, serveEntrypoints } from "./served.ts";
import { createHome, type Ended, run, start } from "./support.ts";

// What a script does with approvals; the questions of a terminal are in approval-terminal.test.ts.

async function ask(ctx: AgentContext, amount: number): Promise<string> {
  const { decision, reason, decidedBy } = await ctx.requireApproval({ tool_name: "pay", arguments: { amount }, expiresIn: 3600 });
  return `${[decision, reason, decidedBy].filter((part) => part !== undefined).join(" ")}\n`;
}

const ENTRYPOINTS: Entrypoints = {
  async *pay_stream(_, ctx) {
    yield "one\n";
    yield await ask(ctx, 5);
    yield await ask(ctx, 6);
  },
  async *both_stream(_, ctx) {
    yield* await Promise.all([ask(ctx, 1), ask(ctx, 2)]);
  },
};

const serve = (options?: Parameters<typeof serveEntrypoints>[1]): Promise<Served> => serveEntrypoints(ENTRYPOINTS, options);
const GO_ON = /runagent resume (\S+) --approve (\S+)/;

/** The position that a command has ended at. */
const positionOf = ({ stderr }: Ended): string => GO_ON.exec(stderr)?.[1] ?? "";

/** The id of what it asked first. */
const idOf = ({ stderr }: Ended): string => GO_ON.exec(stderr)?.[2] ?? "";

describe("a stream that comes to an approval, with nobody to ask", () => {
  it("ends with a code of its own, says what waits and what to type; and that works as it stands there", async () => {
    const { address } = await serve();
    const home = createHome();
    const ended = await run(["run-stream", ...address, "--tag", "pay_stream"], { home });
    expect([ended.exitCode, ended.stdout]).toEqual([7, "one\n"]);
    const position = positionOf(ended);
    const id = idOf(ended);
    expect(ended.stderr.split("\n")).toEqual([
      "The agent waits for a decision:",
      expect.stringMatching(/^ {2}ap-1-[0-9a-f]{8} pay \{"amount":5\}, until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/),
      `Go on with: runagent resume ${position} --approve ${id}`,
      `        or: runagent resume ${position} --reject ${id} --reason "…"`,
      "",
    ]);
    const next = await run(["resume", position, "--approve", id], { home });
    expect([next.exitCode, next.stdout]).toEqual([7, "approve anybody\n"]);
    expect(next.stderr).toContain(`${idOf(next)} pay {"amount":6}`);
    const last = await run(["resume", positionOf(next), `--reject=${idOf(next)}`, "--reason", "Too dear."], { home });
    expect(last).toMatchObject({ exitCode: 0, stdout: "reject Too dear. anybody\n", stderr: "" });
    // From the first position on it is all there, and nothing waits.
    expect(await run(["resume", position], { home })).toMatchObject({
      exitCode: 0,
      stdout: "approve anybody\nreject Too dear. anybody\n",
      stderr: "",
    });
  });

  it("names all that waits, and takes several decisions at once", async () => {
    const { address } = await serve();
    const home = createHome();
    const ended = await run(["run-stream", ...address, "--tag", "both_stream", "--on-approval", "stop"], { home });
    const position = positionOf(ended);
    const [, first = "", second = ""] =
      /^Go on with: runagent resume \S+ --approve (ap-1-\w+) --approve (ap-2-\w+)$/m.exec(ended.stderr) ?? [];
    const rest = await run(["resume", position, "--approve", second, "--reject", first], { home });
    expect(rest).toMatchObject({ exitCode: 0, stdout: "reject anybody\napprove anybody\n" });
  });

  it("gives the same as a record", async () => {
    const { address } = await serve();
    const { exitCode, stdout } = await run(["run-stream", ...address, "--tag", "pay_stream", "--output", "json"]);
    const records = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(exitCode).toBe(7);
    expect(records.map(({ type }) => type)).toEqual(["data", "event", "error"]);
    expect(records[2].error).toMatchObject({
      code: "APPROVAL_REQUIRED",
      cursor: expect.any(String),
      details: { requests: [{ approvalId: expect.stringMatching(/^ap-1-/), tool_name: "pay", arguments: { amount: 5 } }] },
    });
  });

  it("says it where the position cannot be kept", async () => {
    const { address } = await serve();
    const env = { RUNAGENT_CACHE_DIR: "/dev/null/none" };
    const { exitCode, stderr } = await run(["run-stream", ...address, "--tag", "pay_stream"], { env });
    expect(exitCode).toBe(7);
    expect(stderr).toMatch(/Where it runs could not be kept on this machine: pass the address again then\.\n$/);
    const waiting = start(["run-stream", ...address, "--tag", "pay_stream", "--on-approval=wait"], { env });
    await waiting.prints(/ --approve\nWhere it runs could not be kept on this machine: pass the address, too\.\n$/, "stderr");
  });
});

describe("--on-approval", () => {
  it.each([
    ["approve", "approve anybody\napprove anybody\n", "Approved"],
    ["reject", "reject anybody\nreject anybody\n", "Rejected"],
  ])("%s decides all, and says so", async (how, stdout, word) => {
    const { address } = await serve();
    const ended = await run(["run-stream", ...address, "--tag", "pay_stream", "--on-approval", how]);
    expect([ended.exitCode, ended.stdout]).toEqual([0, `one\n${stdout}`]);
    const told = [5, 6].map((amount, index) =>
      expect.stringMatching(new RegExp(`^${word}: ap-${index + 1}-\\w+ pay {"amount":${amount}}, until .*$`)),
    );
    expect(ended.stderr.split("\n")).toEqual([...told, ""]);
  });

  it("wait leaves it to others, and says by whom it was decided", async () => {
    const { address, server } = await serve();
    const home = createHome();
    const command = start(["run-stream", ...address, "--tag", "pay_stream", "--on-approval=wait"], { home });
    const [, first = ""] = await command.prints(/\nDecide with: (runagent decide \S+ ap-1-\w+ --approve)\n/, "stderr");
    // As it stands there; from another machine with the address.
    expect(await run([...first.split(" ").slice(1), "--reason", "fine"], { home })).toMatchObject({ exitCode: 0 });
    const place = ["--port", String(server.port)];
    const [, invocationId = "", second = ""] = await command.prints(
      /\nDecide with: runagent decide (\S+) (ap-2-\w+) --approve\n/,
      "stderr",
    );
    expect(await run(["decide", invocationId, second, "--reject", ...place], { home: createHome() })).toMatchObject({
      exitCode: 0,
      stdout: "",
      stderr: `Approval ${second} of invocation ${invocationId} is rejected.\n`,
    });
    const { exitCode, stdout, stderr } = await command.ended;
    expect([exitCode, stdout]).toEqual([0, "one\napprove fine anybody\nreject anybody\n"]);
    expect(stderr).toMatch(/^approval_decided ap-1-\w+ approve by anybody \(fine\)$/m);
    expect(stderr.endsWith(`approval_decided ${second} reject by anybody\n`)).toBe(true);
  });

  it("ask needs a terminal", async () => {
    for (const more of [[], ["--input", "-"]]) {
      const { exitCode, stderr } = await run([
        "run-stream",
        "--id",
        "a1",
        "--port",
        "1",
        "--tag",
        "x_stream",
        "--on-approval=ask",
        ...more,
      ]);
      expect([exitCode, stderr]).toEqual([2, expect.stringMatching(/^--on-approval ask needs a terminal/)]);
    }
  });

  it("--events shows what was asked and decided, once", async () => {
    const { address } = await serve();
    const { stderr } = await run(["run-stream", ...address, "--tag", "pay_stream", "--events", "--on-approval", "approve"]);
    expect(stderr.match(/^approval_required ap-1-\w+ pay \{"amount":5\}$/gm)).toHaveLength(1);
    expect(stderr.match(/^approval_decided ap-1-\w+ approve by anybody$/gm)).toHaveLength(1);
  });
});

describe("decide", () => {
  it("tells who comes too late what was decided, and by whom", async () => {
    const { address, server } = await serve({
      apiKeys: (token) => ({ id: token, name: token === "k-ann" ? "Ann" : "Ben" }),
      mayDecide: () => true,
    });
    const home = createHome();
    const keyOf = (name: string) => ({ home, env: { RUNAGENT_API_KEY: name } });
    const ended = await run(["run-stream", ...address, "--tag", "pay_stream"], keyOf("k-ben"));
    const position = positionOf(ended);
    // A position names its invocation, and it is known here where it runs.
    const decide = (...options: string[]): Promise<Ended> => run(["decide", position, idOf(ended), ...options], keyOf("k-ann"));
    expect(await decide("--reject", "--reason", "Too dear.")).toMatchObject({
      exitCode: 0,
      stderr: expect.stringMatching(/ is rejected\.\n$/),
    });
    expect(await decide("--reject")).toMatchObject({ exitCode: 0, stderr: expect.stringMatching(/ had been rejected already\.\n$/) });
    const late = await decide("--approve");
    expect(late.exitCode).toBe(1);
    expect(late.stderr).toBe(
      `error: ALREADY_DECIDED: The approval "${idOf(ended)}" was decided before: reject.\nIt was decided by Ann: Too dear.\n`,
    );
    const lost = await run(["resume", position, "--approve", idOf(ended), "--port", String(server.port)], keyOf("k-ben"));
    expect(lost.exitCode).toBe(1);
    expect(lost.stderr).toMatch(/^error: ALREADY_DECIDED: .*\nIt was decided by Ann: Too dear\.\nGo on with: runagent resume \S+\n$/);
    const rest = await run(["resume", position, "--on-approval=reject"], keyOf("k-ben"));
    expect(rest.stdout).toBe("reject Too dear. Ann\nreject Ben\n");
  });

  it("of what does not wait, or by one who may not, is refused", async () => {
    const { address, server } = await serve({ apiKeys: ["k-1", "k-2"] });
    const home = createHome();
    const first = { home, env: { RUNAGENT_API_KEY: "k-1" } };
    const asked = await run(["run-stream", ...address, "--tag", "pay_stream"], first);
    const position = positionOf(asked);
    const unknown = await run(["decide", position, "ap-9", "--approve"], first);
    expect([unknown.exitCode, unknown.stderr]).toEqual([2, expect.stringMatching(/^error: VALIDATION_ERROR: No approval "ap-9" waits/)]);
    const mistyped = await run(["resume", position, "--approve", "ap-9"], first);
    expect([mistyped.exitCode, mistyped.stderr]).toEqual([2, expect.stringMatching(/\nGo on with: runagent resume \S+\n$/)]);
    const other = await run(["decide", position, idOf(asked), "--approve"], { home, env: { RUNAGENT_API_KEY: "k-2" } });
    expect([other.exitCode, other.stderr]).toEqual([3, expect.stringMatching(/^error: INVOCATION_NOT_FOUND: /)]);
    const elsewhere = await run(["decide", "inv-1", idOf(asked), "--approve", "--port", String(server.port)], first);
    expect(elsewhere.exitCode).toBe(3);
  });
});

it("Ctrl-C cancels while others are waited for", async () => {
  const stopped = deferred();
  const { address } = await serveEntrypoints({
    async *pay_stream(_, ctx) {
      await ctx.requireApproval({ tool_name: "pay" }).catch(() => stopped.resolve());
      yield "never";
    },
  });
  const command = start(["run-stream", ...address, "--tag", "pay_stream", "--on-approval", "wait"]);
  await command.prints(/Decide with/, "stderr");
  command.signal("SIGINT");
  expect(await command.ended).toMatchObject({ exitCode: 130, stdout: "" });
  await stopped.promise;
});

it("the time of a call does not end the wait without a word", async () => {
  const { address } = await serve();
  const command = start(["run-stream", ...address, "--tag", "pay_stream", "--on-approval=wait", "--timeout", "0.5"]);
  expect(await command.ended).toMatchObject({ exitCode: 6, stderr: expect.stringContaining("error: TIMEOUT: ") });
});

describe("what was typed wrong", () => {
  const resume = ["resume", "cmEyOmU6MDppbnYtMQ", "--port", "1", "--id", "a1"];
  it.each<[string, string[], RegExp]>([
    ["both of one", [...resume, "--approve", "ap-1", "--reject", "ap-1"], /^ap-1 cannot be approved and rejected\.\n/],
    ["a reason of nothing", [...resume, "--reason", "so"], /^--reason belongs to a decision\.\nPass --approve ID/],
    ["a decision and --detach", [...resume, "--approve", "ap-1", "--detach"], /^--detach leaves before .+\nDecide with runagent decide/],
    ["another word", [...resume, "--on-approval", "maybe"], /Allowed choices are ask, stop, wait, approve, reject/],
    ["no decision", ["decide", "inv-1", "ap-1", "--port", "1"], /^It is not said what is decided\.\nPass --approve or --reject\.\n/],
    ["two decisions", ["decide", "inv-1", "ap-1", "--port", "1", "--approve", "--reject"], /^--approve and --reject are two decisions\./],
    ["no approval", ["decide", "inv-1", "--approve"], /Missing required argument 'approval'/],
    ["an unknown place", ["decide", "inv-1", "ap-1", "--approve"], /It is not known here where invocation inv-1 runs\./],
  ])("%s", async (_, args, message) => {
    const { exitCode, stderr } = await run(args);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(message);
  });
});

describe("an answer", () => {
  it.each([
    ["y", "approve"],
    [" YES ", "approve"],
    ["", "reject"],
    ["n", "reject"],
    ["No", "reject"],
    ["no  Too dear. ", { decision: "reject", reason: "Too dear." }],
    ["l", "later"],
    ["later", "later"],
    ["yes but less", undefined],
    ["ok", undefined],
    ["yn", undefined],
    ["later maybe", undefined],
  ])("%j means %j", (line, answer) => {
    expect(readAnswer(line)).toEqual(answer);
  });
});

it("a name from a server is no command", () => {
  expect(["ap-1", "a.b:c", "$(rm x)", "a'b", "", "~x", "a\nb"].map(shellWord)).toEqual([
    ...["ap-1", "a.b:c", "'$(rm x)'", "'a'\\''b'", "''", "'~x'", "'a b'"],
  ]);
});
