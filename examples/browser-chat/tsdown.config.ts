import type { UserConfig } from "tsdown";
import { programConfig } from "../../tsdown.base.ts";

/** The script of the page holds all it needs: browsers find no packages. */
const page: UserConfig = {
  ...programConfig("src/page.ts"),
  platform: "browser",
  target: "es2022",
  minify: true,
  deps: { alwaysBundle: [/./], onlyBundle: false },
};

const config: UserConfig[] = [programConfig("src/server.ts"), page];

export default config;
