import type { UserConfig } from "tsdown";
import { programConfig } from "../../tsdown.base.ts";

const config: UserConfig = programConfig("src/desk.ts");

export default config;
