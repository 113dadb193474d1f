// npm run fuzz -- --seed N --frames M: mutated frames at a server, and at a client, each in a process of its own that must stay up,
// answer everything in time and with the types of the protocol, and not grow. Defaults: seed 1, 1,000,000 frames each way.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { installAndBuild } from "./tools.mjs";

const MAX_GROWTH_MIB = 32;
/** Until code is compiled, caches are full and the young generation of the heap has its size. */
const WARM_UP_FRAMES = 50_000;
const [role, ...rest] = process.argv.slice(2);
if (role === "serve") await serveRole();
else if (role === "call") await callRole(Number(rest[0]), Number(rest[1]));
else {
  try {
    await main();
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}

/** The server under attack; an honest stream runs beside it. */
async function serveRole() {
  const { defineAgent, serve } = await import("@runagent/server");
  const entrypoints = {
    *count_stream({ n = 3 }) {
      for (let index = 0; index < Math.min(Number(n) || 0, 100); index++) yield index;
    },
    echo: (input) => input,
  };
  const limits = { disconnectGraceSeconds: 0.1, retentionSeconds: 2, maxRetainedInvocations: 200, maxInvocationSeconds: 10 };
  const server = await serve(defineAgent({ id: "fuzz", entrypoints }), { port: 0, limits });
  process.on("message", () => {
    globalThis.gc();
    process.send({ rss: process.memoryUsage().rss });
  });
  process.send({ port: server.port });
}

/** The client under attack. */
async function callRole(port, streams) {
  const { RunAgentClient, RunAgentError } = await import("runagent");
  const clients = ["websocket", "sse"].map(
    (transport) => new RunAgentClient({ agentId: "fuzz", entrypointTag: "fuzz_stream", port, transport, maxReconnectDelayMs: 5 }),
  );
  const totals = { streams: 0, completed: 0, untyped: 0, codes: {}, examples: [] };
  process.on("unhandledRejection", (error) => {
    totals.untyped++;
    totals.examples.push(String(error?.stack ?? error));
  });
  const call = async (n) => {
    try {
      await clients[n % 2].runStream({}, { timeoutMs: 5_000 }).collect();
      totals.completed++;
    } catch (error) {
      if (error instanceof RunAgentError) totals.codes[error.code] = (totals.codes[error.code] ?? 0) + 1;
      else {
        totals.untyped++;
        totals.examples.push(String(error?.stack ?? error));
      }
    }
  };
  process.on("message", async () => {
    for (let done = 0; done < streams; done += 16) {
      await Promise.all(Array.from({ length: 16 }, (_, lane) => call(done + lane)));
      totals.streams += 16;
    }
    globalThis.gc();
    process.send({
      ...totals,
      examples: totals.examples.slice(0, 5),
      polluted: Object.keys(Object.prototype).length,
      rss: process.memoryUsage().rss,
    });
  });
  process.send({ ready: true });
}

function start(...args) {
  const child = fork(fileURLToPath(import.meta.url), args, { execArgv: ["--expose-gc"] });
  const died = once(child, "exit").then(([code]) => {
    throw new Error(`The process under attack ended with ${code}.`);
  });
  died.catch(() => {});
  return { child, died, next: async () => (await Promise.race([once(child, "message"), died]))[0] };
}

async function main() {
  const { values } = parseArgs({
    options: { seed: { type: "string", default: "1" }, frames: { type: "string", default: "1000000" }, help: { type: "boolean" } },
  });
  if (values.help) {
    console.log("npm run fuzz -- [--seed N] [--frames M]   mutated frames at a server and at a client; seed 1, 1000000 frames each way");
    return;
  }
  const seed = wholeNumber("--seed", values.seed);
  const frames = wholeNumber("--frames", values.frames);
  await installAndBuild();
  console.log(`fuzz, seed ${seed}, ${frames} frames each way`);
  const failed = [await attackServer(seed, frames), await attackClient(seed, frames)].flat();
  for (const problem of failed) console.log(`  FAILED: ${problem}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}

function wholeNumber(name, text) {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new Error(`${name} must be a whole number above 0, not ${JSON.stringify(text)}. See npm run fuzz -- --help.`);
}

async function attackServer(seed, frames) {
  const { fuzzServer } = await import("@runagent/conformance");
  const server = start("serve");
  const { port } = await server.next();
  const rss = async () => {
    server.child.send("rss");
    return (await server.next()).rss / 2 ** 20;
  };
  const options = { url: `http://127.0.0.1:${port}`, agentId: "fuzz", streamTag: "count_stream", runTag: "echo", seed };
  await fuzzServer({ ...options, frames: WARM_UP_FRAMES });
  const before = await rss();
  const honest = honestStreams(port);
  const report = await fuzzServer({ ...options, seed: seed + 1, frames, onProgress: progress("server", frames) });
  const streams = await honest.stop();
  const growth = (await rss()) - before;
  server.child.kill();
  console.log(
    `  server: ${report.sent} frames on ${report.connections} connections, ${report.brokenCount} broken answers, ${report.hangs} hangs, ` +
      `${streams.completed} honest streams of ${streams.started} completed beside them, growth ${growth.toFixed(1)} MiB (limit ${MAX_GROWTH_MIB})`,
  );
  return [
    ...report.broken,
    ...(report.hangs > 0 ? [`${report.hangs} hangs of the server`] : []),
    ...(streams.completed < streams.started ? ["honest streams were disturbed"] : []),
    ...(growth > MAX_GROWTH_MIB ? ["the server grew"] : []),
  ];
}

/** Streams that have nothing to do with the attack. */
function honestStreams(port) {
  const counts = { started: 0, completed: 0 };
  let stopped = false;
  const run = async () => {
    const { RunAgentClient } = await import("runagent");
    const client = new RunAgentClient({ agentId: "fuzz", entrypointTag: "count_stream", port });
    while (!stopped) {
      counts.started++;
      const chunks = await client.runStream({ n: 100 }).collect();
      if (chunks.length === 100) counts.completed++;
    }
    await client.close();
    return counts;
  };
  const done = run();
  return {
    stop() {
      stopped = true;
      return done;
    },
  };
}

async function attackClient(seed, frames) {
  const { createFuzzingServer } = await import("@runagent/conformance");
  const attacker = await createFuzzingServer({ seed });
  const measure = async (streams) => {
    const client = start("call", String(attacker.port), String(streams));
    await client.next();
    client.child.send("go");
    const answer = await client.next();
    client.child.kill();
    return answer;
  };
  const first = await measure(2_000);
  const streams = Math.ceil(frames / (attacker.sent / first.streams) / 16) * 16;
  const sentBefore = attacker.sent;
  const report = progress("client", frames);
  const timer = setInterval(() => report(attacker.sent - sentBefore), 1000);
  const totals = await measure(streams);
  clearInterval(timer);
  const sent = attacker.sent - sentBefore;
  const growth = (totals.rss - first.rss) / 2 ** 20;
  await attacker.close();
  const codes = Object.entries(totals.codes).map(([code, count]) => `${code} ${count}`);
  console.log(
    `  client: ${sent} frames over ${totals.streams} streams, ${totals.completed} completed, ${totals.untyped} untyped errors, ` +
      `growth over 2,000 streams ${growth.toFixed(1)} MiB (limit ${MAX_GROWTH_MIB}); ${codes.join(", ")}`,
  );
  return [
    ...totals.examples,
    ...(totals.untyped > 0 ? [`${totals.untyped} untyped errors of the client`] : []),
    ...(totals.polluted > 0 ? ["Object.prototype has new keys"] : []),
    ...(growth > MAX_GROWTH_MIB ? ["the client grew"] : []),
  ];
}

/** Says on standard error how far it is, once a second. */
function progress(name, total) {
  let next = 0;
  return (sent) => {
    if (Date.now() < next) return;
    next = Date.now() + 1000;
    process.stderr.write(`  ${name}: ${sent} of ${total}\r`);
  };
}
