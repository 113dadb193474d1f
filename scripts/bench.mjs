// npm run bench: every figure of the README, measured here. `npm run bench -- client-cpu` runs one; flags go to the benches that have them
// (`npm run bench -- slow-consumer --full`).
import { readdirSync } from "node:fs";
import { installAndBuild, root, run } from "./tools.mjs";

const files = readdirSync(`${root}/bench`).filter((name) => name.endsWith(".mjs"));
const all = files.map((file) => file.replace(".mjs", ""));
const wanted = process.argv.slice(2).filter((name, index, args) => !name.startsWith("-") && args[index - 1] !== "--seed");
const flags = process.argv.slice(2).filter((argument) => !wanted.includes(argument));

async function main() {
  const unknown = wanted.filter((name) => !all.includes(name));
  if (unknown.length > 0) throw new Error(`There is no bench ${unknown.join(", ")}: use ${all.join(", ")}.`);
  await installAndBuild();
  const missed = [];
  for (const name of wanted.length === 0 ? all : wanted) {
    // The others still run: one figure that is missed should not hide the rest.
    await run("node", ["--expose-gc", `bench/${name}.mjs`, ...flags]).catch(() => missed.push(name));
  }
  if (missed.length > 0) throw new Error(`These missed a limit, or failed: ${missed.join(", ")}.`);
}

try {
  await main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
