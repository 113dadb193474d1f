import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineAgent, serve } from "@runagent/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root, run, runQuietly, runtime, userEnv } from "./install.ts";

// What JSR would take, sources and types: `deno publish` without the publishing. From a copy, in which the two packages are a workspace
// of Deno's: where it finds a pnpm-workspace.yaml it rewrites the package.json beside it.

const MEMBERS = ["core", "client"];
const PARTS = ["deno.json", "README.md", "src"];
/** Each line that it prints when all is well; file names follow with three blanks. */
const EXPECTED =
  /^(Publishing a workspace|Download |Initialize |Check |Checking for slow types|Simulating publish of | {3}file:|Success Dry run complete|$)/;

const home = mkdtempSync(join(tmpdir(), "runagent-jsr-"));
const env = { ...userEnv, DENO_DIR: join(home, ".deno"), DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" };
const read = (path: string): { version: string; [key: string]: unknown } => JSON.parse(readFileSync(join(root, path), "utf8"));

beforeAll(() => {
  for (const member of MEMBERS) {
    mkdirSync(join(home, member));
    const parts = member === "client" ? [...PARTS, "PATTERNS.md"] : PARTS;
    for (const part of parts) cpSync(join(root, "packages", member, part), join(home, member, part), { recursive: true });
  }
  writeFileSync(join(home, "deno.json"), JSON.stringify({ workspace: MEMBERS.map((name) => `./${name}`) }));
});

afterAll(() => rmSync(home, { recursive: true, force: true }));

describe("JSR", () => {
  it("deno publish --dry-run has nothing to say", async () => {
    const lines = (await run(runtime("deno"), ["publish", "--dry-run", "--allow-dirty"], home, env)).join("\n").split("\n");
    expect(lines.filter((line) => !EXPECTED.test(line))).toEqual([]);
    expect(lines).toContain("Success Dry run complete");
    const published = lines.filter((line) => line.startsWith("   file:"));
    expect(published.filter((line) => /runtimes\/(?!deno)|node-error|\/test\//.test(line))).toEqual([]);
    expect(published.filter((line) => line.includes("/client/src/runtimes/deno.ts"))).toHaveLength(1);
  }, 90_000);

  it.each(MEMBERS)("%s has the versions of its package.json", (member) => {
    const [deno, npm] = [read(`packages/${member}/deno.json`), read(`packages/${member}/package.json`)];
    expect(deno.version).toBe(npm.version);
    const imports = Object.entries((deno.imports ?? {}) as Record<string, string>);
    const dependencies = (npm.dependencies ?? {}) as Record<string, string>;
    const core = `jsr:@runagent/core@^${read("packages/core/package.json").version}`;
    expect(imports).toEqual(imports.map(([name]) => [name, name === "@runagent/core" ? core : `npm:${name}@${dependencies[name]}`]));
  });

  it("the sources run in Deno as they are", async () => {
    const agent = defineAgent({
      id: "packed",
      entrypoints: {
        *count_stream() {
          for (let n = 1; n <= 100; n++) yield n;
        },
      },
    });
    const server = await serve(agent, { port: 0 });
    const program = `import { RunAgentClient } from "@runagent/client";
import { buffered } from "@runagent/client/patterns";
const client = new RunAgentClient({ agentId: "packed", entrypointTag: "count_stream", port: ${server.port} });
for await (const batch of buffered(client.runStream(), { count: 50 })) console.log(batch.length, batch.at(-1));
await client.close();`;
    writeFileSync(join(home, "client/use.ts"), program);
    const said = await runQuietly(runtime("deno"), ["run", "--quiet", "--no-prompt", "--allow-net=127.0.0.1", "client/use.ts"], home, env);
    await server.close();
    expect(said).toBe("50 50\n50 100\n");
  }, 90_000);
});
