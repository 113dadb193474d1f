import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { RunAgentClient } from "runagent";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { failureOf } from "./harness.ts";

// Servers in a process of their own, which finds no framework, or another than the adapters know. Frameworks are optional peers.

const PROGRAM = `
import { defineAgent, serve } from "@runagent/server";
import { fromAISDK } from "@runagent/server/adapters/ai-sdk";
import { fromLangGraph } from "@runagent/server/adapters/langgraph";
import { fromOpenAIAgent } from "@runagent/server/adapters/openai-agents";
const entrypoints = {
  openai_stream: fromOpenAIAgent(() => ({})),
  ai_stream: fromAISDK({ model: "none" }),
  graph_stream: fromLangGraph(() => ({ stream() {}, getState() {} })),
};
const { port } = await serve(defineAgent({ id: "assistant", entrypoints }), { port: 0 });
process.stdout.write(port + "\\n");
`;

let folder = "";
const closing: (() => void | Promise<void>)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "runagent-peers-"));
  await build({
    stdin: { contents: PROGRAM, resolveDir: fileURLToPath(new URL(".", import.meta.url)), sourcefile: "program.ts", loader: "ts" },
    outfile: join(folder, "program.mjs"),
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["@runagent/source"],
    external: ["@openai/agents", "ai", "@langchain/*"],
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    logLevel: "silent",
  });
});

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Installs packages that hold what is given, and starts the server beside them. */
async function start(packages: Readonly<Record<string, string>>): Promise<number> {
  await rm(join(folder, "node_modules"), { recursive: true, force: true });
  for (const [name, source] of Object.entries(packages)) {
    const path = join(folder, "node_modules", name);
    await mkdir(path, { recursive: true });
    await writeFile(join(path, "package.json"), JSON.stringify({ name, version: "0.0.1", type: "module", exports: { ".": "./index.js" } }));
    await writeFile(join(path, "index.js"), source);
  }
  const env = { PATH: process.env.PATH, HOME: folder };
  const child = spawn(process.execPath, [join(folder, "program.mjs")], { env, stdio: ["ignore", "pipe", "inherit"] });
  closing.push(() => void child.kill("SIGKILL"));
  const [line]: unknown[] = await once(createInterface(child.stdout), "line");
  return Number(line);
}

async function errorOf(port: number, entrypointTag: string): Promise<{ readonly code: string; readonly message: string }> {
  const client = new RunAgentClient({ agentId: "assistant", port, entrypointTag: `${entrypointTag}_stream` });
  closing.unshift(() => client.close());
  const { code, message } = await failureOf(client.runStream({ message: "Hi" }).text());
  return { code, message };
}

it("a framework that is not installed: the error says which package to install", async () => {
  const port = await start({});
  expect(await errorOf(port, "openai")).toEqual({
    code: "EXECUTION_ERROR",
    message: "The package @openai/agents is not installed. Run: npm install @openai/agents",
  });
  expect(await errorOf(port, "ai")).toMatchObject({ message: "The package ai is not installed. Run: npm install ai" });
  expect(await errorOf(port, "graph")).toMatchObject({
    message: expect.stringMatching(/^The package (@langchain\/(?:langgraph|core)) is not installed. Run: npm install \1$/),
  });
});

it("a framework that lacks what it needs itself", async () => {
  const port = await start({ "@openai/agents": 'import "zod";' });
  expect(await errorOf(port, "openai")).toMatchObject({
    message: "The package zod, which @openai/agents needs, is not installed. Run: npm install zod",
  });
});

it("a version without what the adapter uses, and one that cannot be loaded", async () => {
  const port = await start({ "@openai/agents": "export const Runner = class {};", ai: 'throw new Error("No such Node.");' });
  expect(await errorOf(port, "openai")).toMatchObject({
    message: expect.stringMatching(
      /^The installed version of @openai\/agents has no RunContext, RunState, .*: it is older or newer than this adapter knows\.$/,
    ),
  });
  expect(await errorOf(port, "ai")).toMatchObject({ message: 'The package ai is installed and cannot be loaded: "No such Node."' });
});

it("version 5 of ai, which would run a tool without the approval that it needs", async () => {
  const names = ["streamText", "convertToModelMessages", "modelMessageSchema", "safeValidateUIMessages"];
  const port = await start({ ai: names.map((name) => `export const ${name} = () => {};`).join("\n") });
  expect(await errorOf(port, "ai")).toMatchObject({
    message: "The installed version of ai has no ToolLoopAgent: it is older or newer than this adapter knows.",
  });
});
