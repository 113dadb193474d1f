// Client CPU for each chunk, version 2, through `for await`, beside a bare `ws` + JSON.parse loop in the same run.
// The server is a process of its own that sends the same prepared frames to both; rounds alternate, the median counts.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { RunAgentClient } from "runagent";
import { WebSocket, WebSocketServer } from "ws";

const CHUNKS = Number(process.env.CHUNKS ?? 200_000);
const ROUNDS = Number(process.env.ROUNDS ?? 9);
const LIMIT = 1.5;
const WORDS = "the quick brown fox jumps over the lazy dog and runs away from every robot it meets ".split(" ");

if (process.argv[2] === "server") runServer();
else await main();

function runServer() {
  const frames = Array.from({ length: CHUNKS }, (_, index) =>
    JSON.stringify({ type: "data", seq: index + 1, content: `${WORDS[index % WORDS.length]} ` }),
  );
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" }, () => process.send(server.address().port));
  server.on("connection", (socket) => {
    socket.on("message", (data) => {
      const { type, invocation_id } = JSON.parse(data);
      if (type !== "start") return;
      const status = { type: "status", invocation_id };
      socket.send(
        JSON.stringify({
          ...status,
          status: "stream_started",
          protocol: 2,
          epoch: "e",
          seq: 0,
          first_seq: 1,
          heartbeat_seconds: 15,
          resume_seconds: 86_400,
          durability: "memory",
        }),
      );
      let next = 0;
      const pump = () => {
        while (next < CHUNKS && socket.bufferedAmount < 1 << 20) socket.send(frames[next++]);
        if (next < CHUNKS) setImmediate(pump);
        else
          socket.send(JSON.stringify({ ...status, status: "stream_completed", seq: CHUNKS + 1, total_chunks: CHUNKS, execution_time: 1 }));
      };
      pump();
    });
  });
}

/** Microseconds of CPU for each chunk. */
async function measure(read) {
  globalThis.gc?.();
  const before = process.cpuUsage();
  const count = await read();
  const { user, system } = process.cpuUsage(before);
  if (count !== CHUNKS) throw new Error(`${count} chunks of ${CHUNKS}`);
  return (user + system) / CHUNKS;
}

function bareLoop(port) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/api/v1/agents/bench/run-stream`, { perMessageDeflate: false });
    let count = 0;
    socket.on("open", () => socket.send('{"type":"start","invocation_id":"bare"}'));
    socket.on("message", (data) => {
      const frame = JSON.parse(data);
      if (frame.type === "data") count++;
      else if (frame.status === "stream_completed") {
        socket.close();
        resolve(count);
      }
    });
    socket.on("error", reject);
  });
}

async function forAwait(client) {
  let count = 0;
  for await (const chunk of client.runStream({})) if (typeof chunk === "string") count++;
  return count;
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

async function main() {
  const server = fork(fileURLToPath(import.meta.url), ["server"]);
  const [port] = await once(server, "message");
  const client = new RunAgentClient({ agentId: "bench", entrypointTag: "bench_stream", host: "127.0.0.1", port });
  const bare = [];
  const ours = [];
  for (let round = -1; round < ROUNDS; round++) {
    const a = await measure(() => bareLoop(port));
    const b = await measure(() => forAwait(client));
    if (round < 0) continue; // Warm-up.
    bare.push(a);
    ours.push(b);
  }
  server.kill();
  const ratio = median(ours) / median(bare);
  console.log(`client CPU per chunk, ${CHUNKS} chunks, median of ${ROUNDS} rounds`);
  console.log(`  bare ws + JSON.parse   ${median(bare).toFixed(3)} µs`);
  console.log(`  runagent for await     ${median(ours).toFixed(3)} µs`);
  console.log(`  ratio                  ${ratio.toFixed(2)} (limit ${LIMIT})`);
  process.exitCode = ratio <= LIMIT ? 0 : 1;
}
