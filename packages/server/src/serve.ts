/**
 * Serves agents: one HTTP server for REST and WebSocket upgrades, and its orderly end.
 */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { RunAgentError } from "@runagent/core";
import { WebSocketServer } from "ws";
import { createAccessRules } from "./access.ts";
import type { Agent } from "./agent.ts";
import { createAuthenticator } from "./auth.ts";
import { ConnectionCount } from "./connection-count.ts";
import { ANSWER_HEADERS, errorEnvelope, statusOf } from "./envelope.ts";
import { createHttpApp } from "./http.ts";
import { LogBudget } from "./log-budget.ts";
import { createMemoryLogStore } from "./memory-log.ts";
import { type Limits, readLimits, readPort, type ServeOptions } from "./options.ts";
import { Quota } from "./quota.ts";
import { InvocationRegistry } from "./registry.ts";
import type { Services } from "./services.ts";
import { createUpgradeHandler, type OpenConnections, refuseSocket } from "./upgrade.ts";

const MAX_PING_INTERVAL_MS = 30_000;
const CLOSE_TIMEOUT_MS = 5_000;
// Node asks for 511: when thousands of clients come back at once, the rest would wait for the next try of their kernels, a second or more.
const LISTEN_BACKLOG = 4096;
// A few more sockets than connections, so that one too many can be told why.
const SPARE_SOCKETS = 64;

/** A server that listens. */
export interface RunningServer {
  /** For example "http://127.0.0.1:8450". */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /**
   * Stops: takes nothing new, ends what runs with OWNER_LOST, lets the terminal records out, and closes.
   * @param options.timeoutMs Milliseconds after which sockets that are still open are destroyed. Default 5,000.
   */
  close(options?: { readonly timeoutMs?: number }): Promise<void>;
}

/**
 * Serves one agent, or several, until `close` is called.
 * @throws RunAgentError VALIDATION_ERROR for a bad option, two agents of one id, or an address that cannot be listened on.
 */
export async function serve(agents: Agent | readonly Agent[], options: ServeOptions = {}): Promise<RunningServer> {
  const byId = indexAgents(agents);
  const limits = readLimits(options.limits);
  const onError = quietly(options.onError);
  const store = options.log ?? createMemoryLogStore();
  const authenticator = createAuthenticator(options.apiKeys, onError);
  const onInvocation = options.onInvocation && quietly(options.onInvocation);
  const { host = "127.0.0.1", allowedHosts, allowedOrigins } = options;
  const access = createAccessRules({ host, allowedHosts, allowedOrigins });
  const server = createHttpServer(limits);
  const sockets = trackSockets(server);
  const port = await listen(server, host, readPort(options.port));

  const services: Services = {
    agents: byId,
    registry: new InvocationRegistry(store, { limits, onError, onInvocation, budget: new LogBudget(limits) }),
    authenticator,
    mayDecide: options.mayDecide,
    access,
    connections: new ConnectionCount(limits.maxConnections),
    connectionsPerKey: new Quota(limits.maxConnectionsPerKey, "connections are open, which is the limit (maxConnectionsPerKey)."),
    limits,
    durability: store.durability,
    allowTokenInQuery: options.allowTokenInQuery ?? false,
    onError,
  };
  const open: OpenConnections = new Map();
  const webSockets = createWebSocketServer(limits);
  const app = createHttpApp(services);
  const answer = getRequestListener((request, { outgoing }) => app.fetch(request, outgoing), {
    overrideGlobalObjects: false,
    errorHandler: answerBadRequest,
  });
  server.on("request", answer);
  server.on(
    "upgrade",
    createUpgradeHandler(services, webSockets, open, (stream) => server.emit("connection", stream)),
  );
  answerOddRequests(server, webSockets);
  // A client that answers none is found within twice the heartbeat, as it finds a server that sends none. [live.server.1]
  const pingIntervalMs = Math.min(MAX_PING_INTERVAL_MS, limits.heartbeatSeconds * 1000);
  const pings = setInterval(() => {
    // What has come while the process was busy is read first: an agent that computes for long must not cost its clients their connections.
    setImmediate(() => {
      for (const [connection, socket] of open) socket.checkAlive(pingIntervalMs, connection.acknowledges);
    });
  }, pingIntervalMs);
  pings.unref();

  let closing: Promise<void> | undefined;
  const close = ({ timeoutMs = CLOSE_TIMEOUT_MS }: { readonly timeoutMs?: number } = {}): Promise<void> => {
    closing ??= closeServer(server, services, open, sockets, timeoutMs).finally(() => clearInterval(pings));
    return closing;
  };
  return { url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`, host, port, close };
}

function indexAgents(agents: Agent | readonly Agent[]): ReadonlyMap<string, Agent> {
  const list: readonly Agent[] = "entrypoints" in agents ? [agents] : agents;
  const byId = new Map<string, Agent>();
  for (const agent of list) {
    if (byId.has(agent.id)) throw new RunAgentError("VALIDATION_ERROR", `Two agents have the id ${agent.id}.`, { field: "id" });
    byId.set(agent.id, agent);
  }
  if (byId.size === 0) throw new RunAgentError("VALIDATION_ERROR", "There is no agent to serve: pass at least one.", { field: "agents" });
  return byId;
}

/** A callback that throws must not take the server down. */
function quietly<Args extends readonly unknown[]>(callback: ((...args: Args) => void) | undefined): (...args: Args) => void {
  return (...args) => {
    try {
      callback?.(...args);
    } catch {
      // There is nobody left to tell.
    }
  };
}

function createHttpServer(limits: Limits): Server {
  const { handshakeTimeoutMs, maxConnections } = limits;
  const server = createServer({
    // A missing Host is refused with an envelope, by the access rules.
    requireHostHeader: false,
    headersTimeout: handshakeTimeoutMs,
    requestTimeout: handshakeTimeoutMs,
    // Node looks for late requests at this interval; its default of 30 seconds would outlast the deadline.
    connectionsCheckingInterval: Math.max(10, Math.min(1000, Math.floor(handshakeTimeoutMs / 4))),
  });
  server.maxConnections = maxConnections + SPARE_SOCKETS;
  server.on("request", (_request, response) => {
    response.once("close", () => {
      // A server that is closing would wait for this connection's keep-alive to pass.
      if (!server.listening) setImmediate(() => server.closeIdleConnections());
    });
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (socket.writable) refuseSocket(socket, describeClientError(error, handshakeTimeoutMs));
    else socket.destroy();
  });
  return server;
}

/** What Node and ws would answer by themselves, and not in the envelope. [http.envelope.1] */
function answerOddRequests(server: Server, webSockets: WebSocketServer): void {
  server.on("checkExpectation", (_, response: ServerResponse) => {
    const error = new RunAgentError("VALIDATION_ERROR", "The only expectation that is met is 100-continue.", { field: "Expect" });
    const body = JSON.stringify(errorEnvelope(error));
    response.writeHead(417, { ...ANSWER_HEADERS, "Content-Length": Buffer.byteLength(body) }).end(body);
  });
  server.on("connect", (_, stream) => {
    refuseSocket(stream, new RunAgentError("VALIDATION_ERROR", "This is no proxy: CONNECT is not answered.", { field: "method" }), 405);
  });
  webSockets.on("wsClientError", (cause: Error, stream) => {
    refuseSocket(stream, new RunAgentError("VALIDATION_ERROR", `The WebSocket handshake is not valid: ${cause.message}.`, { cause }));
  });
}

function describeClientError(error: NodeJS.ErrnoException, handshakeTimeoutMs: number): RunAgentError {
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return new RunAgentError("TIMEOUT", `The request did not arrive within ${handshakeTimeoutMs} ms (handshakeTimeoutMs).`);
  }
  if (error.code === "HPE_HEADER_OVERFLOW") return new RunAgentError("PAYLOAD_TOO_LARGE", "The headers are larger than 16 KiB.");
  return new RunAgentError("VALIDATION_ERROR", "The request is not HTTP/1.1.");
}

function createWebSocketServer(limits: Limits): WebSocketServer {
  const options = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    // ws closes above this without a word; up to here the connection itself refuses what is too large, and says which limit.
    maxPayload: 2 * Math.max(limits.maxFirstFrameBytes, limits.maxClientFrameBytes),
    maxFragments: limits.maxFragments,
    skipUTF8Validation: true,
    closeTimeout: CLOSE_TIMEOUT_MS,
  };
  return new WebSocketServer(options);
}

/** The answer to a request that has no valid URL or Host. */
function answerBadRequest(): Response {
  const error = new RunAgentError("VALIDATION_ERROR", "The request has no valid address.", { field: "Host" });
  return new Response(JSON.stringify(errorEnvelope(error)), { status: statusOf(error), headers: ANSWER_HEADERS });
}

function trackSockets(server: Server): Set<Socket> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return sockets;
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(describeListenError(error, host, port)));
    server.listen({ port, host, backlog: LISTEN_BACKLOG }, resolve);
  });
  const address = server.address();
  return isAddressInfo(address) ? address.port : port;
}

function isAddressInfo(address: ReturnType<Server["address"]>): address is AddressInfo {
  return typeof address === "object" && address !== null;
}

function describeListenError(cause: NodeJS.ErrnoException, host: string, port: number): RunAgentError {
  if (cause.code === "EADDRINUSE") {
    return new RunAgentError("VALIDATION_ERROR", `Port ${port} on ${host} is in use.`, {
      field: "port",
      suggestion: "Stop the program that listens there, choose another port, or pass port 0 for a free one.",
      cause,
    });
  }
  const isPort = cause.code === "EACCES";
  return new RunAgentError("VALIDATION_ERROR", `The server cannot listen on ${host}, port ${port} (${cause.code}).`, {
    field: isPort ? "port" : "host",
    suggestion: isPort
      ? "Choose a port above 1023."
      : "Use an address of this machine: 127.0.0.1 for itself alone, 0.0.0.0 for every network.",
    cause,
  });
}

async function closeServer(
  server: Server,
  services: Services,
  open: OpenConnections,
  sockets: ReadonlySet<Socket>,
  timeoutMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  services.registry.close();
  for (const connection of open.keys()) connection.shutDown();
  const late = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, timeoutMs);
  await closed;
  clearTimeout(late);
}
