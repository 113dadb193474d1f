/** Mutated frames each way, some thousands; `npm run fuzz` sends millions. faults.md P1 to P7, P9 and P10. */
import { createFuzzingServer, fuzzServer } from "@runagent/conformance";
import { defineAgent, serve } from "@runagent/server";
import { RunAgentClient, RunAgentError } from "runagent";
import { expect, it, onTestFinished } from "vitest";

const seed = Number(process.env.TEST_SEED ?? 1);
const FRAMES = 4000;

it(`a server answers ${FRAMES} mutated frames in time and within the protocol, and goes on (seed ${seed})`, async () => {
  const entrypoints = {
    *count_stream({ n }: { n?: unknown }) {
      for (let index = 0; index < Math.min(Number(n) || 0, 100); index++) yield index;
    },
    echo: (input: unknown) => input,
  };
  const failures: unknown[] = [];
  const onError = (error: unknown): number => failures.push(error);
  const server = await serve(defineAgent({ id: "fuzz", entrypoints }), { port: 0, onError });
  onTestFinished(() => server.close({ timeoutMs: 100 }));
  const target = { url: server.url, agentId: "fuzz", streamTag: "count_stream", runTag: "echo" };
  const report = await fuzzServer({ ...target, frames: FRAMES, seed });
  expect(report).toMatchObject({ hangs: 0, broken: [], brokenCount: 0 });
  expect(report.sent).toBeGreaterThanOrEqual(FRAMES);
  expect(failures).toEqual([]);
  const client = new RunAgentClient({ agentId: "fuzz", entrypointTag: "count_stream", port: server.port });
  expect(await client.runStream({ n: 3 }).collect()).toEqual([0, 1, 2]);
  await client.close();
}, 60_000);

it.each(["websocket", "sse"] as const)(
  `a client ends every stream of a server that sends mutated frames over %s with its end or a typed error (seed ${seed})`,
  async (transport) => {
    const server = await createFuzzingServer({ seed });
    onTestFinished(() => server.close());
    const options = { agentId: "fuzz", entrypointTag: "fuzz_stream", port: server.port, transport, maxReconnectDelayMs: 1 };
    const client = new RunAgentClient(options);
    const ends: Record<string, number> = {};
    while (server.sent < FRAMES) {
      const stream = client.runStream({}, { timeoutMs: 10_000 });
      const end = await stream.collect().then(
        () => "completed",
        (error: unknown) => (error instanceof RunAgentError ? error.code : "untyped"),
      );
      ends[end] = (ends[end] ?? 0) + 1;
    }
    await client.close();
    expect(ends).not.toHaveProperty("untyped");
    // One that ends by its deadline has hung.
    expect(ends).not.toHaveProperty("TIMEOUT");
    expect(ends.completed).toBeGreaterThan(0);
    expect(ends.PROTOCOL_ERROR).toBeGreaterThan(0);
    expect(Object.keys(Object.prototype)).toEqual([]);
  },
  60_000,
);
