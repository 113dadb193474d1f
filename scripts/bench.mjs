// npm run bench: every figure of the README, measured here. `npm run bench -- client-cpu` runs one.
import { readdirSync } from "node:fs";
import { installAndBuild, root, run } from "./tools.mjs";

const wanted = process.argv.slice(2);
const all = readdirSync(`${root}/bench`).filter((name) => name.endsWith(".mjs"));
try {
  await installAndBuild();
  for (const name of all.filter((file) => wanted.length === 0 || wanted.includes(file.replace(".mjs", "")))) {
    await run("node", ["--expose-gc", `bench/${name}`]);
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
