import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

// The import rules: core <- {client, server, conformance} <- {cli, examples, bench}; inside the client
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
      // Not the examples in docstrings.
      const text = readFileSync(join(root, file), "utf8").replaceAll(/^ *\*.*$/gm, "");
      const targets = [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(([, target]) => target ?? "");
      return targets.map((target) => ({
        file,
        target: target.startsWith(".") ? relative(root, join(root, dirname(file), target)) : target,
      }));
    });
}

/** The packages that a file loads, and those that its own files load, before anything runs: neither types nor `import()` do that. */
function eagerImportsOf(entry: string): Import[] {
  const files = [entry];
  const packages: Import[] = [];
  for (const file of files) {
    const text = readFileSync(join(root, file), "utf8");
    const targets = [...text.matchAll(/^(?:import|export)\s+(?!type\b)(?:[^;"]*\sfrom\s+)?"([^"]+)"/gm)].map(([, target]) => target ?? "");
    for (const target of targets) {
      if (!target.startsWith(".")) packages.push({ file, target });
      else if (!files.includes(join(dirname(file), target))) files.push(join(dirname(file), target));
    }
  }
  return packages;
}

const client = importsOf("packages/client/src");
const server = importsOf("packages/server/src");
const core = importsOf("packages/core/src");
const conformance = importsOf("packages/conformance/src");
const cli = importsOf("packages/cli/src");
const src = (path: string): string => `packages/client/src/${path}`;
const cliSrc = (path: string): string => `packages/cli/src/${path}`;
const below = (folder: string) => (entry: Import) => entry.file.startsWith(folder);
const list = (entries: Import[]): string[] => entries.map(({ file, target }) => `${file} imports ${target}`);

describe("import rules", () => {
  it("core imports nothing of ours, and no runtime", () => {
    expect(list(core.filter(({ target }) => !target.startsWith("packages/core/src") && target !== "@standard-schema/spec"))).toEqual([]);
  });

  it("conformance imports core, ws and Node, and neither side", () => {
    const allowed = (target: string): boolean =>
      target.startsWith("packages/conformance/src") || target.startsWith("node:") || ["@runagent/core", "ws"].includes(target);
    expect(list(conformance.filter(({ target }) => !allowed(target)))).toEqual([]);
  });

  it("client and server never see each other", () => {
    expect(list(client.filter(({ target }) => target.includes("server") && !target.includes("gen")))).toEqual([]);
    expect(list(server.filter(({ target }) => target === "runagent" || target.includes("packages/client")))).toEqual([]);
  });

  it("only a runtime knows Node, ws or undici", () => {
    const runtimes = below(src("runtimes/"));
    const own = ({ target }: Import): boolean => target.startsWith("packages/client/src") || target === "@runagent/core";
    const parser = ({ file, target }: Import): boolean => target === "eventsource-parser" && file === src("transports/sse.ts");
    const sockets = ({ file }: Import): boolean => file === src("node-sockets.ts");
    expect(list(client.filter((entry) => !runtimes(entry) && !own(entry) && !parser(entry) && !sockets(entry)))).toEqual([]);
    // Nothing but Node's entry leads there.
    expect(client.filter(({ target }) => target === src("node-sockets.ts")).map(({ file }) => file)).toEqual([src("runtimes/node.ts")]);
  });

  it("only runtimes that have files look for local agents", () => {
    const users = client.filter(({ target }) => target === src("local-agents.ts") || target === src("local-address.ts"));
    const allowed = [...["node", "deno", "bun"].map((name) => src(`runtimes/${name}.ts`)), src("local-address.ts")];
    expect(list(users.filter(({ file }) => !allowed.includes(file)))).toEqual([]);
  });

  it("nobody imports a runtime, and index only its runtime's entry", () => {
    expect(list(client.filter(({ target }) => target.startsWith(src("runtimes/"))))).toEqual([]);
    expect(list(client.filter(({ file, target }) => target === src("index.ts") && !file.startsWith(src("runtimes/"))))).toEqual([]);
  });

  it("patterns are by themselves", () => {
    const patterns = below(src("patterns/"));
    const own = ({ target }: Import): boolean => target.startsWith(src("patterns/")) || target === "@runagent/core";
    expect(list(client.filter((entry) => patterns(entry) && !own(entry)))).toEqual([]);
    expect(list(client.filter((entry) => !patterns(entry) && entry.target.startsWith(src("patterns/"))))).toEqual([]);
  });

  it("what is made for user interfaces is by itself", () => {
    const ui = below(src("ui/"));
    const own = ({ target }: Import): boolean => target.startsWith(src("ui/")) || target === "@runagent/core";
    expect(list(client.filter((entry) => ui(entry) && !own(entry)))).toEqual([]);
    expect(list(client.filter((entry) => !ui(entry) && entry.target.startsWith(src("ui/"))))).toEqual([]);
  });

  it("state, queue and retry are pure", () => {
    const pure = client.filter(({ file }) => ["state.ts", "queue.ts", "retry.ts"].some((name) => file === src(name)));
    const allowed = ["@runagent/core", src("network-error.ts"), src("transport.ts")];
    expect(list(pure.filter(({ target }) => !allowed.includes(target)))).toEqual([]);
  });

  it("the session sees state, queue and the seam; transports see the seam and what they share", () => {
    const own = [
      "queue",
      "state",
      "link",
      "transport",
      "reconnects",
      "retry",
      "network-error",
      "intake",
      "cancelling",
      "approving",
      "first-frame",
    ];
    const shared = ["timers", "deadlines", "abort-signal", "credentials", "runtime"];
    const allowed = [...[...own, ...shared].map((name) => src(`${name}.ts`)), "@runagent/core"];
    expect(list(client.filter(({ file, target }) => file === src("session.ts") && !allowed.includes(target)))).toEqual([]);
    const seam = [...["transport", "encode-json", "http", "network-error", "runtime"].map((name) => src(`${name}.ts`)), "@runagent/core"];
    const inside = (target: string): boolean =>
      target.startsWith(src("transports/")) || target === src("options.ts") || target === "eventsource-parser";
    expect(list(client.filter(below(src("transports/"))).filter(({ target }) => !seam.includes(target) && !inside(target)))).toEqual([]);
  });

  it("nobody imports the command", () => {
    const others = [...core, ...client, ...server, ...conformance];
    expect(list(others.filter(({ target }) => target === "@runagent/cli" || target.includes("packages/cli/")))).toEqual([]);
  });

  it("the command loads what it does when it is called, and before that commander alone", () => {
    expect(list(eagerImportsOf(cliSrc("program.ts")).filter(({ target }) => target !== "commander"))).toEqual([]);
  });

  it("what the command keeps on disk is kept without the rest of it", () => {
    const allowed = ["@runagent/core", "runagent/local-agents"];
    const own = ({ target }: Import): boolean => target.startsWith(cliSrc("store/")) || target.startsWith("node:");
    expect(list(cli.filter(below(cliSrc("store/"))).filter((entry) => !own(entry) && !allowed.includes(entry.target)))).toEqual([]);
  });

  it("no package has a cycle", () => {
    for (const imports of [core, client, server, conformance]) expect(findCycle(imports)).toBeUndefined();
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
