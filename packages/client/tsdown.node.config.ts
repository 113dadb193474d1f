import type { UserConfig } from "tsdown";
import { packageConfig } from "../../tsdown.base.ts";

/** The Node entry again, by itself: Node reads file by file, and each costs its start a millisecond. */
const config: UserConfig = { ...packageConfig("src/runtimes/node.ts", "neutral"), dts: false, clean: false };

export default config;
