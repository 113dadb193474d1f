import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { createHome, run, start } from "./support.ts";

// The command in every Node that it promises to run in: nothing on standard error that belongs to none of its users.

const nodeOf = (version: string): string =>
  fileURLToPath(new URL(`../../../tests/behaviour/node_modules/node-${version}/bin/node`, import.meta.url));

describe.each(["20", "22", "24"])("Node %s", (version) => {
  const node = nodeOf(version);

  it("serves Python and TypeScript, calls them, and shows what they did", async () => {
    const home = createHome();
    const folder = join(home, "agent");
    mkdirSync(folder);
    writeFileSync(join(folder, "main.py"), 'def chat(message):\n    return {"said": message}\n');
    writeFileSync(
      join(folder, "agent.ts"),
      'export async function* story({ upto }: { upto: number }) {\n  for (let n = 1; n <= upto; n++) yield String(n) + " ";\n}\n',
    );
    const entrypoints = [
      { file: "main.py", module: "chat", tag: "chat" },
      { file: "agent.ts", module: "story", tag: "story_stream" },
    ];
    writeFileSync(join(folder, "runagent.config.json"), JSON.stringify({ agent_id: "versions", agent_architecture: { entrypoints } }));
    const serving = start(["serve", folder, "--port", "0"], { home, node });
    await serving.prints(/Listening on/, "stderr");
    const say = async (...args: string[]): Promise<string> => {
      const { stdout, stderr, exitCode } = await run(args, { home, node });
      expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
      return stdout;
    };
    expect(await say("run", "--id", "versions", "--tag", "chat", "--local", "--message=hi")).toBe('{"said":"hi"}\n');
    expect(await say("run-stream", "--id", "versions", "--tag", "story_stream", "--local", "--upto:=3")).toBe("1 2 3 ");
    expect(await say("db", "status")).toMatch(/versions +versions +running +healthy/);
    expect(await say("invocations", "--agent-id", "versions")).toMatch(/story_stream +completed[\s\S]*chat +completed/);
    serving.signal("SIGINT");
    expect((await serving.ended).exitCode).toBe(0);
    // What has no address of its own is looked for in the database of other SDKs, too.
    expect((await run(["run", "--id", "versions", "--tag", "chat", "--local"], { home, node })).stderr).not.toContain("Warning");
  });
});
