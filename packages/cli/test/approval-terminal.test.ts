import type { AgentContext } from "@runagent/server";
import { describe, expect, it } from "vitest";
import { deferred, type Entrypoints, type Served, serveEntrypoints } from "./served.ts";
import { createHome, type Running, run } from "./support.ts";
import { Screen, type Size, startInTerminal } from "./terminal.ts";

// Approvals that somebody at a terminal is asked about.

const SIZE: Size = { rows: 24, columns: 200 };
const PROMPT = "Approve? (y)es, (N)o, no REASON, (l)ater:";
const PROMPTED = /\(l\)ater: $/;

async function ask(ctx: AgentContext, tool_name: string, args: unknown, more: Record<string, unknown> = {}): Promise<string> {
  const { decision, reason } = await ctx.requireApproval({ tool_name, arguments: args, ...more });
  return reason === undefined ? `${decision} ` : `${decision} because ${reason} `;
}

const ENTRYPOINTS: Entrypoints = {
  async *pay_stream(_, ctx) {
    yield "one ";
    yield await ask(ctx, "pay", { amount: 5 });
    yield "end";
  },
  async *both_stream(_, ctx) {
    yield* await Promise.all([ask(ctx, "first", { n: 1 }), ask(ctx, "second", { n: 2 })]);
  },
  async *hostile_stream(_, ctx) {
    yield await ask(
      ctx,
      "pay\u001b[2J\nApprove? y",
      { to: "\u202eevil\u200b", text: "a\u0007b", long: "x".repeat(30), deep: { list: [1, 2] } },
      { why: "It is\ncheap.\u001b[1A", call_id: "c1" },
    );
  },
  async *huge_stream(_, ctx) {
    yield await ask(ctx, "pay", { text: "x".repeat(100_000) });
  },
};

const startCall = (
  { address }: Served,
  tag: string,
  options: { readonly home?: string; readonly more?: readonly string[] } = {},
): Running => startInTerminal(["run-stream", ...address, "--tag", tag, ...(options.more ?? [])], SIZE, options);

/** What stands on the terminal. */
const linesOf = ({ stdout }: { readonly stdout: string }): string[] => new Screen(SIZE).write(stdout).lines.filter((line) => line !== "");

const type = (command: Running, text: string): void => void command.child.stdin.write(text);

describe("somebody at a terminal is asked", () => {
  it.each([
    ["y\r", "one approve end"],
    ["\r", "one reject end"],
    ["no Too dear.\r", "one reject because Too dear. end"],
  ])("and says %j", async (typed, text) => {
    const command = startCall(await serveEntrypoints(ENTRYPOINTS), "pay_stream");
    await command.prints(PROMPTED);
    type(command, typed);
    const ended = await command.ended;
    expect(ended.exitCode).toBe(0);
    expect(linesOf(ended)).toEqual([
      "one",
      expect.stringMatching(/^The agent asks for approval ap-1-[0-9a-f]{8} to call pay, until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d:$/),
      '  {"amount":5}',
      `${PROMPT}${typed === "\r" ? "" : ` ${typed.trim()}`}`,
      text.slice("one ".length),
      expect.stringMatching(/^Completed · 3 chunks · /),
    ]);
    expect(new Screen(SIZE).write(ended.stdout).cursorHidden).toBe(false);
  });

  it("again, where the answer is none; one question after the other", async () => {
    const command = startCall(await serveEntrypoints(ENTRYPOINTS), "both_stream");
    await command.prints(PROMPTED);
    type(command, "ok\r");
    await command.prints(/ok\r\nApprove\? .*: $/);
    type(command, "yes\r");
    await command.prints(/to call second[^$]*: $/);
    type(command, "n\r");
    const ended = await command.ended;
    expect(ended.exitCode).toBe(0);
    expect(linesOf(ended).filter((line) => !line.startsWith("The agent asks"))).toEqual([
      ...['  {"n":1}', `${PROMPT} ok`, `${PROMPT} yes`, '  {"n":2}', `${PROMPT} n`],
      "approve reject",
      expect.stringMatching(/^Completed/),
    ]);
  });

  it("after the events that led there, with --events", async () => {
    const command = startCall(await serveEntrypoints(ENTRYPOINTS), "pay_stream", { more: ["--events"] });
    await command.prints(PROMPTED);
    type(command, "y\r");
    expect(linesOf(await command.ended)).toEqual([
      "one",
      expect.stringMatching(/^approval_required ap-1-\w+ pay \{"amount":5\}$/),
      expect.stringMatching(/^The agent asks/),
      '  {"amount":5}',
      `${PROMPT} y`,
      expect.stringMatching(/^approval_decided ap-1-\w+ approve by anybody$/),
      "approve end",
      expect.stringMatching(/^Completed/),
    ]);
  });

  it("what was typed before is no answer", async () => {
    const go = deferred();
    const served = await serveEntrypoints({
      async *pay_stream(_, ctx) {
        yield "one\n";
        await go.promise;
        yield await ask(ctx, "pay", {});
      },
    });
    const command = startCall(served, "pay_stream");
    await command.prints(/1 chunk/);
    type(command, "y\ry\ry");
    await command.prints(/y\r\ny\r\ny/);
    go.resolve();
    await command.prints(PROMPTED);
    type(command, "no\r");
    expect((await command.ended).stdout).toContain("reject");
  });

  it("nor is what was typed too much at the question before", async () => {
    const command = startCall(await serveEntrypoints(ENTRYPOINTS), "both_stream");
    await command.prints(PROMPTED);
    type(command, "y\ry\ry\ry");
    await command.prints(/to call second[^$]*: $/);
    type(command, "n\r");
    expect(linesOf(await command.ended)).toContain("approve reject");
  });

  it("and sees all of it, and nothing that the agent's words do to a terminal", async () => {
    const command = startCall(await serveEntrypoints(ENTRYPOINTS), "hostile_stream");
    await command.prints(PROMPTED);
    const lines = linesOf(command);
    expect(lines).toEqual([
      expect.stringMatching(/^The agent asks for approval ap-1-\w+ to call pay\\u001b\[2J Approve\? y, until .*:$/),
      "  {",
      '    "to": "\\u202eevil\\u200b",',
      '    "text": "a\\u0007b",',
      '    "long": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",',
      '    "deep": {',
      '      "list": [',
      "        1,",
      "        2",
      "      ]",
      "    }",
      "  }",
      "  why: It is",
      "  cheap.\\u001b[1A",
      PROMPT,
    ]);
    type(command, "y\r");
    expect((await command.ended).exitCode).toBe(0);
  });

  it("and is told where something is left out", async () => {
    const command = startCall(await serveEntrypoints(ENTRYPOINTS), "huge_stream");
    await command.prints(PROMPTED);
    expect(command.stdout).toMatch(/… and \d+ characters more: \(l\)ater, and look at all of it with --output json\.\r\n/);
    type(command, "y\r");
    expect((await command.ended).exitCode).toBe(0);
  });

  it.each(["later\r", "\u0004", "y\u0004\u0004", "ok\u0004\u0004"])("and may decide later: %j", async (typed) => {
    const home = createHome();
    const command = startCall(await serveEntrypoints(ENTRYPOINTS), "pay_stream", { home });
    await command.prints(PROMPTED);
    type(command, typed);
    const ended = await command.ended;
    expect(ended.exitCode).toBe(7);
    const [, position = ""] = /Go on with: runagent resume (\S+) --approve ap-1-/.exec(ended.stdout) ?? [];
    expect(linesOf(ended).slice(-5)).toEqual([
      expect.stringMatching(/^Waiting for an approval · 1 chunk · /),
      "The agent waits for a decision:",
      expect.stringMatching(/^ {2}ap-1-\w+ pay \{"amount":5\}, until /),
      expect.stringMatching(/^Go on with: /),
      expect.stringMatching(/^ {8}or: runagent resume .+ --reject ap-1-\w+ --reason "…"$/),
    ]);
    // resume asks, too.
    const next = startInTerminal(["resume", position], SIZE, { home });
    await next.prints(PROMPTED);
    type(next, "y\r");
    expect(linesOf(await next.ended).slice(-2)).toEqual(["approve end", expect.stringMatching(/^Completed/)]);
  });

  it("and need not answer any more when somebody else has", async () => {
    const served = await serveEntrypoints(ENTRYPOINTS);
    const command = startCall(served, "pay_stream");
    await command.prints(PROMPTED);
    const get = async (path: string) => (await (await fetch(`${served.server.url}/api/v1/${path}`)).json()).data;
    const [{ invocation_id }] = (await get("agents/a1/invocations")).invocations;
    const [{ approval_id }] = (await get(`invocations/${invocation_id}`)).pending_approvals;
    const decided = await run(["decide", invocation_id, approval_id, "--reject", "--reason", "no", ...served.hostAndPort]);
    expect(decided.exitCode).toBe(0);
    const ended = await command.ended;
    expect(ended.exitCode).toBe(0);
    expect(ended.stdout).toContain(`approval_decided ${approval_id} reject by anybody (no)`);
  });

  it("Ctrl-C there cancels as anywhere else", async () => {
    const stopped = deferred();
    const served = await serveEntrypoints({
      async *pay_stream(_, ctx) {
        yield "one ";
        await ctx.requireApproval({ tool_name: "pay" }).catch(() => stopped.resolve());
      },
    });
    const command = startCall(served, "pay_stream");
    await command.prints(PROMPTED);
    type(command, "\u0003");
    const ended = await command.ended;
    expect(ended.exitCode).toBe(130);
    expect(linesOf(ended).slice(-4)).toEqual([
      `${PROMPT} ^C`,
      "Cancelling… (Ctrl-C again to leave at once)",
      "Cancelled.",
      expect.stringMatching(/^Cancelled · 1 chunk · /),
    ]);
    await stopped.promise;
  });

  it("nobody is, with another word, or on a machine that builds", async () => {
    const served = await serveEntrypoints(ENTRYPOINTS);
    const stopped = await startCall(served, "pay_stream", { more: ["--on-approval", "stop"] }).ended;
    expect([stopped.exitCode, linesOf(stopped)]).toEqual([7, expect.not.arrayContaining([PROMPT])]);
    const args = ["run-stream", ...served.address, "--tag", "pay_stream"];
    const built = await startInTerminal(args, SIZE, { env: { CI: "1" } }).ended;
    expect([built.exitCode, linesOf(built)]).toEqual([7, expect.not.arrayContaining([PROMPT])]);
    const plain = startInTerminal(args, SIZE, { env: { NO_COLOR: "1" } });
    await plain.prints(PROMPTED);
    type(plain, "y\r");
    expect(linesOf(await plain.ended).slice(-1)).toEqual(["approve end"]);
  });
});
