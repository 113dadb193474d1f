import { isJsonObject } from "@runagent/core";
import type { KnownVersion } from "./reconnects.ts";

/**
 * Remembers whether the server speaks version 2, from whatever it answers. Only a yes is remembered: servers are updated.
 * @param getArchitecture Reads the data of GET architecture.
 */
export function createKnownVersion(getArchitecture: (signal: AbortSignal) => Promise<unknown>): KnownVersion {
  let version2 = false;
  return {
    get version2() {
      return version2;
    },
    learn(protocol) {
      version2 = protocol === 2;
    },
    async ask(signal) {
      const architecture = await getArchitecture(signal);
      const versions = isJsonObject(architecture) ? architecture.protocol_versions : undefined;
      version2 = Array.isArray(versions) && versions.includes(2);
      return version2;
    },
  };
}
