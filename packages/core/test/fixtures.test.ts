import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  isJsonObject,
  parseJsonObject,
  RunAgentError,
  readChunkV1,
  readClientFrame,
  readFrameV1,
  readResultV1,
  readServerFrame,
} from "@runagent/core";
import { describe, expect, it } from "vitest";

const fixtures = fileURLToPath(new URL("../../../protocol/fixtures/", import.meta.url));
const load = (folder: string): { file: string; content: Record<string, unknown> }[] =>
  readdirSync(fixtures + folder).map((file) => ({
    file,
    content: parseJsonObject(readFileSync(`${fixtures}${folder}/${file}`, "utf8"), "fixture", "VALIDATION_ERROR"),
  }));

const SERVER_FRAMES = /^(stream-|data|event|heartbeat|error|cancel-ack|approval-ack|auth-ack)/;
const CLIENT_FRAMES = /^(start|resume|ack|cancel|approval|auth)\.schema/;
const V1_FRAMES = /^v1-(status|data|error)/;
const named = (pattern: RegExp) => (fixture: { content: Record<string, unknown> }) => pattern.test(String(fixture.content.schema));

/** What reading gives: the frame, or the code of the error. */
function outcome(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    if (RunAgentError.is(error)) return error.code;
    throw error;
  }
}

describe("the codec reads the protocol's fixtures", () => {
  it.each(load("valid").filter(named(SERVER_FRAMES)))("server frame $file", ({ content: { value } }) => {
    if (!isJsonObject(value)) throw new Error("not an object");
    expect(readServerFrame(value)).toBe(value);
  });

  it.each(load("valid").filter(named(CLIENT_FRAMES)))("client frame $file", ({ content: { value } }) => {
    if (!isJsonObject(value)) throw new Error("not an object");
    expect(readClientFrame(value)).toBe(value);
  });

  it.each(load("valid").filter(named(V1_FRAMES)))("version 1 frame $file", ({ content: { value } }) => {
    if (!isJsonObject(value)) throw new Error("not an object");
    expect(readFrameV1(value).type).toMatch(/^(started|data|completed|failed|ignored)$/);
  });

  it.each(load("v1-values"))("version 1 value $file", ({ content }) => {
    const read = (): unknown => {
      if (isJsonObject(content.envelope)) return readResultV1(content.envelope);
      return content.context === "run" ? readResultV1({ success: true, data: content.wire }) : readChunkV1(content.wire);
    };
    expect(read()).toEqual(content.value);
  });
});

describe("the codec refuses the protocol's invalid fixtures", () => {
  it.each(load("invalid").filter(named(SERVER_FRAMES)))("server frame $file", ({ content: { value } }) => {
    // Another type is another frame: unknown to the schema, ignored by the codec.
    const read = outcome(() => readServerFrame(asObject(value)));
    expect(isJsonObject(read) ? read.type : read).toMatch(/^(PROTOCOL_ERROR|unknown)$/);
  });

  it.each(load("invalid").filter(named(CLIENT_FRAMES)))("client frame $file", ({ content: { value } }) => {
    const read = outcome(() => readClientFrame(asObject(value)));
    expect(isJsonObject(read) ? read.type : read).toMatch(/^(VALIDATION_ERROR|unknown)$/);
  });
});

function asObject(value: unknown): Record<string, unknown> {
  return parseJsonObject(JSON.stringify(value), "frame", "VALIDATION_ERROR");
}
