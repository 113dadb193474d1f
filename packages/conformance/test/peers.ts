/** The two ends between which a proxy is tested: a server that echoes, a client that speaks raw TCP, and the end of both. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { createFaultProxy, type Drop, type FaultProxy, type FaultRule } from "../src/index.ts";

export const SEED: number = Number(process.env.TEST_SEED ?? 20261);
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A proxy in front of a server, and what it told of drops. */
export interface Rig {
  readonly proxy: FaultProxy;
  readonly drops: Drop[];
  /** The server's end of the WebSockets, as they come. */
  readonly accepted: WebSocket[];
  open(): Promise<WebSocket>;
  /** Resolves once the server has this many WebSockets. */
  connection(index: number): Promise<WebSocket>;
}

/** What the server does with a request that is no upgrade. Default: answers its method, path and body. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export async function startRig(rules: readonly FaultRule[] = [], handler: Handler = echo): Promise<Rig> {
  const server = createServer(handler);
  const accepted: WebSocket[] = [];
  const sockets = new Set<Socket>();
  const webSockets = new WebSocketServer({ server, perMessageDeflate: false, skipUTF8Validation: true });
  server.on("connection", (socket: Socket) => sockets.add(socket));
  webSockets.on("connection", (socket) => {
    socket.on("error", () => {});
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    accepted.push(socket);
    webSockets.emit("accepted");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const drops: Drop[] = [];
  const proxy = await createFaultProxy({ target: { host: "127.0.0.1", port }, seed: SEED, rules, onDrop: (drop) => drops.push(drop) });
  cleanups.push(async () => {
    await proxy.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    proxy,
    drops,
    accepted,
    async open() {
      const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/api/v1/agents/a/run-stream`, {
        perMessageDeflate: false,
        skipUTF8Validation: true,
      });
      socket.on("error", () => {});
      cleanups.push(() => socket.terminate());
      await once(socket, "open");
      return socket;
    },
    async connection(index) {
      while (accepted[index] === undefined) await once(webSockets, "accepted");
      return accepted[index];
    },
  };
}

function echo(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => response.end(`${request.method} ${request.url} ${Buffer.concat(chunks)}`));
}

/** A TCP connection to the proxy, and everything it got. */
export async function openRaw(port: number): Promise<{ socket: Socket; received(): Buffer; closed: Promise<string> }> {
  const socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  let how = "end";
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", (error: NodeJS.ErrnoException) => {
    how = error.code ?? "error";
  });
  const closed = new Promise<string>((resolve) => socket.on("close", () => resolve(how)));
  cleanups.push(() => socket.destroy());
  await once(socket, "connect");
  return { socket, received: () => Buffer.concat(chunks), closed };
}

/** The next messages of a WebSocket, as text. */
export function messagesOf(socket: WebSocket, count: number): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const messages: string[] = [];
    socket.on("message", (data) => {
      messages.push(data.toString());
      if (messages.length === count) resolve(messages);
    });
    socket.on("close", (code) => reject(new Error(`closed with ${code} after ${messages.length} messages`)));
  });
}

/** The close code of a WebSocket. */
export async function closeOf(socket: WebSocket): Promise<number> {
  if (socket.readyState === WebSocket.CLOSED) return 1006;
  const [code] = await once(socket, "close");
  return Number(code);
}
