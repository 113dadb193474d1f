import type { UserConfig } from "tsdown";
import { packageConfig } from "../../tsdown.base.ts";

const config: UserConfig = {
  ...packageConfig("src/index.ts", "node"),
  entry: ["src/index.ts", "src/fault-proxy-command.ts"],
  format: ["esm"],
};

export default config;
