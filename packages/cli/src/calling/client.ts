import { RunAgentError } from "@runagent/core";
import { RunAgentClient } from "runagent";
import { findLocalAgent } from "runagent/local-agents";
import { hasHost, type RunOptions } from "./options.ts";

type ClientOptions = Omit<RunOptions, "tag" | "input" | "output">;

/** In place of an agent and an entrypoint that are not known yet, or do not matter. */
const NO_AGENT = "unknown";
const NO_TAG = "unknown_stream";

/** A client for an entrypoint, from the options of the command line. @throws RunAgentError VALIDATION_ERROR that names the option. */
export function createClient(options: ClientOptions, agentId: string = options.id ?? NO_AGENT, tag: string = NO_TAG): RunAgentClient {
  const { local, host, port, baseUrl, apiKey, userId, persistentMemory, timeout: timeoutSeconds } = options;
  return new RunAgentClient({
    agentId,
    entrypointTag: tag,
    local,
    host,
    port,
    baseUrl,
    apiKey,
    userId,
    persistentMemory,
    timeoutSeconds,
  });
}

const DEFAULT_LOCAL = "http://127.0.0.1:8450/api/v1";
/** What is answered where an agent is not, by whatever is there. */
const NOT_THERE: ReadonlySet<string> = new Set(["CONNECTION_ERROR", "AGENT_NOT_FOUND", "PROTOCOL_ERROR"]);

/**
 * The error of a call, in the words of who looked for an agent of this machine by its id: one that was never registered is tried at the default
 * address, where a server made with serve() may be.
 */
export function explainLocal(error: unknown, options: ClientOptions): unknown {
  if (!RunAgentError.is(error) || !NOT_THERE.has(error.code) || error.cursor !== undefined) return error;
  const { id, baseUrl } = options;
  if (id === undefined || baseUrl !== undefined || hasHost(options) || findLocalAgent(id) !== undefined) return error;
  const { apiUrl } = createClient(options);
  if (apiUrl !== DEFAULT_LOCAL) return error;
  const message = `Agent ${id} is not known on this machine, and is not at the default address ${new URL(apiUrl).host} either.`;
  return new RunAgentError("AGENT_ADDRESS_NOT_FOUND", message, { cause: error });
}
