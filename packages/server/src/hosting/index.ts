/**
 * Hosting: serves the functions of a folder, in Python, TypeScript and JavaScript, as its runagent.config.json names them.
 */
export { type AgentConfig, CONFIG_FILE, type EntrypointConfig, type Language, readAgentConfig } from "./config.ts";
export { type HostedAgent, type HostOptions, hostAgent } from "./hosted-agent.ts";
export type { AgentLogStream } from "./worker-process.ts";
