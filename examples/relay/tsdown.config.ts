import type { UserConfig } from "tsdown";
import { programConfig } from "../../tsdown.base.ts";

const config: UserConfig = programConfig("src/agent.ts", "src/hono.ts", "src/fastify.ts", "src/express.ts", "src/visit.ts");

export default config;
