import type { RunAgentError } from "@runagent/core";
import type { Connection, Transport } from "../transport.ts";

/** Tries WebSockets first, and where upgrades are refused goes on with server-sent events, from then on. */
export function createAutoTransport(webSocket: Transport, sse: Transport): Transport {
  let prefersSse = false;
  /** A WebSocket was open once: where the runtime does not say why one was not, the network may have been away. */
  let worked = false;
  return {
    connect(first, events) {
      if (prefersSse) return sse.connect(first, events);
      let left = false;
      const fallBack = (refusal: RunAgentError | undefined): void => {
        if (left) return;
        let opened = false;
        connection.current = sse.connect(first, {
          opened() {
            opened = true;
            prefersSse = !worked;
            events.opened();
          },
          text: (text) => events.text(text),
          closed(info) {
            // Unless it is the agent's own server that speaks, the first refusal says more than the second.
            const known = opened || info.error?.requestId !== undefined;
            events.closed(known || refusal === undefined ? info : { ...info, error: refusal });
          },
        });
      };
      const connection = new Forwarder(() => {
        left = true;
      });
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

/** A connection whose transport may still change. */
class Forwarder implements Connection {
  current: Connection | undefined;
  readonly #onLeave: () => void;

  constructor(onLeave: () => void) {
    this.#onLeave = onLeave;
  }

  get version2(): boolean {
    return this.current?.version2 === true;
  }
  get warm(): boolean {
    return this.current?.warm === true;
  }
  get credit(): boolean {
    return this.current?.credit === true;
  }
  get pausable(): boolean {
    return this.current?.pausable === true;
  }
  get sent(): boolean {
    return this.current?.sent === true;
  }
  get bytesRead(): number {
    return this.current?.bytesRead ?? 0;
  }
  send: Connection["send"] = (frame) => this.current?.send(frame);
  pause: Connection["pause"] = () => this.current?.pause();
  resume: Connection["resume"] = () => this.current?.resume();
  close: Connection["close"] = (code) => {
    this.#onLeave();
    this.current?.close(code);
  };
  release: Connection["release"] = () => {
    this.#onLeave();
    this.current?.release();
  };
  drop: Connection["drop"] = () => {
    this.#onLeave();
    this.current?.drop();
  };
}
