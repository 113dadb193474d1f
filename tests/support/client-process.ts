/** A client in a process of its own, written in a few lines of the test. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { onTestFinished } from "vitest";

/** Where `runagent` can be imported from. */
const RESOLVE_DIR = fileURLToPath(new URL("../../examples/approval", import.meta.url));

/** A process that was started. */
export interface ClientProcess {
  /** Resolves to the first line that it prints, parsed as JSON; rejects when it ends without. */
  readonly line: Promise<unknown>;
  /** Ends it as a crash does, and waits for that. */
  kill(): Promise<void>;
}

/** Bundles the source, which finds its arguments in process.argv, and runs it. */
export async function startClient(source: string, ...args: readonly string[]): Promise<ClientProcess> {
  const folder = await mkdtemp(join(tmpdir(), "client-"));
  const file = join(folder, "client.mjs");
  await build({
    stdin: { contents: source, resolveDir: RESOLVE_DIR, loader: "ts" },
    outfile: file,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["@runagent/source"],
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    logLevel: "silent",
  });
  const child = spawn(process.execPath, [file, ...args], {
    env: { PATH: process.env.PATH, HOME: folder },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const kill = (): Promise<void> => {
    child.kill("SIGKILL");
    return ended;
  };
  onTestFinished(async () => {
    await kill();
    await rm(folder, { recursive: true, force: true });
  });
  return { line: firstLine(child, ended), kill };
}

function firstLine(child: ChildProcess, ended: Promise<void>): Promise<unknown> {
  let shown = "";
  let failed = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    failed += text;
  });
  return new Promise((resolve, reject) => {
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      shown += text;
      const end = shown.indexOf("\n");
      if (end !== -1) resolve(JSON.parse(shown.slice(0, end)));
    });
    ended.then(() => reject(new Error(`The client ended, and had printed: ${shown}${failed}`)), reject);
  });
}
