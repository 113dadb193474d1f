import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The repository. */
export const root: string = fileURLToPath(new URL("../../", import.meta.url));
/** What is published, each after what it depends on. */
export const PUBLISHED = ["core", "client", "server", "cli"] as const;

/** A tool of the repository. */
export const bin = (name: string): string => join(root, "node_modules/.bin", name);
/** A runtime. */
export const runtime = (name: "deno" | "bun"): string => join(root, "tests/behaviour/node_modules/.bin", name);

const execute = promisify(execFile);
// The tools must see a user's world, not this workspace's conditions and npm settings.
const FOREIGN = /^(npm_.*|NODE_(OPTIONS|ENV|PATH)|(VITEST|TEST).*|MODE|PROD|DEV|SSR)$/i;
/** A user's environment, as far as there is one. */
export const userEnv: NodeJS.ProcessEnv = Object.fromEntries(Object.entries(process.env).filter(([name]) => !FOREIGN.test(name)));

/** Runs a command to its end. It must succeed; what it writes to stderr comes second. */
export async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = userEnv,
): Promise<readonly [string, string]> {
  try {
    const { stdout, stderr } = await execute(command, [...args], { cwd, env, maxBuffer: 64 * 1024 * 1024 });
    return [stdout, stderr];
  } catch (error) {
    const { stdout = "", stderr = "", message } = error as { stdout?: string; stderr?: string; message: string };
    throw new Error(`${command} ${args.join(" ")} failed.\n${stdout}${stderr || message}`);
  }
}

/** Runs a command that has nothing to warn of: all of its stdout. */
export async function runQuietly(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = userEnv): Promise<string> {
  const [stdout, stderr] = await run(command, args, cwd, env);
  if (stderr !== "") throw new Error(`${command} ${args.join(" ")} warned.\n${stderr}`);
  return stdout;
}

/** A project of a user, who installed the tarballs with npm. */
export interface Project {
  readonly folder: string;
  /** The tarball of each package, by the name of its folder. */
  readonly tarballs: ReadonlyMap<string, string>;
  /** What the tarballs come from and depend on, by name: their folders in `node_modules`. */
  readonly packages: ReadonlyMap<string, string>;
  remove(): void;
}

/** Packs what is built, and installs it in a copy of the projects here. */
export async function install(): Promise<Project> {
  const home = mkdtempSync(join(tmpdir(), "runagent-packed-"));
  const folder = join(home, "project");
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const packed = PUBLISHED.map(async (name) => {
    const target = join(home, name);
    mkdirSync(target);
    await run("npx", ["--yes", packageManager, "pack", "--pack-destination", target], join(root, "packages", name));
    return [name, join(target, readdirSync(target)[0] ?? "")] as const;
  });
  const tarballs = new Map(await Promise.all(packed));
  cpSync(join(root, "tests/packed/project"), folder, { recursive: true });
  const { core, client, server, cli } = Object.fromEntries([...tarballs].map(([name, path]) => [name, `file:${path}`]));
  const dependencies = { "@runagent/core": core, "@runagent/server": server, "@runagent/cli": cli, runagent: client };
  const devDependencies = { "@types/node": "20.19.43" };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies, devDependencies }));
  await run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline"], folder);
  return {
    folder,
    tarballs,
    packages: packagesOf(join(folder, "node_modules")),
    remove: () => rmSync(home, { recursive: true, force: true }),
  };
}

/** The client and what it depends on. */
function packagesOf(modules: string): Map<string, string> {
  const packages = new Map<string, string>();
  const add = (name: string): void => {
    if (packages.has(name)) return;
    packages.set(name, join(modules, name));
    const { dependencies = {} } = JSON.parse(readFileSync(join(modules, name, "package.json"), "utf8"));
    for (const dependency of Object.keys(dependencies)) add(dependency);
  };
  add("runagent");
  return packages;
}
