// Chunks per second of the reference server on one WebSocket, beside a bare `ws.send` loop in the same run.
// Each server is a process of its own; the reader only counts bytes frames, so that it is not what is measured.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { defineAgent, serve } from "@runagent/server";
import { WebSocket, WebSocketServer } from "ws";

const CHUNKS = Number(process.env.CHUNKS ?? 200_000);
const ROUNDS = Number(process.env.ROUNDS ?? 7);
const LIMIT = 0.6;

if (process.argv[2] === "bare") bareServer();
else if (process.argv[2] === "ours") await ourServer();
else await main();

function bareServer() {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" }, () => process.send(server.address().port));
  server.on("connection", (socket) => {
    socket.on("message", () => {
      let seq = 0;
      const pump = () => {
        while (seq < CHUNKS && socket.bufferedAmount < 1 << 20)
          socket.send(JSON.stringify({ type: "data", seq: ++seq, content: `word ${seq} ` }));
        if (seq < CHUNKS) setImmediate(pump);
        else socket.send('{"type":"status","status":"stream_completed"}');
      };
      pump();
    });
  });
}

async function ourServer() {
  const agent = defineAgent({
    id: "bench",
    entrypoints: {
      async *bench_stream() {
        for (let n = 1; n <= CHUNKS; n++) yield `word ${n} `;
      },
    },
  });
  const { port } = await serve(agent, { port: 0 });
  process.send(port);
}

/** Chunks per second. */
function measure(port, round) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/api/v1/agents/bench/run-stream`, { perMessageDeflate: false });
    let count = 0;
    let start = 0;
    socket.on("open", () => {
      start = performance.now();
      socket.send(
        JSON.stringify({
          type: "start",
          protocol: 2,
          invocation_id: `r${round}`,
          entrypoint_tag: "bench_stream",
          input_args: [],
          input_kwargs: {},
        }),
      );
    });
    socket.on("message", (data) => {
      if (data.length < 200 && data.includes("stream_completed")) {
        socket.close();
        if (count < CHUNKS) reject(new Error(`${count} chunks of ${CHUNKS}`));
        else resolve(CHUNKS / ((performance.now() - start) / 1000));
      } else count++;
    });
    socket.on("error", reject);
  });
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

async function main() {
  const servers = ["bare", "ours"].map((name) => fork(fileURLToPath(import.meta.url), [name]));
  const [[bare], [ours]] = await Promise.all(servers.map((server) => once(server, "message")));
  const rates = { bare: [], ours: [] };
  for (let round = -1; round < ROUNDS; round++) {
    const a = await measure(bare, round);
    const b = await measure(ours, round);
    if (round < 0) continue; // Warm-up.
    rates.bare.push(a);
    rates.ours.push(b);
  }
  for (const server of servers) server.kill();
  const ratio = median(rates.ours) / median(rates.bare);
  console.log(`server chunks per second, ${CHUNKS} chunks, median of ${ROUNDS} rounds`);
  console.log(`  bare ws.send           ${Math.round(median(rates.bare))}`);
  console.log(`  @runagent/server       ${Math.round(median(rates.ours))}`);
  console.log(`  ratio                  ${ratio.toFixed(2)} (limit ${LIMIT})`);
  process.exitCode = ratio >= LIMIT ? 0 : 1;
}
