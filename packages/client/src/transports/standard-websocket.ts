import { PROTOCOL_ERROR_CLOSE, RunAgentError } from "@runagent/core";
import type { WebSocketConstructor, WebSocketLike } from "../options.ts";
import {
  binaryFrame,
  frameTooLarge,
  MAX_IDLE_MS,
  NORMAL_CLOSURE,
  type Socket,
  type SocketEvents,
  type SocketFactory,
  type SocketRequest,
} from "./websocket.ts";

/** Not 1000, which would say that this client has had enough. [start.disconnect.1] */
const DROPPED = 4000;
const ABNORMAL = 1006;

/** What a runtime's WebSocket does beyond the standard. */
export interface StandardSocketsOptions {
  /** It takes headers in an object beside the address. */
  readonly sendsHeaders?: boolean;
  /** One that waits for its next use does not keep the program from ending. */
  readonly keepsIdle?: boolean;
  onOpen?(url: string): void;
  /** Says why a connection was not made, where that can be found out. */
  explain?(url: string, token: string | undefined): Promise<RunAgentError | undefined>;
}

/** Opens WebSockets with a constructor of the WHATWG standard, which has no pause. It is looked for when a connection is made. */
export function standardSockets(find: () => WebSocketConstructor | undefined, options: StandardSocketsOptions = {}): SocketFactory {
  const { sendsHeaders = false } = options;
  return { sendsHeaders, open: (request, events) => open(find, options, request, events) };
}

function open(
  find: () => WebSocketConstructor | undefined,
  { sendsHeaders, keepsIdle, onOpen, explain }: StandardSocketsOptions,
  request: SocketRequest,
  events: SocketEvents,
): Socket {
  let failure: RunAgentError | undefined;
  let opened = false;
  let idleTimer: ReturnType<typeof setTimeout> | undefined;
  const closed = async (code: number, reason: string): Promise<void> => {
    clearTimeout(idleTimer);
    // Why it was not opened, the standard does not tell: the upgrade may have been refused.
    if (!opened) failure = (await explain?.(request.url, request.token)) ?? failure ?? notOpened(request.url);
    events.close({ code, reason, upgradeRefused: !opened, error: failure });
  };
  let socket: WebSocketLike;
  try {
    socket = create(find(), sendsHeaders ? request : { url: request.url, token: undefined });
  } catch (error) {
    // The standard has it throw for an address that the page may not reach.
    failure = RunAgentError.is(error) ? error : notOpened(request.url, error);
    queueMicrotask(() => void closed(ABNORMAL, ""));
    return ABSENT;
  }
  const forget = (): void => {
    socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null;
  };
  const refuse = (error: RunAgentError): void => {
    failure = error;
    socket.close(PROTOCOL_ERROR_CLOSE);
  };
  socket.onopen = () => {
    opened = true;
    onOpen?.(request.url);
    events.open();
  };
  socket.onmessage = ({ data }: { data: unknown }) => {
    if (failure !== undefined) return;
    if (typeof data !== "string") refuse(binaryFrame());
    else if (data.length > request.maxFrameBytes) refuse(frameTooLarge(request.maxFrameBytes));
    else {
      line.bytesRead += data.length;
      events.message(data);
    }
  };
  const ended = (code: number, reason: string): void => {
    forget();
    void closed(code, reason);
  };
  // The event says nothing of what went wrong. No close follows it in Chromium when a policy of the page forbids the address.
  socket.onerror = () => {
    if (!opened) ended(ABNORMAL, "");
  };
  // Deno says 0 where the standard has 1006.
  socket.onclose = ({ code, reason }: { code: number; reason: string }) => ended(code || ABNORMAL, reason);
  const line = {
    bytesRead: 0,
    send: (text: string) => socket.send(text),
    close: (code: number) => socket.close(code),
    drop() {
      clearTimeout(idleTimer);
      forget();
      // The standard has no way to let go at once; ws and Bun have one.
      if ("terminate" in socket && typeof socket.terminate === "function") socket.terminate();
      else socket.close(DROPPED);
    },
    ...(keepsIdle && {
      setIdle(idle: boolean) {
        clearTimeout(idleTimer);
        if (idle) idleTimer = setTimeout(() => socket.close(NORMAL_CLOSURE), MAX_IDLE_MS);
      },
    }),
  };
  return line;
}

type WebSocketWithHeaders = new (url: string, options: { headers: Record<string, string> }) => WebSocketLike;

/** In place of a socket that could not even be made. */
const ABSENT: Socket = { bytesRead: 0, send() {}, close() {}, drop() {} };

function create(WebSocket: WebSocketConstructor | undefined, { url, token }: Pick<SocketRequest, "url" | "token">): WebSocketLike {
  if (typeof WebSocket === "function") {
    if (token === undefined) return new WebSocket(url);
    // What such a runtime takes beyond the standard's type.
    return new (WebSocket as WebSocketWithHeaders)(url, { headers: { authorization: `Bearer ${token}` } });
  }
  throw new RunAgentError("CONNECTION_ERROR", "This runtime has no WebSocket.", {
    retryable: false,
    suggestion: 'Pass the option WebSocket, or transport: "sse".',
  });
}

function notOpened(url: string, cause?: unknown): RunAgentError {
  const message = `The WebSocket to ${new URL(url).origin} could not be opened.`;
  return new RunAgentError("CONNECTION_ERROR", message, { details: { unreachable: true }, cause });
}
