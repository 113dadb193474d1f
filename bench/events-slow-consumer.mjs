// 100,000 events for a consumer that is slower than its agent: all are delivered, in order, and memory stays bounded on both sides. Server and
// client are processes of their own for each run. (A queue in the agent's process that drops what comes when 100 wait, as some libraries
// have, would deliver the first hundred and then as many as the consumer takes: it is named here and not measured.)
// --full: a consumer that is slower by ten times.
import { setTimeout as sleep } from "node:timers/promises";
import { defineAgent, events, serve } from "@runagent/server";
import { RunAgentClient } from "runagent";
import { figure, memoryFigure, readFlags } from "./lib/figures.mjs";
import { runRoles, startRole } from "./lib/roles.mjs";

const EVENTS = 100_000;
/** Read at full speed before the memory is looked at, as in slow-consumer. */
const WARM_UP = 50_000;
const TEXT = "what a model sends with a delta of a word or two: ids, indexes, log probabilities. ".repeat(4);
const LIMIT_MIB = 32;

await runRoles({ server: serverRole, client: clientRole }, main);

function serverRole() {
  let emitted = 0;
  const agent = defineAgent({
    id: "busy",
    entrypoints: {
      async *work_stream({ count }, ctx) {
        for (emitted = 0; emitted < count; emitted++) {
          await ctx.emit(events.rawResponse("response.output_text.delta", { n: emitted, text: TEXT }));
        }
        yield "done";
      },
    },
  });
  return { start: async () => (await serve(agent, { port: 0 })).port, emitted: () => emitted };
}

function clientRole() {
  return {
    async take({ port, transport, count, sleepEvery, sleepMs }) {
      const client = new RunAgentClient({ agentId: "busy", entrypointTag: "work_stream", port, transport });
      const start = performance.now();
      let taken = 0;
      let misplaced = 0;
      for await (const { event } of client.runStream({ count }).events({ only: ["raw_response_event"] })) {
        if (event.data.n !== taken++) misplaced++;
        if (taken % sleepEvery === 0) await sleep(sleepMs);
      }
      await client.close();
      return { taken, misplaced, seconds: (performance.now() - start) / 1000 };
    },
  };
}

async function run(transport, sleepEvery) {
  const server = startRole(import.meta.url, "server");
  const client = startRole(import.meta.url, "client");
  const port = await server.call("start");
  await client.call("take", { port, transport, count: WARM_UP });
  await Promise.all([server.call("startMeter"), client.call("startMeter")]);
  const result = await client.call("take", { port, transport, count: EVENTS, sleepEvery, sleepMs: 20 });
  const [serverMemory, clientMemory] = await Promise.all([server.call("stopMeter"), client.call("stopMeter")]);
  server.stop();
  client.stop();
  console.log(`${transport}: ${EVENTS} events of ${TEXT.length} bytes, in ${result.seconds.toFixed(1)} s`);
  figure("delivered", result.taken, "events", { exactly: EVENTS });
  figure("out of order", result.misplaced, "events", { exactly: 0 });
  memoryFigure("RSS growth, server", serverMemory, LIMIT_MIB);
  memoryFigure("RSS growth, client", clientMemory, LIMIT_MIB);
}

async function main() {
  const { full } = readFlags();
  for (const transport of ["websocket", "sse"]) await run(transport, full ? 50 : 500);
}
