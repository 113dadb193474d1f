import { ERRORS, type ErrorCode, isJsonObject, type JsonObject, type RunAgentError } from "@runagent/core";

/** What an error says and advises; undefined: there is nothing that could be done. */
export interface ErrorWords {
  readonly message: string;
  readonly suggestion: string | undefined;
}

/** What to do about an error in the words of the command, where the table speaks of options of a library. */
const ACTIONS: Partial<Record<ErrorCode, string>> = {
  AUTHENTICATION_ERROR: "Pass a valid key with --api-key, or in RUNAGENT_API_KEY.",
  AGENT_NOT_FOUND: "Check --id, and that the agent is served at this address.",
  ENTRYPOINT_NOT_FOUND: "Check --tag: it is one of the tags in runagent.config.json.",
  INVOCATION_NOT_FOUND: "Check the id, the address and the key; a server keeps invocations for a limited time.",
  RATE_LIMITED: "Wait a while, then type it again.",
  PAYLOAD_TOO_LARGE: "Send less, such as the path of a file in place of what it holds.",
  TIMEOUT: "Allow more with --timeout, or look at why the agent is slow.",
  CURSOR_EXPIRED: "Start it again: what comes after this position is kept no longer.",
  CONNECTION_ERROR: "Check --host and --port, or --base-url, and that `runagent serve` runs there.",
  STREAM_TRUNCATED: "Start it again, if the agent may run twice.",
  AGENT_ADDRESS_NOT_FOUND: "Start the agent with `runagent serve <folder>`, or pass --host and --port.",
};

/** What to do where a limit is met that the command has no option for, by the name that the library gives it. */
const LIMITS: Readonly<Record<string, string | undefined>> = {
  connectTimeoutMs: ACTIONS.CONNECTION_ERROR,
  idleTimeoutMs: "Look at why the agent is silent.",
  maxServerFrameBytes: "Have the agent give less at once.",
};

// Limits of client and server, as their messages name them: "(maxBodyBytes)".
const LIMIT = / \(((?:max|connect|idle|handshake|firstFrame)[A-Z]\w*)(?:, \w+)*\)/;
const WORDS: readonly (readonly [library: RegExp, command: string])[] = [
  [/\(timeoutMs\)/, "(--timeout)"],
  [/\bhost, port or baseUrl\b/, "--host and --port, or --base-url"],
  [/\bpass host and port\b/, "pass --host and --port"],
  [/^Set baseUrl to that address\./, "Pass that address with --base-url."],
];

/** An error in the words of who types commands: it may come from a library, which names its own options. */
export function inCommandWords(error: RunAgentError): ErrorWords {
  const { code, message, suggestion, field } = error;
  if (code === "ALREADY_DECIDED") return { message, suggestion: tellStanding(error.details) };
  // These are the agent's own words.
  const [whole, limit = ""] = (code === "EXECUTION_ERROR" ? null : LIMIT.exec(message)) ?? [""];
  const isOfTable = suggestion === ERRORS[code].action;
  const action = LIMITS[limit] ?? (code === "VALIDATION_ERROR" && field === undefined ? undefined : (ACTIONS[code] ?? suggestion));
  return {
    message: code === "EXECUTION_ERROR" ? message : translate(message.replace(whole, "")),
    suggestion: isOfTable ? action : translate(suggestion),
  };
}

/** Who was first, and why they decided so. */
function tellStanding(details: unknown): string | undefined {
  const { decided_by: by, reason }: JsonObject = isJsonObject(details) ? details : {};
  if (typeof by !== "string") return undefined;
  return `It was decided by ${by}${typeof reason === "string" ? `: ${reason}` : "."}`;
}

function translate(text: string): string {
  return WORDS.reduce((said, [library, command]) => said.replace(library, command), text);
}
