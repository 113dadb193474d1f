import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BROWSERS, type Browser } from "../behaviour/harness/browsers.ts";
import { BUNDLERS, readBundle } from "./bundles.ts";
import { createTerminal } from "./command.ts";
import { bin, install, type Project, PUBLISHED, root, run, runQuietly, runtime, userEnv } from "./install.ts";
import { type Registry, serveRegistry } from "./registry.ts";

// The tarballs, installed with npm as a user would, and used by each tool and runtime that people use them with. No warning passes.

const did = (name: string): object => ({ reply: `Hello, ${name}`, batches: [30, 30, 30, 10], inOrder: true, code: "ENTRYPOINT_NOT_FOUND" });

let project: Project;
let files: Server;
let agent: ChildProcess;
let agentEnded: Promise<unknown>;
let warned = "";
let port: string;
let origin: string;

beforeAll(async () => {
  project = await install();
  files = await serveFiles(project.folder);
  origin = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
  agent = spawn(process.execPath, ["server.mjs", origin], { cwd: project.folder, env: userEnv, stdio: "pipe" });
  agent.stderr?.setEncoding("utf8").on("data", (text: string) => {
    warned += text;
  });
  agentEnded = once(agent, "close");
  if (agent.stdout === null) throw new Error("The server has no standard output.");
  await once(agent.stdout, "readable");
  // At its end there is nothing to read.
  const said = agent.stdout.read();
  if (said === null) throw new Error(`The server did not start. ${warned}`);
  port = String(said).trim();
}, 180_000);

afterAll(async () => {
  agent?.stdin?.end();
  await agentEnded;
  files?.close();
  project?.remove();
  expect(warned).toBe("");
});

/** Serves a project's files, and a page for a script that has none of its own: `/page?script=…`. */
async function serveFiles(folder: string): Promise<Server> {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://127.0.0.1");
    const page = `<!doctype html><title>page</title><script type="module" src="/${searchParams.get("script")}"></script>`;
    try {
      const body = pathname === "/page" ? page : readFileSync(join(folder, normalize(pathname)));
      response.writeHead(200, { "content-type": extname(pathname) === ".js" ? "text/javascript" : "text/html" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return server;
}

const tarball = (name: string): string => project.tarballs.get(name) ?? "";

describe("the tarballs", () => {
  it.each(PUBLISHED)(
    "%s: publint --strict",
    async (name) => {
      await run(bin("publint"), ["run", "--strict", tarball(name)], root);
    },
    60_000,
  );

  it.each(PUBLISHED)(
    "%s: are the types wrong?",
    async (name) => {
      const { exports } = JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8"));
      const profiles = new Map<string, string[]>();
      for (const [path, target] of Object.entries(exports)) {
        // Before Node 12 there are no exports, only what `main` names. The entries of other runtimes are ES modules alone.
        const profile = path === "." ? "strict" : /\.(cjs|json)"/.test(JSON.stringify(target)) ? "node16" : "esm-only";
        profiles.set(profile, [...(profiles.get(profile) ?? []), path]);
      }
      for (const [profile, paths] of profiles)
        await run(bin("attw"), [tarball(name), "--profile", profile, "--entrypoints", ...paths], root);
    },
    60_000,
  );

  it.each(PUBLISHED)("%s: holds no source and no test", async (name) => {
    const [listing] = await run("tar", ["-tzf", tarball(name)], root);
    expect(listing.split("\n").filter((path) => /src\/|test\/|deno\.json|\.tsbuildinfo/.test(path))).toEqual([]);
  });
});

describe("Node", () => {
  it("import, and every entry that Node may load, by name", async () => {
    const said = await runQuietly(process.execPath, ["node/use.mjs", port], project.folder);
    expect(JSON.parse(said)).toEqual({
      did: did("module"),
      byStandard: did("standard"),
      entry: "dist/node.mjs",
      named: ["dist/node.mjs", "dist/browser.mjs", "dist/standard.mjs"],
      sameNames: true,
      sameError: true,
    });
  }, 60_000);

  it("require", async () => {
    const said = await runQuietly(process.execPath, ["node/use.cjs", port], project.folder);
    expect(JSON.parse(said)).toEqual({ did: did("require"), entry: "dist/node.cjs", sameError: true });
  }, 60_000);

  it("an adapter whose framework is not installed says which to install, imported and required", async () => {
    const said: Record<string, string[]> = JSON.parse(await runQuietly(process.execPath, ["node/adapters.mjs"], project.folder));
    for (const [tag, told] of Object.entries(said)) {
      const framework = tag.replace("_stream", "");
      expect(told).toHaveLength(2);
      for (const text of told) expect(text).toMatch(new RegExp(`^EXECUTION_ERROR .*npm install .*${framework}`));
    }
    expect(Object.keys(said)).toHaveLength(3);
  }, 60_000);
});

describe("the command", () => {
  it.each(["python", "typescript"])(
    "init, serve and call an agent in %s",
    async (language) => {
      const home = join(project.folder, `home-${language}`);
      mkdirSync(home);
      const { runagent, serve } = createTerminal(join(project.folder, "node_modules/.bin/runagent"), home);
      const version = JSON.parse(readFileSync(join(root, "packages/cli/package.json"), "utf8")).version;
      expect(await runagent("--version")).toBe(`${version}\n`);
      await runagent("init", "agent", "--language", language);
      const { agent_id: id } = JSON.parse(readFileSync(join(home, "agent/runagent.config.json"), "utf8"));
      const served = await serve("agent");
      expect(await runagent("run", "--id", id, "--tag", "chat", "--local", "--message=Hello")).toContain("Hello");
      expect(await runagent("run-stream", "--port", served.port, "--tag", "chat_stream", "--message=one two")).toContain("one two");
      expect(await served.end()).toBe(0);
      expect(await runagent("invocations", "--agent-id", id)).toMatch(/chat_stream[\s\S]*chat /);
    },
    60_000,
  );
});

describe("TypeScript", () => {
  // skipLibCheck is off: what is declared is checked, too. A page has the types of the web alone.
  const compile = (name: string): Promise<string> => runQuietly(bin("tsc"), ["-p", `typescript/tsconfig.${name}.json`], project.folder);

  it.each(["node16", "bundler", "page"])(
    "%s",
    async (name) => {
      await compile(name);
    },
    60_000,
  );

  it("nodenext, and what it emits runs", async () => {
    await compile("nodenext");
    const said = JSON.parse(await runQuietly(process.execPath, ["typescript/emitted/use.mjs"], project.folder));
    expect(said).toEqual(["Hello true", "one ", "two ", "one ", "two ", "one ", "two ", "one two  true"]);
  }, 60_000);
});

// What the code of Node would bring with it.
const OF_NODE = [/["']node:/, /\bundici\b/, /permessage-deflate/i, /\bprocess\.(env|versions|nextTick)/];

describe("bundlers", () => {
  let browser: Browser;
  const [chromium] = BROWSERS;
  if (chromium === undefined) throw new Error("There is no browser to run bundles in.");

  beforeAll(async () => {
    if (chromium.missing === undefined) browser = await chromium.launch();
  });
  afterAll(() => browser?.close());

  describe.each(BUNDLERS)("$name", (bundler) => {
    let bundle: string;
    beforeAll(async () => {
      bundle = readBundle(await bundler.bundle(project.folder));
    }, 60_000);

    it("takes the browser entry, and nothing of Node", () => {
      expect(OF_NODE.filter((pattern) => pattern.test(bundle))).toEqual([]);
      expect(bundle.includes("allowApiKeyInBrowser")).toBe(true);
    });

    it.skipIf(chromium.missing !== undefined)(
      "runs in a page",
      async () => {
        const tab = await browser.newTab();
        const page = bundler.page.endsWith(".html") ? `${bundler.page}?` : `page?script=${bundler.page}&`;
        await tab.open(`${origin}/${page}port=${port}`);
        expect(await tab.evaluate("globalThis.result")).toEqual({ ...did(bundler.name), said: [] });
        await tab.close();
      },
      60_000,
    );
  });
});

describe("Deno", () => {
  let registry: Registry;
  beforeAll(async () => {
    registry = await serveRegistry(project);
    const program = readFileSync(join(project.folder, "deno/main.ts"), "utf8");
    writeFileSync(join(project.folder, "deno/npm.ts"), program.replaceAll('from "runagent', 'from "npm:runagent'));
  }, 60_000);
  afterAll(() => registry.close());

  // No environment, no files: what it needs is the network, and of that this machine.
  const PERMISSIONS = ["run", "--quiet", "--no-prompt", "--no-config", "--no-lock", "--allow-net=127.0.0.1"];
  it.each([
    ["what npm installed", "main.ts", ["--node-modules-dir=manual", "--no-remote"]],
    ["an npm specifier", "npm.ts", ["--node-modules-dir=none"]],
  ])(
    "%s",
    async (_name, file, args) => {
      const folder = join(project.folder, "deno");
      const env = { ...userEnv, DENO_DIR: join(project.folder, ".deno"), DENO_NO_UPDATE_CHECK: "1", NPM_CONFIG_REGISTRY: registry.url };
      const said = await runQuietly(runtime("deno"), [...PERMISSIONS, ...args, file, port], folder, env);
      expect(JSON.parse(said)).toEqual({ did: did("deno"), byStandard: did("standard"), entry: "dist/deno.mjs", same: true });
    },
    60_000,
  );
});

describe("Bun", () => {
  it("what npm installed", async () => {
    const said = await runQuietly(runtime("bun"), ["--no-install", "main.ts", port], join(project.folder, "bun"));
    expect(JSON.parse(said)).toEqual({ did: did("bun"), byStandard: did("standard"), entry: "dist/bun.mjs", same: true });
  }, 60_000);
});
