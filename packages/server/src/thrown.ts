/**
 * What a client is told of what an agent threw: its message, never its stack. An agent may throw anything, a value
 * included that fails when it is looked at; the error that is made of it always fits the protocol.
 */
import { isDeeperThan, RunAgentError } from "@runagent/core";

const MAX_MESSAGE_LENGTH = 16_384;
const MAX_DETAILS_LENGTH = 65_536;
const MAX_DETAILS_DEPTH = 32;
const NO_MESSAGE = "The agent failed without a message.";

/** The error for clients, of one who may say what it is: an entrypoint of another process. */
export function toToldError(thrown: unknown, remote: boolean): RunAgentError {
  return remote && RunAgentError.is(thrown) ? thrown : toExecutionError(thrown);
}

/** The error for clients. Of a RunAgentError EXECUTION_ERROR it keeps suggestion and details. */
function toExecutionError(thrown: unknown): RunAgentError {
  const isOurs = attempt(() => RunAgentError.is(thrown) && thrown.code === "EXECUTION_ERROR") === true;
  const suggestion = isOurs ? readText(() => (thrown as RunAgentError).suggestion) : undefined;
  const details = isOurs ? attempt(() => copyDetails((thrown as RunAgentError).details)) : undefined;
  const message = typeof thrown === "string" ? shorten(thrown) : readText(() => (thrown instanceof Error ? thrown.message : undefined));
  return new RunAgentError("EXECUTION_ERROR", message || NO_MESSAGE, { suggestion, details });
}

function readText(read: () => unknown): string | undefined {
  const text = attempt(read);
  return typeof text === "string" ? shorten(text) : undefined;
}

function shorten(text: string): string {
  return text.length <= MAX_MESSAGE_LENGTH ? text : `${text.slice(0, MAX_MESSAGE_LENGTH)}…`;
}

/** The details as they travel, or undefined where they cannot. */
function copyDetails(details: unknown): unknown {
  const text = JSON.stringify(details);
  if (text === undefined || text.length > MAX_DETAILS_LENGTH || isDeeperThan(text, MAX_DETAILS_DEPTH)) return undefined;
  return JSON.parse(text);
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined; // A getter, a Proxy or toJSON of the agent's value threw: what it would say is not known.
  }
}
