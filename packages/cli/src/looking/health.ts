import { RunAgentError } from "@runagent/core";
import type { FoundAgent } from "runagent/local-agents";
import { getJson } from "../calling/http.ts";
import { addressOf } from "./agents.ts";

/** How long an agent may take to say how it is, in milliseconds. */
const DEADLINE_MS = 2_000;

/** It is for whoever the agent trusts, and nobody has said who listens there. */
const NO_KEY = undefined;

/** How an agent is, as far as asking at its address tells. */
export interface AgentHealth {
  /** What the server says of itself, such as healthy; none: nothing was asked; the other words say why there is no answer. */
  readonly health: string;
  readonly uptime_seconds?: number;
}

/** Asks an agent how it is. One whose process is known to be gone is not asked: somebody else may listen there by now. */
export async function askHealth(agent: FoundAgent): Promise<AgentHealth> {
  const { agent_id, state } = agent;
  if (state === "gone" || state === "stopped") return { health: "none" };
  const signal = AbortSignal.timeout(DEADLINE_MS);
  try {
    const { status, agents, agent_id: served, uptime_seconds } = await getJson(`http://${addressOf(agent)}/api/v1/health`, NO_KEY, signal);
    const others = Array.isArray(agents) ? !agents.includes(agent_id) : typeof served === "string" && served !== agent_id;
    if (others) return { health: "another agent" };
    const health = typeof status === "string" ? status : "unknown";
    return typeof uptime_seconds === "number" ? { health, uptime_seconds } : { health };
  } catch (error) {
    if (signal.aborted) return { health: `no answer in ${DEADLINE_MS / 1000} s` };
    if (!RunAgentError.is(error)) throw error;
    return { health: error.code === "CONNECTION_ERROR" ? "no answer" : "not a RunAgent server" };
  }
}
