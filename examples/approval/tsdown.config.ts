import type { UserConfig } from "tsdown";
import { programConfig } from "../../tsdown.base.ts";

const config: UserConfig = programConfig("src/server.ts", "src/ask.ts", "src/decide.ts", "src/finish.ts", "src/demo.ts");

export default config;
