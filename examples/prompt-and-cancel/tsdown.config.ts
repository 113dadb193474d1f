import type { UserConfig } from "tsdown";
import { programConfig } from "../../tsdown.base.ts";

const config: UserConfig = programConfig("src/server.ts", "src/client.ts");

export default config;
