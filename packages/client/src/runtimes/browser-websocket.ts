import { RunAgentClientBase } from "../client.ts";
import type { RunAgentClientOptions, Untyped, UntypedInput } from "../options.ts";
import { createPageRuntime, refuseOpenKey } from "../page.ts";
import type { Runtime } from "../runtime.ts";

export * from "../index.ts";

const browserRuntime: Runtime = /* @__PURE__ */ createPageRuntime(undefined);

/**
 * A client for one entrypoint of an agent, in a web page, over WebSockets alone: the browser entry without
 * server-sent events, for pages that count bytes. Where WebSockets are refused on the way it fails.
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
