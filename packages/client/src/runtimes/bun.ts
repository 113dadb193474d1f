import { RunAgentClientBase } from "../client.ts";
import { withEnvironment } from "../environment.ts";
import { explainRefusal } from "../explain-refusal.ts";
import { withLocalAddress } from "../local-address.ts";
import { findLocalAgent } from "../local-agents.ts";
import { nodeConnectionError } from "../node-error.ts";
import type { RunAgentClientOptions, Untyped, UntypedInput } from "../options.ts";
import type { Runtime } from "../runtime.ts";
import { standardHttp } from "../standard-http.ts";
import { behindWebSocket } from "../transports/auto.ts";
import { createSseTransport } from "../transports/sse.ts";
import { standardSockets } from "../transports/standard-websocket.ts";

export * from "../index.ts";

/** The part of Bun that is used. */
declare const Bun: { readonly env: Readonly<Record<string, string | undefined>> };

const bunRuntime: Runtime = {
  // The deadlines are the caller's: Bun's own would end a stream that is silent for five minutes.
  createHttp: () => standardHttp({ timeout: false }),
  sockets: standardSockets(() => globalThis.WebSocket, {
    sendsHeaders: true,
    explain: (url, token) => explainRefusal(url, token, nodeConnectionError),
  }),
  createSse: behindWebSocket(createSseTransport),
  toError: nodeConnectionError,
};

/**
 * A client for one entrypoint of an agent, in Bun.
 * @example
 * import { RunAgentClient } from "runagent";
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
    super(
      withLocalAddress(
        withEnvironment(options, (name) => Bun.env[name]),
        findLocalAgent,
      ),
      bunRuntime,
    );
  }
}
