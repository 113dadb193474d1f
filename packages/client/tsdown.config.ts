import type { UserConfig } from "tsdown";
import { packageConfig } from "../../tsdown.base.ts";

const config: UserConfig = packageConfig("src/runtimes/node.ts", "node");

export default config;
