import { existsSync } from "node:fs";
import { assertId, connectHost, RunAgentError } from "@runagent/core";
import { type FoundAgent, findLocalAgent } from "runagent/local-agents";
import { agentFiles } from "../store/paths.ts";

/** What was typed of the agent that is looked at. */
export interface AgentOptions {
  readonly agentId: string;
}

/**
 * An agent of this machine, as it is registered; undefined when its files are there but say nothing of who serves it.
 * @throws RunAgentError AGENT_NOT_FOUND when it never was here, VALIDATION_ERROR when the id is none.
 */
export function knownAgent(agentId: string): FoundAgent | undefined {
  assertId(agentId, "--agent-id");
  const { folder } = agentFiles(agentId);
  const found = findLocalAgent(agentId);
  if (found === undefined && !existsSync(folder)) {
    throw new RunAgentError("AGENT_NOT_FOUND", `There is no agent ${agentId} on this machine.`, {
      suggestion: "`runagent db status` lists those that were served here, each with its id.",
    });
  }
  return found;
}

/** Host and port to reach an agent at, as they stand in an address. */
export function addressOf({ host, port }: FoundAgent): string {
  const name = connectHost(host);
  return `${name.includes(":") && !name.startsWith("[") ? `[${name}]` : name}:${port}`;
}
