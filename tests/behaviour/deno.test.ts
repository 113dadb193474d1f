import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

// In a terminal Deno asks its user for every permission that a program has not been given, and waits.

const cwd = fileURLToPath(new URL(".", import.meta.url));
const PROGRAM = `
const asked = [];
const { get } = Deno.env;
Deno.env.get = (name) => {
  asked.push(name);
  return get.call(Deno.env, name);
};
const { RunAgentClient } = await import("runagent");
new RunAgentClient({ agentId: "a1", entrypointTag: "chat", port: 8450 });
console.log(JSON.stringify(asked));
`;

async function askedWith(...permissions: string[]): Promise<unknown> {
  const child = promisify(execFile)("node_modules/.bin/deno", ["run", "--node-modules-dir=manual", "--no-prompt", ...permissions, "-"], {
    cwd,
  });
  child.child.stdin?.end(PROGRAM);
  return JSON.parse((await child).stdout);
}

it("the environment is not asked for without --allow-env, and is with it", async () => {
  expect(await askedWith("--allow-net=127.0.0.1")).toEqual([]);
  expect(await askedWith("--allow-net=127.0.0.1", "--allow-env")).toContain("RUNAGENT_API_KEY");
});
