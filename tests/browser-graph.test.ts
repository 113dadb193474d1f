import { readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { parseAst } from "vite";
import { describe, expect, it } from "vitest";

// What a page, an edge worker or a bundler takes of what is built: web standards only, and nothing that asks where it runs.

const root = fileURLToPath(new URL("../", import.meta.url));
const client = join(root, "packages/client");
const FORBIDDEN_PACKAGES = ["ws", "undici"];
const FORBIDDEN_NAMES = ["process", "Buffer", "require", "global", "setImmediate", "__dirname", "__filename", "Deno", "Bun"];

const COMPUTED = "(something computed)";

const BROWSER = ["browser", "module", "import"];
const ENTRIES: readonly (readonly [name: string, subpath: string, conditions: readonly string[]])[] = [
  ["runagent, in a browser", ".", BROWSER],
  ["runagent, in an edge worker", ".", ["workerd", "worker", "import"]],
  ["runagent, in an edge function", ".", ["edge-light", "import"]],
  ["runagent, in a runtime that nobody thought of", ".", ["import"]],
  ["runagent/browser", "./browser", BROWSER],
  ["runagent/browser/websocket", "./browser/websocket", BROWSER],
  ["runagent/standard", "./standard", ["import"]],
  ["runagent/patterns", "./patterns", BROWSER],
  ["runagent/ai-sdk", "./ai-sdk", BROWSER],
  ["runagent/ag-ui", "./ag-ui", BROWSER],
];

interface Syntax {
  readonly type: string;
  readonly [part: string]: unknown;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function isSyntax(value: unknown): value is Syntax {
  return isRecord(value) && typeof value.type === "string";
}

/** What a file imports, and what of Node it speaks of: names in comments, strings and properties do not count. */
function inspect(text: string): { readonly imports: string[]; readonly names: string[] } {
  const imports = new Set<string>();
  const names = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const part of value) visit(part);
    if (!isSyntax(value)) return;
    if (isSyntax(value.source)) imports.add(textOf(value.source) ?? COMPUTED);
    const name = nameOf(value);
    if (name !== undefined && FORBIDDEN_NAMES.includes(name)) names.add(name);
    for (const [part, child] of Object.entries(value)) if (!isPropertyName(value, part)) visit(child);
  };
  visit(parseAst(text));
  return { imports: [...imports], names: [...names] };
}

/** What a string says, in quotes or, as minifiers write it, in backticks. */
function textOf({ value, quasis }: Syntax): string | undefined {
  if (!Array.isArray(quasis) || quasis.length > 1) return typeof value === "string" ? value : undefined;
  const [only] = quasis;
  return isSyntax(only) && isRecord(only.value) ? String(only.value.cooked) : undefined;
}

/** `process`, and the ways around it: `globalThis.process`, `self["process"]`. */
function nameOf({ type, name, object, property }: Syntax): string | undefined {
  if (type === "Identifier") return String(name);
  if (type !== "MemberExpression" || !isSyntax(object) || !isSyntax(property)) return undefined;
  return ["globalThis", "self", "window"].includes(String(object.name)) ? (textOf(property) ?? String(property.name)) : undefined;
}

function isPropertyName({ type, computed }: Syntax, part: string): boolean {
  const parts = { MemberExpression: "property", Property: "key", MethodDefinition: "key", PropertyDefinition: "key" };
  return computed !== true && Object.entries(parts).some(([owner, name]) => owner === type && name === part);
}

/** What `exports` gives under these conditions, in its order, as Node and the bundlers do it. */
function choose(target: unknown, conditions: readonly string[]): string | undefined {
  if (typeof target === "string") return target;
  if (!isRecord(target)) return undefined;
  for (const [condition, inner] of Object.entries(target)) {
    const chosen = condition === "default" || conditions.includes(condition) ? choose(inner, conditions) : undefined;
    if (chosen !== undefined) return chosen;
  }
  return undefined;
}

function resolveExport(folder: string, subpath: string, conditions: readonly string[]): string {
  const { exports } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const chosen = choose(exports[subpath], conditions);
  if (chosen === undefined) throw new Error(`${folder} has no ${subpath} under ${conditions.join(", ")}.`);
  return join(folder, chosen);
}

/** What is wrong with the files that an entry loads, its own and those of packages. */
function walk(entry: string, conditions: readonly string[]): string[] {
  const files = [entry];
  const wrong: string[] = [];
  for (const file of files) {
    const { imports, names } = inspect(readFileSync(file, "utf8"));
    const from = relative(root, file);
    wrong.push(...names.map((name) => `${from} speaks of ${name}`));
    for (const specifier of imports) {
      if (isBuiltin(specifier) || FORBIDDEN_PACKAGES.includes(specifier) || specifier === COMPUTED) {
        wrong.push(`${from} imports ${specifier}`);
        continue;
      }
      // The packages that it may load are direct dependencies of the client, and have no others.
      const folder = join(client, "node_modules", specifier);
      const target = specifier.startsWith(".") ? join(dirname(file), specifier) : resolveExport(folder, ".", conditions);
      if (!files.includes(target)) files.push(target);
    }
  }
  return wrong;
}

describe("what is built for the web", () => {
  it.each(ENTRIES)("%s: nothing of Node, file by file", (_name, subpath, conditions) => {
    expect(walk(resolveExport(client, subpath, conditions), conditions)).toEqual([]);
  });

  it.each(ENTRIES)("%s: nothing of Node in a bundle", async (_name, subpath, conditions) => {
    const entry = resolveExport(client, subpath, conditions);
    const { metafile, outputFiles, warnings } = await build({
      entryPoints: [entry],
      bundle: true,
      format: "esm",
      platform: "browser",
      metafile: true,
      write: false,
      logLevel: "silent",
      absWorkingDir: root,
    });
    expect(warnings).toEqual([]);
    const inputs = Object.entries(metafile.inputs);
    expect(inputs.map(([path]) => path).filter((path) => /node_modules\/(ws|undici)\//.test(path))).toEqual([]);
    expect(inputs.flatMap(([, { imports }]) => imports.filter(({ external }) => external))).toEqual([]);
    expect(inspect(outputFiles.map(({ text }) => text).join("\n"))).toEqual({ imports: [], names: [] });
  });

  it("the entry of Node does not pass", () => {
    const conditions = ["node", "import"];
    const wrong = walk(resolveExport(client, ".", conditions), conditions).map((text) => text.replace(/^\S+ /, ""));
    expect(wrong).toEqual(expect.arrayContaining(["imports ws", "imports undici", "speaks of process"]));
  });

  it("finds what it looks for, and nothing else", () => {
    const seen = inspect(
      'import "node:fs"; export * from "ws"; await import(`undici`); const { env } = process; globalThis.Buffer; self[`global`]; import(env);',
    );
    expect(seen).toEqual({ imports: ["node:fs", "ws", "undici", COMPUTED], names: ["process", "Buffer", "global"] });
    const harmless =
      '// process\nconst text = "require"; export const value = { process: text, at: text.Buffer }; class A { require() {} }';
    expect(inspect(harmless)).toEqual({ imports: [], names: [] });
  });
});
