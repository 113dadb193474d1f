import type { RunAgentError } from "@runagent/core";
import { RunAgentClientBase } from "../client.ts";
import { withEnvironment } from "../environment.ts";
import { explainRefusal } from "../explain-refusal.ts";
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
  readonly env: { get(name: string): string | undefined };
  readonly permissions: { querySync(permission: { readonly name: "env"; readonly variable: string }): { readonly state: string } };
};

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
 * A client for one entrypoint of an agent, in Deno. It needs --allow-net; with --allow-env it reads the environment variables.
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
  /** @throws RunAgentError VALIDATION_ERROR that names the option or environment variable. */
  constructor(options: RunAgentClientOptions<Tag, Input, Output>) {
    super(withEnvironment(options, env), denoRuntime);
  }
}

function env(name: string): string | undefined {
  // Deno would ask whoever sits there. Without --allow-env the options say everything.
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) : undefined;
}

/** Deno gives no codes, only words. */
function toError(cause: unknown, address: string, sent: boolean): RunAgentError {
  const reason = innermostMessage(cause);
  if (/certificate/i.test(reason)) return certificateError(cause, address, reason);
  const error = connectionError(cause, address, sent);
  return reason.includes("client error (Connect)") ? error.changed({ details: { unreachable: true }, retryable: true }) : error;
}
