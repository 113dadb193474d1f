/**
 * Loads the TypeScript and JavaScript functions of an agent, by file and name.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, extname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { isJsonObject } from "@runagent/core";
import { type Entrypoint, readEntrypoint, type Untyped } from "../agent.ts";
import { stackOf } from "./stack.ts";
import type { LoadEntry, LoadedEntry } from "./worker-messages.ts";

/** A function that was loaded, or why it was not. */
export interface LoadedFunction {
  readonly tag: string;
  readonly entrypoint: Entrypoint | undefined;
  readonly yields: LoadedEntry["yields"];
  readonly error: string | undefined;
}

/** Loads each file once, and finds the functions in it. Never rejects: what is wrong with one stands in its place. */
export async function loadFunctions(folder: string, entries: readonly LoadEntry[]): Promise<ReadonlyMap<string, LoadedFunction>> {
  const files = new Map<string, Promise<unknown>>();
  for (const { file } of entries) if (!files.has(file)) files.set(file, loadFile(folder, file));
  const loaded = await Promise.all(
    entries.map(async (entry): Promise<LoadedFunction> => {
      try {
        return { ...findFunction(await files.get(entry.file), entry), error: undefined };
      } catch (error) {
        return { tag: entry.tag, entrypoint: undefined, yields: "unknown", error: error instanceof Error ? error.message : String(error) };
      }
    }),
  );
  return new Map(loaded.map((entry) => [entry.tag, entry]));
}

async function loadFile(folder: string, file: string): Promise<unknown> {
  const path = resolve(folder, file);
  if (!existsSync(path)) throw new Error(`There is no file ${file} in ${folder}.`);
  try {
    if (!/^\.[mc]?ts$/.test(extname(path))) return await import(pathToFileURL(path).href);
    const { createJiti } = await import("jiti");
    return await createJiti(pathToFileURL(path).href, { interopDefault: false }).import(path);
  } catch (error) {
    // The whole of it is for the agent's log.
    const place = error instanceof SyntaxError ? findSyntaxError(folder, path) : undefined;
    process.stderr.write(`${place?.shown ?? stackOf(error)}\n`);
    throw new Error(`${file}: ${place?.told ?? describe(error, folder)}`, { cause: error });
  }
}

const MAX_CHECKED_FILES = 50;

/**
 * Where a file of JavaScript, or one that it imports, cannot be parsed: import() says only why. Node's own check of a file shows the line.
 */
function findSyntaxError(folder: string, path: string): { readonly told: string; readonly shown: string } | undefined {
  const others = readdirSync(dirname(path)).map((name) => join(dirname(path), name));
  const files = [path, ...others.filter((other) => /\.[mc]?js$/.test(other) && other !== path)].slice(0, MAX_CHECKED_FILES);
  for (const file of files) {
    const { status, stderr } = spawnSync(process.execPath, ["--check", file], { encoding: "utf8", timeout: 5_000 });
    const [, line] = /:(\d+)\n/.exec(stderr) ?? [];
    const [, why] = /^(SyntaxError: .+)$/m.exec(stderr) ?? [];
    if (status === 0 || line === undefined || why === undefined) continue;
    return { told: `${why} (${relative(folder, file)} line ${line})`, shown: stderr.replace(/\n\s+at [\s\S]*$/, "") };
  }
  return undefined;
}

/** One line: the kind of error, its first line, and the place where the error names one. */
function describe(error: unknown, folder: string): string {
  if (!(error instanceof Error)) return `it threw ${String(error)}`;
  const [first = ""] = error.message.split("\n", 1);
  for (const line of `${error.message}\n${error.stack}`.split("\n")) {
    const [, path = "", number] = /([^\s(]+?):(\d+)(?::\d+)?\)?$/.exec(line) ?? [];
    if (!path.includes(folder) || path.includes("node_modules")) continue;
    return `${error.name}: ${first.trim()} (${relative(folder, path.replace("file://", ""))} line ${number})`;
  }
  return `${error.name}: ${first.trim()}`;
}

function findFunction(module: unknown, { tag, file, module: path }: LoadEntry): Pick<LoadedFunction, "tag" | "entrypoint" | "yields"> {
  let owner: unknown;
  let found: unknown = ownerOf(module, path);
  for (const name of path.split(".")) {
    owner = found;
    if (!isOwner(owner) || !(name in owner)) throw new Error(missing(file, path, name, owner));
    found = Reflect.get(owner, name);
  }
  // A method keeps its object.
  const method = typeof found === "function" && owner !== module ? found.bind(owner) : undefined;
  const isEntry = typeof found === "function" || (isJsonObject(found) && typeof found.run === "function");
  if (!isEntry) throw new Error(`${path} in ${file} is no function, and no object with one in run.`);
  // Checked above; what is wrong with its schemas throws.
  const entrypoint = readEntrypoint(tag, (method ?? found) as Untyped);
  return { tag, entrypoint, yields: isGenerator(isJsonObject(found) ? found.run : found) ? "chunks" : "unknown" };
}

/** The names in `module.exports = {…}` of CommonJS are those of the default export, as far as Node cannot see them before it runs the file. */
function ownerOf(module: unknown, path: string): unknown {
  const [name = ""] = path.split(".");
  return isJsonObject(module) && !(name in module) && isOwner(module.default) && name in module.default ? module.default : module;
}

function isOwner(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

function missing(file: string, path: string, name: string, owner: unknown): string {
  const names = isOwner(owner) ? Object.keys(owner).filter((key) => typeof Reflect.get(owner, key) === "function") : [];
  const has = names.length === 0 ? "" : ` It has: ${names.join(", ")}.`;
  const what = path === name ? JSON.stringify(name) : `${JSON.stringify(name)} (of ${JSON.stringify(path)})`;
  return `${file} exports no ${what}.${has}`;
}

function isGenerator(found: unknown): boolean {
  return typeof found === "function" && /^(Async)?GeneratorFunction$/.test(found.constructor.name);
}
