import { defineConfig, type UserConfig } from "tsdown";

const config: UserConfig = defineConfig({
  entry: ["src/index.ts"],
  format: ["esm", "cjs"],
  dts: { oxc: true },
  platform: "node",
  target: "node20",
  inputOptions: { resolve: { conditionNames: [] } },
});
export default config;
