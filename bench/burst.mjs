// A burst of 100,000 chunks and the end at once, with a consumer that sleeps: what arrives, and in which order.
// Version 2 from the reference server, version 1 from a server that writes frames as deployed servers do.
import { setTimeout as sleep } from "node:timers/promises";
import { defineAgent, serve } from "@runagent/server";
import { RunAgentClient } from "runagent";
import { WebSocketServer } from "ws";

const CHUNKS = 100_000;
const SLEEP_EVERY = 500;
const SLEEP_MS = 5;

const agent = defineAgent({
  id: "burst",
  entrypoints: {
    *burst_stream() {
      for (let n = 1; n <= CHUNKS; n++) yield n;
    },
  },
});
const server = await serve(agent, { port: 0 });
const old = new WebSocketServer({ port: 0, host: "127.0.0.1" });
old.on("connection", (socket) => {
  socket.once("message", () => {
    socket.send('{"type":"status","status":"stream_started","invocation_id":"old"}');
    for (let n = 1; n <= CHUNKS; n++)
      socket.send(JSON.stringify({ type: "data", content: JSON.stringify({ type: "integer", payload: String(n) }) }));
    socket.send(
      JSON.stringify({ type: "status", status: "stream_completed", total_chunks: CHUNKS, execution_time: 0, invocation_id: "old" }),
    );
    socket.close(1000);
  });
});

async function deliver(port) {
  const client = new RunAgentClient({ agentId: "burst", entrypointTag: "burst_stream", port });
  const stream = client.runStream();
  const start = performance.now();
  let delivered = 0;
  let disordered = 0;
  for await (const chunk of stream) {
    delivered++;
    if (chunk !== delivered) disordered++;
    if (delivered % SLEEP_EVERY === 0) await sleep(SLEEP_MS);
  }
  const seconds = (performance.now() - start) / 1000;
  console.log(
    `  version ${stream.summary.protocol}: ${delivered} delivered, ${disordered} out of order, ${seconds.toFixed(1)} s, ended ${stream.summary.status}`,
  );
  if (delivered !== CHUNKS || disordered > 0) process.exitCode = 1;
}

console.log(`burst of ${CHUNKS} chunks, the consumer sleeps ${SLEEP_MS} ms every ${SLEEP_EVERY}`);
await deliver(server.port);
await deliver(old.address().port);
await server.close();
old.close();
