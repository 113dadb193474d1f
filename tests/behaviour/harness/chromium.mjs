// The Chromium that comes with an npm package, or that of RUNAGENT_CHROMIUM; for the tests, and for benches, which run as they are.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

/** Without these it talks to its maker, or wants hardware that is not there. Web security stays on. */
export const CHROMIUM_ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const modules = fileURLToPath(new URL("../node_modules", import.meta.url));
const { RUNAGENT_CHROMIUM } = process.env;

/** Whether there is one. */
export function hasChromium() {
  return Boolean(RUNAGENT_CHROMIUM) || (process.platform === "linux" && process.arch === "x64");
}

/** Starts it, with Playwright to drive it. */
export async function launchChromium() {
  // Playwright turns the back/forward cache off, which pages of users have.
  const ignoreDefaultArgs = ["--disable-back-forward-cache"];
  return chromium.launch({ executablePath: await chromiumPath(), args: CHROMIUM_ARGS, ignoreDefaultArgs });
}

/** Where it is. The packaged one is unpacked once for all processes: each does it in a folder of its own, and the first one stays. */
export async function chromiumPath() {
  if (RUNAGENT_CHROMIUM) return RUNAGENT_CHROMIUM;
  const folder = join(modules, ".chromium");
  process.env.FONTCONFIG_PATH ??= join(folder, "fonts");
  if (existsSync(join(folder, "chromium"))) return join(folder, "chromium");
  const own = `${folder}-${process.pid}`;
  await mkdir(own, { recursive: true });
  const script = 'import chromium from "@sparticuz/chromium"; await chromium.executablePath();';
  // It unpacks into the folder for temporary files.
  const options = { cwd: join(modules, ".."), env: { ...process.env, TMPDIR: own } };
  await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], options);
  try {
    await rename(own, folder);
  } catch {
    await rm(own, { recursive: true, force: true }); // Another process was first.
  }
  return join(folder, "chromium");
}
