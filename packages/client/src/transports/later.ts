import { unexpected } from "../network-error.ts";
import type { Transport } from "../transport.ts";
import { Forwarder } from "./forwarder.ts";

/** A transport whose code is loaded for its first connection. Only where code is on the same machine: a page may be offline by then. */
export function createLaterTransport(load: () => Promise<Transport>): Transport {
  let loading: Promise<Transport> | undefined;
  return {
    connect(first, events) {
      const connection = new Forwarder();
      const failed = (error: unknown): void => {
        if (!connection.left) events.closed({ code: 1006, reason: "", error: unexpected(error) });
      };
      loading ??= load();
      loading
        .then((transport) => {
          if (!connection.left) connection.current = transport.connect(first, events);
        })
        .catch(failed);
      return connection;
    },
    close() {
      loading?.then((transport) => transport.close()).catch(() => {}); // Whoever connects learns of it.
    },
  };
}
