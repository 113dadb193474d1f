import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import express from "express";
import { answer } from "./answer.ts";

const app = express();

app.post("/chat", express.json(), async (request, response) => {
  const { body, headers } = answer(request.body, request.header("last-event-id"));
  response.setHeaders(headers);
  if (body === null) return;
  // pipeline cancels the body when the reader goes, which is no error here.
  const events = Readable.fromWeb(body as ReadableStream); // The same class, of which the types of the browser and of Node differ.
  await pipeline(events, response).catch(() => {});
});

const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo; // It listens on a port, not on a pipe.
  console.log(`Relay with Express at http://127.0.0.1:${port}/chat`);
});
