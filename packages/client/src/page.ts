import { RunAgentError } from "@runagent/core";
import { explainBlocked, markReached, watchPolicy } from "./blocked-page.ts";
import { invalid } from "./checks.ts";
import { connectionError } from "./network-error.ts";
import type { ConnectionOptions } from "./options.ts";
import type { HttpPool, Runtime } from "./runtime.ts";
import { standardHttp } from "./standard-http.ts";
import { standardSockets } from "./transports/standard-websocket.ts";

/** The runtime of a web page, or of a worker of one. */
export function createPageRuntime(createSse: Runtime["createSse"]): Runtime {
  return {
    createHttp,
    sockets: standardSockets(() => globalThis.WebSocket, { keepsIdle: true, onOpen: markReached, explain: explainBlocked }),
    createSse,
    toError: connectionError,
    onWake,
  };
}

/** @throws RunAgentError VALIDATION_ERROR for an apiKey without allowApiKeyInBrowser. */
export function refuseOpenKey<Options extends Pick<ConnectionOptions, "apiKey" | "allowApiKeyInBrowser">>(options: Options): Options {
  if (options?.apiKey === undefined || options.allowApiKeyInBrowser === true) return options;
  throw invalid(
    "apiKey",
    "can be read and used by whoever opens this page",
    "Pass getToken, or allowApiKeyInBrowser: true for a key that is public.",
  );
}

function createHttp(): HttpPool {
  // The cache would let the second of two requests for the same stream wait for the first.
  const http = standardHttp({ cache: "no-store" });
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

/** Workers have no document, and some none of these events. */
function onWake(wake: (moved: boolean) => void): () => void {
  const ending = new AbortController();
  const page = globalThis.document;
  const listen = (target: Partial<EventTarget> | undefined, name: string, heard: (event: Event) => void): void => {
    target?.addEventListener?.(name, heard, { signal: ending.signal });
  };
  listen(globalThis, "online", () => wake(true));
  // From the back/forward cache: the browser has closed what was open.
  listen(globalThis, "pageshow", (event) => wake("persisted" in event && event.persisted === true));
  listen(page, "visibilitychange", () => {
    if (page.visibilityState === "visible") wake(false);
  });
  // From being frozen.
  listen(page, "resume", () => wake(true));
  return () => ending.abort();
}
