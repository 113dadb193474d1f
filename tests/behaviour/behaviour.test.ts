/**
 * One suite of behaviours, in every runtime there is. Each runtime is started once; what it reports of each case is a test here. It runs what
 * was built: `npm run build` comes first. RUNAGENT_ONLY="part of a name" runs some cases; RUNAGENT_FIREFOX, RUNAGENT_WEBKIT and
 * RUNAGENT_CHROMIUM are paths of browsers.
 */
import { randomInt } from "node:crypto";
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, it } from "vitest";
import type { Outcome } from "./harness/programs.ts";
import { closeRig, createRig, type Rig, RUNTIMES, type Runtime } from "./harness/runtimes.ts";
import type { Report } from "./suite/verbs.ts";

const { TEST_SEED, RUNAGENT_ONLY = "", RUNAGENT_TOGGLES = "10", RUNAGENT_MATRIX } = process.env;
const seed = Number(TEST_SEED ?? randomInt(1_000_000));
const RUN_MS = 200_000;

let rig: Rig;
beforeAll(async () => {
  console.log(`seed ${seed} (TEST_SEED replays another)`);
  rig = await createRig({ seed, only: RUNAGENT_ONLY, toggles: Number(RUNAGENT_TOGGLES) });
}, 60_000);

const started = new Map<Runtime, Promise<Outcome>>();

function start(runtime: Runtime): Promise<Outcome> {
  // A runtime that does not start has no reports, and says why.
  const failed = (error: unknown): Outcome => ({ reports: new Map(), problem: String(error), version: undefined });
  const outcome = started.get(runtime) ?? runtime.run(rig).catch(failed);
  started.set(runtime, outcome);
  return outcome;
}

const wanted = (area: Runtime["areas"][number]): string[] => area.names.filter((name) => name.includes(RUNAGENT_ONLY));
const runnable = RUNTIMES.filter(({ missing, areas }) => missing === undefined && areas.some((area) => wanted(area).length > 0));

afterAll(async () => {
  const inOrder = RUNTIMES.filter((runtime) => started.has(runtime));
  const outcomes = await Promise.all(inOrder.map(async (runtime) => summarise(runtime, await start(runtime))));
  if (RUNAGENT_MATRIX !== undefined) writeFileSync(RUNAGENT_MATRIX, JSON.stringify(outcomes));
  await closeRig(rig);
}, RUN_MS);

/** A column of the matrix. */
function summarise({ title, areas }: Runtime, { reports, version }: Outcome): object {
  const counted = areas.map((area) => {
    const found = area.names.map((name) => reports.get(name));
    const passed = found.filter((report) => report !== undefined && report.error === undefined && report.skipped === undefined).length;
    return { title: area.title, passed, skipped: found.filter((report) => report?.skipped !== undefined).length, cases: found.length };
  });
  return { title, version, areas: counted };
}

for (const { title, missing } of RUNTIMES) if (missing !== undefined) it.skip(`${title}: ${missing}`, () => {});

for (const runtime of runnable) {
  const { title, areas } = runtime;
  describe(title, () => {
    let outcome: Outcome;
    beforeAll(async () => {
      // Most of the time a run waits: the next one goes beside it.
      const next = runnable[runnable.indexOf(runtime) + 1];
      if (next !== undefined) void start(next);
      outcome = await start(runtime);
    }, RUN_MS);
    for (const area of areas.filter((each) => wanted(each).length > 0)) {
      describe(area.title, () => {
        it.for(wanted(area))("%s", (name, { skip }) => {
          const { skipped } = check(name, outcome);
          if (skipped !== undefined) skip(skipped);
        });
      });
    }
  });
}

function check(name: string, { reports, problem }: Outcome): Report {
  const report = reports.get(name);
  if (report === undefined) throw new Error(`There is no report. ${problem ?? ""}`);
  if (report.error !== undefined) throw new Error(report.error);
  return report;
}
