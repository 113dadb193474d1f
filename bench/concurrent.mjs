// Many streams at once, both ends on this machine and each end one process. Every agent waits in the middle of its stream until all
// are open. Then, in the first run, they go on (memory per stream, times); in the second every connection is reset at that moment,
// and all must resume and complete with nothing lost or doubled.
// --full: 10,000 streams, 5,000 without. STREAMS=n sets another number.
import { subscribe } from "node:diagnostics_channel";
import { setTimeout as sleep } from "node:timers/promises";
import { defineAgent, serve } from "@runagent/server";
import { RunAgentClient } from "runagent";
import { figure, now, percentile, readFlags } from "./lib/figures.mjs";
import { runRoles, startRole } from "./lib/roles.mjs";

const CHUNKS = 20;
/** Chunks before the agent waits for all to be open. */
const HALF = 10;
/** Between the chunks of the second half: each stream goes on for a while, so that all are busy at once. */
const PACE_MS = 300;
/** Starts under way at once: as a service would see them, and not as one long queue. */
const STARTING = 100;
const WARM_UP = 50;
const WINDOW_MS = 1_000;

await runRoles({ server: serverRole, client: clientRole }, main);

function serverRole() {
  const sockets = new Set();
  const connectedAt = [];
  subscribe("net.server.socket", ({ socket }) => {
    connectedAt.push(performance.now());
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  let runs = 0;
  let open = () => {};
  let gate = Promise.resolve();
  const agent = defineAgent({
    id: "crowd",
    entrypoints: {
      async *crowd_stream() {
        runs++;
        for (let n = 1; n <= CHUNKS; n++) {
          if (n === HALF + 1) await gate;
          else if (n > HALF) await sleep(PACE_MS);
          yield `chunk ${n} of a stream among many, about as long as a line of text is.`;
        }
      },
    },
  });
  return {
    start: async () => (await serve(agent, { port: 0 })).port,
    /** From now on agents wait in the middle. */
    shut() {
      runs = 0;
      gate = new Promise((resolve) => {
        open = resolve;
      });
    },
    open: () => open(),
    /** Resets every connection at once and lets the agents go on; gives the time. */
    reset() {
      connectedAt.length = 0;
      const at = now();
      const count = sockets.size;
      for (const socket of sockets) socket.resetAndDestroy();
      open();
      return { at, count };
    },
    runs: () => runs,
    /** The most connections that were made within a second. */
    peak() {
      let most = 0;
      for (let first = 0, last = 0; last < connectedAt.length; last++) {
        while (connectedAt[last] - connectedAt[first] > WINDOW_MS) first++;
        most = Math.max(most, last - first + 1);
      }
      return most;
    },
  };
}

function clientRole() {
  let running = [];
  let client;

  /** Reads one stream to its end. `half` resolves when the first half is there. */
  function startStream() {
    const result = { startedAt: now(), firstMs: 0, wholeMs: 0, resumedAt: 0, chunks: 0, wrong: 0, error: undefined };
    let reachedHalf = () => {};
    const half = new Promise((resolve) => {
      reachedHalf = resolve;
    });
    const read = async () => {
      const stream = client.runStream();
      for await (const chunk of stream) {
        result.chunks++;
        if (result.chunks === 1) result.firstMs = now() - result.startedAt;
        if (!chunk.startsWith(`chunk ${result.chunks} `)) result.wrong++;
        if (result.chunks === HALF) reachedHalf();
        if (result.chunks === HALF + 1) result.resumedAt = now();
      }
      result.wholeMs = now() - result.startedAt;
      if (stream.summary.status !== "completed") result.error = stream.summary.status;
    };
    const done = read()
      .catch((error) => {
        result.error = String(error);
      })
      .then(reachedHalf);
    return { result, half, done };
  }

  return {
    connect(options) {
      client = new RunAgentClient({ agentId: "crowd", entrypointTag: "crowd_stream", ...options });
    },
    /** Starts `count` streams; resolves when the first half of each is there. */
    async startAll(count) {
      running = [];
      const worker = async () => {
        while (running.length < count) {
          const stream = startStream();
          running.push(stream);
          await stream.half;
        }
      };
      await Promise.all(Array.from({ length: STARTING }, worker));
    },
    /** Resolves with the results when all have ended. */
    async finish() {
      await Promise.all(running.map(({ done }) => done));
      const results = running.map(({ result }) => result);
      running = [];
      return results;
    },
  };
}

async function run({ count, transport, reset }) {
  const server = startRole(import.meta.url, "server");
  const client = startRole(import.meta.url, "client");
  const both = (verb) => Promise.all([server.call(verb), client.call(verb)]);
  await client.call("connect", { port: await server.call("start"), transport });
  await client.call("startAll", WARM_UP);
  await client.call("finish");

  await server.call("shut");
  await both("startMeter");
  const start = now();
  await client.call("startAll", count);
  const openSeconds = (now() - start) / 1000;
  const dropped = await server.call(reset ? "reset" : "open");
  const results = await client.call("finish");
  const memory = await both("stopMeter");
  const [runs, peak] = await Promise.all([server.call("runs"), server.call("peak")]);
  server.stop();
  client.stop();
  print({ count, transport, results, dropped, openSeconds, memory, runs, peak });
}

function print({ count, transport, results, dropped, openSeconds, memory: [serverMemory, clientMemory], runs, peak }) {
  const reset = dropped === undefined ? "" : ", all reset at once";
  console.log(`${transport}: ${count} streams${reset}; all open after ${openSeconds.toFixed(1)} s`);
  const failed = results.filter(({ error }) => error !== undefined);
  const sum = (key) => results.reduce((total, result) => total + result[key], 0);
  figure("completed", count - failed.length, "streams", { exactly: count });
  if (failed.length > 0) console.log(`    the first failure: ${failed[0].error}`);
  figure("chunks lost or doubled", Math.abs(sum("chunks") - count * CHUNKS) + sum("wrong"), "", { exactly: 0 });
  figure("agent runs", runs, "", { exactly: count });
  if (dropped === undefined) {
    figure("memory of a stream, server", (serverMemory.growth * 1024) / count, "KiB");
    figure("memory of a stream, client", (clientMemory.growth * 1024) / count, "KiB");
    times("first chunk", results, ({ firstMs }) => firstMs);
    times("whole stream", results, ({ wholeMs }) => wholeMs);
    return;
  }
  figure("connections open at the reset", dropped.count, "", { atLeast: count });
  const resumed = results.filter(({ resumedAt }) => resumedAt > 0);
  times("next record after the reset", resumed, ({ resumedAt }) => resumedAt - dropped.at);
  figure("handshakes in one second, peak", peak, "");
}

function times(name, results, read) {
  for (const p of [0.5, 0.99]) figure(`${name}, p${p * 100}`, percentile(results.map(read), p), "ms");
}

async function main() {
  const { full } = readFlags();
  const count = Number(process.env.STREAMS ?? (full ? 10_000 : 5_000));
  const limit = Number(process.report.getReport().userLimits.open_files.soft);
  if (limit < count + 200) throw new Error(`${count} streams need as many open files, and ${limit} are allowed: raise ulimit -n.`);
  for (const transport of ["websocket", "sse"]) {
    for (const reset of [false, true]) await run({ count, transport, reset });
  }
}
