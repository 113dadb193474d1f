import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { WebSocket } from "undici";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { drain, failureOf, serveScript, streamClient } from "./harness.ts";
import { type Peer, started } from "./scripted-server.ts";

describe("a connection that ends without a terminal record is STREAM_TRUNCATED", () => {
  const ends: [string, (peer: Peer) => void][] = [
    ...[1000, 1001, 1003, 1008, 1009, 1011, 1012, 1013, 4000, 4401, 4999].map((code): [string, (peer: Peer) => void] => [
      `close ${code}`,
      (peer) => peer.socket.close(code, "why"),
    ]),
    ["a reset", (peer) => peer.socket.terminate()],
  ];

  it.each(ends)("%s, version 2, with the cursor", async (_, end) => {
    const server = await serveScript({
      async stream(peer) {
        await peer.accept();
        peer.data(1);
        peer.data(2);
        end(peer);
      },
    });
    const { chunks, error } = await drain(streamClient(server).runStream({}, { invocationId: "inv-1" }));
    expect(chunks).toEqual([1, 2]);
    expect(error).toMatchObject({ code: "STREAM_TRUNCATED", retryable: false, invocationId: "inv-1" });
    expect(error?.cursor).toBe(Buffer.from("ra2:e1:2:inv-1").toString("base64url"));
    expect(error?.suggestion).toMatch(/Resume/);
  });

  it.each(ends)("%s, version 1", async (_, end) => {
    const server = await serveScript({
      async stream(peer) {
        await peer.next();
        peer.send({ type: "status", status: "stream_started", invocation_id: "s-1" });
        peer.send({ type: "data", content: '{"type":"string","payload":"\\"a\\""}' });
        end(peer);
      },
    });
    const { chunks, error } = await drain(streamClient(server).runStream({}));
    expect(chunks).toEqual(["a"]);
    expect(error).toMatchObject({ code: "STREAM_TRUNCATED", invocationId: "s-1", cursor: undefined });
  });

  it.each([1000, 1001, 1003, 1008, 1011, 1012, 1013, 4000])("close %i before the first frame", async (code) => {
    const server = await serveScript({
      async stream(peer) {
        await peer.next();
        peer.socket.close(code);
      },
    });
    expect(await failureOf(streamClient(server).runStream({}).collect())).toMatchObject({ code: "STREAM_TRUNCATED", cursor: undefined });
  });

  it.each([
    [4401, "AUTHENTICATION_ERROR"],
    [4404, "AGENT_NOT_FOUND"],
    [4429, "RATE_LIMITED"],
    [1009, "PAYLOAD_TOO_LARGE"],
  ])("but close %i in place of the accept frame says %s", async (closeCode, code) => {
    const server = await serveScript({
      async stream(peer) {
        await peer.next();
        peer.socket.close(closeCode);
      },
    });
    expect(await failureOf(streamClient(server).runStream({}).collect())).toMatchObject({ code, origin: "wire" });
  });
});

describe("frames that the protocol does not allow", () => {
  const afterAccept: [string, (peer: Peer, id: unknown) => void, string][] = [
    ["invalid JSON", (peer) => peer.send("{nope"), "PROTOCOL_ERROR"],
    ["an empty frame", (peer) => peer.send(""), "PROTOCOL_ERROR"],
    ["an array", (peer) => peer.send("[]"), "PROTOCOL_ERROR"],
    ["a number", (peer) => peer.send("1"), "PROTOCOL_ERROR"],
    ["no type", (peer) => peer.send("{}"), "PROTOCOL_ERROR"],
    ["a data frame without seq", (peer) => peer.send({ type: "data", content: 1 }), "PROTOCOL_ERROR"],
    ["seq 0", (peer) => peer.data(0), "PROTOCOL_ERROR"],
    ["seq -1", (peer) => peer.data(-1), "PROTOCOL_ERROR"],
    ["seq 1.5", (peer) => peer.data(1.5), "PROTOCOL_ERROR"],
    ["seq as a string", (peer) => peer.send({ type: "data", seq: "1", content: 1 }), "PROTOCOL_ERROR"],
    ["seq 2^53", (peer) => peer.data(2 ** 53), "PROTOCOL_ERROR"],
    ["a gap", (peer) => peer.data(3), "STREAM_TRUNCATED"],
    ["a heartbeat beyond what came", (peer) => peer.send({ type: "heartbeat", seq: 9 }), "STREAM_TRUNCATED"],
    ["a total that lies", (peer, id) => peer.complete(id, 2, 7), "PROTOCOL_ERROR"],
    ["the end of another invocation", (peer) => peer.complete("other", 2, 1), "PROTOCOL_ERROR"],
    ["a second accept frame of another log", (peer, id) => peer.send({ ...started(String(id)), epoch: "e2" }), "PROTOCOL_ERROR"],
    ["65 levels", (peer) => peer.send(`{"type":"data","seq":2,"content":${"[".repeat(65)}${"]".repeat(65)}}`), "PAYLOAD_TOO_LARGE"],
    ["a million levels", (peer) => peer.send(`{"type":"data","seq":2,"content":${"[".repeat(1e6)}`), "PAYLOAD_TOO_LARGE"],
    ["a binary frame", (peer) => peer.socket.send(Buffer.from('{"type":"data","seq":2,"content":1}')), "PROTOCOL_ERROR"],
    ["invalid UTF-8", (peer) => peer.socket.send(Buffer.from([0x22, 0xff, 0x22]), { binary: false }), "PROTOCOL_ERROR"],
    ["a frame above the limit", (peer) => peer.data(2, "x".repeat(70_000)), "PAYLOAD_TOO_LARGE"],
    ["a message in 65 fragments", (peer) => sendFragments(peer, 65), "PAYLOAD_TOO_LARGE"],
    ["a status that is no string", (peer) => peer.send({ type: "status", status: 5 }), "PROTOCOL_ERROR"],
  ];

  it.each(afterAccept)("%s ends the stream with a typed error, after what came before", async (_, misbehave, code) => {
    let closed: Promise<{ code: number }> | undefined;
    const server = await serveScript({
      async stream(peer) {
        closed = peer.closed;
        const { invocation_id } = await peer.accept();
        peer.data(1);
        misbehave(peer, invocation_id);
      },
    });
    const { chunks, error } = await drain(streamClient(server, { maxServerFrameBytes: 65_536 }).runStream({}));
    // ws tears the connection down for a breach of its own protocol; depth one million is larger than the frame limit.
    expect(chunks.length).toBeLessThanOrEqual(1);
    expect(error?.code).toBe(code);
    expect(error?.origin).toBe("local");
    await closed;
    await server.idle();
  });

  it("PROTOCOL_ERROR closes with 4002, so that the server learns of it", async () => {
    let closed: Promise<{ code: number }> | undefined;
    const server = await serveScript({
      async stream(peer) {
        closed = peer.closed;
        await peer.accept();
        peer.send("[]");
      },
    });
    await drain(streamClient(server).runStream({}));
    expect(await closed).toEqual({ code: 4002 });
  });

  it.each([
    ["another invocation", { invocation_id: "other" }],
    ["a later record", { seq: 4 }],
    ["version 3", { protocol: 3 }],
    ["a resume", { status: "stream_resumed" }],
    ["no epoch", { epoch: undefined }],
    ["an epoch with a slash", { epoch: "../x" }],
  ])("an accept frame of %s is PROTOCOL_ERROR", async (_, extra) => {
    const server = await serveScript({ stream: (peer) => void peer.accept(extra) });
    expect((await failureOf(streamClient(server).runStream({}).collect())).code).toBe("PROTOCOL_ERROR");
  });

  it("limits at -1 and exactly are read", async () => {
    const frame = (bytes: number): string => {
      const empty = '{"type":"data","seq":1,"content":""}';
      return empty.replace('""', `"${"x".repeat(bytes - empty.length)}"`);
    };
    for (const bytes of [65_535, 65_536]) {
      const server = await serveScript({
        async stream(peer) {
          const { invocation_id } = await peer.accept();
          peer.send(frame(bytes));
          peer.complete(invocation_id, 2, 1);
        },
      });
      expect((await streamClient(server, { maxServerFrameBytes: 65_536 }).runStream({}).collect()).length).toBe(1);
    }
  });

  it("prototype names are plain data everywhere", async () => {
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept();
        peer.send('{"type":"data","seq":1,"content":{"__proto__":{"polluted":1}},"__proto__":{"polluted":1}}');
        peer.send('{"type":"__proto__"}');
        peer.send('{"type":"status","status":"constructor"}');
        peer.complete(invocation_id, 2, 1);
      },
    });
    const chunks = await streamClient(server).runStream({}).collect();
    expect(JSON.stringify(chunks)).toBe('[{"__proto__":{"polluted":1}}]');
    expect("polluted" in {}).toBe(false);
  });

  it("a binary frame before the end is never success", async () => {
    let closed: Promise<{ code: number }> | undefined;
    const server = await serveScript({
      async stream(peer) {
        closed = peer.closed;
        const { invocation_id } = await peer.accept();
        peer.socket.send(Buffer.from("{}"));
        peer.data(1);
        peer.complete(invocation_id, 2, 1);
      },
    });
    expect((await failureOf(streamClient(server).runStream({}).collect())).code).toBe("PROTOCOL_ERROR");
    expect(await closed).toEqual({ code: 4002 });
  });

  it.each([
    ["a binary frame", (peer: Peer) => peer.socket.send(Buffer.from("{}")), "PROTOCOL_ERROR"],
    ["a frame above the limit", (peer: Peer) => peer.data(1, "x".repeat(70_000)), "PAYLOAD_TOO_LARGE"],
  ])("%s to a standard WebSocket of the caller", async (_, misbehave, code) => {
    const server = await serveScript({ stream: (peer) => void peer.accept().then(() => misbehave(peer)) });
    const client = streamClient(server, { WebSocket, maxServerFrameBytes: 65_536 });
    expect((await failureOf(client.runStream({}).collect())).code).toBe(code);
    await server.idle();
  });

  it("an output schema that throws is a typed error, and lets go of the connection", async () => {
    const server = await serveScript({ stream: (peer) => void peer.accept().then(() => peer.data(1)) });
    const output = z.unknown().transform(() => {
      throw new Error("bug");
    });
    const client = streamClient(server).withEntrypoint("story_stream", { output });
    expect(await failureOf(client.runStream({}).collect())).toMatchObject({ code: "VALIDATION_ERROR", cause: { message: "bug" } });
    await server.idle();
  });

  it("other streams go on", async () => {
    let bad = true;
    const server = await serveScript({
      async stream(peer) {
        const isBad = bad;
        bad = false;
        const { invocation_id } = await peer.accept();
        peer.data(1);
        if (isBad) peer.send("nonsense");
        else peer.complete(invocation_id, 2, 1);
      },
    });
    const client = streamClient(server);
    const first = client.runStream({});
    await first.started;
    const second = client.runStream({});
    expect((await drain(first)).error?.code).toBe("PROTOCOL_ERROR");
    expect(await second.collect()).toEqual([1]);
  });
});

describe("refusals and failures of the server", () => {
  it("an error record comes after the chunks, with what the server says", async () => {
    const server = await serveScript({
      async stream(peer) {
        await peer.accept();
        peer.data(1);
        peer.send({
          type: "error",
          seq: 2,
          error: { code: "EXECUTION_ERROR", message: "The tool broke.", suggestion: "Mend it.", details: { a: 1 } },
        });
      },
    });
    const stream = streamClient(server).runStream({});
    const { chunks, error } = await drain(stream);
    expect(chunks).toEqual([1]);
    expect(error).toMatchObject({
      code: "EXECUTION_ERROR",
      message: "The tool broke.",
      suggestion: "Mend it.",
      details: { a: 1 },
      origin: "wire",
    });
    expect(stream.summary?.status).toBe("failed");
  });

  it.each([
    [{ type: "error", error: { code: "ENTRYPOINT_NOT_FOUND", message: "No such tag." } }, "ENTRYPOINT_NOT_FOUND", "No such tag."],
    [{ type: "error", error: "Streaming error: boom" }, "EXECUTION_ERROR", "Streaming error: boom"],
    [{ type: "error", detail: "Entrypoint x not found" }, "VALIDATION_ERROR", "Entrypoint x not found"],
    [{ type: "error", error: { code: "NEW_CODE", message: "From the future." } }, "EXECUTION_ERROR", "From the future."],
    [{ type: "status", status: "stream_failed", error: "It failed." }, "EXECUTION_ERROR", "It failed."],
    [{ type: "status", status: "stream_interrupted" }, "EXECUTION_ERROR", /stream_interrupted/],
  ])("the first frame %j", async (frame, code, message) => {
    const server = await serveScript({
      async stream(peer) {
        await peer.next();
        peer.send(frame);
        peer.socket.close(1003);
      },
    });
    const stream = streamClient(server).runStream({});
    const error = await failureOf(stream.collect());
    expect(error).toMatchObject({ code, origin: "wire" });
    expect(error.message).toMatch(message);
    expect((await failureOf(stream.started)).code).toBe(code);
  });

  it("throws the same error at every later read", async () => {
    const server = await serveScript({ stream: (peer) => peer.socket.close(1011) });
    const cursor = streamClient(server).runStream({}).cursor();
    const first = await failureOf(cursor.next());
    expect(await failureOf(cursor.next())).toBe(first);
  });

  it("ignores the statuses and fields of version 1 that it does not need", async () => {
    const server = await serveScript({
      async stream(peer) {
        await peer.next();
        peer.send({ type: "status", status: "stream_progress", percent: 1 });
        peer.send({ type: "status", status: "stream_started" });
        peer.send({ type: "data", payload: "plain" });
        peer.send({ type: "data", delta: { a: 1 } });
        peer.send({ type: "ping" });
        peer.send({ type: "data", data: 0 });
        peer.send({ type: "status", status: "stream_completed" });
      },
    });
    const stream = streamClient(server).runStream({});
    expect(await stream.collect()).toEqual(["plain", { a: 1 }, 0]);
    expect(stream.summary).toMatchObject({ protocol: 1, chunks: 3, totalChunks: undefined, executionTime: undefined });
  });
});

describe("servers that cannot be reached, or are none", () => {
  it("a refused port", async () => {
    const server = await serveScript({});
    await server.close();
    const error = await failureOf(streamClient(server).runStream({}).collect());
    expect(error).toMatchObject({ code: "CONNECTION_ERROR", retryable: true });
    expect(error.message).toContain(`127.0.0.1:${server.port}`);
    expect(error.message).toContain("ECONNREFUSED");
  });

  it("a host that does not exist", async () => {
    const server = await serveScript({});
    const error = await failureOf(streamClient(server, { host: "no-such-host.invalid" }).runStream({}).collect());
    expect(error.code).toBe("CONNECTION_ERROR");
  });

  it.each([
    [200, "<html>hello</html>", "CONNECTION_ERROR"],
    [200, '{"status":"ok"}', "CONNECTION_ERROR"],
    [200, "{}", "CONNECTION_ERROR"],
    [404, "not here", "CONNECTION_ERROR"],
    [404, JSON.stringify({ success: false, error: { code: "AGENT_NOT_FOUND", message: "No agent a1." } }), "AGENT_NOT_FOUND"],
    [401, JSON.stringify({ success: false, error: { code: "AUTHENTICATION_ERROR", message: "Who are you?" } }), "AUTHENTICATION_ERROR"],
    [403, "", "PERMISSION_ERROR"],
    [426, "", "CONNECTION_ERROR"],
    [502, "bad gateway", "CONNECTION_ERROR"],
    [500, "x".repeat(200_000), "CONNECTION_ERROR"],
  ])("an upgrade answered with %i", async (status, body, code) => {
    const server = await serveScript({
      upgrade: (_, socket) => socket.end(`HTTP/1.1 ${status} Status\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`),
    });
    const client = streamClient(server);
    expect((await failureOf(client.runStream({}).collect())).code).toBe(code);
    await client.close();
    await server.idle();
  });

  it("a redirected upgrade is not followed, and the key goes nowhere else", async () => {
    const other = await serveScript({});
    const server = await serveScript({
      upgrade: (_, socket) => socket.end(`HTTP/1.1 307 Moved\r\nlocation: ${other.url}/elsewhere\r\ncontent-length: 0\r\n\r\n`),
    });
    const error = await failureOf(streamClient(server, { apiKey: "canary-key" }).runStream({}).collect());
    expect(error).toMatchObject({ code: "CONNECTION_ERROR", retryable: false });
    expect(error.message).toContain(other.url);
    expect(other.requests).toEqual([]);
  });

  it("a server that answers in another language", async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections++;
      socket.on("error", () => {}).end("220 smtp ready\r\n");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const fake = await serveScript({});
    const error = await failureOf(streamClient(fake, { port, connectTimeoutMs: 500 }).runStream({}).collect());
    expect(error.code).toBe("CONNECTION_ERROR");
    expect(connections).toBe(1);
    server.close();
  });

  it("a server that never answers: connectTimeoutMs", async () => {
    const server = await serveScript({ upgrade: () => {} });
    const error = await failureOf(streamClient(server, { connectTimeoutMs: 50 }).runStream({}).collect());
    expect(error).toMatchObject({ code: "TIMEOUT", retryable: true });
    expect(error.message).toContain("connectTimeoutMs");
    await server.idle();
  });

  it("a server that falls silent: idleTimeoutMs, and timeoutMs", async () => {
    const frames: Promise<unknown>[] = [];
    const server = await serveScript({
      async stream(peer) {
        await peer.accept();
        peer.data(1);
        frames.push(peer.next());
      },
    });
    const idle = await drain(streamClient(server, { idleTimeoutMs: 50 }).runStream({}));
    expect(idle.chunks).toEqual([1]);
    expect(idle.error?.message).toContain("idleTimeoutMs");
    const total = await drain(streamClient(server).runStream({}, { timeoutMs: 50 }));
    expect(total.error).toMatchObject({ code: "TIMEOUT" });
    expect(total.error?.message).toContain("timeoutMs");
    await server.idle();
    // The caller gave up, so the agent is stopped; a silent server may still be working.
    expect(await frames[1]).toEqual({ type: "cancel", mode: "immediate" });
  });
});

/** One text message in `count` fragments. */
function sendFragments(peer: Peer, count: number): void {
  for (let index = 0; index < count; index++) peer.socket.send("x", { fin: index === count - 1, binary: false, compress: false });
}
