import type { Duplex } from "node:stream";
import { WebSocket } from "undici";
import { describe, expect, it } from "vitest";
import { drain, failureOf, inTurn, type Play, RESUMABLE, serveScript, streamClient } from "./harness.ts";
import type { Peer, ScriptedServer } from "./scripted-server.ts";
import { SsePeer } from "./sse-peer.ts";

const FAST = { maxReconnectDelayMs: 1 };
const CHUNKS = [1, 2, 3, 4];
const ENVELOPE = '{"success":false,"data":null,"error":{"code":"AUTHENTICATION_ERROR","message":"Wrong key."}}';

const rest = async (peer: Peer | SsePeer): Promise<void> => peer.finish(await peer.accept(RESUMABLE), 4);

/** Answers an upgrade with something else. */
const answer = (head: string, body = ""): ((socket: Duplex) => void) => {
  return (socket) => void socket.end(`HTTP/1.1 ${head}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`);
};

/** A server that refuses every upgrade, and plays SSE. */
const serveRefusing = (refuse: (socket: Duplex) => void, ...plays: Play<SsePeer>[]): Promise<ScriptedServer> => {
  const play = inTurn(...plays);
  return serveScript({
    upgrade: (_, socket) => refuse(socket),
    http: (request, response) => play(new SsePeer(request, response)),
  });
};

const isUpgrade = ({ headers }: { headers: { upgrade?: string | undefined } }): boolean => headers.upgrade !== undefined;
const upgrades = (server: ScriptedServer): number => server.requests.filter(isUpgrade).length;

describe("an upgrade that is refused on the way", () => {
  const ways: [string, (socket: Duplex) => void][] = [
    ["403", answer("403 Forbidden")],
    ["a page with 403", answer("403 Forbidden", "<html>no</html>")],
    ["200", answer("200 OK", "<html>portal</html>")],
    ["426", answer("426 Upgrade Required")],
    ["426 with an envelope", answer("426 Upgrade Required", ENVELOPE.replace("AUTHENTICATION_ERROR", "VALIDATION_ERROR"))],
    ["400", answer("400 Bad Request")],
    ["404", answer("404 Not Found")],
    ["405", answer("405 Method Not Allowed")],
    ["501", answer("501 Not Implemented")],
    ["505", answer("505 HTTP Version Not Supported")],
  ];

  it.each(ways)("with %s: the same stream comes over SSE, and the next call goes there at once", async (_, refuse) => {
    const server = await serveRefusing(refuse, rest);
    const client = streamClient(server, FAST);
    const stream = client.runStream({ message: "hi" }, { invocationId: "inv-1" });
    expect(await stream.collect()).toEqual(CHUNKS);
    expect(stream.summary).toMatchObject({ status: "completed", invocationId: "inv-1", reconnects: 0 });
    expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    expect(server.requests.map(({ method }) => method)).toEqual(["GET", "POST", "POST"]);
    expect(JSON.parse(server.requests[1]?.body ?? "")).toMatchObject({ type: "start", invocation_id: "inv-1" });
    await client.close();
  });

  it.each(ways)("with %s, transport websocket: a typed error, and no SSE", async (_, refuse) => {
    const server = await serveRefusing(refuse, rest);
    const client = streamClient(server, { ...FAST, transport: "websocket" });
    const error = await failureOf(client.runStream({}).collect());
    expect(["CONNECTION_ERROR", "PERMISSION_ERROR", "VALIDATION_ERROR"]).toContain(error.code);
    expect(error.message.length).toBeGreaterThan(0);
    expect(server.requests).toHaveLength(1);
    await server.idle();
  });

  it("a resumed stream falls back too, with the cursor", async () => {
    let count = 0;
    const server = await serveScript({
      upgrade: (_, socket) => ++count === 1 || void answer("403 No")(socket),
      async stream(peer) {
        await peer.accept(RESUMABLE);
        peer.burst(1, 2);
        peer.socket.terminate();
      },
      http: (request, response) => rest(new SsePeer(request, response)),
    });
    const client = streamClient(server, FAST);
    expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    expect(server.requests.map(({ method, headers }) => [method, headers["last-event-id"] !== undefined])).toEqual([
      ["GET", false],
      ["GET", false],
      ["GET", true],
    ]);
    await client.close();
  });

  it("a drop over SSE is resumed over SSE", async () => {
    const server = await serveRefusing(
      answer("403 No"),
      async (peer) => {
        await peer.accept(RESUMABLE);
        peer.burst(1, 2);
        peer.reset();
      },
      rest,
    );
    expect(await streamClient(server, FAST).runStream({}).collect()).toEqual(CHUNKS);
    expect(upgrades(server)).toBe(1);
  });

  it("where SSE is refused as well, the first refusal is the error; the server's own word goes before it", async () => {
    const both = await serveRefusing(answer("403 No"), (peer) => void peer.response.writeHead(404).end("nope"));
    expect(await failureOf(streamClient(both, FAST).runStream({}).collect())).toMatchObject({ code: "PERMISSION_ERROR" });
    const own = await serveRefusing(answer("403 No"), (peer) => peer.refuse(404, "AGENT_NOT_FOUND"));
    expect(await failureOf(streamClient(own, FAST).runStream({}).collect())).toMatchObject({ code: "AGENT_NOT_FOUND", requestId: "r1" });
    // Nothing was learnt: the next call asks for a WebSocket again.
    expect([upgrades(both), upgrades(own)]).toEqual([1, 1]);
    const client = streamClient(both, FAST);
    await failureOf(client.runStream({}).collect());
    await failureOf(client.runStream({}).collect());
    expect(upgrades(both)).toBe(3);
  });
});

describe("what is no word about WebSockets", () => {
  it.each([
    ["401 with an envelope", answer("401 No", ENVELOPE), "AUTHENTICATION_ERROR"],
    ["403 with an envelope", answer("403 No", ENVELOPE.replace("AUTHENTICATION", "PERMISSION")), "PERMISSION_ERROR"],
    ["404 with an envelope", answer("404 No", ENVELOPE.replace("AUTHENTICATION_ERROR", "AGENT_NOT_FOUND")), "AGENT_NOT_FOUND"],
    ["a redirect", answer("302 Found\r\nlocation: http://127.0.0.1:1/"), "CONNECTION_ERROR"],
  ])("%s is final: no SSE", async (_, refuse, code) => {
    const server = await serveRefusing(refuse, rest);
    expect((await failureOf(streamClient(server, FAST).runStream({}).collect())).code).toBe(code);
    expect(server.requests).toHaveLength(1);
    await server.idle();
  });

  it.each(["429 Busy\r\nretry-after: 0", "503 Busy\r\nretry-after: 0", "500 Oops", "502 Bad Gateway", "504 Late"])(
    "%j: no SSE",
    async (head) => {
      const server = await serveRefusing(answer(head), rest);
      const stream = streamClient(server, { ...FAST, connectTimeoutMs: 100 }).runStream({});
      const { error } = await drain(stream);
      expect(error).toBeDefined();
      expect(server.requests.every(isUpgrade)).toBe(true);
      await server.idle();
    },
  );

  it("a reset before the answer: no SSE", async () => {
    const server = await serveRefusing((socket) => void socket.destroy(), rest);
    const { error } = await drain(streamClient(server, { ...FAST, connectTimeoutMs: 100 }).runStream({}));
    expect(error?.code).toMatch(/CONNECTION_ERROR|TIMEOUT/);
    expect(server.requests.every(isUpgrade)).toBe(true);
  });

  it("a WebSocket that was open: its drop is resumed over a WebSocket", async () => {
    const server = await serveScript({
      stream: inTurn(async (peer) => {
        await peer.accept(RESUMABLE);
        peer.reset();
      }, rest),
      http: (_, response) => void response.writeHead(500).end(),
    });
    expect(await streamClient(server, FAST).runStream({}).collect()).toEqual(CHUNKS);
    expect(upgrades(server)).toBe(2);
    expect(server.requests).toHaveLength(2);
  });
});

describe("a WebSocket of the caller that fails", () => {
  it("does not say why: SSE is tried", async () => {
    const server = await serveRefusing(answer("403 No"), rest);
    const client = streamClient(server, { ...FAST, WebSocket });
    expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    expect(upgrades(server)).toBe(1);
    await client.close();
  });

  it("where nothing listens, says so once", async () => {
    const server = await serveScript({});
    await server.close();
    expect(await failureOf(streamClient(server, { WebSocket }).runStream({}).collect())).toMatchObject({ code: "CONNECTION_ERROR" });
  });

  it("by throwing from its constructor is a typed error", async () => {
    const server = await serveRefusing(answer("403 No"), rest);
    class Throws extends WebSocket {
      constructor(url: string) {
        super(url);
        throw new Error("not here");
      }
    }
    const error = await failureOf(
      streamClient(server, { ...FAST, transport: "websocket", WebSocket: Throws })
        .runStream({})
        .collect(),
    );
    expect(error.code).toMatch(/CONNECTION_ERROR|PROTOCOL_ERROR/);
  });
});

describe("leaving while the transport changes", () => {
  it("aborts the request that is under way", async () => {
    const server = await serveRefusing(answer("403 No"), () => {});
    const controller = new AbortController();
    const client = streamClient(server, FAST);
    const stream = client.runStream({}, { signal: controller.signal });
    const read = failureOf(stream.collect());
    while (server.requests.length < 2) await new Promise(setImmediate);
    controller.abort();
    expect((await read).code).toBe("CANCELLED");
    // The start may have arrived: a cancel follows it.
    while (server.requests.length < 3) await new Promise(setImmediate);
    expect(server.requests[2]?.url).toMatch(/\/cancel$/);
    await client.close();
  });
});
