import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";

const here = fileURLToPath(new URL("..", import.meta.url));
const packages = fileURLToPath(new URL("../../../packages", import.meta.url));
const COMMON = { bundle: true, format: "esm", outExtension: { ".js": ".mjs" }, logLevel: "silent", target: "es2022" } as const;

/** A second copy of the error's class, in a file of its own. */
const otherCopy: Plugin = {
  name: "other-copy",
  setup({ onResolve }) {
    onResolve({ filter: /\/other-copy\.ts$/ }, ({ kind }) =>
      kind === "entry-point" ? undefined : { path: "./other-copy.mjs", external: true },
    );
  },
};

/** What was bundled. */
export interface Bundles {
  /** Programs, by the name of their starter: what they import of ours is found as a user's program would find it. */
  program(name: string): string;
  /** A folder of modules for pages. */
  readonly pages: string;
  remove(): Promise<void>;
}

/** Bundles the starters. The client in them is the built one, which each runtime chooses by its own conditions. */
export async function bundleStarters(): Promise<Bundles> {
  const folder = await mkdtemp(join(here, "node_modules/.run-"));
  const pages = join(folder, "pages");
  const starters = ["node", "standard", "deno", "bun"].map((name) => join(here, `start/${name}.ts`));
  const copy = [join(here, "other-copy.ts")];
  const plugins = [otherCopy];
  await Promise.all([
    installInto(join(folder, "node_modules")),
    build({ ...COMMON, entryPoints: starters, outdir: folder, platform: "neutral", external: ["runagent"], plugins }),
    build({ ...COMMON, entryPoints: copy, outdir: folder, platform: "neutral" }),
    build({
      ...COMMON,
      entryPoints: ["browser", "page"].map((name) => join(here, `start/${name}.ts`)),
      outdir: pages,
      platform: "browser",
      plugins,
    }),
    build({ ...COMMON, entryPoints: copy, outdir: pages, platform: "browser" }),
  ]);
  return { program: (name) => join(folder, `${name}.mjs`), pages, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** What a user's install makes: packages as they are built, in folders of their own; links to the workspace would not do for Deno. */
async function installInto(modules: string): Promise<void> {
  for (const [name, source] of [
    ["runagent", "client"],
    ["@runagent/core", "core"],
  ] as const) {
    const [from, to] = [join(packages, source), join(modules, name)];
    const { dependencies = {} } = JSON.parse(await readFile(join(from, "package.json"), "utf8"));
    await mkdir(to, { recursive: true });
    for (const part of ["package.json", "dist"]) await cp(join(from, part), join(to, part), { recursive: true });
    for (const dependency of Object.keys(dependencies)) {
      if (dependency.startsWith("@runagent/")) continue;
      await mkdir(dirname(join(modules, dependency)), { recursive: true });
      await symlink(await realpath(join(from, "node_modules", dependency)), join(modules, dependency));
    }
  }
}
