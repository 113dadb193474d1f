import { RunAgentClientBase } from "../client.ts";
import { connectionError } from "../network-error.ts";
import type { RunAgentClientOptions, Untyped, UntypedInput } from "../options.ts";
import type { Runtime } from "../runtime.ts";
import { standardHttp } from "../standard-http.ts";
import { behindWebSocket } from "../transports/auto.ts";
import { createSseTransport } from "../transports/sse.ts";
import { standardSockets } from "../transports/standard-websocket.ts";

export * from "../index.ts";

const standardRuntime: Runtime = {
  createHttp: () => standardHttp(),
  sockets: standardSockets(() => globalThis.WebSocket),
  createSse: behindWebSocket(createSseTransport),
  toError: connectionError,
};

/**
 * A client for one entrypoint of an agent, in any runtime that has the fetch and WebSocket of the web standards, edge workers among
 * them. No environment variables: pass the options.
 * @example
 * import { RunAgentClient } from "runagent/standard";
 * const client = new RunAgentClient({ agentId: "storyteller", entrypointTag: "chat", port: 8450 });
 * const answer = await client.run({ message: "Hello" });
 */
export class RunAgentClient<Tag extends string = string, Input = UntypedInput, Output = Untyped> extends RunAgentClientBase<
  Tag,
  Input,
  Output
> {
  /** @throws RunAgentError VALIDATION_ERROR that names the option. */
  constructor(options: RunAgentClientOptions<Tag, Input, Output>) {
    super(options, standardRuntime);
  }
}
