import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import webpack from "webpack";
import { bin, runQuietly } from "./install.ts";

/** A bundler, as an app uses it. */
export interface Bundler {
  /** What its page calls itself, too. */
  readonly name: string;
  /** Bundles for a browser, into a folder; throws when there is a warning. */
  bundle(project: string): Promise<string>;
  /** What a browser opens: a page of its own, or the script of one. */
  readonly page: string;
}

/** Each bundler, and each way in which it is told of the client. */
export const BUNDLERS: readonly Bundler[] = [
  {
    name: "vite",
    async bundle(project) {
      const folder = join(project, "vite");
      // It says what it bundled on stdout, at the level of information; a warning would be all there is.
      const said = await runQuietly(bin("vite"), ["build", "--base", "./", "--logLevel", "warn"], folder);
      if (said !== "") throw new Error(`vite warned.\n${said}`);
      return join(folder, "dist");
    },
    page: "vite/dist/index.html",
  },
  {
    name: "esbuild",
    async bundle(project) {
      const folder = join(project, "esbuild");
      const args = ["--bundle", "--minify", "--platform=browser", "--format=esm", "--outfile=dist/main.js", "--log-level=warning"];
      await runQuietly(bin("esbuild"), ["main.ts", ...args], folder);
      return join(folder, "dist");
    },
    page: "esbuild/dist/main.js",
  },
  ...["main.mjs", "main.cjs"].map((entry) => ({
    name: `webpack, ${entry}`,
    bundle: (project: string) => bundleWithWebpack(join(project, "webpack"), entry),
    page: `webpack/dist-${entry}/main.js`,
  })),
];

async function bundleWithWebpack(context: string, entry: string): Promise<string> {
  const path = join(context, `dist-${entry}`);
  const compiler = webpack({ context, entry: `./${entry}`, mode: "production", target: "web", output: { path, filename: "main.js" } });
  const stats = await new Promise<webpack.Stats>((resolve, reject) => {
    compiler.run((error, done) => (done === undefined ? reject(error) : resolve(done)));
  });
  const { errors = [], warnings = [] } = stats.toJson({ all: false, errors: true, warnings: true });
  const said = [...errors, ...warnings].map(({ message }) => message);
  await new Promise((closed) => compiler.close(closed));
  if (said.length > 0) throw new Error(`webpack warned.\n${said.join("\n")}`);
  return path;
}

/** All JavaScript of a bundle. */
export function readBundle(folder: string): string {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".js"));
  return files.map((name) => readFileSync(join(folder, name), "utf8")).join("\n");
}
