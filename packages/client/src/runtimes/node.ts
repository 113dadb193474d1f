import type { IncomingMessage } from "node:http";
import type { Socket as NetSocket } from "node:net";
import { errorFromHttp, type JsonObject, PROTOCOL_ERROR_CLOSE, parseJsonObject, RunAgentError } from "@runagent/core";
import { type RawData, WebSocket } from "ws";
import { RunAgentClientBase } from "../client.ts";
import { withEnvironment } from "../environment.ts";
import { notAdmitted, redirectError } from "../network-error.ts";
import { nodeConnectionError } from "../node-error.ts";
import type { RunAgentClientOptions, Untyped, UntypedInput } from "../options.ts";
import { withRetryAfter } from "../retry.ts";
import type { HttpOptions, HttpPool, Runtime } from "../runtime.ts";
import { isDeadline } from "../timers.ts";
import type { Transport } from "../transport.ts";
import { behindWebSocket } from "../transports/auto.ts";
import { createLaterTransport } from "../transports/later.ts";
import {
  binaryFrame,
  frameTooLarge,
  MAX_IDLE_MS,
  NORMAL_CLOSURE,
  type Socket,
  type SocketEvents,
  type SocketFactory,
  type SocketRequest,
} from "../transports/websocket.ts";

export * from "../index.ts";

/** How long a peer may take to answer the closing handshake, in milliseconds. */
const CLOSE_TIMEOUT_MS = 1000;
/** Bytes that are read of the body of a refused upgrade. */
const MAX_REFUSAL_BYTES = 64 * 1024;

const sockets: SocketFactory = { sendsHeaders: true, open: openSocket };

const nodeRuntime: Runtime = {
  createHttp,
  sockets,
  createSse: behindWebSocket(createSse),
  toError: nodeConnectionError,
};

/**
 * A client for one entrypoint of an agent, in Node.
 * @example
 * import { RunAgentClient } from "runagent";
 * const client = new RunAgentClient({ agentId: "storyteller", entrypointTag: "chat", local: true });
 * const answer = await client.run({ message: "Hello" });
 */
export class RunAgentClient<Tag extends string = string, Input = UntypedInput, Output = Untyped> extends RunAgentClientBase<
  Tag,
  Input,
  Output
> {
  /** @throws RunAgentError VALIDATION_ERROR that names the option or environment variable. */
  constructor(options: RunAgentClientOptions<Tag, Input, Output>) {
    super(
      withEnvironment(options, (name) => process.env[name]),
      nodeRuntime,
    );
  }
}

/** Loaded for its first stream, as many programs have none. */
function createSse(http: HttpOptions): Transport {
  return createLaterTransport(async () => (await import("../transports/sse.ts")).createSseTransport(http));
}

function createHttp(connectTimeoutMs: number): HttpPool {
  // Loaded with the first request: a client that only streams does not pay for it.
  let loading: Promise<HttpPool> | undefined;
  const load = async (): Promise<HttpPool> => {
    const { Agent, fetch } = await import("undici");
    // The deadlines are the caller's: undici's own would end a run that takes longer than five minutes.
    const connect = isDeadline(connectTimeoutMs) ? { connect: { timeout: connectTimeoutMs } } : {};
    const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0, ...connect });
    return { fetch: (url, init) => fetch(url, { ...init, dispatcher }), close: () => dispatcher.close() };
  };
  return {
    async fetch(url, init) {
      loading ??= load();
      return (await loading).fetch(url, init);
    },
    async close() {
      const closing = loading;
      loading = undefined;
      // Not awaited: it takes as long as the requests that are under way, streams among them.
      closing?.then((pool) => pool.close()).catch(() => {});
    },
  };
}

function openSocket(request: SocketRequest, events: SocketEvents): Socket {
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
