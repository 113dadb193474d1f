// npm run faults: breaks connections on purpose, thousands of times, and prints what was lost. `npm run faults -- --help` says more.
// The program is tests/faults/command.ts; it uses the packages as they are built.
import { mkdirSync, rmSync } from "node:fs";
import { installAndBuild, root, run } from "./tools.mjs";

// Inside the repository, so that the packages are found.
const folder = `${root}/node_modules/.faults-${process.pid}`;
try {
  if (!process.argv.includes("--help")) await installAndBuild();
  const { build } = await import("esbuild");
  mkdirSync(folder);
  const entryPoints = [`${root}/tests/faults/command.ts`];
  await build({
    entryPoints,
    outfile: `${folder}/command.mjs`,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
  });
  await run("node", [`${folder}/command.mjs`, ...process.argv.slice(2).filter((argument) => argument !== "--")]);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
