import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const bin = (name: string): string => join(root, "node_modules/.bin", name);
const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const PUBLISHED = ["core", "client", "server"];
const EXPECTED = { chunks: 100, last: 100, code: "ENTRYPOINT_NOT_FOUND", sameError: true };

// The tools must see a user's world, not this workspace's conditions and npm settings.
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("npm_config_") && name !== "NODE_OPTIONS"));
const execute = promisify(execFile);

async function run(command: string, args: string[], cwd: string): Promise<string> {
  try {
    return (await execute(command, args, { cwd, env, maxBuffer: 64 * 1024 * 1024 })).stdout;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(" ")} failed.\n${stdout}${stderr}`);
  }
}

describe("the packed packages", () => {
  const folder = mkdtempSync(join(tmpdir(), "runagent-packed-"));
  const project = join(folder, "project");
  const tarballs: Record<string, string> = {};

  beforeAll(async () => {
    for (const name of PUBLISHED) {
      const target = join(folder, name);
      mkdirSync(target);
      await run("npx", ["--yes", packageManager, "pack", "--pack-destination", target], join(root, "packages", name));
      const [file = ""] = readdirSync(target);
      tarballs[name] = join(target, file);
    }
    cpSync(join(root, "tests/packed/project"), project, { recursive: true });
    const dependencies = { "@runagent/core": tarballs.core, "@runagent/server": tarballs.server, runagent: tarballs.client };
    const manifest = {
      private: true,
      dependencies: Object.fromEntries(Object.entries(dependencies).map(([name, path]) => [name, `file:${path}`])),
    };
    writeFileSync(join(project, "package.json"), JSON.stringify({ ...manifest, devDependencies: { "@types/node": "20.19.43" } }));
    await run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline"], project);
  }, 180_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(PUBLISHED)(
    "%s: publint --strict",
    async (name) => {
      await run(bin("publint"), ["run", "--strict", tarballs[name] ?? ""], root);
    },
    60_000,
  );

  it.each(PUBLISHED)(
    "%s: are the types wrong?",
    async (name) => {
      await run(bin("attw"), [tarballs[name] ?? ""], root);
    },
    60_000,
  );

  it.each(PUBLISHED)("%s: holds no source and no test", async (name) => {
    const listing = await run("tar", ["-tzf", tarballs[name] ?? ""], root);
    expect(listing.split("\n").filter((path) => /src\/|test\/|\.tsbuildinfo/.test(path))).toEqual([]);
  });

  it("work with import", async () => {
    expect(JSON.parse(await run("node", ["use.mjs"], project))).toEqual({ answer: { reply: "Hello, module" }, ...EXPECTED });
  }, 60_000);

  it("work with require", async () => {
    expect(JSON.parse(await run("node", ["use.cjs"], project))).toEqual({ answer: { reply: "Hello, require" }, ...EXPECTED });
  }, 60_000);

  it.each(["nodenext", "bundler"])(
    "compile as people write it, moduleResolution %s",
    async (resolution) => {
      const module = resolution === "bundler" ? "preserve" : "nodenext";
      await run(
        bin("tsc"),
        [
          "use.mts",
          "--noEmit",
          "--strict",
          "--target",
          "es2022",
          "--module",
          module,
          "--moduleResolution",
          resolution,
          "--types",
          "node",
          "--ignoreConfig",
        ],
        project,
      );
    },
    60_000,
  );
});
