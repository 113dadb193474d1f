/** What the tests of the calling commands call: servers in the test's own process, which end with the test. */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { encodeValueV1, type JsonObject } from "@runagent/core";
import {
  type Agent,
  defineAgent,
  type EntrypointFunction,
  type RunningServer,
  type ServeOptions,
  serve,
  type Untyped,
} from "@runagent/server";
import { onTestFinished } from "vitest";
import { WebSocketServer } from "ws";

/** Entrypoints by their tags. */
export type Entrypoints = Record<string, EntrypointFunction<Record<string, Untyped>>>;

/** A server with one agent called a1, and the options by which the command finds it. */
export interface Served {
  readonly server: RunningServer;
  /** --id a1 --host … --port … */
  readonly address: readonly string[];
  /** --host … --port … */
  readonly hostAndPort: readonly string[];
}

/** Serves the agent a1 on a free port of loopback. */
export async function serveEntrypoints(entrypoints: Entrypoints, options: ServeOptions = {}): Promise<Served> {
  const server = await serveAgents([defineAgent({ id: "a1", entrypoints })], options);
  const hostAndPort = ["--host", server.host, "--port", String(server.port)];
  return { server, hostAndPort, address: ["--id", "a1", ...hostAndPort] };
}

export async function serveAgents(agents: readonly Agent[], options: ServeOptions = {}): Promise<RunningServer> {
  const server = await serve(agents, { port: 0, ...options });
  onTestFinished(() => server.close({ timeoutMs: 100 }));
  return server;
}

/** A promise that a test settles from elsewhere. */
export function deferred<T = void>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** A port of loopback on which nothing listens. */
export async function freePort(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return String(port);
}

/** Resolves when the signal has fired. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** A server as deployed ones are: it speaks version 1, and serves the agent old-1. */
export interface OldServer {
  readonly hostAndPort: readonly string[];
  /** Method and path of each request and upgrade. */
  readonly seen: readonly string[];
  /** Resolves when a stream was closed by its client. */
  readonly left: Promise<void>;
}

/** Starts one. A stream gives two chunks, and goes on without end when `ends` is false. */
export async function serveOld({ ends = true }: { readonly ends?: boolean } = {}): Promise<OldServer> {
  const chunks = ["one ", "two"];
  const seen: string[] = [];
  const left = deferred();
  const see = ({ method, url }: IncomingMessage): string => {
    seen.push(`${method} ${url}`);
    return url ?? "";
  };
  const server = createServer((request, response) => {
    const answer = answerOld(see(request));
    request.resume();
    response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(answer ?? { detail: "Not Found" }));
  });
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, stream, head) => {
    see(request);
    sockets.handleUpgrade(request, stream, head, (socket) => {
      const send = (frame: JsonObject): void => socket.send(JSON.stringify(frame));
      socket.on("close", () => left.resolve());
      socket.once("message", () => {
        send({ type: "status", status: "stream_started", invocation_id: "old-invocation" });
        for (const chunk of chunks) send({ type: "data", content: encodeValueV1(chunk) });
        if (!ends) return;
        send({
          type: "status",
          status: "stream_completed",
          invocation_id: "old-invocation",
          total_chunks: chunks.length,
          execution_time: 0.1,
        });
        socket.close(1000);
      });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { hostAndPort: ["--host", "127.0.0.1", "--port", String(port)], seen, left: left.promise };
}

function answerOld(url: string): JsonObject | undefined {
  // The deployed server tells of itself, in another form than version 2.
  if (url === "/api/v1") return { message: "RunAgent API - old(old-1)", version: "1.0.0", config: {}, endpoints: {} };
  if (url === "/api/v1/health") return { status: "healthy", server: "RunAgent FastAPI Local Server", agent_id: "old-1", uptime_seconds: 1 };
  if (url === "/api/v1/agents/old-1/run") return { success: true, data: encodeValueV1({ reply: "hi" }), error: null };
  return undefined;
}

/** Passes connections on to a port, and breaks them off when told. */
export async function startProxy(port: number): Promise<{ readonly port: number; drop(): void }> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const socket of [near, far]) sockets.add(socket.on("error", () => {}));
    near.pipe(far).pipe(near);
  });
  const drop = (): void => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    drop();
    server.close();
  });
  const { port: own } = server.address() as AddressInfo;
  return { port: own, drop };
}
