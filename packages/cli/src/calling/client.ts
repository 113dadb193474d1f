import { ERRORS, RunAgentError } from "@runagent/core";
import { RunAgentClient } from "runagent";
import { findLocalAgent } from "runagent/local-agents";
import { UsageError } from "../exit-codes.ts";
import { hasHost, type RunOptions } from "./options.ts";

type ClientOptions = Omit<RunOptions, "tag" | "input" | "output">;

/** In place of an agent and an entrypoint that are not known yet, or do not matter. */
const NO_AGENT = "unknown";
const NO_TAG = "unknown_stream";

/** What the client's options are called here. */
const OPTIONS: Readonly<Record<string, string>> = {
  agentId: "--id",
  entrypointTag: "--tag",
  host: "--host",
  baseUrl: "--base-url",
  apiKey: "--api-key",
  userId: "--user-id",
};

/**
 * A client for an entrypoint, from the options of the command line.
 * @throws UsageError that names the option or variable, RunAgentError when the agent is served on this machine no more.
 */
export function createClient(options: ClientOptions, agentId: string = options.id ?? NO_AGENT, tag: string = NO_TAG): RunAgentClient {
  const { local, host, port, baseUrl, apiKey, userId, persistentMemory, timeout } = options;
  const address = { local, host, port, baseUrl, apiKey };
  try {
    return new RunAgentClient({ agentId, entrypointTag: tag, ...address, userId, persistentMemory, timeoutSeconds: timeout });
  } catch (error) {
    if (!RunAgentError.is(error) || error.code !== "VALIDATION_ERROR") throw error;
    const { message, field = "", suggestion } = error;
    const named = message.startsWith(field) ? (OPTIONS[field] ?? field) + message.slice(field.length) : message;
    throw new UsageError(named, suggestion === ERRORS.VALIDATION_ERROR.action ? undefined : suggestion);
  }
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
