/** A Chromium for the tests: that of an npm package, or the one that RUNAGENT_CHROMIUM names. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Browser, chromium } from "playwright-core";

/** Without these a browser talks to its maker, or wants hardware that is not there. Web security stays on. */
const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const { RUNAGENT_CHROMIUM } = process.env;

/** Why there is no Chromium; undefined: there is. */
export const missingChromium: string | undefined =
  RUNAGENT_CHROMIUM || (process.platform === "linux" && process.arch === "x64")
    ? undefined
    : "there is no package of it for this platform: set RUNAGENT_CHROMIUM";

/** Starts it. */
export async function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: RUNAGENT_CHROMIUM || (await unpack()), args: ARGS });
}

/** Unpacks the packaged one, once for all processes and the behaviour suite: each does it in a folder of its own, and the first stays. */
async function unpack(): Promise<string> {
  const behaviour = fileURLToPath(new URL("../../../tests/behaviour", import.meta.url));
  const folder = join(behaviour, "node_modules/.chromium");
  process.env.FONTCONFIG_PATH ??= join(folder, "fonts");
  if (existsSync(join(folder, "chromium"))) return join(folder, "chromium");
  const own = `${folder}-${process.pid}`;
  await mkdir(own, { recursive: true });
  const script = 'import chromium from "@sparticuz/chromium"; await chromium.executablePath();';
  // It unpacks into the folder for temporary files.
  const options = { cwd: behaviour, env: { ...process.env, TMPDIR: own } };
  await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], options);
  try {
    await rename(own, folder);
  } catch {
    await rm(own, { recursive: true, force: true }); // Another process was first.
  }
  return join(folder, "chromium");
}
