// A Python agent under `runagent serve`, called by the client, each in processes of their own: how many small chunks a second a plain generator
// and an async one stream from end to end, and how long after a cancel an agent that yields for ever has stopped.
import { once } from "node:events";
import { RunAgentClient } from "runagent";
import { figure, percentile, readFlags } from "./lib/figures.mjs";
import { serveFiles } from "./lib/served-folder.mjs";

const CHUNKS = 100_000;
const ROUNDS = readFlags().full ? 9 : 3;
const CANCELS = 20;
const LEAST_PER_SECOND = 20_000;
const MOST_MS = 1_000;

const AGENT = `
def tokens(count):
    for index in range(count):
        yield f"token {index}"

async def tokens_async(count):
    for index in range(count):
        yield f"token {index}"

def forever():
    try:
        while True:
            yield "again"
    finally:
        print("stopped", flush=True)
`;

const entrypoints = ["tokens", "tokens_async", "forever"].map((module) => ({ file: "main.py", module, tag: `${module}_stream` }));
const config = JSON.stringify({ agent_id: "bench", agent_architecture: { entrypoints } });
const served = await serveFiles({ "main.py": AGENT, "runagent.config.json": config });

try {
  const client = new RunAgentClient({ agentId: "bench", entrypointTag: "tokens_stream", host: "127.0.0.1", port: served.port });
  console.log(`${CHUNKS} small chunks from Python to a for await loop, median of ${ROUNDS}`);
  for (const tag of ["tokens_stream", "tokens_async_stream"]) {
    const rates = [];
    for (let round = 0; round < ROUNDS; round++) rates.push(await rateOf(client.withEntrypoint(tag)));
    figure(tag, Math.round(percentile(rates, 0.5)), "chunks/s", { atLeast: LEAST_PER_SECOND });
  }
  console.log(`a generator that yields for ever, from the cancel to its finally block, ${CANCELS} times`);
  const times = [];
  for (let round = 0; round < CANCELS; round++) times.push(await stopMs(client.withEntrypoint("forever_stream")));
  figure("cancel to stopped, median", percentile(times, 0.5), "ms", { atMost: MOST_MS });
  figure("cancel to stopped, slowest", percentile(times, 1), "ms", { atMost: MOST_MS });
  await client.close();
} finally {
  await served.close();
}

async function rateOf(client) {
  const start = performance.now();
  let taken = 0;
  for await (const chunk of client.runStream({ count: CHUNKS })) if (chunk === `token ${taken}`) taken++;
  if (taken !== CHUNKS) throw new Error(`${taken} of ${CHUNKS} chunks arrived in order.`);
  return CHUNKS / ((performance.now() - start) / 1000);
}

async function stopMs(client) {
  const stream = client.runStream();
  const cursor = stream.cursor();
  for (let taken = 0; taken < 1000; taken++) await cursor.next();
  const stopped = once(served.lines, "stopped");
  const start = performance.now();
  await stream.cancel();
  await stopped;
  return performance.now() - start;
}
