/** `runagent invocations`: what became of the calls of an agent. */
import { isJsonObject } from "@runagent/core";
import { type KeptInvocation, listInvocations } from "../store/index.ts";
import { clip } from "../terminal/escape.ts";
import { localTime } from "../terminal/local-time.ts";
import { type AgentOptions, knownAgent } from "./agents.ts";
import { type Cell, formatJson, formatTable, openOutput, type Style } from "./output.ts";

/** What was typed. */
export interface InvocationsOptions extends AgentOptions {
  readonly limit: number;
  readonly status?: KeptInvocation["status"];
  readonly output: "text" | "json";
}

const MAX_ERROR_LENGTH = 100;
const TITLES = ["INVOCATION", "TAG", "STATUS", "STARTED", "SECONDS", "CHUNKS", "ERROR"];
const STYLES: Readonly<Record<KeptInvocation["status"], Style>> = {
  running: "bold",
  waiting_approval: "bold",
  completed: "green",
  failed: "red",
  cancelled: "yellow",
  lost: "yellow",
};

/** Prints the last invocations of an agent, the newest first. @throws RunAgentError AGENT_NOT_FOUND */
export async function showInvocations({ agentId, limit, status, output: format }: InvocationsOptions): Promise<void> {
  const agent = knownAgent(agentId);
  const kept = listInvocations(agentId);
  const wanted = status === undefined ? kept : kept.filter((invocation) => invocation.status === status);
  const shown = wanted.slice(0, limit);
  const output = openOutput();
  if (shown.length > 0) await output.write(format === "json" ? formatJson(shown) : formatTable(output, shown.map(toRow), TITLES));
  output.end();
  if (wanted.length > 0) return;
  const known = agent?.source === "sqlite" ? "; it was registered by another SDK, which keeps its invocations elsewhere" : "";
  process.stderr.write(`Agent ${agentId} has no ${status === undefined ? "" : `${status} `}invocations here${known}.\n`);
}

function toRow(invocation: KeptInvocation): Cell[] {
  const { invocation_id, entrypoint_tag, status, started_at, total_chunks, error, pending_approvals } = invocation;
  const [firstLine = ""] = error?.message.trim().split(/[\r\n]/) ?? [];
  return [
    invocation_id,
    entrypoint_tag,
    { text: status === "waiting_approval" ? describeWaiting(pending_approvals) : status, style: STYLES[status] },
    localTime(started_at),
    secondsOf(invocation),
    total_chunks === undefined ? "-" : String(total_chunks),
    error ? clip(`${error.code}: ${firstLine}`, MAX_ERROR_LENGTH) : "",
  ];
}

/** `waiting_approval (ap-1-920e94c9 send_mail)`. The file may hold anything. */
function describeWaiting(pending: unknown): string {
  const approvals = Array.isArray(pending) ? pending.filter(isJsonObject) : [];
  const described = approvals.map(({ approval_id, requests }) => {
    const tools = Array.isArray(requests) ? requests.filter(isJsonObject).map(({ tool_name }) => tool_name) : [];
    return [approval_id, ...tools].filter((part) => typeof part === "string").join(" ");
  });
  return described.length === 0 ? "waiting_approval" : `waiting_approval (${clip(described.join(", "), MAX_ERROR_LENGTH)})`;
}

/** In all, or so far. */
function secondsOf({ status, started_at, execution_time }: KeptInvocation): string {
  if (status === "lost") return "-";
  const running = status === "running" || status === "waiting_approval";
  const seconds = running ? (Date.now() - Date.parse(started_at)) / 1000 : execution_time;
  return seconds === undefined || Number.isNaN(seconds) ? "-" : seconds.toFixed(3);
}
