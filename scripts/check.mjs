// npm run check: what is true of the sources without running them.
import { run, step } from "./tools.mjs";

const bin = (name) => `node_modules/.bin/${name}`;

export const CHECKS = [
  ["check: generated files", () => run("node", ["packages/core/scripts/generate.mjs", "--check"], { quiet: true })],
  ["check: format and lint", () => run(bin("biome"), ["ci", "--colors=off", "--error-on-warnings", "."], { quiet: true })],
  ["check: types", () => run(bin("tsc"), ["-b", "tsconfig.json"], { quiet: true })],
  ["check: unused files, exports and dependencies", () => run(bin("knip"), [], { quiet: true })],
];

if (process.argv[1]?.endsWith("check.mjs")) {
  try {
    for (const [name, action] of CHECKS) await step(name, action);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
