import type { UserConfig } from "tsdown";
import { packageConfig } from "../../tsdown.base.ts";

/** The program that runs agents in Node: nobody imports it, and in one piece it starts sooner. */
const config: UserConfig = {
  ...packageConfig({ "node-worker": "src/hosting/node-worker.ts" }, "node"),
  format: ["esm"],
  dts: false,
  clean: false,
};

export default config;
