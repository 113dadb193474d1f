// An agent in a folder of its own, under the built `runagent serve`, with a home of its own.
import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const COMMAND = fileURLToPath(new URL("../../packages/cli/dist/main.mjs", import.meta.url));
const START_MS = 20_000;

/** Writes the files and serves them. `lines` emits what the agent prints, each line as an event of that name. */
export async function serveFiles(files) {
  const folder = mkdtempSync(join(tmpdir(), "runagent-bench-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const home = mkdtempSync(join(tmpdir(), "runagent-home-"));
  const env = { ...process.env, RUNAGENT_CACHE_DIR: home };
  const child = spawn(process.execPath, [COMMAND, "serve", folder, "--port", "0"], { env, stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(child, "close");
  const lines = new EventEmitter();
  const late = setTimeout(() => child.kill("SIGKILL"), START_MS);
  let said = "";
  let port;
  const listening = new Promise((resolve) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      if (port === undefined) said += `${line}\n`;
      port ??= /^Listening on \S+:(\d+)$/.exec(line)?.[1];
      if (port !== undefined) resolve();
      lines.emit(line.replace(/^│ /, ""));
    });
  });
  await Promise.race([listening, ended]);
  clearTimeout(late);
  const close = async () => {
    child.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true, force: true });
    rmSync(home, { recursive: true, force: true });
  };
  if (port === undefined) {
    await close();
    throw new Error(`runagent serve did not start: ${said}`);
  }
  return { port: Number(port), lines, env, close };
}
