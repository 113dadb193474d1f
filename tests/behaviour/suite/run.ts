import { AREAS } from "./areas.ts";
import { type Case, Context, type Start } from "./case.ts";
import type { Report } from "./verbs.ts";

const DEADLINE_MS = 10_000;
const UNHANDLED = "nothing is left unhandled: no rejection, no error";
/** Reported by who started the program. */
export const ENDS = "the program ends by itself";

/** The names of all cases, by area. */
export function namesOfCases(): { title: string; names: string[] }[] {
  const areas = AREAS.map(({ title, cases }) => ({ title, names: cases.map(({ name }) => name) }));
  return [...areas, { title: "the whole run", names: [UNHANDLED, ENDS] }];
}

/** The case that is reported last. */
export function isLast({ name }: Report): boolean {
  return name === UNHANDLED;
}

/**
 * Runs every case, one after the other.
 * @param unhandled Rejections and errors that nobody handled so far; the starter listens, as each runtime has its own way.
 * @param only Part of the names of the cases to run.
 */
export async function runSuite(start: Start, unhandled: readonly unknown[], report: (report: Report) => void, only = ""): Promise<void> {
  for (const each of AREAS.flatMap(({ cases }) => cases)) {
    if (each.name.includes(only)) report(await runCase(each, start));
  }
  // Runtimes tell of them a turn or so later.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const found = unhandled.map((error) => describe(error)).join("\n");
  report({ name: UNHANDLED, ms: 0, ...(unhandled.length > 0 && { error: `${unhandled.length} unhandled:\n${found}` }) });
}

async function runCase({ name, run, except, deadlineMs = DEADLINE_MS }: Case, start: Start): Promise<Report> {
  const skipped = except?.[start.runtime];
  if (skipped !== undefined) return { name, ms: 0, skipped };
  const began = performance.now();
  const context = new Context(start);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The case was not done after ${deadlineMs} ms.`)), deadlineMs);
  });
  try {
    await Promise.race([run(context).finally(() => context.close()), late]);
    return { name, ms: performance.now() - began };
  } catch (error) {
    return { name, ms: performance.now() - began, error: describe(error) };
  } finally {
    clearTimeout(timer);
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const stack = error.stack ?? "";
  return stack.includes(error.message) ? stack : `${error.name}: ${error.message}\n${stack}`;
}
