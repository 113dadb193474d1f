// Cancels that race with completion: each agent ends at a time that the client knows, and the client cancels so that the cancel arrives
// within a millisecond before or after it. How long a cancel is on its way is learned from who won so far. Every stream must have exactly one terminal record, for the client and in the server's log, and the answer to the cancel
// must agree with it.
// --full: 10,000 streams on each transport, 2,000 without. --seed N repeats the moments of the cancels.
import { setTimeout as sleep } from "node:timers/promises";
import { createRandom } from "@runagent/conformance";
import { defineAgent, serve } from "@runagent/server";
import { RunAgentClient } from "runagent";
import { figure, now, readFlags } from "./lib/figures.mjs";
import { runRoles, startRole } from "./lib/roles.mjs";

const AT_ONCE = 8;
const LIFE_MS = 12;
const SPREAD_MS = 1;
const PAUSE_MS = 3;
/** By how much earlier the next cancel is sent after one that came too late, and later after one that won, in milliseconds. */
const LEAD_STEP_MS = 0.05;
/** What setTimeout may be late by; the rest is waited for turn by turn. */
const TIMER_SLACK_MS = 2;

await runRoles({ server: serverRole }, main);

/** Waits for a time of `now()`, more exactly than a timer does. */
async function until(time) {
  const early = time - now() - TIMER_SLACK_MS;
  if (early > 0) await sleep(early);
  while (now() < time) await new Promise((resolve) => setImmediate(resolve));
}

function serverRole() {
  const errors = [];
  const agent = defineAgent({
    id: "race",
    entrypoints: {
      async *race_stream({ endsAt }) {
        for (let n = 1; now() < endsAt - PAUSE_MS; n++) {
          yield n;
          await sleep(PAUSE_MS);
        }
        await until(endsAt);
      },
    },
  });
  const onError = (error) => errors.push(String(error));
  return {
    start: async () => (await serve(agent, { port: 0, onError })).port,
    errors: () => errors,
  };
}

/** One stream, its cancel at `offset` ms from its end: who won, and what is wrong, if anything is. */
async function race(client, offset) {
  const endsAt = now() + LIFE_MS;
  const stream = client.runStream({ endsAt });
  await stream.started;
  const start = stream.position;
  const cancelled = until(endsAt + offset).then(() => stream.cancel());
  const seen = await readAll(stream);
  const { outcome } = await cancelled;
  const logged = await readAll(client.resume(start));
  const winner = stream.summary.status;
  return { winner, outcome, fault: findFault({ seen, logged, winner, outcome }) };
}

/** Every record of a stream. A cancelled one that was read from its log ends with CANCELLED, because another stream asked for it. */
async function readAll(stream) {
  const records = [];
  try {
    for await (const record of stream.events()) records.push(record);
  } catch (error) {
    if (error.code !== "CANCELLED") throw error;
  }
  return records;
}

function findFault({ seen, logged, winner, outcome }) {
  for (const [where, records] of Object.entries({ seen, logged })) {
    const terminals = records.filter(({ status }) => status === "stream_completed" || status === "stream_cancelled");
    if (terminals.length !== 1) return `${terminals.length} terminal records ${where}`;
    if (terminals[0] !== records.at(-1)) return `the terminal record is not the last ${where}`;
    if (terminals[0].status !== `stream_${winner}`) return `${terminals[0].status} ${where}, but the summary says ${winner}`;
  }
  if (seen.length !== logged.length) return `${seen.length} records seen, ${logged.length} in the log`;
  if (outcome === "already_ended" && winner !== "completed") return "the cancel came too late, and the stream is cancelled";
  return undefined;
}

async function run(transport, port, count, random) {
  const client = new RunAgentClient({ agentId: "race", entrypointTag: "race_stream", port, transport });
  const results = [];
  let started = 0;
  let leadMs = 0;
  const worker = async () => {
    while (started++ < count) {
      const result = await race(client, (random() * 2 - 1) * SPREAD_MS - leadMs);
      leadMs += result.winner === "completed" ? LEAD_STEP_MS : -LEAD_STEP_MS;
      results.push(result);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await client.close();
  return { results, leadMs };
}

async function main() {
  const { full, seed } = readFlags();
  const count = Number(process.env.STREAMS ?? (full ? 10_000 : 2_000));
  console.log(`${count} cancels on each transport, within ${SPREAD_MS} ms of the end, seed ${seed}`);
  for (const transport of ["websocket", "sse"]) {
    const server = startRole(import.meta.url, "server");
    const { results, leadMs } = await run(transport, await server.call("start"), count, createRandom(seed).next);
    const errors = await server.call("errors");
    server.stop();
    const faults = results.filter(({ fault }) => fault !== undefined);
    const number = (winner, outcome) => results.filter((result) => result.winner === winner && result.outcome === outcome).length;
    console.log(`${transport}, a cancel sent ${leadMs.toFixed(1)} ms before it acts`);
    figure("the cancel won", number("cancelled", "accepted"), "streams");
    figure("completion won", number("completed", "already_ended"), "streams");
    figure("accepted, and completion won", number("completed", "accepted"), "streams");
    figure("without exactly one end, or an answer that disagrees", faults.length, "streams", { exactly: 0 });
    if (faults.length > 0) console.log(`    the first: ${faults[0].fault}`);
    figure("errors of the server", errors.length, "", { exactly: 0 });
    if (errors.length > 0) console.log(`    the first: ${errors[0]}`);
  }
}
