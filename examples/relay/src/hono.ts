import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { answer } from "./answer.ts";

const app = new Hono();

// The body is cancelled when the reader goes: toSSE sees to the rest.
app.post("/chat", async (c) => answer(await c.req.json(), c.req.header("last-event-id")));

serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`Relay with Hono at http://127.0.0.1:${port}/chat`);
});
