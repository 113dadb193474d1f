import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer as createPlainServer, type Server, type Socket } from "node:net";
import { createServer } from "node:tls";
import { RunAgentClient } from "runagent";
import { afterEach, describe, expect, it } from "vitest";
import { createCertificate } from "../../../tests/support/certificate.ts";
import { failureOf } from "./harness.ts";

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, "close");
  }
});

/** Listens, and counts the connections that come. */
async function listen(server: Server): Promise<{ port: number; connections(): number }> {
  servers.push(server);
  let count = 0;
  server.on("connection", (socket: Socket) => {
    count++;
    socket.on("error", () => {}).resume();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, connections: () => count };
}

const clientOf = (port: number, transport: "websocket" | "sse" | "auto"): RunAgentClient =>
  new RunAgentClient({
    agentId: "a1",
    entrypointTag: "story_stream",
    baseUrl: `https://127.0.0.1:${port}`,
    apiKey: "canary-key",
    transport,
    maxReconnectDelayMs: 1,
    connectTimeoutMs: 1500,
  });

const calls: [string, (port: number) => Promise<unknown>][] = [
  ["run", (port) => clientOf(port, "auto").withEntrypoint("chat").run()],
  ["a stream over a WebSocket", (port) => clientOf(port, "websocket").runStream({}).collect()],
  ["a stream over SSE", (port) => clientOf(port, "sse").runStream({}).collect()],
  ["a stream over either", (port) => clientOf(port, "auto").runStream({}).collect()],
  ["a resume", (port) => clientOf(port, "auto").resume(Buffer.from("ra2:e1:1:inv-1").toString("base64url")).collect()],
];

describe("TLS that fails is final, and never bypassed", () => {
  it.each(calls)("a certificate that nobody signed: %s", async (_, call) => {
    let requests = 0;
    const secure = createServer(createCertificate(), (socket) => socket.once("data", () => requests++));
    secure.on("tlsClientError", () => {});
    const { port, connections } = await listen(secure);
    const error = await failureOf(call(port));
    expect(error).toMatchObject({ code: "CONNECTION_ERROR", retryable: false });
    expect(error.message).toMatch(/certificate/i);
    expect([connections(), requests]).toEqual([1, 0]);
  });

  it.each(calls)("a server that does not speak TLS: %s", async (_, call) => {
    const plain = createPlainServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"));
    const { port, connections } = await listen(plain);
    const error = await failureOf(call(port));
    expect(error).toMatchObject({ code: "CONNECTION_ERROR", retryable: false });
    expect(connections()).toBe(1);
  });
});
