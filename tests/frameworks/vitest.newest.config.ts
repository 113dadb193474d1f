import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin, type ViteUserConfig } from "vitest/config";

// The tests of this folder with the newest versions of the frameworks, wherever they are imported: in the tests and in the adapters.

const FRAMEWORKS = /^(?:ai|openai|@ai-sdk\/[^/]+|@openai\/[^/]+|langchain|@langchain\/[^/]+)(?:\/|$)/;
const root = fileURLToPath(new URL("../..", import.meta.url));
const importer = fileURLToPath(new URL("newest/package.json", import.meta.url));
const conditions = ["@runagent/source", "node"];

const newest: Plugin = {
  name: "newest-frameworks",
  enforce: "pre",
  resolveId(source) {
    return FRAMEWORKS.test(source) ? this.resolve(source, importer, { skipSelf: true }) : undefined;
  },
};

const config: ViteUserConfig = defineConfig({
  root,
  plugins: [newest],
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["tests/frameworks/*.test.ts"],
    // The run itself; what finds its packages in another way than by import: a browser's page, a hosted folder, a folder without any.
    exclude: ["**/node_modules/**", "tests/frameworks/{newest,peers,adapters-document,use-chat*,*-hosted}.test.ts"],
    env: { RUNAGENT_FRAMEWORKS: "newest" },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});

export default config;
