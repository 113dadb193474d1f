import { defineConfig, type UserConfig } from "tsdown";

/** What others wrote and is bundled, with the folder in which its licence is. */
const BUNDLED: Readonly<Record<string, string>> = {
  commander: "node_modules/commander",
  ws: "../client/node_modules/ws",
  undici: "../client/node_modules/undici",
  "eventsource-parser": "../client/node_modules/eventsource-parser",
};

/**
 * A program: ES modules alone, one file for each command, so that a call does not load what serving needs. What every call needs is bundled:
 * finding and reading it package by package would take a third of the time to the first chunk (bench/first-chunk-cli.mjs).
 */
const config: UserConfig = defineConfig({
  entry: { main: "src/main.ts" },
  format: ["esm"],
  dts: false,
  fixedExtension: true,
  platform: "node",
  target: "node20.19",
  deps: {
    alwaysBundle: ["commander", /^runagent(\/|$)/, "@runagent/core"],
    onlyBundle: Object.keys(BUNDLED),
  },
  copy: Object.entries(BUNDLED).map(([name, folder]) => ({ from: `${folder}/LICENSE`, to: "dist/licenses", rename: `${name}.txt` })),
});

export default config;
