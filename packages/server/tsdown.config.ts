import { defineConfig, type UserConfig } from "tsdown";

const config: UserConfig = defineConfig({
  entry: ["src/index.ts"],
  format: ["esm", "cjs"],
  fixedExtension: true,
  dts: { oxc: true },
  platform: "node",
  target: "node20.19",
});

export default config;
