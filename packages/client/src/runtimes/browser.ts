import { RunAgentError } from "@runagent/core";
import { explainBlocked, markReached, watchPolicy } from "../blocked-page.ts";
import { RunAgentClientBase } from "../client.ts";
import { connectionError } from "../network-error.ts";
import type { RunAgentClientOptions, Untyped, UntypedInput } from "../options.ts";
import type { HttpPool, Runtime } from "../runtime.ts";
import { standardHttp } from "../standard-http.ts";
import { createSseTransport } from "../transports/sse.ts";
import { standardSockets } from "../transports/standard-websocket.ts";

export * from "../index.ts";

const browserRuntime: Runtime = {
  env: () => undefined,
  createHttp,
  sockets: standardSockets(() => globalThis.WebSocket, { keepsIdle: true, onOpen: markReached, explain: explainBlocked }),
  createSse: createSseTransport,
  toError: connectionError,
  onWake,
};

/**
 * A client for one entrypoint of an agent, in a web page or a worker of one. Authenticate with getToken: a page shows everybody what it
 * holds.
 * @example
 * import { RunAgentClient } from "runagent";
 * const getToken = async () => (await fetch("/agent-token")).json();
 * const client = new RunAgentClient({ agentId: "storyteller", entrypointTag: "story_stream", baseUrl: "https://agents.example.com", getToken });
 * for await (const chunk of client.runStream({ topic: "robots" })) document.body.append(chunk);
 */
export class RunAgentClient<Tag extends string = string, Input = UntypedInput, Output = Untyped> extends RunAgentClientBase<
  Tag,
  Input,
  Output
> {
  /** @throws RunAgentError VALIDATION_ERROR that names the option, and for apiKey without allowApiKeyInBrowser. */
  constructor(options: RunAgentClientOptions<Tag, Input, Output>) {
    if (options?.apiKey !== undefined && options.allowApiKeyInBrowser !== true) {
      throw new RunAgentError("VALIDATION_ERROR", "Whoever opens this page can read its apiKey, and use it.", {
        field: "apiKey",
        suggestion: "Pass getToken, which asks your server for a short-lived credential; or allowApiKeyInBrowser: true for a public key.",
      });
    }
    super(options, browserRuntime);
  }
}

function createHttp(): HttpPool {
  const http = standardHttp();
  watchPolicy();
  return {
    async fetch(url, init) {
      try {
        const response = await http.fetch(url, init);
        markReached(url);
        return response;
      } catch (error) {
        if (init.signal.aborted || RunAgentError.is(error)) throw error;
        throw (await explainBlocked(url)) ?? error;
      }
    },
    close: http.close,
  };
}

/** Workers have no document, and no page that is hidden or frozen. */
function onWake(wake: (moved: boolean) => void): () => void {
  const ending = new AbortController();
  const { signal } = ending;
  const page = globalThis.document;
  const shown = (): void => {
    if (page?.visibilityState !== "hidden") wake(false);
  };
  addEventListener("online", () => wake(true), { signal });
  // From the back/forward cache: the browser has closed what was open.
  addEventListener("pageshow", ({ persisted }) => (persisted ? wake(true) : shown()), { signal });
  page?.addEventListener("visibilitychange", shown, { signal });
  // From being frozen.
  page?.addEventListener("resume", () => wake(true), { signal });
  return () => ending.abort();
}
