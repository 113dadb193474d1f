import { type ClientFrame, ERRORS, RunAgentError } from "@runagent/core";
import { encodeJson } from "../encode-json.ts";
import type { Connection, Transport } from "../transport.ts";

/** A WebSocket as a runtime gives it: opened at once, callbacks in the order of TransportEvents. */
export interface Socket {
  send(text: string): void;
  pause(): void;
  resume(): void;
  /** Starts the closing handshake and lets go of the socket when the peer does not answer it. */
  close(code: number): void;
}

/** What a runtime's WebSocket tells. */
export interface SocketEvents {
  open(): void;
  message(text: string): void;
  close(code: number, reason: string, error?: RunAgentError): void;
}

/** What a WebSocket is opened with. */
export interface SocketRequest {
  readonly url: string;
  /** The API key, for the Authorization header. */
  readonly apiKey: string | undefined;
  readonly maxFrameBytes: number;
  readonly maxFragments: number;
}

/** How a runtime opens a WebSocket. `sendsHeaders` false: the key travels in the first frame. */
export interface SocketFactory {
  readonly sendsHeaders: boolean;
  open(request: SocketRequest, events: SocketEvents): Socket;
}

const NORMAL_CLOSURE = 1000;
/** Tells the server that it broke the protocol; of the standard codes a browser may send none but 1000. */
export const PROTOCOL_VIOLATION: number = ERRORS.PROTOCOL_ERROR.closeCode ?? NORMAL_CLOSURE;

/** Carries frames over a WebSocket: one connection for each invocation. [conn.one.1] */
export function createWebSocketTransport(request: SocketRequest, factory: SocketFactory): Transport {
  return {
    connect(first, events): Connection {
      let open = false;
      let closing = false;
      const token = factory.sendsHeaders ? undefined : request.apiKey;
      const text = encodeJson(token === undefined ? first : { ...first, auth: { token } });
      const socket = factory.open(request, {
        open() {
          open = true;
          socket.send(text);
          events.opened();
        },
        message(text) {
          if (!closing) events.text(text);
        },
        close(code, reason, error) {
          open = false;
          events.closed(error === undefined ? { code, reason } : { code, reason, error });
        },
      });
      return {
        send(frame: ClientFrame) {
          if (open && !closing) socket.send(JSON.stringify(frame));
        },
        pause: () => socket.pause(),
        resume: () => socket.resume(),
        close(code) {
          if (closing) return;
          closing = true;
          socket.close(code ?? NORMAL_CLOSURE);
        },
      };
    },
  };
}

/** Every frame is JSON text. [json.text.2] */
export function binaryFrame(): RunAgentError {
  return new RunAgentError("PROTOCOL_ERROR", "The server sent a binary frame; every frame is JSON text.");
}

/** [limit.named.1] */
export function frameTooLarge(maxFrameBytes: number): RunAgentError {
  return new RunAgentError("PAYLOAD_TOO_LARGE", `A frame of the server is larger than ${maxFrameBytes} bytes (maxServerFrameBytes).`);
}
