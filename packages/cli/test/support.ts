/**
 * What the tests of the command share: running the built program as a user would, in a process of its own with a home folder of its own.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach } from "vitest";

/** The program as it is published; `npm test` builds it before the tests. */
export const PROGRAM: string = fileURLToPath(new URL("../dist/main.mjs", import.meta.url));

const WAIT_MS = 20_000;

const running = new Set<ChildProcessWithoutNullStreams>();
const homes: string[] = [];
let homeOfFile: string | undefined;

afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
});

afterAll(() => {
  for (const home of homes.splice(0)) rmSync(home, { recursive: true, force: true });
  homeOfFile = undefined;
});

/** How a command ended. */
export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that was started. */
export interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  /** What it has printed so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves when it has ended and everything it printed is here. */
  readonly ended: Promise<Ended>;
  /** Resolves to the match when the output has one; rejects when the command ends without, or takes too long. */
  prints(pattern: RegExp, where?: "stdout" | "stderr"): Promise<RegExpExecArray>;
  signal(name: NodeJS.Signals): void;
}

export interface StartOptions {
  /** In addition to PATH and HOME, which is all the command sees otherwise. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: one of this test file, which its commands share. */
  readonly home?: string;
  readonly cwd?: string;
  /** What it reads from standard input; undefined: nothing. */
  readonly input?: string;
  /** Default: the Node that runs the tests. */
  readonly node?: string;
  /** What runs Node and the program, with its own arguments. */
  readonly within?: readonly [command: string, ...args: string[]];
  /** true: standard input stays open, and the test writes to it. */
  readonly keepInput?: boolean;
  /** true: it outlives the test that started it, and whoever started it ends it. */
  readonly keep?: boolean;
}

/** A home folder that is removed after the tests of this file. */
export function createHome(): string {
  const home = mkdtempSync(join(tmpdir(), "runagent-cli-"));
  homes.push(home);
  return home;
}

/** The environment of a command: nothing of the machine's own but PATH. */
export function environment({ env, home }: Pick<StartOptions, "env" | "home"> = {}): Record<string, string> {
  homeOfFile ??= createHome();
  return { PATH: process.env.PATH ?? "", HOME: home ?? homeOfFile, ...env };
}

/** Starts `runagent` with these arguments. */
export function start(args: readonly string[], options: StartOptions = {}): Running {
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not there: build it with "npm run build".`);
  const [command, ...words] = [...(options.within ?? []), options.node ?? process.execPath, PROGRAM, ...args];
  const child = spawn(command ?? "", words, { env: environment(options), cwd: options.cwd, stdio: "pipe" });
  if (options.keep !== true) running.add(child);
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
    });
  }
  // A command that ends without reading its input is no failure of the test.
  child.stdin.on("error", () => {});
  if (options.keepInput !== true) child.stdin.end(options.input ?? "");
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode, signal) => {
      running.delete(child);
      resolve({ exitCode, signal, ...output });
    });
  });
  ended.catch(() => {}); // Whoever waits for it learns of it.
  return {
    child,
    get stdout() {
      return output.stdout;
    },
    get stderr() {
      return output.stderr;
    },
    // The deadline begins when somebody waits.
    get ended() {
      return withDeadline(ended, () => `"runagent ${args.join(" ")}" did not end. It printed: ${output.stdout}${output.stderr}`);
    },
    prints: (pattern, where = "stdout") => waitForOutput(child, ended, pattern, where, output),
    signal: (name) => child.kill(name),
  };
}

/** Runs `runagent` with these arguments to its end. */
export function run(args: readonly string[], options: StartOptions = {}): Promise<Ended> {
  return start(args, options).ended;
}

function waitForOutput(
  child: ChildProcessWithoutNullStreams,
  ended: Promise<Ended>,
  pattern: RegExp,
  where: "stdout" | "stderr",
  output: Readonly<Record<"stdout" | "stderr", string>>,
): Promise<RegExpExecArray> {
  let look = (): void => {};
  const found = new Promise<RegExpExecArray>((resolve, reject) => {
    look = () => {
      const match = pattern.exec(output[where]);
      if (match !== null) resolve(match);
    };
    child[where].on("data", look);
    ended.then(
      () => reject(new Error(`The command ended without printing ${pattern} on ${where}: ${output.stdout}${output.stderr}`)),
      reject,
    );
    look();
  });
  const late = (): string => `The command did not print ${pattern} on ${where}. It printed: ${output.stdout}${output.stderr}`;
  return withDeadline(found, late).finally(() => child[where].off("data", look));
}

function withDeadline<T>(promise: Promise<T>, message: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(message())), WAIT_MS);
  });
  const settled = Promise.race([promise, late]).finally(() => clearTimeout(timer));
  settled.catch(() => {}); // Not every test waits for the end.
  return settled;
}
