import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

// The newest versions of the frameworks need a newer Node: the other tests of this folder run with both once more.

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const NODE = join(ROOT, "tests/behaviour/node_modules/node-24/bin/node");
const VITEST = join(ROOT, "node_modules/vitest/vitest.mjs");
const CONFIG = "tests/frameworks/vitest.newest.config.ts";

/** What vitest reports. */
interface Report {
  readonly numTotalTests: number;
  readonly numPassedTests: number;
  readonly testResults: readonly { readonly name: string; readonly status: string }[];
}

it.skipIf(!existsSync(NODE))(
  "the newest versions pass every test of the frameworks, under Node 24 (skipped where the package node is not installed)",
  async () => {
    const home = await mkdtemp(join(tmpdir(), "runagent-newest-"));
    try {
      const file = join(home, "report.json");
      const { exitCode, output } = await run(
        ["run", "--config", CONFIG, "--reporter=default", "--reporter=json", `--outputFile=${file}`],
        home,
      );
      expect(exitCode, output).toBe(0);
      const report: Report = JSON.parse(readFileSync(file, "utf8"));
      const names = report.testResults.map(({ name }) => name.replace(/.*\//, ""));
      expect(names).toEqual(
        expect.arrayContaining([
          "openai-agents.test.ts",
          "openai-agents-ending.test.ts",
          "openai-agents-approvals.test.ts",
          "ai-sdk.test.ts",
          "langgraph.test.ts",
        ]),
      );
      // The tests of versions among them hold that these were the newest.
      expect(names).toContain("versions.test.ts");
      expect([report.numPassedTests, report.numTotalTests > 0], output).toEqual([report.numTotalTests, true]);
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  },
  240_000,
);

function run(args: readonly string[], home: string): Promise<{ readonly exitCode: number | null; readonly output: string }> {
  const { PATH, TEST_SEED } = process.env;
  const env = { PATH, HOME: home, NO_COLOR: "1", ...(TEST_SEED !== undefined && { TEST_SEED }) };
  const child = spawn(NODE, [VITEST, ...args], { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode) => resolve({ exitCode, output }));
  });
}
