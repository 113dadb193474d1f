/** `runagent db status`: the agents of this machine, where they are, how they are, and what they did. */
import { existsSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { cacheFolder, type FoundAgent, listLocalAgents } from "runagent/local-agents";
import { type KeptInvocation, listInvocations } from "../store/index.ts";
import { agentFiles } from "../store/paths.ts";
import { localTime } from "../terminal/local-time.ts";
import { addressOf, knownAgent } from "./agents.ts";
import { type AgentHealth, askHealth } from "./health.ts";
import { type Cell, formatJson, formatTable, type Output, openOutput, type Style } from "./output.ts";

/** What was typed. */
export interface StatusOptions {
  readonly agentId?: string;
  readonly output: "text" | "json";
}

type Counts = Record<KeptInvocation["status"] | "total", number>;
/** Without invocations: their file may not be read. */
type AgentStatus = FoundAgent & AgentHealth & { readonly invocations?: Counts };

const TITLES = ["AGENT ID", "NAME", "STATE", "HEALTH", "ADDRESS", "INVOCATIONS", "REGISTERED BY"];
const STYLES: Readonly<Record<FoundAgent["state"], Style>> = { running: "green", stopped: "dim", gone: "yellow", unknown: "dim" };
/** Who has registered an agent, in the words of the table. */
const SOURCES: Readonly<Record<FoundAgent["source"], string>> = { serve: "runagent serve", sqlite: "SQLite (another SDK)" };

/** Prints the state of all agents, or of one. @throws RunAgentError AGENT_NOT_FOUND */
export async function showStatus({ agentId, output: format }: StatusOptions): Promise<void> {
  const agents = agentId === undefined ? listLocalAgents() : [knownAgent(agentId)].filter((agent) => agent !== undefined);
  const statuses = await Promise.all(agents.map(statusOf));
  const output = openOutput();
  if (statuses.length > 0)
    await output.write(format === "json" ? formatJson(statuses) : formatStatuses(output, statuses, agentId !== undefined));
  output.end();
  tellUnread();
  if (statuses.length > 0) return;
  const where = agentId === undefined ? `No agent is registered below ${cacheFolder()}` : `Nothing says where agent ${agentId} is served`;
  process.stderr.write(`${where}. \`runagent serve <folder>\` serves one and registers it.\n`);
}

/** Other SDKs write down their agents, too; a runtime without SQLite sees none of them. */
function tellUnread(): void {
  const path = join(cacheFolder(), "runagent_local.db");
  if (isBuiltin("node:sqlite") || !existsSync(path)) return;
  process.stderr.write(`Agents that other SDKs have registered in ${path} are not shown: that needs Node 22.13 or newer.\n`);
}

async function statusOf(agent: FoundAgent): Promise<AgentStatus> {
  const health = await askHealth(agent);
  try {
    return { ...agent, ...health, invocations: countInvocations(listInvocations(agent.agent_id)) };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return { ...agent, ...health };
  }
}

function countInvocations(invocations: readonly KeptInvocation[]): Counts {
  const counts: Counts = { total: 0, running: 0, waiting_approval: 0, completed: 0, failed: 0, cancelled: 0, lost: 0 };
  for (const { status } of invocations) {
    counts.total++;
    counts[status]++;
  }
  return counts;
}

function formatStatuses(output: Output, statuses: readonly AgentStatus[], alone: boolean): string {
  const table = formatTable(output, statuses.map(toRow), TITLES);
  return alone ? [table, ...statuses.map((status) => formatTable(output, detailsOf(status)))].join("\n") : table;
}

function toRow(status: AgentStatus): Cell[] {
  const { agent_id, agent_name = "-", state, health, invocations } = status;
  const good: Style = health === "healthy" ? "green" : "yellow";
  return [
    agent_id,
    agent_name,
    { text: state, style: STYLES[state] },
    health === "none" ? "-" : { text: health, style: good },
    addressOf(status),
    invocations === undefined ? "-" : describe(invocations),
    SOURCES[status.source],
  ];
}

/** `12 (1 running, 2 failed)`: completed ones are the rest. */
function describe({ total, completed, ...others }: Counts): string {
  const parts = Object.entries(others).flatMap(([status, count]) => (count > 0 ? [`${count} ${status}`] : []));
  return parts.length === 0 ? String(total) : `${total} (${parts.join(", ")})`;
}

function detailsOf({ agent_id, folder, version, pid, started_at, stopped_at, source }: AgentStatus): string[][] {
  const details: [string, string | number | undefined][] = [
    ["version", version],
    ["folder", folder],
    ["process", pid],
    ["started", started_at && localTime(started_at)],
    ["stopped", stopped_at && localTime(stopped_at)],
    ["kept in", source === "serve" ? agentFiles(agent_id).folder : undefined],
  ];
  return details.flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
}
