import fastify from "fastify";
import { answer } from "./answer.ts";

const app = fastify();

// Fastify takes a Response as it is, and cancels its body when the reader goes.
app.post<{ Body: Record<string, unknown> }>("/chat", (request, reply) => {
  const lastEventId = request.headers["last-event-id"];
  return reply.send(answer(request.body, typeof lastEventId === "string" ? lastEventId : undefined));
});

const address = await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT ?? 3000) });
console.log(`Relay with Fastify at ${address}/chat`);
