import { RunAgentError } from "@runagent/core";
import type { HttpInit, HttpPool } from "./runtime.ts";

/** The fetch of the WHATWG standard; `more` is what a runtime's own takes beside. Its connections are the runtime's. */
export function standardHttp(more: object = {}): HttpPool {
  return {
    async fetch(url: string, init: HttpInit) {
      if (typeof globalThis.fetch === "function") return globalThis.fetch(url, { ...init, ...more });
      throw new RunAgentError("CONNECTION_ERROR", "This runtime has no fetch.", {
        retryable: false,
        suggestion: "Pass the option fetch.",
      });
    },
    async close() {},
  };
}
