import type { RunAgentError } from "@runagent/core";
import { RunAgentClientBase } from "../client.ts";
import { withEnvironment } from "../environment.ts";
import { explainRefusal } from "../explain-refusal.ts";
import { withLocalAddress } from "../local-address.ts";
import { type FoundAgent, findLocalAgent } from "../local-agents.ts";
import { certificateError, connectionError, innermostMessage } from "../network-error.ts";
import type { RunAgentClientOptions, Untyped, UntypedInput } from "../options.ts";
import type { Runtime } from "../runtime.ts";
import { standardHttp } from "../standard-http.ts";
import { behindWebSocket } from "../transports/auto.ts";
import { createSseTransport } from "../transports/sse.ts";
import { standardSockets } from "../transports/standard-websocket.ts";

export * from "../index.ts";

/** The part of Deno that is used. */
declare const Deno: {
  readonly build: { readonly os: string };
  readonly env: { get(name: string): string | undefined };
  readonly permissions: { querySync(permission: Permission): { readonly state: string } };
};
type Permission =
  | { readonly name: "env"; readonly variable: string }
  | { readonly name: "read"; readonly path: string }
  | { readonly name: "run" };

const denoRuntime: Runtime = {
  createHttp: () => standardHttp(),
  sockets: standardSockets(() => globalThis.WebSocket, {
    sendsHeaders: true,
    explain: (url, token) => explainRefusal(url, token, toError),
  }),
  createSse: behindWebSocket(createSseTransport),
  toError,
};

/**
 * A client for one entrypoint of an agent, in Deno. It needs --allow-net; with --allow-env it reads the environment variables,
 * with --allow-read as well it finds local agents by their ids.
 * @example
 * import { RunAgentClient } from "npm:runagent";
 * const client = new RunAgentClient({ agentId: "storyteller", entrypointTag: "chat", port: 8450 });
 * const answer = await client.run({ message: "Hello" });
 */
export class RunAgentClient<Tag extends string = string, Input = UntypedInput, Output = Untyped> extends RunAgentClientBase<
  Tag,
  Input,
  Output
> {
  /**
   * @throws RunAgentError VALIDATION_ERROR that names the option or environment variable; AGENT_ADDRESS_NOT_FOUND for a local agent that
   * is not served any more.
   */
  constructor(options: RunAgentClientOptions<Tag, Input, Output>) {
    super(withLocalAddress(withEnvironment(options, env), find), denoRuntime);
  }
}

/** For whatever Deno would ask whoever sits there. */
function isGranted(permission: Permission): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}

/** Without --allow-env the options say everything. */
function env(name: string): string | undefined {
  return isGranted({ name: "env", variable: name }) ? Deno.env.get(name) : undefined;
}

/** Without --allow-env and --allow-read there are no local agents. */
function find(agentId: string): FoundAgent | undefined {
  const home = env(Deno.build.os === "windows" ? "USERPROFILE" : "HOME");
  const folder = env("RUNAGENT_CACHE_DIR") || (home && `${home}/.runagent`);
  if (!folder || !isGranted({ name: "read", path: folder })) return undefined;
  // Without --allow-run it cannot be told whether a process lives: who connects to one that is gone learns of it then.
  return findLocalAgent(agentId, isGranted({ name: "run" }) ? { folder } : { folder, isAlive: () => true });
}

/** Deno gives no codes, only words. */
function toError(cause: unknown, address: string, sent: boolean): RunAgentError {
  const reason = innermostMessage(cause);
  if (/certificate/i.test(reason)) return certificateError(cause, address, reason);
  const error = connectionError(cause, address, sent);
  return reason.includes("client error (Connect)") ? error.changed({ details: { unreachable: true }, retryable: true }) : error;
}
