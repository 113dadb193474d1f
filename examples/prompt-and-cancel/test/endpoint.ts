/** A scripted OpenAI-compatible endpoint on this machine: the test says what the model answers, and sees what it was asked. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { afterEach } from "vitest";

/** One request to the model, and its answer. */
export interface Exchange {
  readonly authorization: string | undefined;
  readonly body: unknown;
  /** Resolves when the other side closes the connection before the answer is finished. */
  readonly aborted: Promise<void>;
  /** Sends a piece of text. */
  say(text: string): void;
  /** Ends the answer: with a reason as the API has it, or without one. */
  finish(reason?: "stop" | "length"): void;
  /** Answers with an error as the API words it. */
  refuse(status: number, message: string): void;
}

/** A running endpoint. */
export interface Endpoint {
  readonly baseURL: string;
  /** Resolves to the next request; each is given out once, in the order of arrival. */
  next(): Promise<Exchange>;
}

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

/** Starts an endpoint that ends with the test. */
export async function createEndpoint(): Promise<Endpoint> {
  const arrived: Exchange[] = [];
  const waiting: ((exchange: Exchange) => void)[] = [];
  const server = createServer((request, response) => {
    readExchange(request, response).then(
      (exchange) => {
        const waiter = waiting.shift();
        if (waiter === undefined) arrived.push(exchange);
        else waiter(exchange);
      },
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The endpoint has no port.");
  return {
    baseURL: `http://127.0.0.1:${address.port}/v1`,
    next: () => {
      const exchange = arrived.shift();
      return exchange === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(exchange);
    },
  };
}

async function readExchange(request: IncomingMessage, response: ServerResponse): Promise<Exchange> {
  if (request.method !== "POST" || request.url !== "/v1/chat/completions") throw new Error("The model has one route.");
  const aborted = new Promise<void>((resolve) => {
    response.once("close", () => {
      if (!response.writableEnded) resolve();
    });
  });
  const send = (choice: object): void => {
    if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream" });
    const chunk = { id: "c-1", object: "chat.completion.chunk", created: 0, model: "scripted", choices: [{ index: 0, ...choice }] };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  };
  return {
    authorization: request.headers.authorization,
    body: await json(request),
    aborted,
    say: (content) => send({ delta: { content }, finish_reason: null }),
    finish(reason) {
      if (reason !== undefined) send({ delta: {}, finish_reason: reason });
      response.end("data: [DONE]\n\n");
    },
    refuse(status, message) {
      // The header is the API's own: without it the openai package would ask again, twice.
      response.writeHead(status, { "content-type": "application/json", "x-should-retry": "false" });
      response.end(JSON.stringify({ error: { message, type: "scripted", code: null } }));
    },
  };
}
