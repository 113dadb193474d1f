import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { ENDS, isLast } from "../suite/run.ts";
import type { Report } from "../suite/verbs.ts";

/** A run that hangs is ended after this, in milliseconds. */
const DEADLINE_MS = 150_000;
/** A program that is done may still wait so long for what it has in hand, in milliseconds. */
const END_MS = 5_000;

/** What a run of the suite came to. */
export interface Outcome {
  readonly reports: ReadonlyMap<string, Report>;
  /** Why cases have no report. */
  readonly problem: string | undefined;
  readonly version: string | undefined;
}

/** A runtime that is a program. */
export interface Program {
  readonly title: string;
  /** The starter. */
  readonly starter: string;
  readonly command: string;
  readonly args: readonly string[];
}

const modules = fileURLToPath(new URL("../node_modules", import.meta.url));
const bin = (name: string): string => join(modules, ".bin", name);
const node = (major: number): string => join(modules, `node-${major}/bin/node`);
// What it needs, and nothing else: no environment, no file but the program itself.
const DENO = ["run", "--no-prompt", "--no-config", "--no-lock", "--no-remote", "--node-modules-dir=manual", "--allow-net=127.0.0.1"];

/** Every program that the suite runs in. */
export const PROGRAMS: readonly Program[] = [
  ...[20, 22, 24].map((major) => ({ title: `Node ${major}`, starter: "node", command: node(major), args: [] })),
  { title: "standard entry (Node 24)", starter: "standard", command: node(24), args: [] },
  { title: "Deno", starter: "deno", command: bin("deno"), args: DENO },
  { title: "Deno, --allow-env", starter: "deno", command: bin("deno"), args: [...DENO, "--allow-env"] },
  { title: "Bun", starter: "bun", command: bin("bun"), args: ["--no-install"] },
];

/** The version of a program; undefined when it is not there or does not run. */
export function versionOf({ command }: Program): string | undefined {
  if (!existsSync(command)) return undefined;
  try {
    return /\d+\.\d+\.\d+/.exec(execFileSync(command, ["--version"], { encoding: "utf8", timeout: 20_000 }))?.[0];
  } catch {
    return undefined;
  }
}

/** Runs a bundled starter to its end and reads what it reports, a line of JSON for each case. */
export function runProgram({ command, args }: Program, file: string, start: object): Promise<Omit<Outcome, "version">> {
  const folder = dirname(file);
  const env = { PATH: process.env.PATH, HOME: folder, DENO_DIR: join(folder, "deno"), DENO_NO_UPDATE_CHECK: "1", DO_NOT_TRACK: "1" };
  // A group of its own: what npm installs as a command may start the program proper.
  const child = spawn(command, [...args, file, JSON.stringify(start)], {
    env,
    cwd: folder,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const reports = new Map<string, Report>();
  let said = "";
  let problem: string | undefined;
  const kill = (why: string): void => {
    problem ??= why;
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  };
  const late = [setTimeout(() => kill(`was not done after ${DEADLINE_MS} ms`), DEADLINE_MS)];
  eachLine(child.stdout, (line) => {
    if (!line.startsWith("{")) said += `${line}\n`;
    else {
      const report: Report = JSON.parse(line);
      reports.set(report.name, report);
      if (isLast(report)) late.push(setTimeout(() => kill(`did not end within ${END_MS} ms of its last case`), END_MS));
    }
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  return new Promise((resolve) => {
    const end = (how: string | undefined): void => {
      for (const timer of late) clearTimeout(timer);
      problem ??= how;
      // What a runtime says beside the reports is a warning that nobody should see.
      if (problem === undefined && said !== "") problem = "printed something";
      const error = problem && `The program ${problem}. ${said.slice(0, 2_000)}`;
      reports.set(ENDS, { name: ENDS, ms: 0, ...(error !== undefined && { error }) });
      resolve({ reports, problem: error });
    };
    child.once("error", (error) => end(`did not start: ${error.message}`));
    child.once("close", (code, signal) => end(code === 0 ? undefined : `ended with ${signal ?? `code ${code}`}`));
  });
}

function eachLine(stream: Readable, take: (line: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(line);
  });
}
