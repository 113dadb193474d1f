/**
 * For the tests of examples: runs a program of one as a user would, in a process of its own. The program and the packages it uses are bundled
 * from their sources first, because Node 20 cannot run TypeScript and the tests need no build.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, afterEach } from "vitest";

const WAIT_MS = 20_000;
// What esbuild makes of a CommonJS package still calls require.
const REQUIRE = 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';

const running = new Set<ChildProcess>();
const folders: string[] = [];

afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
});

afterAll(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
});

/** How a program ended. */
export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that was started. Its standard input is at its end from the beginning. */
export interface Program {
  readonly ended: Promise<Ended>;
  /** Resolves to the match when standard output has one; rejects when the program ends without. */
  prints(pattern: RegExp): Promise<RegExpExecArray>;
  signal(name: "SIGINT" | "SIGTERM"): void;
}

/**
 * Bundles programs of an example into one folder.
 * @param example The folder of the example.
 * @returns The file of each, by its name.
 */
export async function bundlePrograms<Name extends string>(example: URL, ...names: readonly Name[]): Promise<(name: Name) => string> {
  const folder = fileURLToPath(example);
  // Inside the example, so that what is not bundled would still be found.
  const outdir = await mkdtemp(join(folder, "node_modules/.test-"));
  folders.push(outdir);
  await build({
    entryPoints: names.map((name) => join(folder, `src/${name}.ts`)),
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["@runagent/source"],
    banner: { js: REQUIRE },
    logLevel: "silent",
  });
  return (name) => join(outdir, `${name}.mjs`);
}

/** Starts a bundled program. */
export function start(file: string, env: Readonly<Record<string, string>>, args: readonly string[] = []): Program {
  const child = spawn(process.execPath, [file, ...args], { env: { PATH: process.env.PATH, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode) => {
      running.delete(child);
      resolve({ exitCode, stdout, stderr });
    });
  });
  const prints = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(stdout);
        if (match === null) return;
        clearTimeout(late);
        child.stdout.off("data", look);
        resolve(match);
      };
      const fail = (): void => reject(new Error(`The program did not print ${pattern}. It printed: ${stdout}${stderr}`));
      const late = setTimeout(fail, WAIT_MS);
      child.stdout.on("data", look);
      ended.then(() => {
        clearTimeout(late);
        fail();
      }, reject);
      look();
    });
  return { ended, prints, signal: (name) => child.kill(name) };
}

/** The code blocks of an example's README that none of its sources holds, indentation aside. */
export function foreignReadmeBlocks(example: URL): string[] {
  const read = (name: string): string => readFileSync(new URL(name, example), "utf8").replaceAll(/^ +/gm, "");
  const sources = readdirSync(new URL("src", example)).map((name) => read(`src/${name}`));
  const blocks = [...read("README.md").matchAll(/```ts\n(.*?)```/gs)].map(([, code = ""]) => code);
  if (blocks.length === 0) return ["The README shows no code."];
  return blocks.filter((block) => !sources.some((source) => source.includes(block)));
}
