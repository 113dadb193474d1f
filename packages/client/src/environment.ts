import { isJsonObject } from "@runagent/core";
import { invalid } from "./checks.ts";
import type { ConnectionOptions } from "./options.ts";

const TRUE: readonly string[] = ["1", "t", "true", "yes", "on"];
const FALSE: readonly string[] = ["0", "f", "false", "no", "off"];

/**
 * The options, completed from the environment of a runtime that has one. What was passed goes before it, and an address that was
 * passed before a variable that is set for every program. An empty variable counts as not set.
 * @param env The value of a variable.
 * @throws RunAgentError VALIDATION_ERROR that names the variable.
 */
export function withEnvironment<Options extends ConnectionOptions>(options: Options, env: (name: string) => string | undefined): Options {
  // What else plain JavaScript may pass is refused where options are checked.
  if (!isJsonObject(options)) return options;
  const text = (variable: string): string | undefined => env(variable)?.trim() || undefined;
  const number = (variable: string): number | undefined => {
    const given = text(variable);
    if (given === undefined) return undefined;
    if (Number(given) > 0) return Number(given);
    throw invalid(variable, `must be a number above 0, not ${JSON.stringify(given)}`);
  };
  const boolean = (variable: string): boolean | undefined => {
    const given = text(variable)?.toLowerCase();
    if (given === undefined) return undefined;
    if (TRUE.includes(given) || FALSE.includes(given)) return TRUE.includes(given);
    throw invalid(variable, `must be true or false, not ${JSON.stringify(given)}`);
  };
  const { host, port, baseUrl, apiKey, getToken } = options;
  const hasAddress = (host ?? port ?? undefined) !== undefined;
  const hasBaseUrl = (baseUrl ?? undefined) !== undefined;
  const local = options.local ?? (hasAddress || (hasBaseUrl ? false : boolean("RUNAGENT_LOCAL")));
  const isLocal = local && (hasAddress || !hasBaseUrl);
  return {
    ...options,
    local,
    host: isLocal ? (host ?? text("RUNAGENT_HOST")) : host,
    port: isLocal ? (port ?? number("RUNAGENT_PORT")) : port,
    baseUrl: isLocal ? baseUrl : (baseUrl ?? text("RUNAGENT_BASE_URL")),
    apiKey: apiKey ?? (getToken ? undefined : text("RUNAGENT_API_KEY")),
    userId: options.userId ?? text("RUNAGENT_USER_ID"),
    persistentMemory: options.persistentMemory ?? boolean("RUNAGENT_PERSISTENT_MEMORY"),
    timeoutSeconds: options.timeoutSeconds ?? number("RUNAGENT_TIMEOUT"),
  };
}
