import { join } from "node:path";
import { assertId } from "@runagent/core";
import { cacheFolder } from "runagent/local-agents";

/** The files that are kept of one agent. */
export interface AgentFiles {
  readonly folder: string;
  readonly registration: string;
  readonly log: string;
  readonly invocations: string;
}

/** Below the cache folder; one folder for each agent. */
export function agentsFolder(cache: string = cacheFolder()): string {
  return join(cache, "agents");
}

/** Where the files of an agent are, whether or not they are there. @throws RunAgentError VALIDATION_ERROR for what is no id: it becomes a path. */
export function agentFiles(agentId: string, cache?: string): AgentFiles {
  assertId(agentId, "agent_id");
  const folder = join(agentsFolder(cache), agentId);
  return {
    folder,
    registration: join(folder, "agent.json"),
    log: join(folder, "log.jsonl"),
    invocations: join(folder, "invocations.jsonl"),
  };
}

/** The one older file that is kept beside a file of lines. */
export function olderFile(path: string): string {
  return `${path}.1`;
}
