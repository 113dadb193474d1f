import type { Ability, Browser, BrowserKind } from "../harness/browsers.ts";
import type { Outcome } from "../harness/programs.ts";
import type { Rig } from "../harness/runtimes.ts";
import { ENDS } from "../suite/run.ts";
import type { Report } from "../suite/verbs.ts";
import { blocked } from "./blocked.ts";
import { life } from "./life.ts";
import { type PageCase, World } from "./world.ts";

const DEADLINE_MS = 30_000;
/** For the suite in one page. */
const SUITE_DEADLINE_MS = 120_000;

/** The cases that only pages have, by area. */
export const PAGE_AREAS: readonly { readonly title: string; readonly cases: readonly PageCase[] }[] = [
  { title: "pages: what browsers forbid", cases: blocked },
  { title: "pages: offline, reload, tabs, wake", cases: life },
];

/** Runs the suite in a page, and then the cases that drive pages. */
export async function runBrowser(kind: BrowserKind, run: Rig): Promise<Outcome> {
  const browser = await within(kind.launch(), DEADLINE_MS, "The browser did not start");
  const reports = new Map<string, Report>();
  reports.set(ENDS, { name: ENDS, ms: 0, skipped: "a page does not end" });
  try {
    const problem = await runSuiteIn(browser, run, reports);
    for (const { cases } of PAGE_AREAS) {
      for (const each of cases) if (each.name.includes(run.only)) reports.set(each.name, await runPageCase(each, browser, kind, run));
    }
    return { reports, problem, version: browser.version };
  } finally {
    await browser.close();
  }
}

async function runSuiteIn(browser: Browser, run: Rig, reports: Map<string, Report>): Promise<string | undefined> {
  const tab = await browser.newTab();
  let problem: string | undefined;
  try {
    await tab.open(`${run.pages.origin}/suite.html`);
    const start = JSON.stringify({ addresses: run.servers.addresses, seed: run.seed, only: run.only });
    await within(tab.evaluate(`run(${start})`), SUITE_DEADLINE_MS, "The suite was not done");
  } catch (error) {
    problem = String(error);
  }
  for (const report of await tab.evaluate<Report[]>("globalThis.reports ?? []")) reports.set(report.name, report);
  await tab.close();
  return problem;
}

async function runPageCase(each: PageCase, browser: Browser, kind: BrowserKind, run: Rig): Promise<Report> {
  const { name, needs } = each;
  if (needs !== undefined && !kind.abilities.includes(needs)) return { name, ms: 0, skipped: `${kind.title}: ${LACKS[needs]}` };
  const world = new World({ ...run, browser });
  const began = performance.now();
  // A toggle takes less than a second.
  const deadlineMs = DEADLINE_MS + 2_000 * run.toggles;
  try {
    await within(each.run(world), deadlineMs, "The case was not done");
    await world.checkUnhandled();
    return { name, ms: performance.now() - began };
  } catch (error) {
    return { name, ms: performance.now() - began, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  } finally {
    await world.close();
  }
}

const LACKS: Readonly<Record<Ability, string>> = {
  offline: "its driver takes no network away",
  freeze: "its driver freezes no page",
  urls: "its driver does not tell of WebSockets",
};

async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} after ${ms} ms.`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
