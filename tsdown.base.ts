import { defineConfig, type UserConfig } from "tsdown";

const COMMON: UserConfig = { fixedExtension: true, target: "node20.19" };

/**
 * How a published package is built: ES modules and CommonJS, each with its types. What clients load is minified: a program that starts
 * pays for every byte.
 */
export function packageConfig(entry: string | Record<string, string>, platform: "neutral" | "node"): UserConfig {
  // Names of classes are what people see of errors.
  const minify = platform === "neutral" && {
    mangle: { keepNames: { class: true, function: false } },
    compress: { keepNames: { class: true, function: false } },
  };
  return defineConfig({ ...COMMON, entry, format: ["esm", "cjs"], dts: { oxc: true }, platform, minify });
}

/** How the programs of an example are built. */
export function programConfig(...entry: string[]): UserConfig {
  return defineConfig({ ...COMMON, entry, format: ["esm"], dts: false, platform: "node" });
}
