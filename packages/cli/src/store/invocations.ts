import { readdirSync } from "node:fs";
import { type Invocation, isId, isJsonObject, type JsonObject } from "@runagent/core";
import { isAlive } from "runagent/local-agents";
import { readObjects } from "./line-reader.ts";
import { agentFiles, agentsFolder } from "./paths.ts";
import { readRegistration } from "./registration.ts";

/** What is kept of an invocation. */
export interface KeptInvocation extends Omit<Invocation, "result" | "status"> {
  /** lost: it was running in a process that is gone. */
  readonly status: Invocation["status"] | "lost";
}

/** Longest message of an error that is kept, in characters. */
const MAX_MESSAGE_LENGTH = 8_192;
const STATUSES: readonly unknown[] = ["running", "waiting_approval", "completed", "failed", "cancelled"] satisfies Invocation["status"][];

/** The line that keeps the state of an invocation, with its line break: no result, arguments or details of an error, which may be of any size. */
export function encodeInvocation({ result, error, pending_approvals: pending, ...invocation }: Invocation): string {
  const { details, ...kept } = error ?? { code: "", message: "" };
  const message = kept.message.slice(0, MAX_MESSAGE_LENGTH);
  const waiting = pending?.map((approval) => ({
    ...approval,
    requests: approval.requests.map(({ tool_name }) => ({ tool_name, arguments: null })),
  }));
  const ended = error && { error: { ...kept, message } };
  const line = {
    time: new Date().toISOString(),
    pid: process.pid,
    ...invocation,
    ...(waiting && { pending_approvals: waiting }),
    ...ended,
  };
  return `${JSON.stringify(line)}\n`;
}

/** The invocations of an agent, each in its last state, the newest first. */
export function listInvocations(agentId: string, cache?: string): KeptInvocation[] {
  const files = agentFiles(agentId, cache);
  const last = new Map<string, JsonObject & Invocation>();
  for (const line of readObjects(files.invocations)) {
    if (!isInvocation(line)) continue;
    // To the end, so that of two that began at once the later one is newer.
    last.delete(line.invocation_id);
    last.set(line.invocation_id, line);
  }
  const lives = createLives(files.registration);
  const kept = [...last.values()].map(({ time, pid, ...invocation }): KeptInvocation => {
    const status = isEnded(invocation) || lives(pid, invocation.started_at) ? invocation.status : "lost";
    return { ...invocation, status };
  });
  return kept.reverse().sort((a, b) => compare(b.started_at, a.started_at));
}

/** Looks for an invocation among those of all agents that may be read. */
export function findInvocation(invocationId: string, cache?: string): KeptInvocation | undefined {
  if (!isId(invocationId)) return undefined;
  for (const agentId of readNames(agentsFolder(cache))) {
    if (!isId(agentId)) continue;
    const found = tryToList(agentId, cache).find(({ invocation_id }) => invocation_id === invocationId);
    if (found !== undefined) return found;
  }
  return undefined;
}

function tryToList(agentId: string, cache: string | undefined): KeptInvocation[] {
  try {
    return listInvocations(agentId, cache);
  } catch {
    return []; // Another user's: whoever may not read it has started none of them.
  }
}

/** Whether the process lives in which an invocation began: its id may be another's since. */
function createLives(registration: string): (pid: unknown, startedAt: string) => boolean {
  const agent = readRegistration(registration);
  const known = new Map<number, boolean>();
  return (pid, startedAt) => {
    if (typeof pid !== "number") return false;
    if (agent?.pid === pid && (agent.stopped_at !== undefined || compare(startedAt, agent.started_at ?? "") < 0)) return false;
    const alive = known.get(pid) ?? isAlive(pid);
    known.set(pid, alive);
    return alive;
  };
}

function isEnded({ status }: Pick<Invocation, "status">): boolean {
  return status !== "running" && status !== "waiting_approval";
}

function isInvocation(line: JsonObject): line is JsonObject & Invocation {
  const { invocation_id, agent_id, entrypoint_tag, status, started_at, ended_at, execution_time, total_chunks, error } = line;
  const texts = [agent_id, entrypoint_tag, started_at].every((value) => typeof value === "string");
  const numbers = [execution_time, total_chunks].every((value) => value === undefined || typeof value === "number");
  const ended = ended_at === undefined || ended_at === null || typeof ended_at === "string";
  const failed = !isJsonObject(error)
    ? error === undefined || error === null
    : typeof error.message === "string" && typeof error.code === "string";
  return isId(invocation_id) && texts && numbers && ended && failed && STATUSES.includes(status);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Nothing was ever served here.
    return [];
  }
}
