import { chmodSync, existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { aborted, deferred, type Served, serveEntrypoints, serveOld } from "./served.ts";
import { createHome, run, start } from "./support.ts";

interface Held extends Served {
  /** Lets the agent go on. */
  readonly release: () => void;
  readonly stopped: Promise<void>;
}

/** An agent that says "one ", waits for the test, and says "two". */
async function serveHeld(options: Parameters<typeof serveEntrypoints>[1] = {}): Promise<Held> {
  const [held, stopped] = [deferred(), deferred()];
  const served = await serveEntrypoints(
    {
      async *held_stream(_, ctx) {
        void aborted(ctx.signal).then(() => stopped.resolve());
        yield "one ";
        await Promise.race([held.promise, aborted(ctx.signal)]);
        if (!ctx.signal.aborted) yield "two";
      },
      async *turns_stream(_, ctx) {
        for (let turn = 1; !ctx.signal.aborted; turn++) {
          yield `turn ${turn}\n`;
          await held.promise;
          ctx.emit({ type: "turn_completed", turn });
        }
      },
    },
    options,
  );
  return { ...served, release: () => held.resolve(), stopped: stopped.promise };
}

async function detach(address: readonly string[], home: string, ...more: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await run(["run-stream", ...address, "--tag", "held_stream", "--detach", ...more], { home });
  expect(exitCode).toBe(0);
  const position = stdout.trimEnd();
  expect(stdout).toBe(`${position}\n`);
  expect(stderr).toBe(`Left running. Go on with: runagent resume ${position}\n`);
  return position;
}

const filesOf = (home: string): string[] => readdirSync(join(home, ".runagent/positions"));

describe("--detach", () => {
  it("prints the position alone, leaves the invocation running, and resume needs nothing else", async () => {
    const { address, release } = await serveHeld();
    const home = createHome();
    const position = await detach(address, home);
    const command = start(["resume", position], { home });
    await command.prints(/^one $/);
    release();
    expect(await command.ended).toEqual({ exitCode: 0, signal: null, stdout: "one two", stderr: "" });
    // A position may be used as often as one likes.
    expect(await run(["resume", position, "--output", "json"], { home })).toMatchObject({ exitCode: 0 });
  });

  it("keeps where the invocation is for its user alone, and never the key", async () => {
    const { address, server } = await serveHeld({ apiKeys: ["k-s3cret"] });
    const home = createHome();
    const position = await detach(address, home, "--api-key", "k-s3cret");
    const [file = ""] = filesOf(home);
    const path = join(home, ".runagent/positions", file);
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ agent_id: "a1", tag: "held_stream", base_url: `${server.url}/api/v1` });
    const refused = await run(["resume", position], { home });
    expect([refused.exitCode, refused.stderr]).toEqual([4, expect.stringMatching(/^error: AUTHENTICATION_ERROR/)]);
    expect(await run(["cancel", position], { home, env: { RUNAGENT_API_KEY: "k-s3cret" } })).toMatchObject({ exitCode: 0 });
  });

  it("forgets after thirty days", async () => {
    const { address } = await serveHeld();
    const home = createHome();
    await detach(address, home);
    const folder = join(home, ".runagent/positions");
    for (const [name, days] of [
      ["old.json", 31],
      ["young.json", 29],
    ] as const) {
      writeFileSync(join(folder, name), "{}");
      const at = new Date(Date.now() - days * 24 * 60 * 60 * 1000);
      utimesSync(join(folder, name), at, at);
    }
    await detach(address, home);
    expect(existsSync(join(folder, "old.json"))).toBe(false);
    expect(filesOf(home)).toHaveLength(3);
  });

  it("works where nothing can be kept, and says so", async () => {
    const { address, hostAndPort, release } = await serveHeld();
    const home = createHome();
    writeFileSync(join(home, ".runagent"), "A file where the folder should be.");
    chmodSync(join(home, ".runagent"), 0o600);
    const { exitCode, stdout, stderr } = await run(["run-stream", ...address, "--tag", "held_stream", "--detach"], { home });
    expect([exitCode, stderr]).toEqual([0, expect.stringMatching(/^Left running\. .+\nWhere it runs could not be kept/)]);
    release();
    expect(await run(["resume", stdout.trim(), ...hostAndPort], { home })).toMatchObject({ exitCode: 0, stdout: "one two" });
  });

  it("is no way with a server of version 1", async () => {
    const old = await serveOld({ ends: false });
    const { exitCode, stdout, stderr } = await run(["run-stream", ...old.hostAndPort, "--tag", "chat_stream", "--detach"]);
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^error: VALIDATION_ERROR: The server speaks version 1 of the protocol.+\nCall it without --detach/);
    await old.left;
  });
});

describe("resume", () => {
  it("takes options before what was kept", async () => {
    const [here, elsewhere] = [await serveHeld(), await serveHeld()];
    const home = createHome();
    const position = await detach(here.address, home);
    const lost = await run(["resume", position, ...elsewhere.hostAndPort], { home });
    expect([lost.exitCode, lost.stderr]).toEqual([3, expect.stringMatching(/^error: INVOCATION_NOT_FOUND/)]);
  });

  it("works on another machine with an address", async () => {
    const { address, hostAndPort, release } = await serveHeld();
    const position = await detach(address, createHome());
    const home = createHome();
    expect(await run(["resume", position], { home })).toMatchObject({ exitCode: 2, stdout: "" });
    release();
    const answers = await Promise.all([
      run(["resume", position, ...hostAndPort], { home }),
      run(["resume", position, ...address], { home }),
    ]);
    expect(answers.map(({ exitCode, stdout }) => [exitCode, stdout])).toEqual([
      [0, "one two"],
      [0, "one two"],
    ]);
  });

  it("can be left again, and cancelled", async () => {
    const { address, stopped } = await serveHeld();
    const home = createHome();
    const position = await detach(address, home);
    const again = await run(["resume", position, "--detach"], { home });
    expect(again.stdout).toBe(`${position}\n`);
    const command = start(["resume", position], { home });
    await command.prints(/one /);
    command.signal("SIGINT");
    expect(await command.ended).toMatchObject({ exitCode: 130, stderr: expect.stringMatching(/Cancelled\.\n$/) });
    await stopped;
  });
});

describe("cancel", () => {
  it("stops an invocation that was left running, by its position or its id", async () => {
    const { address, stopped } = await serveHeld();
    const home = createHome();
    const position = await detach(address, home);
    const id = filesOf(home)[0]?.replace(".json", "") ?? "";
    const ended = await run(["cancel", position], { home });
    expect(ended).toMatchObject({ exitCode: 0, stdout: "", stderr: `Invocation ${id} is cancelled.\n` });
    await stopped;
    expect(await run(["cancel", id], { home })).toMatchObject({ exitCode: 0, stderr: `Invocation ${id} had already ended.\n` });
  });

  it("lets the agent finish its turn with --after-turn", async () => {
    const { address, hostAndPort, release } = await serveHeld();
    const command = start(["run-stream", ...address, "--tag", "turns_stream", "--output", "json"]);
    await command.prints(/turn 1/);
    const { exitCode, stdout } = await run(["run-stream", ...address, "--tag", "turns_stream", "--detach"]);
    expect(exitCode).toBe(0);
    const cancelled = await run(["cancel", stdout.trim(), ...hostAndPort, "--after-turn"]);
    expect(cancelled).toMatchObject({ exitCode: 0, stderr: expect.stringMatching(/^Invocation \w+ stops after its turn\.\n$/) });
    release();
    expect((await run(["resume", stdout.trim()])).stdout).toBe("turn 1\n");
    command.signal("SIGINT");
    await command.ended;
  });

  it("finds an invocation of an agent of this machine in what was kept of it", async () => {
    const { server, address, stopped } = await serveHeld();
    const command = start(["run-stream", ...address, "--tag", "held_stream"]);
    await command.prints(/one /);
    const list = await fetch(`${server.url}/api/v1/agents/a1/invocations`).then((answer) => answer.json());
    const [invocation] = list.data.invocations;
    const home = createHome();
    const { openAgentStore } = await import("../src/store/index.ts");
    const store = openAgentStore("a1", { cache: join(home, ".runagent"), onProblem() {} });
    const { host, port } = server;
    const started_at = new Date().toISOString();
    store.register({ agent_id: "a1", agent_name: "a1", version: "1.0.0", folder: "/agents/a1", host, port, pid: process.pid, started_at });
    store.invocation(invocation);
    expect(await run(["cancel", invocation.invocation_id], { home })).toMatchObject({
      exitCode: 0,
      stderr: expect.stringMatching(/is cancelled/),
    });
    await stopped;
    store.close();
    expect((await command.ended).exitCode).toBe(130);
  });

  it.each<[string, string, number, RegExp]>([
    ["of an id that is unknown there", "nope", 3, /^error: INVOCATION_NOT_FOUND: /],
    ["of what is no id", "../x", 2, /^"\.\.\/x" is neither the id of an invocation nor a position\./],
  ])("says what it is told %s", async (_, id, code, message) => {
    const { hostAndPort } = await serveHeld();
    const { exitCode, stderr } = await run(["cancel", id, ...hostAndPort]);
    expect(exitCode).toBe(code);
    expect(stderr).toMatch(message);
  });

  it("says that a server of version 1 has nothing to cancel", async () => {
    const { hostAndPort } = await serveOld();
    const { exitCode, stderr } = await run(["cancel", "old-invocation", ...hostAndPort]);
    expect([exitCode, stderr]).toEqual([
      3,
      expect.stringMatching(/^error: INVOCATION_NOT_FOUND: .+ knows no invocation old-invocation that can be cancelled\./),
    ]);
  });
});
