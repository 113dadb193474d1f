/**
 * From an HTTP upgrade to a connection: routes by the exact path, checks Host, Origin and credential, and refuses with
 * an envelope. What a browser must be able to read (an unknown agent, a missing key) is refused later, by a frame. [conn.upgrade.1]
 */
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { assertId, RunAgentError } from "@runagent/core";
import type { RawData, WebSocket, WebSocketServer } from "ws";
import { bearerToken } from "./auth.ts";
import { Connection } from "./connection.ts";
import { ANSWER_HEADERS, errorEnvelope, errorHeaders, publicError, statusOf } from "./envelope.ts";
import { FrameSocket } from "./frame-socket.ts";
import type { Principal } from "./options.ts";
import type { Services } from "./services.ts";

const UPGRADE_HEADERS: ReadonlySet<string> = new Set(["upgrade", "connection", "http2-settings"]);
const STREAM_PATH = /^\/api\/v1\/agents\/([^/]+)\/run-stream$/;

const NO_SUCH_PATH: RunAgentError = new RunAgentError("VALIDATION_ERROR", "Nothing is streamed at this path.", { field: "path" });

/** A connection and its socket, while both are open. */
export type OpenConnections = Map<Connection, FrameSocket>;

/** Builds the handler of the HTTP server's `upgrade` event. */
export function createUpgradeHandler(
  services: Services,
  webSockets: WebSocketServer,
  open: OpenConnections,
  reconnect: (stream: Duplex) => void,
): (request: IncomingMessage, stream: Duplex, head: Buffer) => void {
  return (request, stream, head) => {
    if (request.headers.upgrade?.toLowerCase() !== "websocket") {
      stream.unshift(Buffer.concat([headWithoutUpgrade(request), head]));
      reconnect(stream);
      return;
    }
    // A peer that resets while it is refused is its own affair.
    stream.on("error", () => stream.destroy());
    admit(request, services).then(
      (admitted) => {
        if (stream.closed) admitted.release();
        else stream.once("close", admitted.release);
        webSockets.handleUpgrade(request, stream, head, (ws) => accept(ws, stream, admitted, services, open));
      },
      (cause: unknown) => {
        const error = publicError(cause);
        if (error !== cause) services.onError(cause, { where: "connection" });
        refuseSocket(stream, error, cause === NO_SUCH_PATH ? 404 : statusOf(error));
      },
    );
  };
}

/**
 * The head of a request that asks for an upgrade which this server does not know, as if it had not asked: some HTTP clients offer
 * HTTP/2 with every request, and mean it to be ignored (RFC 9110, section 7.8).
 */
function headWithoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  // The last of its connection: each time a socket comes back this way, it keeps the listeners of the time before.
  const lines = [`${method} ${url} HTTP/${httpVersion}`, "Connection: close"];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    if (!UPGRADE_HEADERS.has(name.toLowerCase())) lines.push(`${name}: ${rawHeaders[index + 1] ?? ""}`);
  }
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}

interface Admitted {
  readonly agentId: string;
  readonly principal: Principal | undefined;
  /** Counts the connection no more. */
  readonly release: () => void;
}

async function admit(request: IncomingMessage, services: Services): Promise<Admitted> {
  services.access.check({ host: request.headers.host, origin: request.headers.origin });
  const [path = "", query = ""] = (request.url ?? "").split("?", 2);
  const agentId = readAgentId(path);
  const release = services.connections.take();
  try {
    return { agentId, principal: await authenticate(request, query, services), release };
  } catch (error) {
    release();
    throw error;
  }
}

async function authenticate(request: IncomingMessage, query: string, services: Services): Promise<Principal | undefined> {
  const token = readToken(request, query, services.allowTokenInQuery);
  const { authenticator } = services;
  return token === undefined || !authenticator.required ? undefined : authenticator.authenticate(token);
}

function readAgentId(path: string): string {
  const [, segment] = STREAM_PATH.exec(path) ?? [];
  if (segment === undefined) throw NO_SUCH_PATH;
  let agentId = segment;
  try {
    agentId = decodeURIComponent(segment);
  } catch {
    // Not percent-encoding: as it stands it is no id either, and the next line says so.
  }
  assertId(agentId, "agent_id");
  return agentId;
}

/** The credential of the upgrade. An Authorization header of any other form counts as a wrong one. */
function readToken(request: IncomingMessage, query: string, allowTokenInQuery: boolean): string | undefined {
  const { authorization } = request.headers;
  if (authorization !== undefined) return bearerToken(authorization) ?? "";
  return allowTokenInQuery ? (new URLSearchParams(query).get("token") ?? undefined) : undefined;
}

function accept(ws: WebSocket, stream: Duplex, admitted: Admitted, services: Services, open: OpenConnections): void {
  const socket = new FrameSocket(ws, stream);
  const connection = new Connection(socket, admitted, services);
  open.set(connection, socket);
  ws.on("message", (data: RawData, isBinary: boolean) => {
    // With the default binaryType a message is one Buffer.
    if (Buffer.isBuffer(data)) connection.receive(data, isBinary);
  });
  // Broken frames: ws answers them with the right close code itself, and `close` follows.
  ws.on("error", () => {});
  ws.on("close", (code) => {
    open.delete(connection);
    connection.lost(code);
  });
}

/** Answers on a socket that has no HTTP response: an upgrade that is refused, or a request that could not be parsed. */
export function refuseSocket(stream: Duplex, error: RunAgentError, status: number = statusOf(error)): void {
  const body = JSON.stringify(errorEnvelope(error));
  const headers = { ...ANSWER_HEADERS, ...errorHeaders(error), "Content-Length": String(Buffer.byteLength(body)), Connection: "close" };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  stream.once("finish", () => stream.destroy());
  stream.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("\r\n")}\r\n\r\n${body}`);
}
