import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createLyingServer, type StreamCase } from "@runagent/conformance";
import { Ajv } from "ajv";
import { RunAgentClient, RunAgentError } from "runagent";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";

// The cases of protocol/cases/stream, each played to the client by a server that lies as it says.

const protocol = fileURLToPath(new URL("../../protocol/", import.meta.url));
const validate = new Ajv().compile<{ cases: StreamCase[] }>(JSON.parse(readFileSync(`${protocol}cases/case.schema.json`, "utf8")));
const requirements = readFileSync(`${protocol}requirements.yaml`, "utf8");
const errors = readFileSync(`${protocol}errors.yaml`, "utf8");
const files = readdirSync(`${protocol}cases/stream`);

function load(file: string): readonly StreamCase[] {
  const content: unknown = parse(readFileSync(`${protocol}cases/stream/${file}`, "utf8"));
  if (!validate(content)) throw new Error(`${file}: ${JSON.stringify(validate.errors)}`);
  return content.cases;
}

describe("the cases", () => {
  const all = files.flatMap(load);

  it("have names of their own, and requirements and codes that exist", () => {
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    for (const { requirements: ids, outcome } of all) {
      for (const id of ids) expect(requirements).toContain(`id: ${id}\n`);
      if (outcome.code !== null) expect(errors).toContain(`code: ${outcome.code}\n`);
    }
  });
});

describe.each(files)("%s", (file) => {
  it.each(load(file).map((streamCase) => ({ name: streamCase.name, streamCase })))("$name", async ({ streamCase }) => {
    const server = await createLyingServer(streamCase);
    const { host, port } = server;
    const client = new RunAgentClient({
      agentId: "a",
      host,
      port,
      transport: "websocket",
      maxReconnectDelayMs: 10,
      timeoutSeconds: 10,
      entrypointTag: "lie_stream",
    });
    const chunks: unknown[] = [];
    let code: string | null = null;
    try {
      for await (const chunk of client.runStream()) chunks.push(chunk);
    } catch (error) {
      if (!RunAgentError.is(error)) throw error;
      code = error.code;
    }
    expect({ chunks, code, first_frames: server.firstFrames }).toEqual(streamCase.outcome);
    await client.close();
    await server.close();
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});
