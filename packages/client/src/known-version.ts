import { isJsonObject } from "@runagent/core";
import type { KnownVersion } from "./reconnects.ts";

/**
 * Remembers whether the server speaks version 2, from whatever it answers. Only a yes is remembered: servers are updated.
 * @param getArchitecture Reads the data of GET architecture.
 */
export function createKnownVersion(getArchitecture: (signal: AbortSignal) => Promise<unknown>): KnownVersion {
  const known = {
    version2: false,
    learn(protocol: 1 | 2) {
      known.version2 = protocol === 2;
    },
    async ask(signal: AbortSignal) {
      const architecture = await getArchitecture(signal);
      const versions = isJsonObject(architecture) ? architecture.protocol_versions : undefined;
      known.version2 = Array.isArray(versions) && versions.includes(2);
      return known.version2;
    },
  };
  return known;
}
