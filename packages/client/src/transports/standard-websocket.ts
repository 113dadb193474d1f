import { RunAgentError } from "@runagent/core";
import type { WebSocketConstructor } from "../options.ts";
import { binaryFrame, frameTooLarge, PROTOCOL_VIOLATION, type SocketFactory } from "./websocket.ts";

/** Not 1000, which would say that this client has had enough. [start.disconnect.1] */
const DROPPED = 4000;

/** Opens WebSockets with a constructor of the WHATWG standard: no headers, no pause. */
export function standardSockets(WebSocket: WebSocketConstructor): SocketFactory {
  return {
    sendsHeaders: false,
    pausable: false,
    open(request, events) {
      const socket = new WebSocket(request.url);
      let failure: RunAgentError | undefined;
      let opened = false;
      let bytesRead = 0;
      const forget = (): void => {
        socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null;
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
        else {
          bytesRead += data.length;
          events.message(data);
        }
      };
      // The event says nothing of what went wrong: the close that follows is all there is.
      socket.onerror = () => {};
      socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
        forget();
        const error = failure ?? (opened ? undefined : notOpened(request.url));
        // Why it was not opened, the standard does not tell: the upgrade may have been refused.
        events.close({ code, reason, upgradeRefused: !opened, ...(error === undefined ? {} : { error }) });
      };
      return {
        get bytesRead() {
          return bytesRead;
        },
        send: (text) => socket.send(text),
        // The standard has no pause: the queue holds what arrives.
        pause() {},
        resume() {},
        close: (code) => socket.close(code),
        drop() {
          forget();
          // The standard has no way to let go at once; ws, whose class some pass, has one.
          if ("terminate" in socket && typeof socket.terminate === "function") socket.terminate();
          else socket.close(DROPPED);
        },
      };
    },
  };
}

function notOpened(url: string): RunAgentError {
  const message = `The WebSocket to ${new URL(url).origin} could not be opened.`;
  return new RunAgentError("CONNECTION_ERROR", message, { details: { unreachable: true } });
}
