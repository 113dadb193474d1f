import { generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer as createPlainServer, type Server, type Socket } from "node:net";
import { createServer } from "node:tls";
import { RunAgentClient } from "runagent";
import { afterEach, describe, expect, it } from "vitest";
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

/** A key, and a certificate that it has signed for itself. */
function createCertificate(): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const ecdsa = der(0x30, Buffer.from("06082a8648ce3d040302", "hex"));
  const name = der(0x30, der(0x31, der(0x30, Buffer.from("0603550403", "hex"), der(0x0c, Buffer.from("127.0.0.1")))));
  const validity = der(0x30, der(0x17, Buffer.from("200101000000Z")), der(0x18, Buffer.from("21000101000000Z")));
  const serial = der(0x02, Buffer.from([1]));
  const content = der(0x30, serial, ecdsa, name, validity, name, publicKey.export({ type: "spki", format: "der" }));
  const signature = der(0x03, Buffer.from([0]), sign("sha256", content, privateKey));
  const cert = der(0x30, content, ecdsa, signature).toString("base64").replace(/.{64}/g, "$&\n");
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${cert}\n-----END CERTIFICATE-----\n`,
  };
}

/** One element of ASN.1, with a definite length. */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length = body.length < 128 ? [body.length] : body.length < 256 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}
