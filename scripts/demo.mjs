// npm run demo: installs, builds, and runs the quickstart: a server, one chat, one story as it is told.
import { installAndBuild, run } from "./tools.mjs";

try {
  await installAndBuild();
  await run("node", ["examples/quickstart/dist/demo.mjs"]);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
