import { RunAgentClientBase } from "../client.ts";
import type { RunAgentClientOptions, Untyped, UntypedInput } from "../options.ts";
import { createPageRuntime, refuseOpenKey } from "../page.ts";
import type { Runtime } from "../runtime.ts";
import { behindWebSocket } from "../transports/auto.ts";
import { createSseTransport } from "../transports/sse.ts";

export * from "../index.ts";

const browserRuntime: Runtime = /* @__PURE__ */ createPageRuntime(/* @__PURE__ */ behindWebSocket(createSseTransport));

/**
 * A client for one entrypoint of an agent, in a web page or a worker of one. Authenticate with getToken: a page shows everybody what it
 * holds.
 * @example
 * import { RunAgentClient } from "runagent/browser";
 * const getToken = async () => "from-your-server"; // (await fetch("/agent-token")).text()
 * const client = new RunAgentClient({ agentId: "storyteller", entrypointTag: "story_stream", port: 8450, getToken });
 * for await (const chunk of client.runStream({ topic: "robots" })) console.log(chunk);
 */
export class RunAgentClient<Tag extends string = string, Input = UntypedInput, Output = Untyped> extends RunAgentClientBase<
  Tag,
  Input,
  Output
> {
  /** @throws RunAgentError VALIDATION_ERROR that names the option, and for apiKey without allowApiKeyInBrowser. */
  constructor(options: RunAgentClientOptions<Tag, Input, Output>) {
    super(refuseOpenKey(options), browserRuntime);
  }
}
