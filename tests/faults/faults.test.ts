import { afterEach, describe, expect, it } from "vitest";
import { consume, judge, startConsumed } from "./lib/consume.ts";
import { dropSideOf } from "./lib/drop-side.ts";
import { runDrops } from "./lib/drops.ts";
import { createRig, type Rig } from "./lib/rig.ts";
import { SCENARIOS } from "./lib/scenarios.ts";

// The small version, with a fixed seed, of what `pnpm faults` runs at length.

const seed = Number(process.env.TEST_SEED ?? 20261);
const rigs: Rig[] = [];

afterEach(async () => {
  await Promise.all(rigs.splice(0).map((rig) => rig.close()));
});

describe("N1: connections dropped at random bytes", () => {
  it("10 streams, 200 drops, both transports: nothing lost, doubled or out of order, each agent run once", async () => {
    const rig = await createRig({ seed });
    rigs.push(rig);
    const figures = await runDrops(dropSideOf(rig), { seed, streams: 10, drops: 200, transports: ["websocket", "sse"], pauseMs: 20 });
    expect(figures.errors).toEqual([]);
    expect(figures).toMatchObject({ problems: [], lost: 0, duplicated: 0, reordered: 0, afterEnd: 0, wrong: 0, ends: 0, runs: 10 });
    expect(figures.drops).toBeGreaterThanOrEqual(200);
  });
});

describe("the harness itself", () => {
  it("finds a chunk that was changed on the way", async () => {
    const forged = { action: "replace", set: { content: "forged" } } as const;
    const rig = await createRig({ seed, rules: [{ on: { event: "frame", type: "data", nth: 3 }, do: forged }] });
    rigs.push(rig);
    const consumed = startConsumed();
    await consume(rig.client("count_stream").runStream({ count: 5 }), consumed);
    expect(judge(consumed, rig.faults.log())).toMatchObject({ wrong: 1, lost: 0, duplicated: 0, reordered: 0, ends: 0 });
  });

  it("finds a stream that did not end, and what it did not deliver", async () => {
    const rig = await createRig({ seed, rules: [{ on: { event: "frame", type: "data", nth: 3 }, do: { action: "close", code: 1008 } }] });
    rigs.push(rig);
    const consumed = startConsumed();
    await consume(rig.client("count_stream", { transport: "websocket" }).runStream({ count: 5 }), consumed);
    expect(consumed.errors.map(({ error }) => error.code)).toEqual(["STREAM_TRUNCATED"]);
    expect(judge(consumed, rig.faults.log())).toMatchObject({ wrong: 0, lost: 4, ends: 1 });
  });
});

describe.each(["websocket", "sse"] as const)("%s", (transport) => {
  const all = Object.entries(SCENARIOS).flatMap(([name, list]) =>
    list.map((scenario, index) => ({ name: `${name} ${index + 1}`, scenario })),
  );
  it.each(all)("$name", async ({ scenario }) => {
    const { problems } = await scenario({ seed, transport, heartbeatSeconds: 0.2, scale: 0.1 });
    expect(problems).toEqual([]);
  });
});
