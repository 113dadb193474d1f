// What importing the client costs in Node: milliseconds from asking for the module until it is there, in a fresh process for each,
// beside `ws` alone, which it has to load in any case. The two alternate, so that what else the machine does is spread over both;
// processes of each are thrown away first, until the files are in memory.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { figure, percentile } from "./lib/figures.mjs";

const ROUNDS = 31;
const TRIALS = 3;
const LIMIT_MS = 5;

// Both are found from here, as from an app that depends on them.
const cwd = fileURLToPath(new URL("..", import.meta.url));
const WAYS = {
  import: { type: "module", load: (name) => `await import("${name}")` },
  require: { type: "commonjs", load: (name) => `require("${name}")` },
};

/** Milliseconds that loading a module takes in a process that has loaded nothing yet. */
function loadMs(way, name) {
  const { type, load } = WAYS[way];
  const script = `const start = performance.now(); ${load(name)}; process.stdout.write(String(performance.now() - start));`;
  return Number(execFileSync(process.execPath, [`--input-type=${type}`, "--eval", script], { cwd, encoding: "utf8" }));
}

console.log(`loading a module in a fresh process, median of ${ROUNDS}`);
for (const way of Object.keys(WAYS)) {
  const times = { ws: [], runagent: [] };
  for (let round = -TRIALS; round < ROUNDS; round++) {
    for (const [name, taken] of Object.entries(times)) {
      const ms = loadMs(way, name);
      if (round >= 0) taken.push(ms);
    }
  }
  const [ws, runagent] = [percentile(times.ws, 0.5), percentile(times.runagent, 0.5)];
  figure(`${way} ws`, ws, "ms");
  figure(`${way} runagent`, runagent, "ms");
  figure(`${way}: what runagent adds to ws`, runagent - ws, "ms", { atMost: LIMIT_MS });
}
