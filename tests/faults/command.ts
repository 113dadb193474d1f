/** The program behind `pnpm faults`: runs the faults at length and prints what came out; see --help. scripts/faults.mjs builds it. */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { DROP_SIDE_ROLE, playDropSide, startDropSide } from "./lib/drop-side.ts";
import { type DropFigures, type DropRun, runDrops } from "./lib/drops.ts";
import { HALF_OPEN_ROLE, namespacesWork, playHalfOpen, runHalfOpenInNamespaces } from "./lib/half-open.ts";
import { SCENARIOS, type ScenarioResult } from "./lib/scenarios.ts";

const HELP = `Usage: pnpm faults [--seed N] [--streams M] [--drops K] [--transport websocket|sse|both] [--pause MS] [--only n1,n3,…]

Breaks connections between the client and the reference server and checks that nothing is lost, doubled or out of order.

  --seed N         decides every random choice; default a random one, printed
  --streams M      streams of N1; default 100
  --drops K        connections that N1 breaks at least; default 10000
  --transport T    default both
  --pause MS       longest pause of N1's agent between two bursts: sets the drops in a second; default 200
  --only LIST      of n1, ${Object.keys(SCENARIOS).join(", ")}; default all
`;

const MAX_P50_MS = 50;
const MAX_P99_MS = 300;
const HEARTBEAT_SECONDS = 1;

type Command = Omit<DropRun, "onProgress"> & { readonly only: readonly string[] };

/** The arguments; undefined when they ask for help. @throws Error with a sentence for the user. */
function readArguments(): Command | undefined {
  const string = { type: "string" } as const;
  const options = {
    seed: string,
    streams: string,
    drops: string,
    transport: string,
    pause: string,
    only: string,
    help: { type: "boolean" },
  } as const;
  const { values } = parseArgs({ options });
  if (values.help) return undefined;
  const number = (name: keyof typeof values, otherwise: number): number => {
    const value = Number(values[name] ?? otherwise);
    if (Number.isInteger(value) && value > 0) return value;
    throw new Error(`--${name} must be a whole number above 0, not ${values[name]}.`);
  };
  const { transport = "both", only } = values;
  if (transport !== "both" && transport !== "websocket" && transport !== "sse")
    throw new Error("--transport must be websocket, sse or both.");
  const known = ["n1", ...Object.keys(SCENARIOS)];
  const names = only?.split(",") ?? known;
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`--only does not know ${unknown}; known are ${known.join(", ")}.`);
  return {
    seed: number("seed", randomInt(1, 1_000_000)),
    streams: number("streams", 100),
    drops: number("drops", 10_000),
    pauseMs: number("pause", 200),
    transports: transport === "both" ? ["websocket", "sse"] : [transport],
    only: names,
  };
}

/** Prints the figures of N1 and says whether all are within the bounds of the issue. */
function printDrops(figures: DropFigures, { streams, drops, transports }: DropRun): boolean {
  const { recoveryMs, recoveryFromFirstMs } = figures;
  const rows: readonly (readonly [string, string | number, boolean])[] = [
    ["drops forced", figures.drops, figures.drops >= drops],
    ["streams", `${streams} over ${transports.join(" and ")}`, true],
    ["records", figures.records, true],
    ["lost", figures.lost, figures.lost === 0],
    ["duplicated", figures.duplicated, figures.duplicated === 0],
    ["reordered", figures.reordered, figures.reordered === 0],
    ["wrong content", figures.wrong, figures.wrong === 0],
    ["after the end", figures.afterEnd, figures.afterEnd === 0],
    ["streams without exactly one end", figures.ends, figures.ends === 0],
    ["agent runs", figures.runs, figures.runs === streams],
    ["reconnects", figures.reconnects, true],
    ["recoveries measured", recoveryMs.count, true],
    ["recovery p50", `${recoveryMs.p50.toFixed(1)} ms (at most ${MAX_P50_MS})`, recoveryMs.p50 <= MAX_P50_MS],
    ["recovery p99", `${recoveryMs.p99.toFixed(1)} ms (at most ${MAX_P99_MS})`, recoveryMs.p99 <= MAX_P99_MS],
    ["recovery max", `${recoveryMs.max.toFixed(1)} ms`, true],
    ["p99 from the first of several drops", `${recoveryFromFirstMs.p99.toFixed(1)} ms`, true],
    ["seconds", figures.seconds.toFixed(1), true],
  ];
  console.log(`N1 connections dropped at random bytes, seed ${figures.seed}`);
  for (const [name, value, ok] of rows) console.log(`  ${name.padEnd(38)}${value}${ok ? "" : "  MISSED"}`);
  const byRule = Object.entries(figures.dropsByRule).map(([rule, count]) => `${rule} ${count}`);
  console.log(`  ${"drops by place".padEnd(38)}${byRule.join(", ")}`);
  for (const problem of [...figures.problems, ...figures.errors.slice(0, 10)]) console.log(`  ${problem}`);
  return rows.every(([, , ok]) => ok) && figures.errors.length === 0;
}

function printScenario({ name, line, problems }: ScenarioResult): boolean {
  console.log(`${name}: ${line}${problems.length > 0 ? "  MISSED" : ""}`);
  for (const problem of problems) console.log(`  ${problem}`);
  return problems.length === 0;
}

async function main(command: Command): Promise<boolean> {
  const { only, ...run } = command;
  let ok = true;
  if (only.includes("n1")) {
    const side = await startDropSide(run.seed);
    try {
      const onProgress = (drops: number): void => void process.stderr.write(`${drops} drops of ${run.drops}\n`);
      ok = printDrops(await runDrops(side, { ...run, onProgress }), run) && ok;
    } finally {
      await side.stop();
    }
  }
  for (const transport of run.transports) {
    for (const [name, scenarios] of Object.entries(SCENARIOS)) {
      if (!only.includes(name)) continue;
      for (const scenario of scenarios) {
        const result = await scenario({ seed: run.seed, transport, heartbeatSeconds: HEARTBEAT_SECONDS, scale: 1 });
        ok = printScenario({ ...result, name: `${result.name}, ${transport}` }) && ok;
      }
    }
    if (!only.includes("n3")) continue;
    const why = await namespacesWork();
    if (why === undefined)
      for (const result of await runHalfOpenInNamespaces(transport, HEARTBEAT_SECONDS)) ok = printScenario(result) && ok;
    else console.log(`N3 in network namespaces, ${transport}: not run here (${why}); the stalling proxy above stands for it`);
  }
  return ok;
}

const role = process.argv[2] === "--role" ? process.argv[3] : undefined;
if (role === DROP_SIDE_ROLE) playDropSide();
else if (role === HALF_OPEN_ROLE) playHalfOpen();
else {
  try {
    const command = readArguments();
    if (command === undefined) console.log(HELP);
    else process.exitCode = (await main(command)) ? 0 : 1;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
