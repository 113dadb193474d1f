// npm test: installs, builds, checks and runs everything; the last line is "N passed, N failed".
// Arguments go to vitest: `npm test -- packages/core` runs those files alone, without the checks.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CHECKS } from "./check.mjs";
import { installAndBuild, run, step } from "./tools.mjs";

const totals = { passed: 0, failed: 0, skipped: 0 };
const SEED = process.env.TEST_SEED ?? "20261";
const only = process.argv.slice(2);

/** A check counts as one test. */
async function check([name, action]) {
  try {
    await step(name, action);
    totals.passed++;
  } catch (error) {
    console.error(error.message);
    totals.failed++;
  }
}

async function vitest(args) {
  const folder = mkdtempSync(join(tmpdir(), "runagent-test-"));
  const report = join(folder, "report.json");
  try {
    console.log(`seed ${SEED} (TEST_SEED replays another)`);
    const env = { TEST_SEED: SEED, ...(process.stdout.isTTY ? {} : { NO_COLOR: "1" }) };
    await run("node_modules/.bin/vitest", ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...args], {
      env,
    });
  } catch (error) {
    console.error(error.message);
  }
  const counts = readReport(report);
  rmSync(folder, { recursive: true });
  totals.passed += counts.numPassedTests;
  // A file that does not load has no tests to fail.
  totals.failed += counts.numFailedTests + (counts.success || counts.numFailedTests > 0 ? 0 : 1);
  totals.skipped += counts.numPendingTests + counts.numTodoTests;
}

function readReport(report) {
  try {
    return JSON.parse(readFileSync(report, "utf8"));
  } catch {
    return { success: false, numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 };
  }
}

try {
  await installAndBuild();
  if (only.length === 0) for (const entry of CHECKS) await check(entry);
  await vitest(only);
} catch (error) {
  console.error(error.message);
  totals.failed++;
}
const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : "";
console.log(`${totals.passed} passed, ${totals.failed} failed${skipped}`);
process.exitCode = totals.failed > 0 ? 1 : 0;
