import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../src/index.ts";
import { StreamReader } from "../src/stream-reader.ts";
import { labelFrame, type Unit } from "../src/unit.ts";
import { writeTextFrame } from "../src/websocket-frames.ts";

const seed = Number(process.env.TEST_SEED ?? 20261);
const UPGRADE = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
const SSE = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n";

/** Reads bytes in pieces of these sizes, over and over. */
function readInPieces(bytes: Buffer, sizes: readonly number[], side: "client" | "server" = "server"): Unit[] {
  const reader = new StreamReader(side, createRandom(1));
  const units: Unit[] = [];
  for (let at = 0, piece = 0; at < bytes.length; piece++) {
    const size = sizes[piece % sizes.length] ?? 1;
    units.push(...reader.read(bytes.subarray(at, at + size)));
    at += size;
  }
  expect(reader.rest()).toHaveLength(0);
  return units;
}

const textsOf = (units: readonly Unit[]): string[] => units.flatMap((unit) => (unit.kind === "frame" ? [unit.text] : []));
const bytesOf = (units: readonly Unit[]): Buffer => Buffer.concat(units.map(({ bytes }) => bytes));
const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 6 });
const texts = fc.array(fc.oneof(fc.string({ unit: "binary", maxLength: 200 }), fc.constant("x".repeat(70_000))), { maxLength: 8 });

describe("the stream reader", () => {
  it("finds every WebSocket message, from either side, however the bytes come, and loses none", () => {
    fc.assert(
      fc.property(texts, sizes, (messages, pieces) => {
        const random = createRandom(2);
        const wire = Buffer.concat([Buffer.from(UPGRADE), ...messages.map((message) => writeTextFrame(message, "server", random))]);
        const units = readInPieces(wire, pieces);
        const passed = messages.map((message) => Buffer.from(message).toString());
        expect(textsOf(units)).toEqual(passed);
        expect(bytesOf(units).equals(wire)).toBe(true);
        const reader = new StreamReader("client", random);
        reader.upgrade();
        const masked = Buffer.concat(messages.map((message) => writeTextFrame(message, "client", random)));
        expect(textsOf([...reader.read(masked)])).toEqual(passed);
      }),
      { seed, numRuns: 60 },
    );
  });

  it("finds every SSE event, however the server cuts its chunks and the network its bytes", () => {
    const events = fc.array(
      fc.tuple(
        fc.constantFrom("\n", "\r\n"),
        fc.string({ maxLength: 40 }).map((value) => JSON.stringify(value)),
      ),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(events, sizes, sizes, (list, chunkSizes, pieces) => {
        const body = Buffer.from(list.map(([end, data]) => `event: data${end}data: ${data}${end}${end}`).join(""));
        const chunks: Buffer[] = [];
        for (let at = 0, index = 0; at < body.length; index++) {
          const size = chunkSizes[index % chunkSizes.length] ?? 1;
          const chunk = body.subarray(at, at + size);
          chunks.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n"));
          at += size;
        }
        const wire = Buffer.concat([Buffer.from(SSE), ...chunks, Buffer.from("0\r\n\r\n"), Buffer.from("HTTP/1.1 204 No Content\r\n\r\n")]);
        const units = readInPieces(wire, pieces);
        expect(textsOf(units)).toEqual(list.map(([, data]) => data));
        // What goes out is cut into chunks anew, and says the same.
        expect(textsOf(readInPieces(bytesOf(units), [7]))).toEqual(list.map(([, data]) => data));
        expect(units.filter(({ kind }) => kind === "head")).toHaveLength(2);
      }),
      { seed, numRuns: 60 },
    );
  });

  it("follows requests and answers that share a connection", () => {
    const answer = (body: string): string => `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const units = readInPieces(Buffer.from(answer("one") + answer("") + answer("HTTP/1.1 500 No\r\n\r\n")), [5]);
    expect(units.filter(({ kind }) => kind === "head")).toHaveLength(3);
    const requests = readInPieces(
      Buffer.from("GET /a HTTP/1.1\r\nHost: x\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"),
      [3],
      "client",
    );
    const heads = requests.flatMap((unit) => (unit.kind === "head" ? [`${unit.head.method} ${unit.head.target}`] : []));
    expect(heads).toEqual(["GET /a", "POST /b"]);
  });
});

describe("labels", () => {
  it.each([
    ['{"type":"data","seq":12,"content":{"type":"x","seq":1}}', { type: "data", status: undefined, seq: 12 }],
    ['{"seq":3,"status":"stream_completed","type":"status"}', { type: "status", status: "stream_completed", seq: 3 }],
    ["[1]", { type: undefined, status: undefined, seq: undefined }],
    ["{nope", { type: undefined, status: undefined, seq: undefined }],
  ])("%s", (text, label) => {
    expect(labelFrame(text)).toEqual(label);
  });
});
