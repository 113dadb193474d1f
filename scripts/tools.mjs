// What the verbs share. Node's own modules only: these run before anything is installed.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

const environment = {
  ...process.env,
  TURBO_TELEMETRY_DISABLED: "1",
  // npm sets these for its scripts, and pnpm would take them for its own.
  ...Object.fromEntries(
    Object.keys(process.env)
      .filter((name) => name.startsWith("npm_config_"))
      .map((name) => [name, undefined]),
  ),
};

/** Runs a command in the repository and waits for it. Standard input is closed: nothing may ask. `quiet`: it is shown only when it fails. */
export function run(command, args, { quiet = false, cwd = root, env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...environment, ...env },
      stdio: ["ignore", quiet ? "pipe" : "inherit", quiet ? "pipe" : "inherit"],
    });
    let output = "";
    const keep = (data) => {
      output += data;
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ${args.join(" ")} ended with ${signal ?? `code ${code}`}.${output === "" ? "" : `\n${output}`}`));
    });
  });
}

/** Runs the pinned pnpm, which npx fetches when it is not there. */
export function pnpm(args, options) {
  return run("npx", ["--yes", packageManager, ...args], options);
}

/** Says what is going on, runs it quietly, and says how long it took. */
export async function step(name, action) {
  const start = Date.now();
  process.stderr.write(`${name} … `);
  try {
    const result = await action();
    process.stderr.write(`${((Date.now() - start) / 1000).toFixed(1)} s\n`);
    return result;
  } catch (error) {
    process.stderr.write("failed\n");
    throw error;
  }
}

/** Installs what the lock file says, and builds what is out of date. */
export async function installAndBuild() {
  await step("install", () => pnpm(["install", "--frozen-lockfile"], { quiet: true }));
  await step("build", () => pnpm(["run", "build"], { quiet: true }));
}
