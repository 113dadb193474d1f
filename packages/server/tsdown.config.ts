import type { UserConfig } from "tsdown";
import { packageConfig } from "../../tsdown.base.ts";

const config: UserConfig = {
  ...packageConfig(
    {
      index: "src/index.ts",
      hosting: "src/hosting/index.ts",
      "adapters/openai-agents": "src/adapters/openai-agents.ts",
      "adapters/ai-sdk": "src/adapters/ai-sdk.ts",
      "adapters/langgraph": "src/adapters/langgraph.ts",
    },
    "node",
  ),
  // The CommonJS entries find the workers beside them, too.
  shims: true,
  // A program of CommonJS has the CommonJS copy of its framework: an adapter that imported the other would not know its settings.
  outputOptions: { dynamicImportInCjs: false },
  // Zod as a whole takes three times as long to load as what is used of it, and `runagent serve` waits for it.
  noExternal: ["zod"],
  // File by file: a __pycache__ that a tool left there stays where it is.
  copy: [
    { from: "src/hosting/python/*.py", to: "dist/python" },
    { from: "src/hosting/python/runagent_worker/*.py", to: "dist/python/runagent_worker" },
  ],
};

export default config;
