// npm run size: what an app pays for the client, once its bundler has bundled and minified it for a browser. Fails above a limit.
// It measures what is built (`npm run build`), as @size-limit/esbuild bundles it: less what an empty project weighs.
// `npm run size -- --limit 5` replaces every limit, in kB.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import esbuild from "@size-limit/esbuild";
import file from "@size-limit/file";
import sizeLimit from "size-limit";
import { root } from "./tools.mjs";

const dist = join(root, "packages/client/dist");
const patterns = Object.keys(await import(pathToFileURL(join(dist, "patterns.mjs")).href));

/** An import that an app would write, where it is built, how many kB (1000 bytes) of gzip it may cost, and where that should come to. */
const ENTRIES = [
  { from: "runagent/browser/websocket", built: "browser-websocket.mjs", names: "RunAgentClient", limit: 23.5, goal: 10 },
  { from: "runagent/browser", built: "browser.mjs", names: "RunAgentClient", limit: 26.25, goal: 12 },
  // Each by itself; half of it is the error's class, which an app that has the client has already.
  { from: "runagent/ai-sdk", built: "ai-sdk.mjs", names: "RunAgentChatTransport", limit: 7.5 },
  { from: "runagent/ai-sdk", built: "ai-sdk.mjs", names: "toUIMessageStream", limit: 5.75 },
  { from: "runagent/ag-ui", built: "ag-ui.mjs", names: "toAGUI", limit: 5.75 },
  ...patterns.map((names) => ({ from: "runagent/patterns", built: "patterns.mjs", names, limit: 3.5 })),
];

/** Bytes of an entry, minified, and of that in gzip. */
async function measure({ built, names }) {
  const path = join(dist, built);
  const check = { files: [path], import: { [path]: `{ ${names} }` } };
  const [minified, gzip] = await sizeLimit([esbuild, file], {
    checks: [
      { ...check, brotli: false },
      { ...check, gzip: true },
    ],
  });
  return { minified: minified.size, gzip: gzip.size };
}

function print(entry, minified, gzip, limit, goal, verdict = "") {
  console.log(`${entry.padEnd(54)}${[minified, gzip, limit, goal].map((cell) => cell.padStart(10)).join("")}${verdict}`);
}

const kilobytes = (bytes) => `${(bytes / 1000).toFixed(2)} kB`;

const { values } = parseArgs({ options: { limit: { type: "string" } } });
let above = 0;
print("entry", "minified", "gzip", "limit", "goal");
for (const entry of ENTRIES) {
  const limit = 1000 * Number(values.limit ?? entry.limit);
  const { minified, gzip } = await measure(entry);
  // NaN, of a limit that is no number, must not pass.
  const passed = gzip <= limit;
  if (!passed) above++;
  print(
    `{ ${entry.names} } from "${entry.from}"`,
    kilobytes(minified),
    kilobytes(gzip),
    kilobytes(limit),
    entry.goal === undefined ? "" : `${entry.goal} kB`,
    passed ? "" : "  ABOVE",
  );
}
if (above > 0) {
  console.error(`${above} of ${ENTRIES.length} are above the limit. See what is in a bundle with esbuild's --metafile and --analyze.`);
  process.exitCode = 1;
}
