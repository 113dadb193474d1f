import { type ErrorCode, isId, isJsonObject, type JsonObject, RunAgentError } from "@runagent/core";
import { UsageError } from "../exit-codes.ts";
import { createClient } from "./client.ts";
import { getJson } from "./http.ts";
import type { AddressOptions } from "./options.ts";
import type { TimeLeft } from "./time-limit.ts";

/** An agent as its server tells of it. */
interface ServedAgent {
  readonly id: string;
  /** undefined: the server did not say. */
  readonly tags: readonly string[] | undefined;
}

/** What the next question would be answered with, too. */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  "AUTHENTICATION_ERROR",
  "PERMISSION_ERROR",
  "RATE_LIMITED",
  "CONNECTION_ERROR",
  "TIMEOUT",
  "CANCELLED",
]);

/**
 * The id of the agent that is meant: what was passed, else the one that the server at host and port has.
 * @param tag Decides where the server has several.
 * @throws UsageError when it cannot be decided, RunAgentError when the server cannot be asked.
 */
export async function findAgentId(
  options: AddressOptions,
  tag: string | undefined,
  signal: AbortSignal,
  timeLeft: TimeLeft,
): Promise<string> {
  if (options.id !== undefined) return options.id;
  // Made for its address, and while the server answers it loads what streams need.
  const { apiUrl } = createClient(options);
  const key = options.apiKey ?? (process.env.RUNAGENT_API_KEY?.trim() || undefined);
  const agents = await listAgents(apiUrl, (url) => getJson(url, key, signal, timeLeft()));
  const fitting = agents.length > 1 && tag !== undefined ? agents.filter(({ tags }) => tags?.includes(tag)) : agents;
  const [agent, other] = fitting;
  const { origin } = new URL(apiUrl);
  if (agents.length === 0)
    throw new RunAgentError("AGENT_NOT_FOUND", `${origin} does not say which agent it serves.`, { suggestion: "Pass --id." });
  if (agent !== undefined && other === undefined) return agent.id;
  const has =
    tag === undefined ? "" : fitting.length === 0 ? `, none with the entrypoint ${tag}` : `, more than one with the entrypoint ${tag}`;
  throw new UsageError(`${origin} serves ${agents.length} agents${has}.`, `Pass --id: one of ${agents.map(({ id }) => id).join(", ")}.`);
}

async function listAgents(apiUrl: string, ask: (url: string) => Promise<JsonObject>): Promise<ServedAgent[]> {
  try {
    const { agents } = await ask(apiUrl);
    if (Array.isArray(agents)) return agents.filter(isJsonObject).flatMap(readAgent);
  } catch (error) {
    // A version 1 server may have nothing there, and says it elsewhere.
    if (!RunAgentError.is(error) || FINAL.has(error.code)) throw error;
  }
  return readAgent(await ask(`${apiUrl}/health`));
}

function readAgent({ agent_id: id, entrypoints }: JsonObject): ServedAgent[] {
  // It becomes part of a path.
  if (!isId(id)) return [];
  return [{ id, tags: Array.isArray(entrypoints) ? entrypoints.filter((tag) => typeof tag === "string") : undefined }];
}
