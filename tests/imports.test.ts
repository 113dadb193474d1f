import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

// The import rules: core <- {client, server} <- {examples, bench}; inside the client
// state, queue <- session <- client, transports see the seam and core only, runtimes are leaves.

const root = fileURLToPath(new URL("../", import.meta.url));

interface Import {
  readonly file: string;
  readonly target: string;
}

function importsOf(folder: string): Import[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.includes("node_modules"))
    .map((name) => join(folder, name))
    .flatMap((file) => {
      const text = readFileSync(join(root, file), "utf8");
      const targets = [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(([, target]) => target ?? "");
      return targets.map((target) => ({
        file,
        target: target.startsWith(".") ? relative(root, join(root, dirname(file), target)) : target,
      }));
    });
}

const client = importsOf("packages/client/src");
const server = importsOf("packages/server/src");
const core = importsOf("packages/core/src");
const src = (path: string): string => `packages/client/src/${path}`;
const below = (folder: string) => (entry: Import) => entry.file.startsWith(folder);
const list = (entries: Import[]): string[] => entries.map(({ file, target }) => `${file} imports ${target}`);

describe("import rules", () => {
  it("core imports nothing of ours, and no runtime", () => {
    expect(list(core.filter(({ target }) => !target.startsWith("packages/core/src") && target !== "@standard-schema/spec"))).toEqual([]);
  });

  it("client and server never see each other", () => {
    expect(list(client.filter(({ target }) => target.includes("server") && !target.includes("gen")))).toEqual([]);
    expect(list(server.filter(({ target }) => target === "runagent" || target.includes("packages/client")))).toEqual([]);
  });

  it("only a runtime knows Node, ws or undici", () => {
    const runtimes = below(src("runtimes/"));
    expect(
      list(
        client.filter((entry) => !runtimes(entry) && !entry.target.startsWith("packages/client/src") && entry.target !== "@runagent/core"),
      ),
    ).toEqual([]);
  });

  it("nobody imports a runtime, and index only its runtime's entry", () => {
    expect(list(client.filter(({ target }) => target.startsWith(src("runtimes/"))))).toEqual([]);
    expect(list(client.filter(({ file, target }) => target === src("index.ts") && !file.startsWith(src("runtimes/"))))).toEqual([]);
  });

  it("state and queue are pure", () => {
    const pure = client.filter(({ file }) => file === src("state.ts") || file === src("queue.ts"));
    expect(list(pure.filter(({ target }) => target !== "@runagent/core"))).toEqual([]);
  });

  it("the session sees state, queue and the seam; transports see the seam and what they share", () => {
    const own = ["queue", "state", "transport", "timers", "deadlines", "cancel-request", "abort-signal"].map((name) => src(`${name}.ts`));
    const allowed = [...own, "@runagent/core"];
    expect(list(client.filter(({ file, target }) => file === src("session.ts") && !allowed.includes(target)))).toEqual([]);
    const seam = [src("transport.ts"), src("encode-json.ts"), "@runagent/core"];
    const inside = (target: string): boolean => target.startsWith(src("transports/")) || target === src("options.ts");
    expect(list(client.filter(below(src("transports/"))).filter(({ target }) => !seam.includes(target) && !inside(target)))).toEqual([]);
  });

  it("no package has a cycle", () => {
    for (const imports of [core, client, server]) expect(findCycle(imports)).toBeUndefined();
  });
});

function findCycle(imports: Import[]): string[] | undefined {
  const graph = groupByFile(imports);
  const done = new Set<string>();
  const visit = (file: string, path: string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const { target } of graph.get(file) ?? []) {
      const cycle = visit(target, [...path, file]);
      if (cycle) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const cycle = visit(file, []);
    if (cycle) return cycle;
  }
  return undefined;
}

function groupByFile(imports: Import[]): Map<string, Import[]> {
  const groups = new Map<string, Import[]>();
  for (const entry of imports) groups.set(entry.file, [...(groups.get(entry.file) ?? []), entry]);
  return groups;
}
