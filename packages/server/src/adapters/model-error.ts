/**
 * What went wrong at a model, in a sentence for clients. The errors of the frameworks hold requests, with keys and
 * instructions: no more than the status and the message is told.
 */
import { RunAgentError } from "@runagent/core";

/** As providers show keys in their messages. */
const KEY = /\b(?:sk|sess|org|proj)-[\w*.-]{6,}/g;
const NETWORK = /^(?:E(?:CONN|AI_|NOTFOUND|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH)|UND_ERR)/;

interface Explanation {
  readonly message: string;
  readonly suggestion?: string;
  readonly details?: unknown;
}

/** The error for clients, of what a framework has thrown; a RunAgentError is one already. */
export function toModelError(thrown: unknown): RunAgentError {
  const error = lastOf(thrown);
  if (RunAgentError.is(error)) return error;
  const { message, details, suggestion } = explain(error);
  return new RunAgentError("EXECUTION_ERROR", message, { details, suggestion, cause: thrown });
}

/** What an error says, as a sentence without keys and the lines that explain it to developers. */
export function sentenceOf(error: unknown): string {
  const [first = ""] = (error instanceof Error ? error.message : String(error)).split("\n", 1);
  const said = first
    .replace(/^\d{3} /, "")
    .replaceAll(KEY, "…")
    .trim();
  return /[.!?…]$/.test(said) ? said : `${said || "it said nothing"}.`;
}

function explain(error: unknown): Explanation {
  const said = sentenceOf(error);
  const status = statusOf(error);
  if (status !== undefined) return { ...explainStatus(status, said), details: { status } };
  if (isNetworkError(error)) return { message: `The connection to the model failed: ${said}`, suggestion: "Try again in a moment." };
  return { message: `The agent failed: ${said}` };
}

function explainStatus(status: number, said: string): Explanation {
  if (status === 401 || status === 403) {
    return {
      message: `The model refused the server's credentials (status ${status}).`,
      suggestion: "Check the API key of the agent's server.",
    };
  }
  if (status === 429) {
    const suggestion = "Wait a moment, or look at the quota of the agent's server.";
    return { message: `The model takes no more requests now (status 429): ${said}`, suggestion };
  }
  if (status >= 500) return { message: `The model failed (status ${status}): ${said}`, suggestion: "Try again in a moment." };
  return { message: `The model refused the request (status ${status}): ${said}` };
}

/** What failed several times in a row is wrapped: the last time says why. */
function lastOf(error: unknown): unknown {
  return error instanceof Error && "lastError" in error && error.lastError !== undefined ? error.lastError : error;
}

/** Frameworks disagree on the name of the field. */
function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const status: unknown = "statusCode" in error ? error.statusCode : "status" in error ? error.status : undefined;
  // A good status is that of an answer which could not be read.
  return typeof status === "number" && status >= 400 ? status : undefined;
}

/** By the code of what caused it; the package `openai` names it in the class alone. */
function isNetworkError(error: unknown): boolean {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (at.constructor.name.startsWith("APIConnection")) return true;
    const code: unknown = "code" in at ? at.code : undefined;
    if (typeof code === "string" && NETWORK.test(code)) return true;
  }
  return false;
}
