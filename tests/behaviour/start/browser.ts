import * as runagent from "runagent";
import { OtherError } from "../other-copy.ts";
import { runSuite } from "../suite/run.ts";
import type { Report } from "../suite/verbs.ts";

const unhandled: unknown[] = [];
addEventListener("unhandledrejection", (event) => unhandled.push(event.reason));
addEventListener("error", (event) => unhandled.push(event.error ?? event.message));

const reports: Report[] = [];
/** Called by who drives the page; `reports` can be read meanwhile. */
function run({
  only,
  ...start
}: Omit<Parameters<typeof runSuite>[0], "runtime" | "runagent" | "OtherError"> & { only: string }): Promise<void> {
  return runSuite({ ...start, runtime: "browser", runagent, OtherError }, unhandled, (report) => void reports.push(report), only);
}
Object.assign(globalThis, { reports, run });
