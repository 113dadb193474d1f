import type { UserConfig } from "tsdown";
import { packageConfig } from "../../tsdown.base.ts";

const runtime = (name: string): string => `src/runtimes/${name}.ts`;

const config: UserConfig = packageConfig(
  {
    node: runtime("node"),
    browser: runtime("browser"),
    "browser-websocket": runtime("browser-websocket"),
    deno: runtime("deno"),
    bun: runtime("bun"),
    standard: runtime("standard"),
    patterns: "src/patterns/index.ts",
    "ai-sdk": "src/ui/ai-sdk.ts",
    "ag-ui": "src/ui/ag-ui.ts",
    "local-agents": "src/local-agents.ts",
  },
  "neutral",
);

export default config;
