import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { closing, scriptedModel } from "./harness.ts";

// The examples of ADAPTERS.md, run as they stand: the first block of a section serves, the second calls.

const HERE = fileURLToPath(new URL(".", import.meta.url));
const text = readFileSync(new URL("../../packages/server/ADAPTERS.md", import.meta.url), "utf8");

let folder = "";
beforeAll(async () => {
  // Inside the package, so that what is not bundled is found.
  folder = await mkdtemp(join(HERE, "node_modules/.test-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The code of a section. */
function blocksOf(heading: string): string[] {
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
  return [...section.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = ""]) => code);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("There is no free port.");
  return address.port;
}

/** Starts a block as a program of its own. */
async function start(
  name: string,
  code: string,
  env: Readonly<Record<string, string>>,
): Promise<{ output(): string; readonly ended: Promise<unknown> }> {
  const outfile = join(folder, `${name}.mjs`);
  await build({
    stdin: { contents: code, resolveDir: HERE, sourcefile: `${name}.ts`, loader: "ts" },
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["@runagent/source"],
    external: ["@openai/*", "ai", "@ai-sdk/*", "@langchain/*", "zod"],
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    logLevel: "silent",
  });
  const child = spawn(process.execPath, [outfile], {
    env: { PATH: process.env.PATH, HOME: folder, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => {
      output += part;
    });
  }
  const ended = once(child, "close");
  closing({
    close: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  });
  return { output: () => output, ended };
}

it("OpenAI Agents", async () => {
  const model = await scriptedModel([{ text: "I will.", toolCalls: [{ name: "refund", arguments: { order: "A1" } }] }, { text: "Done." }]);
  const port = String(await freePort());
  const env = { OPENAI_BASE_URL: model.url, OPENAI_API_KEY: "none", OPENAI_AGENTS_DISABLE_TRACING: "1" };
  const [serving = "", calling = ""] = blocksOf("OpenAI Agents").map((code) => code.replaceAll("8450", port));
  const server = await start("serving", `${serving}\nconsole.log("serving");`, env);
  await vi.waitFor(() => expect(server.output()).toContain("serving"), { timeout: 20_000 });
  const client = await start("calling", calling, {});
  await client.ended;
  expect(client.output().split("\n")).toEqual([
    "text I ",
    "text will.",
    expect.stringContaining('message_output_created {"role":"assistant"'),
    'tool_called {"call_id":"call_0_0","tool_name":"refund","arguments":{"order":"A1"}}',
    'tool_output {"call_id":"call_0_0","tool_name":"refund","output":"Order A1 is paid back."}',
    "text Done.",
    expect.stringContaining("Done."),
    "",
  ]);
});
