// A consumer slower than its agent: everything is delivered, and memory stays bounded on both sides. Server and client are
// processes of their own for each run.
//   (a) bytes at about 1 MB/s, in chunks of 16 KB on average, with a stop in the middle; a neighbour streams from the same server
//   (b) chunks of 1 KB, with 20 ms of sleep every 500; also from a version 1 server, where the socket is paused in place of credit
// --full: (a) 1 GB with a stop of 20 s, which takes 18 minutes; (b) 300,000 chunks.
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { defineAgent, serve } from "@runagent/server";
import { RunAgentClient } from "runagent";
import { WebSocketServer } from "ws";
import { figure, memoryFigure, now, percentile, readFlags } from "./lib/figures.mjs";
import { runRoles, startRole } from "./lib/roles.mjs";

const BYTES_PER_SECOND = 1_000_000;
/** Read at full speed before the memory is looked at: V8 gives its young generation the full size in any busy process, slow consumer or not. */
const WARM_UP = { bytes: 50_000_000, chunks: 50_000 };
const TICK_MS = 10;
const ALONE_MS = 3_000;
const TRANSPORTS = ["websocket", "sse"];
/** Everything that text may hold: two-byte characters, and what JSON escapes. */
const POOL = 'It said: "wait" \\ then\n\tlooked up. Ça va? 漢字も。 '.repeat(2_000);
const KILOBYTE = "k".repeat(1024);

await runRoles({ server: serverRole, oldServer: oldServerRole, client: clientRole }, main);

/** Chunks of up to 32 KB until they are `bytes` together. */
function* mixedChunks(bytes) {
  for (let sum = 0, n = 1; sum < bytes; n++) {
    const from = (n * 7919) % (POOL.length / 2);
    const chunk = POOL.slice(from, from + 1 + ((n * 104_729) % 28_000));
    sum += Buffer.byteLength(chunk);
    yield chunk;
  }
}

function* smallChunks(count) {
  for (let n = 0; n < count; n++) yield KILOBYTE;
}

function serverRole() {
  let sent;
  function* hashed(chunks) {
    const hash = createHash("sha256");
    for (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
    sent = hash.digest("hex");
  }
  const agent = defineAgent({
    id: "slow",
    entrypoints: {
      mixed_stream: ({ bytes }) => hashed(mixedChunks(bytes)),
      small_stream: ({ chunks }) => hashed(smallChunks(chunks)),
      async *tick_stream() {
        for (let n = 1; ; n++) {
          yield n;
          await sleep(TICK_MS);
        }
      },
    },
  });
  return {
    start: async () => (await serve(agent, { port: 0 })).port,
    sent: () => sent,
  };
}

/** Writes frames as deployed servers do. It waits for its socket, so that what the client does not read stays few. */
function oldServerRole() {
  let sent;
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  const content = JSON.stringify({ type: "string", payload: JSON.stringify(KILOBYTE) });
  const frame = JSON.stringify({ type: "data", content });
  server.on("connection", (socket) => {
    socket.once("message", (data) => {
      const { chunks } = JSON.parse(data).input_kwargs;
      const hash = createHash("sha256");
      let next = 0;
      socket.send('{"type":"status","status":"stream_started","invocation_id":"old"}');
      const pump = () => {
        for (; next < chunks && socket.bufferedAmount < 1_048_576; next++) {
          hash.update(KILOBYTE);
          socket.send(frame);
        }
        if (next < chunks) setTimeout(pump, 1);
        else {
          sent = hash.digest("hex");
          socket.send(`{"type":"status","status":"stream_completed","total_chunks":${chunks},"execution_time":0,"invocation_id":"old"}`);
          socket.close(1000);
        }
      };
      pump();
    });
  });
  return { start: () => server.address().port, sent: () => sent };
}

function clientRole() {
  return {
    async take({ port, transport, tag, input, bytesPerSecond = Number.POSITIVE_INFINITY, stopAt, stopMs, sleepEvery, sleepMs }) {
      const client = new RunAgentClient({ agentId: "slow", entrypointTag: tag, port, transport });
      const stream = client.runStream(input);
      const hash = createHash("sha256");
      const start = performance.now();
      let stopped = 0;
      let bytes = 0;
      let chunks = 0;
      for await (const chunk of stream) {
        hash.update(chunk);
        bytes += Buffer.byteLength(chunk);
        if (++chunks % sleepEvery === 0) await sleep(sleepMs);
        if (stopped === 0 && bytes >= stopAt) {
          stopped = stopMs;
          await sleep(stopMs);
        }
        const early = (bytes / bytesPerSecond) * 1000 - (performance.now() - start - stopped);
        if (early > 1) await sleep(early);
      }
      await client.close();
      const { status, totalChunks } = stream.summary;
      const seconds = (performance.now() - start) / 1000;
      return { bytes, chunks, dropped: totalChunks - chunks, status, seconds, taken: hash.digest("hex") };
    },
  };
}

/** A stream that runs beside another: the milliseconds between its chunks. */
function startNeighbour(port) {
  const client = new RunAgentClient({ agentId: "slow", entrypointTag: "tick_stream", port });
  const stream = client.runStream();
  let delays = [];
  const reading = (async () => {
    let last = now();
    for await (const _ of stream) {
      delays.push(now() - last);
      last = now();
    }
  })();
  return {
    /** The p99 since the last call, and from now on anew. */
    p99() {
      const seen = delays;
      delays = [];
      return percentile(seen, 0.99);
    },
    async stop() {
      await stream.cancel();
      await reading;
      await client.close();
    },
  };
}

/** One consumer of one server, and the memory of both. */
async function run({ serverRole: role = "server", limit, besides = false, ...call }) {
  const server = startRole(import.meta.url, role);
  const client = startRole(import.meta.url, "client");
  const port = await server.call("start");
  await client.call("take", { port, tag: call.tag, transport: call.transport, input: WARM_UP });
  const neighbour = besides ? startNeighbour(port) : undefined;
  if (besides) await sleep(ALONE_MS);
  const alone = neighbour?.p99();
  await Promise.all([server.call("startMeter"), client.call("startMeter")]);
  const result = await client.call("take", { port, ...call });
  const [serverMemory, clientMemory] = await Promise.all([server.call("stopMeter"), client.call("stopMeter")]);
  const beside = neighbour?.p99();
  await neighbour?.stop();
  const exact = result.taken === (await server.call("sent"));
  server.stop();
  client.stop();
  const name = `${call.tag}, ${role === "oldServer" ? "version 1" : call.transport}`;
  console.log(
    `${name}: ${result.chunks} chunks, ${(result.bytes / 1e6).toFixed(1)} MB in ${result.seconds.toFixed(1)} s, ${result.status}`,
  );
  figure("dropped", result.dropped, "chunks", { exactly: 0 });
  figure("bytes that differ (sha256)", exact ? 0 : result.bytes, "bytes", { exactly: 0 });
  memoryFigure("RSS growth, client", clientMemory, limit);
  // What a version 1 server needs is its own affair.
  if (role === "server") memoryFigure("RSS growth, server", serverMemory, limit);
  if (besides) figure(`neighbour, ms between chunks, p99 (alone ${alone.toFixed(1)})`, beside, "ms", { atMost: Math.ceil(alone) + 20 });
}

async function main() {
  const { full } = readFlags();
  const seconds = full ? 1000 : 25;
  const bytes = seconds * BYTES_PER_SECOND;
  const stop = { stopAt: bytes / 2, stopMs: full ? 20_000 : 5_000 };
  const slow = { tag: "mixed_stream", input: { bytes }, bytesPerSecond: BYTES_PER_SECOND, ...stop, limit: 64, besides: true };
  const chunks = full ? 300_000 : 120_000;
  const sleepy = { tag: "small_stream", input: { chunks }, sleepEvery: 500, sleepMs: 20, limit: 32 };
  // They wait most of the time, so they may run at once; the others would take the processor from each other.
  await Promise.all(TRANSPORTS.map((transport) => run({ ...slow, transport })));
  for (const transport of TRANSPORTS) await run({ ...sleepy, transport });
  await run({ ...sleepy, serverRole: "oldServer", transport: "websocket" });
}
