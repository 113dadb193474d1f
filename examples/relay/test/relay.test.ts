import { beforeAll, describe, expect, it } from "vitest";
import { bundlePrograms, foreignReadmeBlocks, start } from "../../../tests/support/program.ts";
import { read } from "../src/reader.ts";

const EXAMPLE = new URL("../", import.meta.url);

let fileOf: (name: "agent" | "hono" | "fastify" | "express" | "visit") => string;

beforeAll(async () => {
  fileOf = await bundlePrograms(EXAMPLE, "agent", "hono", "fastify", "express", "visit");
});

interface Started {
  readonly relay: string;
  readonly agent: string;
  stopAgent(): Promise<unknown>;
}

/** Starts the agent server and a relay, each in a process of its own. */
async function startRelay(framework: "hono" | "fastify" | "express", graceSeconds: string): Promise<Started> {
  const program = start(fileOf("agent"), { PORT: "0", GRACE_SECONDS: graceSeconds });
  const [, agent = "", port = ""] = await program.prints(/at (http:\S+:(\d+))\n/);
  const [, relay = ""] = await start(fileOf(framework), { PORT: "0", RUNAGENT_PORT: port }).prints(/at (http:\S+)\n/);
  const stopAgent = (): Promise<unknown> => {
    program.signal("SIGTERM");
    return program.ended;
  };
  return { relay, agent, stopAgent };
}

async function statusOf(agent: string, invocationId: string | null): Promise<unknown> {
  const { data } = JSON.parse(await (await fetch(`${agent}/api/v1/invocations/${invocationId}`)).text());
  return data.status;
}

describe.each(["hono", "fastify", "express"] as const)("a relay with %s", (framework) => {
  it("tells a story whole to a reader on a bad line, who resumes by Last-Event-ID", async () => {
    const { relay } = await startRelay(framework, "10");
    const { exitCode, stdout, stderr } = await start(fileOf("visit"), {}, [relay]).ended;
    expect(stderr).toBe("");
    expect(stdout).toMatch(/\n\n3 connections dropped, the story is whole\.\n$/);
    expect(exitCode).toBe(0);
  });

  it("cancels the invocation of a reader who leaves and does not come back", async () => {
    const { relay, agent } = await startRelay(framework, "0.2");
    const gone = new AbortController();
    const { events, invocationId } = await read(relay, { input: { miles: 1_000_000 }, signal: gone.signal });
    expect((await events.next()).value).toMatchObject({ data: '"Mile 1. "' });
    expect(await statusOf(agent, invocationId)).toBe("running");
    gone.abort();
    await expect.poll(() => statusOf(agent, invocationId), { timeout: 10_000 }).toBe("cancelled");
  });

  it("tells what is wrong as an event: an id that is none, and an agent server that is away", async () => {
    const { relay, stopAgent } = await startRelay(framework, "10");
    const errorsOf = async (url: string, lastEventId?: string): Promise<unknown[]> => {
      const found: unknown[] = [];
      for await (const { event, data } of (await read(url, { lastEventId })).events) found.push([event, JSON.parse(data).code]);
      return found;
    };
    expect(await errorsOf(relay, "nonsense")).toEqual([["error", "VALIDATION_ERROR"]]);
    await stopAgent();
    expect(await errorsOf(relay)).toEqual([["error", "CONNECTION_ERROR"]]);
  });
});

it("the README shows code that is in the sources", () => {
  expect(foreignReadmeBlocks(EXAMPLE)).toEqual([]);
});
