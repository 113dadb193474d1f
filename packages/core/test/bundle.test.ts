import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { buildSync } from "esbuild";
import { describe, expect, it } from "vitest";

// What a bundler keeps of core: a browser loads what it uses and nothing else.

const core = fileURLToPath(new URL("../src/", import.meta.url));

function bundle(source: string): { files: string[]; bytes: number } {
  const { outputFiles, metafile } = buildSync({
    stdin: { contents: source, resolveDir: core },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
    metafile: true,
    outdir: core,
    absWorkingDir: core,
  });
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const files = inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([file]) => file);
  return { files: files.sort(), bytes: gzipSync(outputFiles[0]?.contents ?? "", { level: 9 }).length };
}

describe("a bundle", () => {
  it("of nothing holds nothing", () => {
    expect(bundle('import "./index.ts";').files).toEqual([]);
  });

  it.each([
    ["RunAgentError", ["errors.ts", "gen/errors.ts"]],
    ["codeOfClose", ["errors.ts", "gen/errors.ts"]],
    ["PROTOCOL_ERROR_CLOSE", ["gen/errors.ts"]],
    ["isStreamTag", ["ids.ts"]],
    ["parseJsonObject", ["errors.ts", "gen/errors.ts", "json.ts"]],
    ["readServerFrame", ["errors.ts", "frames.ts", "gen/errors.ts", "gen/server-frames.ts", "json.ts", "validator.ts"]],
    ["readClientFrame", ["errors.ts", "frames.ts", "gen/client-frames.ts", "gen/errors.ts", "json.ts", "validator.ts"]],
  ])("of %s holds what it needs", (name, files) => {
    expect(bundle(`export { ${name} } from "./index.ts";`).files).toEqual(files);
  });

  it("of the error class holds no table of statuses and close codes", () => {
    const error = bundle('export { RunAgentError } from "./index.ts";').bytes;
    expect(bundle('export { ERRORS, RunAgentError } from "./index.ts";').bytes).toBeGreaterThan(error + 100);
  });

  it("grows by less than 1200 bytes with the reading and checking of all server frames", () => {
    const rest = "RunAgentError, decodeCursor, encodeCursor, errorFromHttp, errorFromWire, parseJsonObject, readFrameV1, validateWith";
    const without = bundle(`export { ${rest} } from "./index.ts";`).bytes;
    expect(bundle(`export { ${rest}, readServerFrame } from "./index.ts";`).bytes - without).toBeLessThan(1200);
  });
});
