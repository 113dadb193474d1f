import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type RetryInfo, RunAgentClient } from "runagent";
import { describe, expect, it } from "vitest";
import { cursorOf, deferred, drain, failureOf, inTurn, RESUMABLE, serveScript, streamClient } from "./harness.ts";
import { acceptOf, type Peer, type Player } from "./scripted-server.ts";
import { SsePeer, serveSse } from "./sse-peer.ts";

const FAST = { maxReconnectDelayMs: 1 };
/** Silence is found after 200 ms. */
const BEATING = { ...RESUMABLE, heartbeat_seconds: 0.1 };
const rest = async (peer: Player): Promise<void> => peer.finish(await peer.accept(RESUMABLE), 4);
const fallSilent = async (peer: Player): Promise<void> => {
  await peer.accept(BEATING);
  peer.burst(1, 2);
};
/** Repeats until the connection is closed. */
const every = (ms: number, peer: { closed: Promise<unknown> }, action: () => void): void => {
  const timer = setInterval(action, ms);
  void peer.closed.then(() => clearInterval(timer));
};
const closedOf = (peer: SsePeer): { closed: Promise<unknown> } => ({ closed: once(peer.response, "close") });

describe.each(["websocket", "sse"] as const)("silence over %s", (transport) => {
  const serve = (...plays: ((peer: Player) => Promise<void>)[]) =>
    transport === "sse" ? serveSse(plays) : serveScript({ stream: inTurn<Peer>(...plays) });

  it("for twice the heartbeat is found, and the stream is resumed at once", async () => {
    const server = await serve(fallSilent, rest);
    const infos: RetryInfo[] = [];
    const began = performance.now();
    const stream = streamClient(server, { ...FAST, transport }).runStream({}, { onReconnect: (info) => void infos.push(info) });
    expect(await stream.collect()).toEqual([1, 2, 3, 4]);
    expect(performance.now() - began).toBeGreaterThan(150);
    expect(infos).toMatchObject([{ attempt: 1, delayMs: 0, error: { code: "CONNECTION_ERROR" } }]);
    expect(infos[0]?.error.message).toContain("heartbeat");
  });

  it("is none while heartbeats come", async () => {
    const server = await serve(async (peer) => {
      const first = await peer.accept({ ...RESUMABLE, heartbeat_seconds: 0.2 });
      peer.burst(1, 2);
      let beats = 0;
      const timer = setInterval(() => {
        peer.send({ type: "heartbeat", seq: 2 });
        if (++beats < 15) return;
        clearInterval(timer);
        peer.finish({ ...first, after_seq: 2 }, 4);
      }, 50);
    });
    const stream = streamClient(server, { ...FAST, transport }).runStream({});
    expect(await stream.collect()).toEqual([1, 2, 3, 4]);
    expect(stream.summary?.reconnects).toBe(0);
  });

  it("counts for nothing when the server sends no heartbeats: the idle deadline does", async () => {
    const server = await serve(async (peer) => {
      await peer.accept({ ...RESUMABLE, heartbeat_seconds: 0 });
      peer.data(1);
    });
    const { chunks, error } = await drain(
      streamClient(server, { ...FAST, transport, idleTimeoutMs: 300 }).runStream({}, { invocationId: "inv-1" }),
    );
    expect(chunks).toEqual([1]);
    expect(error).toMatchObject({ code: "TIMEOUT", cursor: cursorOf("inv-1", 1) });
    expect(server.requests.filter(({ url }) => url.endsWith("stream"))).toHaveLength(1);
  });

  it("heartbeats are no records: the idle deadline passes all the same", async () => {
    const server = await serve(async (peer) => {
      await peer.accept(BEATING);
      const timer = setInterval(() => peer.send({ type: "heartbeat", seq: 0 }), 30);
      setTimeout(() => clearInterval(timer), 2000).unref();
    });
    const { error } = await drain(streamClient(server, { ...FAST, transport, idleTimeoutMs: 300 }).runStream({}));
    expect(error?.code).toBe("TIMEOUT");
    expect(error?.message).toContain("idleTimeoutMs");
  });

  it("a heartbeat that is not at the last record is a gap", async () => {
    const seen: unknown[] = [];
    const server = await serve(
      async (peer) => {
        await peer.accept(BEATING);
        peer.burst(1, 2);
        peer.send({ type: "heartbeat", seq: 3 });
      },
      async (peer) => {
        const first = await peer.accept(RESUMABLE);
        seen.push(first.type);
        peer.finish(first, 4);
      },
    );
    expect(
      await streamClient(server, { ...FAST, transport })
        .runStream({})
        .collect(),
    ).toEqual([1, 2, 3, 4]);
    expect(seen).toEqual(["resume"]);
  });

  it("a consumer that takes its time is not a dead server", async () => {
    const arrived = deferred();
    const server = await serve(async (peer) => {
      const first = await peer.accept(BEATING);
      peer.burst(1, 2);
      let beats = 0;
      const timer = setInterval(() => {
        peer.send({ type: "heartbeat", seq: 2 });
        if (++beats < 12) return;
        clearInterval(timer);
        arrived.resolve();
        peer.finish({ ...first, after_seq: 2 }, 4);
      }, 40);
    });
    const stream = streamClient(server, { ...FAST, transport, idleTimeoutMs: 200 }).runStream({});
    const cursor = stream.cursor();
    expect((await cursor.next()).seq).toBe(1);
    await arrived.promise;
    for (let seq = 2; seq <= 4; seq++) expect((await cursor.next()).seq).toBe(seq);
    expect(await cursor.next()).toEqual({ hasMore: false });
    expect(stream.summary?.reconnects).toBe(0);
  });
});

describe("signs of life", () => {
  it("WebSocket pings count", async () => {
    const server = await serveScript({
      async stream(peer) {
        const first = await peer.accept(BEATING);
        let pings = 0;
        every(40, peer, () => (++pings === 15 ? peer.finish(first, 4) : peer.socket.ping()));
      },
    });
    const stream = streamClient(server, FAST).runStream({});
    expect(await stream.collect()).toEqual([1, 2, 3, 4]);
    expect(stream.summary?.reconnects).toBe(0);
  });

  it("SSE comments count", async () => {
    const server = await serveSse([
      async (peer) => {
        const first = await peer.accept(BEATING);
        let comments = 0;
        every(40, closedOf(peer), () => {
          if (++comments < 15) peer.raw(": still here\n");
          if (comments === 15) peer.finish(first, 4);
        });
      },
    ]);
    const stream = streamClient(server, { ...FAST, transport: "sse" }).runStream({});
    expect(await stream.collect()).toEqual([1, 2, 3, 4]);
    expect(stream.summary?.reconnects).toBe(0);
  });

  it("so do the bytes of a large frame that comes slowly", async () => {
    const content = "x".repeat(2000);
    const server = await createRawServer(async (socket, first) => {
      socket.write(frameOf({ ...acceptOf(first), ...BEATING }));
      const data = frameOf({ type: "data", seq: 1, content });
      for (let at = 0; at < data.length; at += 150) {
        socket.write(data.subarray(at, at + 150));
        await new Promise((resolve) => setTimeout(resolve, 40));
      }
      const { invocation_id } = first;
      socket.write(frameOf({ type: "status", status: "stream_completed", seq: 2, invocation_id, total_chunks: 1, execution_time: 1 }));
    });
    const client = new RunAgentClient({
      agentId: "a1",
      entrypointTag: "story_stream",
      port: server.port,
      ...FAST,
      maxIdleConnections: 0,
    });
    const stream = client.runStream({});
    expect(await stream.collect()).toEqual([content]);
    expect(stream.summary?.reconnects).toBe(0);
    await server.close();
  });
});

describe("the connect deadline", () => {
  it.each(["websocket", "sse"] as const)("bounds a server that takes connections and says nothing: %s", async (transport) => {
    const server = createServer((socket) => void socket.on("error", () => {}).resume()).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const client = new RunAgentClient({ agentId: "a1", entrypointTag: "story_stream", port, connectTimeoutMs: 80, transport });
    const error = await failureOf(client.runStream({}, { timeoutMs: 5000 }).collect());
    // A POST is the start; a WebSocket that is not open has carried none.
    expect(error).toMatchObject({ code: "TIMEOUT", retryable: transport === "websocket" });
    expect(error.message).toContain("connectTimeoutMs");
    server.close();
    await once(server, "close");
  });

  it("bounds every connection of its own once a server was reached, and the idle deadline all of them", async () => {
    let upgrades = 0;
    const server = await serveScript({
      upgrade: () => ++upgrades === 1,
      async stream(peer) {
        await peer.accept(RESUMABLE);
        peer.burst(1, 2);
        peer.reset();
      },
    });
    const client = streamClient(server, { ...FAST, connectTimeoutMs: 150, idleTimeoutMs: 1200 });
    const { chunks, error } = await drain(client.runStream({}, { invocationId: "inv-1" }));
    expect(chunks).toEqual([1, 2]);
    expect(error).toMatchObject({ code: "TIMEOUT", cursor: cursorOf("inv-1", 2) });
    expect(error?.message).toContain("idleTimeoutMs");
    expect(upgrades).toBeGreaterThan(2);
    expect(upgrades).toBeLessThan(15);
    await server.idle();
  });

  it("bounds the answer to a resume as well, when the connection opens", async () => {
    const server = await serveScript({ stream: inTurn<Peer>(fallSilent, () => {}, rest) });
    const stream = streamClient(server, { ...FAST, connectTimeoutMs: 100 }).runStream({});
    expect(await stream.collect()).toEqual([1, 2, 3, 4]);
    expect(stream.summary?.reconnects).toBe(2);
    await server.idle();
  });

  it.each(["websocket", "sse"] as const)(
    "a server of version 2 that takes the start and never accepts it is given up after five: %s",
    async (transport) => {
      const plays: ((peer: Player) => void | Promise<void>)[] = [rest, (peer) => void (peer instanceof SsePeer && peer.open())];
      const server = await (transport === "sse" ? serveSse(plays) : serveScript({ stream: inTurn<Peer>(...plays) }));
      const client = streamClient(server, { ...FAST, transport, connectTimeoutMs: 150 });
      expect(await client.runStream({}).collect()).toEqual([1, 2, 3, 4]);
      const error = await failureOf(client.runStream({}, { timeoutMs: 5000 }).collect());
      expect(error).toMatchObject({ code: "STREAM_TRUNCATED", retryable: false, cursor: undefined });
      expect(error.message).toContain("connectTimeoutMs");
      // Five that were open; on a busy machine one more may not have been open in time.
      expect(server.requests.length).toBeLessThanOrEqual(1 + 8);
      await client.close();
    },
  );

  it("does not bound the acceptance of a server whose version is unknown: a version 1 agent may take its time", async () => {
    const server = await serveScript({
      async stream(peer) {
        await peer.next();
        await new Promise((resolve) => setTimeout(resolve, 150));
        peer.send({ type: "status", status: "stream_started", invocation_id: "s-1" });
        peer.send({ type: "status", status: "stream_completed", total_chunks: 0 });
      },
    });
    expect(await streamClient(server, { connectTimeoutMs: 50 }).runStream({}).collect()).toEqual([]);
  });
});

/** A text message as a WebSocket server sends it: in one frame, not masked. */
function frameOf(frame: unknown): Buffer {
  const payload = Buffer.from(JSON.stringify(frame));
  const head =
    payload.length < 126 ? Buffer.from([0x81, payload.length]) : Buffer.from([0x81, 126, payload.length >> 8, payload.length & 255]);
  return Buffer.concat([head, payload]);
}

/** A WebSocket server whose bytes the test writes itself; `play` gets the first frame. */
async function createRawServer(
  play: (socket: Socket, first: Record<string, unknown>) => Promise<void>,
): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", (head) => {
      const key = /sec-websocket-key: (.+)\r\n/i.exec(head.toString())?.[1] ?? "";
      const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
      );
      socket.once("data", (bytes) => void play(socket, JSON.parse(unmask(bytes))));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** The text of a client's frame of 126 to 65,535 bytes. */
function unmask(bytes: Buffer): string {
  const length = bytes.readUInt16BE(2);
  const mask = bytes.subarray(4, 8);
  return Buffer.from(bytes.subarray(8, 8 + length).map((byte, index) => byte ^ (mask[index % 4] ?? 0))).toString();
}
