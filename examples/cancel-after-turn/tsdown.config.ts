import type { UserConfig } from "tsdown";
import { programConfig } from "../../tsdown.base.ts";

const config: UserConfig = programConfig("src/survey.ts");

export default config;
