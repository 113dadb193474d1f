import type { RunAgentError } from "@runagent/core";
import type { HttpOptions, Runtime } from "../runtime.ts";
import type { Transport } from "../transport.ts";
import { Forwarder } from "./forwarder.ts";

/** What a runtime with server-sent events offers: those alone, or behind a WebSocket transport. */
export function behindWebSocket(createSse: (http: HttpOptions) => Transport): Runtime["createSse"] {
  return (http, webSocket) => (webSocket === undefined ? createSse(http) : createAutoTransport(webSocket, createSse(http)));
}

/** Tries WebSockets first, and where upgrades are refused goes on with server-sent events, from then on. */
function createAutoTransport(webSocket: Transport, sse: Transport): Transport {
  let prefersSse = false;
  /** A WebSocket was open once: where the runtime does not say why one was not, the network may have been away. */
  let worked = false;
  return {
    connect(first, events) {
      if (prefersSse) return sse.connect(first, events);
      const connection = new Forwarder();
      const fallBack = (refusal: RunAgentError | undefined): void => {
        if (connection.left) return;
        let opened = false;
        connection.current = sse.connect(first, {
          opened() {
            opened = true;
            prefersSse = !worked;
            events.opened();
          },
          text: (text) => events.text(text),
          closed(info) {
            // What somebody on the way said first says more than the second, unless that is the agent's own server.
            const known = opened || info.error?.requestId !== undefined || refusal?.origin !== "wire";
            events.closed(known ? info : { ...info, error: refusal });
          },
        });
      };
      connection.current = webSocket.connect(first, {
        opened() {
          worked = true;
          events.opened();
        },
        text: (text) => events.text(text),
        closed: (info) => (info.upgradeRefused ? fallBack(info.error) : events.closed(info)),
      });
      return connection;
    },
    close() {
      webSocket.close();
      sse.close();
    },
  };
}
