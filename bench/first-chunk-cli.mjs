// How long `runagent run-stream` takes to show its first chunk: from the start of its process to the first byte on its standard output, beside
// the whole life of a bare `node -e 0`. The server is a process of its own; the commands alternate, so that what else the machine does is
// spread over them; some of each are thrown away first, until the files are in memory.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineAgent, serve } from "@runagent/server";
import { figure, percentile } from "./lib/figures.mjs";
import { runRoles, startRole } from "./lib/roles.mjs";

const ROUNDS = 25;
const TRIALS = 3;
const LIMIT_MS = 150;
const PROGRAM = fileURLToPath(new URL("../packages/cli/dist/main.mjs", import.meta.url));

function serverRole() {
  const agent = defineAgent({
    id: "storyteller",
    entrypoints: {
      *chat_stream({ message }) {
        yield* `You said: ${message}`.split(" ");
      },
    },
  });
  return {
    async listen() {
      const { port } = await serve(agent, { port: 0 });
      return { port, pid: process.pid };
    },
  };
}

/** Registers the agent as `runagent serve` does. @returns The home of the commands. */
function createHome({ port, pid }) {
  const home = mkdtempSync(join(tmpdir(), "runagent-bench-"));
  const folder = join(home, ".runagent/agents/storyteller");
  mkdirSync(folder, { recursive: true });
  const agent = { agent_id: "storyteller", host: "127.0.0.1", port, pid, started_at: new Date().toISOString() };
  writeFileSync(join(folder, "agent.json"), JSON.stringify(agent));
  return home;
}

/** Milliseconds until the first byte of output, or until the end where there is none. */
function measure(args, home) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    let first;
    const child = spawn(process.execPath, args, { env: { PATH: process.env.PATH, HOME: home }, stdio: ["ignore", "pipe", "inherit"] });
    child.stdout.once("data", () => {
      first = performance.now() - start;
    });
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(first ?? performance.now() - start);
      else reject(new Error(`node ${args.join(" ")} ended with code ${code}.`));
    });
  });
}

async function main() {
  const server = startRole(import.meta.url, "server");
  const address = await server.call("listen");
  const home = createHome(address);
  const call = ["--tag", "chat_stream", "--message=Tell me a story"];
  const commands = {
    "node -e 0": ["-e", "0"],
    "run-stream --id … --local": [PROGRAM, "run-stream", "--id", "storyteller", "--local", ...call],
    "run-stream --host … --port …": [PROGRAM, "run-stream", "--host", "127.0.0.1", "--port", String(address.port), ...call],
  };
  const times = Object.fromEntries(Object.keys(commands).map((name) => [name, []]));
  try {
    for (let round = -TRIALS; round < ROUNDS; round++) {
      for (const [name, args] of Object.entries(commands)) {
        const ms = await measure(args, home);
        if (round >= 0) times[name].push(ms);
      }
    }
  } finally {
    server.stop();
    rmSync(home, { recursive: true });
  }
  console.log(`from the start of a process to its first chunk, median of ${ROUNDS}`);
  const [[bare, bareTimes], ...others] = Object.entries(times);
  const bareMs = percentile(bareTimes, 0.5);
  figure(bare, bareMs, "ms");
  for (const [name, taken] of others) {
    const ms = percentile(taken, 0.5);
    figure(name, ms, "ms");
    figure("  more than the bare one", ms - bareMs, "ms", { atMost: LIMIT_MS });
  }
}

await runRoles({ server: serverRole }, main);
