// npm run matrix: the behaviour suite in every runtime that is there, and what passed as a table for the README. Firefox, WebKit and another
// Chromium by their paths in RUNAGENT_FIREFOX, RUNAGENT_WEBKIT and RUNAGENT_CHROMIUM; `npm run matrix -- --toggles 200` takes the network away
// from a page so often.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { installAndBuild, run } from "./tools.mjs";

const folder = mkdtempSync(join(tmpdir(), "runagent-matrix-"));
const file = join(folder, "matrix.json");

/** One column for each runtime, one row for each area; cases that a runtime has no use for are not counted. */
function toTable(runtimes) {
  const titles = [...new Set(runtimes.flatMap(({ areas }) => areas.map(({ title }) => title)))];
  const cell = (area) => {
    if (area === undefined) return "";
    const wanted = area.cases - area.skipped;
    return area.passed === wanted ? `${area.passed}/${wanted}` : `**${area.passed}/${wanted}**`;
  };
  const sum = ({ areas }) => {
    const add = (name) => areas.reduce((total, area) => total + area[name], 0);
    return cell({ cases: add("cases"), skipped: add("skipped"), passed: add("passed") });
  };
  const row = (cells) => `| ${cells.join(" | ")} |`;
  return [
    row(["behaviour", ...runtimes.map(({ title, version }) => headOf(title, version ?? "did not run"))]),
    row(["---", ...runtimes.map(() => "---")]),
    ...titles.map((title) => row([title, ...runtimes.map(({ areas }) => cell(areas.find((area) => area.title === title)))])),
    row(["all", ...runtimes.map(sum)]),
  ].join("\n");
}

/** Titles that name a version say it whole: "Node 20" becomes "Node 20.20.2". */
function headOf(title, version) {
  const [major] = version.split(".");
  return title.includes(` ${major}`) ? title.replace(` ${major}`, ` ${version}`) : title.replace(/^([^ ,(]+)/, `$1 ${version}`);
}

try {
  const { values } = parseArgs({ options: { toggles: { type: "string", default: "10" } } });
  await installAndBuild();
  const env = { RUNAGENT_MATRIX: file, RUNAGENT_TOGGLES: values.toggles, ...(process.stdout.isTTY ? {} : { NO_COLOR: "1" }) };
  try {
    await run("node_modules/.bin/vitest", ["run", "--reporter=dot", "tests/behaviour"], { env });
  } catch (error) {
    process.exitCode = 1;
    console.error(error.message);
  }
  console.log(`\n${toTable(JSON.parse(readFileSync(file, "utf8")))}`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
