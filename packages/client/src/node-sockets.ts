import type { IncomingMessage } from "node:http";
import type { Socket as NetSocket } from "node:net";
import { errorFromHttp, type JsonObject, PROTOCOL_ERROR_CLOSE, parseJsonObject, RunAgentError } from "@runagent/core";
import { type RawData, WebSocket } from "ws";
import { notAdmitted, redirectError } from "./network-error.ts";
import { nodeConnectionError } from "./node-error.ts";
import { withRetryAfter } from "./retry.ts";
import {
  binaryFrame,
  frameTooLarge,
  MAX_IDLE_MS,
  NORMAL_CLOSURE,
  type Socket,
  type SocketEvents,
  type SocketRequest,
} from "./transports/websocket.ts";

/** How long a peer may take to answer the closing handshake, in milliseconds. */
const CLOSE_TIMEOUT_MS = 1000;
/** Bytes that are read of the body of a refused upgrade. */
const MAX_REFUSAL_BYTES = 64 * 1024;

/** Opens a WebSocket of ws, which tells of a refused upgrade, sends headers, and can be paused. */
export function openSocket(request: SocketRequest, events: SocketEvents): Socket {
  const address = new URL(request.url).origin;
  let failure: RunAgentError | undefined;
  let upgradeRefused = false;
  let opened = false;
  let network: NetSocket | undefined;
  let idleTimer: NodeJS.Timeout | undefined;
  const options = {
    ...(request.token === undefined ? {} : { headers: { authorization: `Bearer ${request.token}` } }),
    maxPayload: request.maxFrameBytes,
    maxFragments: request.maxFragments,
    closeTimeout: CLOSE_TIMEOUT_MS,
    perMessageDeflate: false,
    followRedirects: false,
  };
  const socket = new WebSocket(request.url, options);
  socket.on("upgrade", (response) => {
    network = response.socket;
  });
  socket.on("open", () => {
    opened = true;
    events.open();
  });
  socket.on("message", (data: RawData, isBinary: boolean) => {
    if (failure !== undefined) return;
    if (!isBinary) events.message(data.toString());
    else {
      failure = binaryFrame();
      socket.close(PROTOCOL_ERROR_CLOSE);
    }
  });
  socket.on("unexpected-response", (upgrade, response) => {
    const refuse = (refusal: Refusal): void => {
      failure ??= refusal.error;
      upgradeRefused = refusal.upgradeRefused;
      upgrade.destroy();
      socket.terminate();
    };
    // A body that breaks off says nothing; the status does.
    readRefusal(response, address).then(refuse, () => refuse(toRefusal(response, "", address)));
  });
  socket.on("error", (error) => {
    failure ??= socketError(error, address, request, opened);
  });
  socket.on("close", (code, reason) => {
    clearTimeout(idleTimer);
    socket.removeAllListeners();
    // ws may still report an error of a socket that it has closed.
    socket.on("error", () => {});
    events.close({ code, reason: reason.toString(), upgradeRefused, ...(failure === undefined ? {} : { error: failure }) });
  });
  return {
    get bytesRead() {
      return network?.bytesRead ?? 0;
    },
    send: (text) => socket.send(text),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close(code) {
      socket.resume(); // A paused socket would not see the answer to its close.
      if (opened) socket.close(code);
      else socket.terminate();
    },
    drop: () => socket.terminate(),
    setIdle(idle) {
      clearTimeout(idleTimer);
      if (idle) {
        network?.unref();
        idleTimer = setTimeout(() => socket.close(NORMAL_CLOSURE), MAX_IDLE_MS).unref();
      } else network?.ref();
    },
  };
}

/** An error of the peer's frames is told by ws with a code of its own; after the opening, one of the network is seen as a close. */
function socketError(
  error: Error,
  address: string,
  { maxFrameBytes, maxFragments }: SocketRequest,
  opened: boolean,
): RunAgentError | undefined {
  const code = "code" in error ? String(error.code) : "";
  if (code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") return frameTooLarge(maxFrameBytes);
  if (code === "WS_ERR_TOO_MANY_BUFFERED_PARTS") {
    const message = `A frame of the server came in more than ${maxFragments} fragments (maxFragments).`;
    return new RunAgentError("PAYLOAD_TOO_LARGE", message, { cause: error });
  }
  if (code.startsWith("WS_ERR_")) {
    return new RunAgentError("PROTOCOL_ERROR", `The server broke the WebSocket protocol: ${error.message}.`, { cause: error });
  }
  return opened ? undefined : nodeConnectionError(error, address, false);
}

/** What an upgrade was answered with, in place of 101. */
interface Refusal {
  readonly error: RunAgentError;
  /** It was not the agent's server that refused, or it refused WebSockets as such. */
  readonly upgradeRefused: boolean;
}

async function readRefusal(response: IncomingMessage, address: string): Promise<Refusal> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += chunk.length;
    if (bytes > MAX_REFUSAL_BYTES) break;
    chunks.push(chunk);
  }
  return toRefusal(response, Buffer.concat(chunks).toString(), address);
}

function toRefusal({ statusCode: status = 0, headers }: IncomingMessage, text: string, address: string): Refusal {
  if (status >= 300 && status < 400) return { error: redirectError(status, headers.location, address), upgradeRefused: false };
  const envelope = readEnvelope(text);
  const error = withRetryAfter(refusalError(status, envelope, address), status, headers["retry-after"], Date.now());
  // Too many, or a failure for now, is no word about WebSockets; nor is what the server itself says in its envelope.
  return { error, upgradeRefused: status === 426 || (envelope === undefined && !isForNow(status)) };
}

function refusalError(status: number, envelope: JsonObject | undefined, address: string): RunAgentError {
  if (envelope !== undefined && status >= 400) return errorFromHttp(status, envelope);
  if (status === 401 || status === 403) return notAdmitted(status, address);
  if (status === 429) return errorFromHttp(status, undefined);
  return new RunAgentError("CONNECTION_ERROR", `${address} did not open a WebSocket: it answered with HTTP status ${status}.`, {
    origin: "wire",
    retryable: isForNow(status),
    suggestion: "Check host, port or baseUrl, and that a proxy on the way lets WebSockets through.",
  });
}

/** Too many, or a failure that may pass; 501 and 505 say that it will not. */
function isForNow(status: number): boolean {
  return status === 429 || (status >= 500 && status !== 501 && status !== 505);
}

function readEnvelope(text: string): JsonObject | undefined {
  try {
    return parseJsonObject(text, "answer", "PROTOCOL_ERROR");
  } catch {
    return undefined; // Not from a RunAgent server; the status says what there is to say.
  }
}
