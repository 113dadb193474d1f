// How many round trips a stream's first chunk takes, through a proxy that delays every byte by 50 ms each way: with a client of its own
// for each stream (cold), and with one client whose connection is warm. The kernel accepts TCP connections of the proxy without delay,
// so the round trip that TCP's handshake takes on a network is added to the cold ones.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { defineAgent, serve } from "@runagent/server";
import { RunAgentClient } from "runagent";
import { figure, percentile } from "./lib/figures.mjs";

const DELAY_MS = 50;
const ROUND_TRIP_MS = 2 * DELAY_MS;
const TCP_ROUND_TRIPS = 1;
const ROUNDS = 20;
const LIMITS = { cold: 3.2, warm: 1.2 };

const agent = defineAgent({
  id: "far",
  entrypoints: {
    *far_stream() {
      yield "first";
      yield "second";
    },
  },
});

/** Passes bytes on both ways, each after `delayMs`. */
function createProxy(target) {
  const later = (action) => setTimeout(action, target.delayMs);
  const pipe = (from, to) => {
    from.on("data", (data) => later(() => to.write(data)));
    from.on("end", () => later(() => to.end()));
    from.on("error", () => to.destroy());
    from.on("close", () => later(() => to.destroy()));
  };
  return createServer({ noDelay: true }, (near) => {
    const far = connect({ port: target.port, host: "127.0.0.1", noDelay: true });
    pipe(near, far);
    pipe(far, near);
  });
}

/** Milliseconds from runStream to the first chunk. The stream is read to its end, so that its connection may be used again. */
async function firstChunkMs(client) {
  const start = performance.now();
  let first = 0;
  for await (const _ of client.runStream()) first ||= performance.now() - start;
  return first;
}

const target = { port: 0, delayMs: 0 };
const proxy = createProxy(target);
await once(proxy.listen(0, "127.0.0.1"), "listening");
const { port } = proxy.address();
const server = await serve(agent, { port: 0, allowedHosts: [`127.0.0.1:${port}`] });
target.port = server.port;

console.log(`round trips to the first chunk, ${ROUND_TRIP_MS} ms each, median of ${ROUNDS}`);
for (const transport of ["websocket", "sse"]) {
  const createClient = () => new RunAgentClient({ agentId: "far", entrypointTag: "far_stream", port, transport });
  const times = { cold: [], warm: [] };
  // First without delay, so that it is not the code that is cold.
  target.delayMs = 0;
  const trial = createClient();
  for (let round = 0; round < ROUNDS; round++) await firstChunkMs(trial);
  await trial.close();
  target.delayMs = DELAY_MS;
  for (let round = 0; round < ROUNDS; round++) {
    const client = createClient();
    times.cold.push((await firstChunkMs(client)) + TCP_ROUND_TRIPS * ROUND_TRIP_MS);
    times.warm.push(await firstChunkMs(client));
    await client.close();
  }
  for (const [name, atMost] of Object.entries(LIMITS)) {
    const roundTrips = percentile(times[name], 0.5) / ROUND_TRIP_MS;
    figure(`${transport}, ${name}`, roundTrips, "", { atMost });
  }
}
await server.close();
proxy.close();
