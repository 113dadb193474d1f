import { defineConfig, type UserConfig } from "tsdown";

const config: UserConfig = defineConfig({
  entry: ["src/server.ts", "src/client.ts", "src/demo.ts"],
  format: ["esm"],
  fixedExtension: true,
  dts: false,
  platform: "node",
  target: "node20.19",
});

export default config;
