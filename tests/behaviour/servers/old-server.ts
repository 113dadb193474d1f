import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { encodeValueV1, isJsonObject, type JsonObject } from "@runagent/core";
import { type WebSocket, WebSocketServer } from "ws";
import { AGENT_ID } from "../suite/case.ts";
import type { Book } from "./book.ts";

// As deployed servers answer pages.
const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "authorization, content-type",
  "access-control-allow-methods": "GET, POST",
};
const VALUES: readonly unknown[] = ["text", 1, null, { deep: [true] }, "日本 🚂"];

/** A server that speaks version 1, frame by frame as deployed ones do. */
export function createOldServer(book: Book): Server {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => answer(request, response, Buffer.concat(parts).toString()));
  });
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, stream, head) => {
    sockets.handleUpgrade(request, stream, head, (socket) => {
      socket.on("error", () => {});
      socket.once("message", (data) => play(socket, JSON.parse(String(data)), book));
    });
  });
  return server;
}

function answer({ method, url = "" }: IncomingMessage, response: ServerResponse, body: string): void {
  const send = (status: number, value: unknown): void => {
    response.writeHead(status, { ...CORS, "content-type": "application/json" }).end(JSON.stringify(value));
  };
  if (method === "OPTIONS") response.writeHead(204, CORS).end();
  else if (url.endsWith("/architecture")) send(200, { agent_id: AGENT_ID, entrypoints: [{ tag: "values_stream" }, { tag: "chat" }] });
  else if (!url.endsWith("/run")) send(404, { detail: "Not Found" });
  else if (JSON.parse(body).entrypoint_tag === "fail") {
    send(200, { success: false, data: null, error: { code: "EXECUTION_ERROR", message: "The tool broke." } });
  } else send(200, { success: true, data: encodeValueV1({ reply: JSON.parse(body).input_kwargs.message }), error: null });
}

function play(socket: WebSocket, first: JsonObject, book: Book): void {
  const id = isJsonObject(first.input_kwargs) && typeof first.input_kwargs.note === "string" ? first.input_kwargs.note : "old";
  const send = (frame: object): void => socket.send(JSON.stringify(frame));
  const data = (value: unknown): void => send({ type: "data", content: encodeValueV1(value) });
  book.started(id);
  socket.on("close", () => book.ended(id, true));
  send({ type: "status", status: "stream_started", invocation_id: "old-1" });
  switch (first.entrypoint_tag) {
    case "values_stream":
      for (const value of VALUES) data(value);
      send({ type: "status", status: "stream_completed", invocation_id: "old-1", total_chunks: VALUES.length, execution_time: 0.1 });
      socket.close(1000);
      break;
    case "fail_stream":
      data("first");
      send({ type: "error", error: "The tool broke." });
      socket.close(1000);
      break;
    case "truncated_stream":
      data("first");
      socket.close(1000);
      break;
    default:
      data("first");
  }
}
