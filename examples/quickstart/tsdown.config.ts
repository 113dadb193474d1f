import type { UserConfig } from "tsdown";
import { programConfig } from "../../tsdown.base.ts";

const config: UserConfig = programConfig("src/server.ts", "src/client.ts", "src/demo.ts");

export default config;
