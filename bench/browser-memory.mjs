// A web page that takes a stream slowly, in Chromium: its memory stays bounded, over both transports. The agent's server is a process of its
// own, and so is each browser. What is measured is the process that runs the page, and its JavaScript heap.
// --full: 300 MB at 3 MB/s, which takes two minutes; else 18 MB.
import { createServer } from "node:http";
import { defineAgent, serve } from "@runagent/server";
import { build } from "esbuild";
import { figure, memoryFigure, readFlags } from "./lib/figures.mjs";
import { openPage } from "./lib/page.mjs";
import { runRoles, startRole } from "./lib/roles.mjs";

const BYTES_PER_SECOND = 3_000_000;
/** Read at full speed before the memory is looked at: a busy page gives its heap the full size, slow consumer or not. */
const WARM_UP_BYTES = 50_000_000;
const CHUNK = "x".repeat(16_384);
const LIMIT_MIB = 64;
const TRANSPORTS = ["websocket", "sse"];
const PAGE = '<!doctype html><link rel="icon" href="data:,"><title>Slow</title><script type="module" src="/page.mjs"></script>';

/** Runs in the page: reads, and waits wherever it is ahead of its speed. */
const SCRIPT = `
import { RunAgentClient } from "runagent";
globalThis.take = async ({ port, transport, bytes, bytesPerSecond }) => {
  const client = new RunAgentClient({ agentId: "slow", entrypointTag: "bytes_stream", port, transport });
  const stream = client.runStream({ bytes });
  const start = performance.now();
  let taken = 0;
  for await (const chunk of stream) {
    taken += chunk.length;
    const early = bytesPerSecond === null ? 0 : (taken / bytesPerSecond) * 1000 - (performance.now() - start);
    if (early > 1) await new Promise((resolve) => setTimeout(resolve, early));
  }
  return { taken, status: stream.summary.status, reconnects: stream.summary.reconnects, seconds: (performance.now() - start) / 1000 };
};`;

await runRoles({ server: serverRole }, main);

function serverRole() {
  const agent = defineAgent({
    id: "slow",
    entrypoints: {
      *bytes_stream({ bytes }) {
        for (let sum = 0; sum < bytes; sum += CHUNK.length) yield CHUNK;
      },
    },
  });
  return { start: async (origin) => (await serve(agent, { port: 0, allowedOrigins: [origin] })).port };
}

/** The page, and the client as a bundler finds it for browsers. */
async function servePage() {
  const stdin = { contents: SCRIPT, resolveDir: import.meta.dirname ?? new URL(".", import.meta.url).pathname };
  const { outputFiles } = await build({ stdin, bundle: true, format: "esm", platform: "browser", write: false });
  const server = createServer(({ url }, response) => {
    const isScript = url === "/page.mjs";
    response.writeHead(200, { "content-type": isScript ? "text/javascript" : "text/html" }).end(isScript ? outputFiles[0].text : PAGE);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

async function run({ pages, transport, bytes }) {
  const origin = `http://127.0.0.1:${pages.address().port}`;
  const server = startRole(import.meta.url, "server");
  const port = await server.call("start", origin);
  const page = await openPage(origin);
  try {
    const take = (more) => page.call("take", { port, transport, ...more });
    await take({ bytes: WARM_UP_BYTES, bytesPerSecond: null });
    await Promise.all([page.meter.start(), server.call("startMeter")]);
    const { taken, status, seconds, reconnects } = await take({ bytes, bytesPerSecond: BYTES_PER_SECOND });
    const memory = await page.meter.stop();
    const serverMemory = await server.call("stopMeter");
    console.log(`${transport}: ${(taken / 1e6).toFixed(1)} MB in ${seconds.toFixed(1)} s, ${status}, ${reconnects} reconnects`);
    figure("missing", Math.ceil(bytes / CHUNK.length) * CHUNK.length - taken, "bytes", { exactly: 0 });
    memoryFigure("RSS growth, page", memory, LIMIT_MIB);
    figure("heap growth, page", memory.heap, "MiB", { atMost: LIMIT_MIB });
    memoryFigure("RSS growth, server", serverMemory, LIMIT_MIB);
  } finally {
    await page.close();
    server.stop();
  }
}

async function main() {
  const { full } = readFlags();
  const bytes = full ? 300_000_000 : 18_000_000;
  const pages = await servePage();
  try {
    // They wait most of the time, so they may run at once.
    await Promise.all(TRANSPORTS.map((transport) => run({ pages, transport, bytes })));
  } finally {
    pages.close();
    pages.closeAllConnections();
  }
}
