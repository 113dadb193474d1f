import { isStreamTag } from "@runagent/core";
import { RunAgentClientBase } from "../client.ts";
import { withEnvironment } from "../environment.ts";
import { withLocalAddress } from "../local-address.ts";
import { findLocalAgent } from "../local-agents.ts";
import { unexpected } from "../network-error.ts";
import { nodeConnectionError } from "../node-error.ts";
import type { RunAgentClientOptions, Untyped, UntypedInput } from "../options.ts";
import type { HttpOptions, HttpPool, Runtime } from "../runtime.ts";
import { isDeadline } from "../timers.ts";
import type { Transport } from "../transport.ts";
import { behindWebSocket } from "../transports/auto.ts";
import { createLaterTransport } from "../transports/later.ts";
import type { Socket, SocketEvents, SocketFactory, SocketRequest } from "../transports/websocket.ts";

export * from "../index.ts";

const sockets: SocketFactory = {
  sendsHeaders: true,
  open: (request, events) => (openSocket === undefined ? openLater(request, events) : openSocket(request, events)),
};
/** Set once it is loaded. */
let openSocket: SocketFactory["open"] | undefined;
let loadingSockets: Promise<SocketFactory["open"]> | undefined;

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
  /**
   * @throws RunAgentError VALIDATION_ERROR that names the option or environment variable; AGENT_ADDRESS_NOT_FOUND for a local agent that
   * is not served any more.
   */
  constructor(options: RunAgentClientOptions<Tag, Input, Output>) {
    super(
      withLocalAddress(
        withEnvironment(options, (name) => process.env[name]),
        findLocalAgent,
      ),
      nodeRuntime,
    );
    // In the background, to be there by the first stream; who connects learns of a failure.
    if (isStreamTag(this.entrypointTag)) loadSockets().catch(() => {});
  }
}

/** ws takes longer to load than everything else: programs that run once, and those that have not begun, do not wait for it. */
function loadSockets(): Promise<SocketFactory["open"]> {
  loadingSockets ??= import("../node-sockets.ts").then((sockets) => {
    openSocket = sockets.openSocket;
    return sockets.openSocket;
  });
  return loadingSockets;
}

/** Opens a socket once it can be. */
function openLater(request: SocketRequest, events: SocketEvents): Socket {
  let socket: Socket | undefined;
  let left = false;
  loadSockets()
    .then((open) => {
      if (!left) socket = open(request, events);
    })
    .catch((error) => events.close({ code: 1006, reason: "", error: unexpected(error) }));
  return {
    get bytesRead() {
      return socket?.bytesRead ?? 0;
    },
    send: (text) => socket?.send(text),
    pause: () => socket?.pause?.(),
    resume: () => socket?.resume?.(),
    close(code) {
      left = true;
      socket?.close(code);
    },
    drop() {
      left = true;
      socket?.drop();
    },
    setIdle: (idle) => socket?.setIdle?.(idle),
  };
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
