// How long `runagent serve` takes from its start until it listens, with the agent loaded: in Python, in TypeScript, and both at once.
import { figure, percentile, readFlags } from "./lib/figures.mjs";
import { serveFiles } from "./lib/served-folder.mjs";

const ROUNDS = readFlags().full ? 31 : 11;
const LIMIT_MS = 500;

const FILES = {
  "main.py": "def chat_stream(message):\n    yield message\n",
  "agent.ts": "export async function* chat({ message }: { message: string }) {\n  yield message;\n}\n",
};
const PYTHON = { file: "main.py", module: "chat_stream", tag: "python_stream" };
const TYPESCRIPT = { file: "agent.ts", module: "chat", tag: "typescript_stream" };

console.log(`milliseconds until runagent serve listens, median of ${ROUNDS}`);
for (const [name, entrypoints] of Object.entries({ Python: [PYTHON], TypeScript: [TYPESCRIPT], both: [PYTHON, TYPESCRIPT] })) {
  const config = JSON.stringify({ agent_id: "bench", agent_architecture: { entrypoints } });
  const times = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const start = performance.now();
    const served = await serveFiles({ ...FILES, "runagent.config.json": config });
    // The first brings the files into memory.
    if (round > 0) times.push(performance.now() - start);
    await served.close();
  }
  figure(name, percentile(times, 0.5), "ms", { atMost: LIMIT_MS });
}
