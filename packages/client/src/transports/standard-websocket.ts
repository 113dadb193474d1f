import { RunAgentError } from "@runagent/core";
import type { WebSocketConstructor } from "../options.ts";
import { binaryFrame, frameTooLarge, PROTOCOL_VIOLATION, type SocketFactory } from "./websocket.ts";

/** Opens WebSockets with a constructor of the WHATWG standard: no headers, no pause. */
export function standardSockets(WebSocket: WebSocketConstructor): SocketFactory {
  return {
    sendsHeaders: false,
    open(request, events) {
      const socket = new WebSocket(request.url);
      let failure: RunAgentError | undefined;
      let opened = false;
      let closed = false;
      const end = (code: number, reason: string, error?: RunAgentError): void => {
        if (closed) return;
        closed = true;
        socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null;
        events.close(code, reason, error);
      };
      const refuse = (error: RunAgentError): void => {
        failure = error;
        socket.close(PROTOCOL_VIOLATION);
      };
      socket.onopen = () => {
        opened = true;
        events.open();
      };
      socket.onmessage = ({ data }: { data: unknown }) => {
        if (failure !== undefined) return;
        if (typeof data !== "string") refuse(binaryFrame());
        else if (data.length > request.maxFrameBytes) refuse(frameTooLarge(request.maxFrameBytes));
        else events.message(data);
      };
      // The event says nothing of what went wrong: the close that follows is all there is.
      socket.onerror = () => {};
      socket.onclose = ({ code, reason }: { code: number; reason: string }) =>
        end(code, reason, failure ?? (opened ? undefined : notOpened(request.url)));
      return {
        send: (text) => socket.send(text),
        // The standard has no pause: the queue holds what arrives.
        pause() {},
        resume() {},
        close: (code) => socket.close(code),
      };
    },
  };
}

function notOpened(url: string): RunAgentError {
  return new RunAgentError("CONNECTION_ERROR", `The WebSocket to ${new URL(url).origin} could not be opened.`);
}
