import { defineConfig, type UserConfig } from "tsdown";

/** A program: ES modules alone, one file for each command, so that a call does not load what serving needs. */
const config: UserConfig = defineConfig({
  entry: { main: "src/main.ts" },
  format: ["esm"],
  dts: false,
  fixedExtension: true,
  platform: "node",
  target: "node20.19",
});

export default config;
