import { ERRORS, RunAgentError } from "@runagent/core";
import { RunAgentClient } from "runagent";
import { type FoundAgent, findLocalAgent } from "runagent/local-agents";
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
    const given = host ?? process.env.RUNAGENT_HOST?.trim();
    if (field === "host" && given) throw notAHost(given);
    const named = message.startsWith(field) ? (OPTIONS[field] ?? field) + message.slice(field.length) : message;
    throw new UsageError(named, suggestion === ERRORS.VALIDATION_ERROR.action ? undefined : suggestion);
  }
}

function notAHost(given: string): UsageError {
  const message = `${JSON.stringify(given)} is not the name or the number of a host.`;
  return new UsageError(message, "Pass it alone with --host, its port with --port, or a whole address with --base-url.");
}

const DEFAULT_LOCAL = "http://127.0.0.1:8450/api/v1";
const API_PATH = "/api/v1";
/** What is answered where an agent is not, by whatever is there. */
const NOT_THERE: ReadonlySet<string> = new Set(["CONNECTION_ERROR", "AGENT_NOT_FOUND", "PROTOCOL_ERROR"]);

/**
 * The error of a call, in words that fit how the address was found: when that is wrong, it tells what to look at.
 * @param client Made with these options; undefined when it came to none.
 */
export function explainAddress(error: unknown, options: ClientOptions, client: RunAgentClient | undefined): unknown {
  if (!RunAgentError.is(error) || error.cursor !== undefined || client === undefined) return error;
  const { apiUrl } = client;
  const isRoute = error.origin === "wire" && error.code === "VALIDATION_ERROR" && error.field === "path";
  if (isRoute) return explainPath(error, apiUrl);
  const { id, baseUrl } = options;
  if (!NOT_THERE.has(error.code) || id === undefined || baseUrl !== undefined || hasHost(options)) return error;
  const found = findLocalAgent(id);
  return found === undefined ? explainUnknown(error, id, apiUrl) : explainRegistered(error, found, apiUrl);
}

/** A server says that it has no such route: the base URL leads to the right one, and beside its API. */
function explainPath(error: RunAgentError, apiUrl: string): RunAgentError {
  if (new URL(apiUrl).pathname === API_PATH) return error;
  return new RunAgentError("AGENT_ADDRESS_NOT_FOUND", `There is no RunAgent server at ${apiUrl}: ${error.message}`, {
    suggestion: "Check the path of --base-url, or of RUNAGENT_BASE_URL.",
    cause: error,
  });
}

/** An agent that was never registered is tried at the default address, where a server made with serve() may be. */
function explainUnknown(error: RunAgentError, id: string, apiUrl: string): RunAgentError {
  if (apiUrl !== DEFAULT_LOCAL) return error;
  const message = `Agent ${id} is not known on this machine, and is not at the default address ${new URL(apiUrl).host} either.`;
  return new RunAgentError("AGENT_ADDRESS_NOT_FOUND", message, { cause: error });
}

/** The address was in the registration of an agent, which nobody has typed. */
function explainRegistered(error: RunAgentError, { agent_id, port, pid }: FoundAgent, apiUrl: string): RunAgentError {
  if (new URL(apiUrl).port !== String(port)) return error;
  const who = pid === undefined ? "another SDK" : `process ${pid}`;
  return error.changed({
    suggestion: `It is where ${who} has registered the agent. Look at it with \`runagent db status --agent-id ${agent_id}\`, or start it again.`,
  });
}
