/**
 * What the parts of one running server share. Put together in serve.ts, read everywhere else.
 */
import type { AccessRules } from "./access.ts";
import type { Agent } from "./agent.ts";
import type { Authenticator } from "./auth.ts";
import type { ConnectionCount } from "./connection-count.ts";
import type { LogStore } from "./log.ts";
import type { ErrorContext, Limits, ServeOptions } from "./options.ts";
import type { Quota } from "./quota.ts";
import type { InvocationRegistry } from "./registry.ts";

/** The parts of one server. */
export interface Services {
  readonly agents: ReadonlyMap<string, Agent>;
  readonly registry: InvocationRegistry;
  readonly authenticator: Authenticator;
  readonly access: AccessRules;
  readonly connections: ConnectionCount;
  readonly connectionsPerKey: Quota;
  readonly limits: Limits;
  readonly durability: LogStore["durability"];
  readonly allowTokenInQuery: boolean;
  readonly mayDecide: ServeOptions["mayDecide"];
  readonly onError: (error: unknown, context: ErrorContext) => void;
}
