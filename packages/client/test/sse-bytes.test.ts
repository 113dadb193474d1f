import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { deferred, drain, RESUMABLE, streamClient } from "./harness.ts";
import { acceptOf, type ScriptedServer } from "./scripted-server.ts";
import { eventOf, type SsePeer, serveSse } from "./sse-peer.ts";

const SSE = { transport: "sse", maxReconnectDelayMs: 1, maxServerFrameBytes: 65_536 } as const;
const ACCEPT = { ...acceptOf({ type: "start", invocation_id: "inv-1" }), ...RESUMABLE };
const DATA = [1, 2, 3].map((seq) => ({ type: "data", seq, content: `ü€😀 ${seq}\\r\\n` }));
const END = { type: "status", status: "stream_completed", seq: 4, invocation_id: "inv-1", total_chunks: 3, execution_time: 0.1 };
const CHUNKS = DATA.map(({ content }) => content);
const TEXT = [ACCEPT, ...DATA, END].map(eventOf).join("");

/** Reads a body that the test writes; what the stream gives. */
async function read(
  play: (peer: SsePeer) => void | Promise<void>,
): Promise<{ chunks: unknown[]; error: { code: string; message: string } | undefined; server: ScriptedServer }> {
  const server = await serveSse([play]);
  const result = await drain(streamClient(server, SSE).runStream({}, { invocationId: "inv-1", idleTimeoutMs: 5000 }));
  return { ...result, server };
}

/** Writes the pieces one by one, each in a TCP segment of its own as far as the kernel goes along. */
async function writeInPieces(peer: SsePeer, bytes: Buffer, size: number): Promise<void> {
  peer.open();
  peer.response.socket?.setNoDelay(true);
  for (let at = 0; at < bytes.length; at += size) {
    peer.raw(bytes.subarray(at, at + size));
    await new Promise(setImmediate);
  }
  peer.response.end();
}

describe("a body of server-sent events", () => {
  const same: [string, string | Buffer][] = [
    ["with LF", TEXT],
    ["with CR LF", TEXT.replaceAll("\n", "\r\n")],
    // Whether a CR at the very end ends a line is seen from what follows: here a comment.
    ["with CR", `${TEXT.replaceAll("\n", "\r")}:\r`],
    ["with all three in turn", mixedLineEnds(TEXT)],
    ["with a byte order mark", `\uFEFF${TEXT}`],
    ["with event names and ids", TEXT.replaceAll("data:", "event: data\nid: cmEyOmUxOjE6aW52LTE\ndata:")],
    ["with a NUL in an id", TEXT.replaceAll("data:", "id: a\0b\ndata:")],
    ["with ids that lie", TEXT.replaceAll("data:", "id: 99\ndata:")],
    ["with a huge retry", TEXT.replaceAll("data:", "retry: 99999999999999999999\ndata:")],
    ["with a retry that is no number", TEXT.replaceAll("data:", "retry: soon\ndata:")],
    ["with unknown fields", TEXT.replaceAll("data:", "hologram: yes\nnonsense\ndata:")],
    ["with no space after the colon", TEXT.replaceAll("data: ", "data:")],
    ["with frames on several data lines", TEXT.replaceAll(',"', '\ndata: ,"')],
    ["with comments", TEXT.replaceAll("\n\n", "\n\n: ping\n\n:\n")],
    ["with 100,000 comments", TEXT.replace("\n\n", `\n\n${": keep-alive\n\n".repeat(100_000)}`)],
    ["with events without data", TEXT.replaceAll("\n\n", "\n\nevent: data\nid: 1\n\n\n\n")],
  ];

  it.each(same)("%s says the same", async (_, text) => {
    const { chunks, error, server } = await read(async (peer) => {
      peer.open({ "content-type": "Text/Event-Stream; charset=utf-8" });
      peer.response.end(text);
    });
    expect(error).toBeUndefined();
    expect(chunks).toEqual(CHUNKS);
    expect(server.requests).toHaveLength(1);
  });

  it.each([1, 2, 3, 7])("in pieces of %i bytes says the same", async (size) => {
    const bytes = Buffer.from(mixedLineEnds(TEXT));
    const { chunks, error } = await read((peer) => writeInPieces(peer, bytes, size));
    expect(error).toBeUndefined();
    expect(chunks).toEqual(CHUNKS);
  });

  it("cut at every byte of an event is resumed, and nothing is lost or doubled", async () => {
    const event = Buffer.from(eventOf(DATA[1]));
    for (let cut = 0; cut <= event.length; cut += 3) {
      const server = await serveSse([
        async (peer) => {
          await peer.accept(RESUMABLE);
          peer.send(DATA[0]);
          peer.raw(event.subarray(0, cut));
          if (cut % 2 === 0) peer.response.end();
          else peer.reset();
        },
        async (peer) => {
          const { after_seq } = await peer.accept(RESUMABLE);
          for (const frame of DATA.slice(Number(after_seq))) peer.send(frame);
          peer.send(END);
        },
      ]);
      const client = streamClient(server, SSE);
      expect(await client.runStream({}, { invocationId: "inv-1" }).collect(), `cut at ${cut}`).toEqual(CHUNKS);
      await client.close();
    }
  });

  const wrong: [string, string | Buffer, string][] = [
    ["invalid UTF-8", Buffer.concat([Buffer.from("data: "), Buffer.from([0xff, 0xfe]), Buffer.from("\n\n")]), "PROTOCOL_ERROR"],
    ["an overlong form", Buffer.concat([Buffer.from("data: "), Buffer.from([0xc0, 0xaf]), Buffer.from("\n\n")]), "PROTOCOL_ERROR"],
    ["invalid JSON", "data: {nope\n\n", "PROTOCOL_ERROR"],
    ["an array", "data: []\n\n", "PROTOCOL_ERROR"],
    ["a text", "data: hello\n\n", "PROTOCOL_ERROR"],
    ["65 levels", `data: {"type":"data","seq":1,"content":${"[".repeat(65)}${"]".repeat(65)}}\n\n`, "PAYLOAD_TOO_LARGE"],
    ["a line above the limit", `data: ${JSON.stringify({ type: "data", seq: 1, content: "x".repeat(70_000) })}\n\n`, "PAYLOAD_TOO_LARGE"],
    ["a line that never ends", `data: ${"x".repeat(70_000)}`, "PAYLOAD_TOO_LARGE"],
    ["an event of too many lines", "data: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n".repeat(3000), "PAYLOAD_TOO_LARGE"],
    ["a field name that never ends", "x".repeat(70_000), "PAYLOAD_TOO_LARGE"],
    ["a comment that never ends", `:${"x".repeat(70_000)}`, "PAYLOAD_TOO_LARGE"],
  ];

  it.each(wrong)("%s ends the stream with a typed error, and the request", async (_, text, code) => {
    const closed: Promise<unknown>[] = [];
    const { chunks, error, server } = await read(async (peer) => {
      closed.push(once(peer.response, "close"));
      await peer.accept(RESUMABLE);
      peer.raw(text);
    });
    expect(chunks.length).toBe(0); // Not printed: they are long.
    expect(error).toMatchObject({ code, origin: "local" });
    if (code === "PAYLOAD_TOO_LARGE") expect(error?.message).toMatch(/maxServerFrameBytes|maxJsonDepth/);
    await Promise.all(closed);
    expect(server.requests).toHaveLength(1);
  });

  it("a frame at the limit is read", async () => {
    const frame = { type: "data", seq: 1, content: "" };
    frame.content = "x".repeat(65_000 - JSON.stringify(frame).length);
    const { chunks, error } = await read(async (peer) => {
      const { invocation_id } = await peer.accept(RESUMABLE);
      peer.send(frame);
      peer.complete(invocation_id, 2, 1);
    });
    expect(error).toBeUndefined();
    expect(chunks).toEqual([frame.content]);
  });

  it("an error event without seq is a refusal; with one it is the end of the log", async () => {
    const error = { code: "EXECUTION_ERROR", message: "It broke." };
    for (const seq of [undefined, 1]) {
      const result = await read(async (peer) => {
        await peer.accept(RESUMABLE);
        peer.send({ type: "error", seq, error });
        peer.response.end();
      });
      expect(result.error).toMatchObject({ ...error, origin: "wire" });
      expect(result.server.requests).toHaveLength(1);
    }
  });

  it("what comes after the end is not read", async () => {
    const { chunks, error } = await read((peer) => {
      peer.open();
      peer.response.end(`${TEXT}${eventOf({ type: "data", seq: 5, content: "late" })}data: {nope\n\n`);
    });
    expect([chunks, error]).toEqual([CHUNKS, undefined]);
  });

  it("the end of the body after a record that was cut off is no success", async () => {
    const server = await serveSse([
      (peer) => {
        peer.open();
        // The last event lacks its empty line, and so was never sent.
        peer.response.end(TEXT.slice(0, -1).replace('"resume_seconds":60', '"resume_seconds":0'));
      },
    ]);
    const { chunks, error } = await drain(streamClient(server, SSE).runStream({}, { invocationId: "inv-1" }));
    expect(chunks).toEqual(CHUNKS);
    expect(error?.code).toBe("STREAM_TRUNCATED");
  });
});

describe("a body that does not flow", () => {
  it("is not read any further while the consumer takes nothing, and all of it comes when it does", async () => {
    const COUNT = 3000;
    const stuck = deferred<number>();
    const server = await serveSse([
      async (peer) => {
        const { invocation_id } = await peer.accept(RESUMABLE);
        for (let seq = 1; seq <= COUNT; seq++) peer.data(seq, "x".repeat(10_000));
        peer.complete(invocation_id, COUNT + 1, COUNT);
        // Stuck: nothing has left for a hundred turns of the loop that both sides share.
        let left = peer.response.writableLength;
        for (let turns = 0; turns < 100 && left > 0; turns++) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          if (peer.response.writableLength !== left) turns = 0;
          left = peer.response.writableLength;
        }
        stuck.resolve(left);
      },
    ]);
    const client = streamClient(server, { ...SSE, bufferBytes: 100_000 });
    const stream = client.runStream({});
    await stream.started;
    expect(await stuck.promise).toBeGreaterThan(COUNT * 10_000 * 0.5);
    let chunks = 0;
    for await (const _ of stream) chunks++;
    expect(chunks).toBe(COUNT);
    expect(stream.summary?.reconnects).toBe(0);
    await client.close();
  });

  it("after its headers is dropped when connectTimeoutMs have passed without the accept frame: a proxy may hold it back", async () => {
    const server = await serveSse([
      (peer) => peer.open(),
      async (peer) => {
        const { invocation_id } = await peer.accept(RESUMABLE);
        peer.data(1);
        peer.complete(invocation_id, 2, 1);
      },
    ]);
    const client = streamClient(server, { ...SSE, connectTimeoutMs: 100 });
    expect(await client.runStream({}, { timeoutMs: 3000 }).collect()).toEqual([1]);
    expect(server.requests).toHaveLength(2);
    await client.close();
  });
});

/** Each event ends in another way; a CR before an LF would be one end, not two. */
function mixedLineEnds(text: string): string {
  const ends = ["\r\r", "\n\r", "\r\n\r", "\r\r\n", "\r\n\n"];
  let n = 0;
  return text.replaceAll("\n\n", () => ends[n++ % ends.length] ?? "");
}
