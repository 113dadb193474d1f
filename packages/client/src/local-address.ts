import { connectHost, isJsonObject, RunAgentError } from "@runagent/core";
import type { FoundAgent } from "./local-agents.ts";
import type { ConnectionOptions } from "./options.ts";

/**
 * The options of a client, with host and port of its agent where nothing but `local` says where that is. An agent that was never registered
 * keeps the default address: a server made with serve() registers nothing.
 * @param find Looks for the agent on this machine.
 * @throws RunAgentError AGENT_ADDRESS_NOT_FOUND when the process that served it does so no more.
 */
export function withLocalAddress<Options extends ConnectionOptions>(
  options: Options,
  find: (agentId: string) => FoundAgent | undefined,
): Options {
  // What else plain JavaScript may pass is refused where options are checked.
  if (!isJsonObject(options)) return options;
  const { agentId, local, host, port, baseUrl } = options;
  if (local !== true || (host ?? port ?? baseUrl ?? undefined) !== undefined) return options;
  const agent = find(agentId);
  if (agent === undefined) return options;
  if (agent.state === "gone" || agent.state === "stopped") throw notServed(agent);
  return { ...options, host: connectHost(agent.host), port: agent.port };
}

function notServed({ agent_id, pid, folder, started_at, stopped_at }: FoundAgent): RunAgentError {
  const since = started_at === undefined ? "" : ` since ${started_at}`;
  const how = stopped_at === undefined ? "is gone" : `stopped at ${stopped_at}`;
  const message = `Agent ${agent_id} is not served on this machine any more: process ${pid}, which served it${since}, ${how}.`;
  const path = folder === undefined || /^[\w./-]+$/.test(folder) ? (folder ?? "<folder>") : JSON.stringify(folder);
  return new RunAgentError("AGENT_ADDRESS_NOT_FOUND", message, { suggestion: `Run: runagent serve ${path}. Or pass host and port.` });
}
