/** relay: a WebSocket server, far clients that are slow, go, or stand still; over ws and over the standard interface. */
import { once } from "node:events";
import { RunAgentError } from "@runagent/core";
import { WebSocket as StandardWebSocket } from "undici";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { type RelaySocket, relay } from "../../src/patterns/index.ts";
import { aborted, serveStory } from "./served.ts";
import { createSource, nextTurn, sourceOf, until } from "./sources.ts";

/** A connection over loopback: the socket that a server has, and its far client. */
async function connect(): Promise<{ near: WebSocket; far: WebSocket; url: string }> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const address = server.address();
  const url = `ws://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  const accepted = once(server, "connection");
  const far = new WebSocket(url);
  const [near] = await accepted;
  await once(far, "open");
  onTestFinished(() => {
    for (const socket of server.clients) socket.terminate();
    far.terminate();
    server.close();
  });
  return { near, far, url };
}

/** What came, and how it was closed. */
function record(socket: WebSocket): { readonly messages: unknown[]; readonly closed: Promise<{ code: number; reason: string }> } {
  const messages: unknown[] = [];
  socket.on("message", (data) => messages.push(JSON.parse(String(data))));
  const closed = once(socket, "close").then(([code, reason]) => ({ code, reason: String(reason) }));
  return { messages, closed };
}

/** The same socket, which also tells the most bytes that ever waited in it; without `on` it looks like a standard one. */
function measured(
  socket: WebSocket,
  standard: boolean,
): { readonly socket: RelaySocket; readonly most: () => number; readonly sent: () => number } {
  let most = 0;
  let sent = 0;
  const view: RelaySocket = {
    get readyState() {
      return socket.readyState;
    },
    get bufferedAmount() {
      return socket.bufferedAmount;
    },
    send(data, onSent) {
      if (standard) socket.send(data);
      else socket.send(data, onSent);
      sent++;
      most = Math.max(most, socket.bufferedAmount);
    },
    close: (code, reason) => socket.close(code, reason),
    addEventListener: (type, listener) => socket.addEventListener(type, listener),
    removeEventListener: (type, listener) => socket.removeEventListener(type, listener),
    ...(standard ? {} : { on: socket.on }),
  };
  return { socket: view, most: () => most, sent: () => sent };
}

const CHUNK_BYTES = 64 * 1024;
const HIGH = 256 * 1024;
const LENGTH = 500;

describe("relay", () => {
  it("sends chunks as JSON text, closes with 1000 and the status, and leaves no listener", async () => {
    const { near, far } = await connect();
    const before = near.eventNames().map((name) => [name, near.listenerCount(name)]);
    const { client } = await serveStory(async function* () {
      yield* ["a", { b: 1 }, null];
    });
    const { messages, closed } = record(far);
    expect(await relay(client.runStream({}), near)).toEqual({ end: "completed", chunks: 3 });
    expect(near.eventNames().map((name) => [name, near.listenerCount(name)])).toEqual(before);
    expect(await closed).toEqual({ code: 1000, reason: "completed" });
    expect(messages).toEqual(["a", { b: 1 }, null]);
  });

  it("an encoding of your own may hold the position, from which the stream goes on", async () => {
    const { client } = await serveStory(async function* () {
      yield* ["a", "b", "c"];
    });
    const first = await connect();
    const { messages, closed } = record(first.far);
    await relay(client.runStream({}), first.near, { encode: (data, position) => JSON.stringify({ data, position }) });
    await closed;
    const { position } = messages[0] as { position: string };
    const second = await connect();
    const rest = record(second.far);
    await relay(client.resume(position), second.near);
    await rest.closed;
    expect(rest.messages).toEqual(["b", "c"]);
  });

  it.each([
    ["ws", false],
    ["the standard interface", true],
  ])("a far client that does not read holds the agent back, and gets everything once it does (%s)", async (_what, standard) => {
    let yielded = 0;
    const { client } = await serveStory(async function* () {
      for (; yielded < LENGTH; yielded++) yield `${yielded}:${"x".repeat(CHUNK_BYTES)}`;
    });
    const { near, far } = await connect();
    const { messages, closed } = record(far);
    far.pause();
    const { socket, most, sent } = measured(near, standard);
    const ended = relay(client.runStream({}), socket, { highWaterMark: HIGH });
    // Full, and so it stays: nothing is written any more, and no more is sent.
    await until(() => near.bufferedAmount > HIGH);
    let stood = { sent: 0, waiting: 0, turns: 0 };
    await until(() => {
      const same = stood.sent === sent() && stood.waiting === near.bufferedAmount;
      stood = { sent: sent(), waiting: near.bufferedAmount, turns: same ? stood.turns + 1 : 0 };
      return stood.turns > 1000;
    });
    expect(sent()).toBeLessThan(LENGTH);
    expect(yielded).toBeLessThan(LENGTH);
    far.resume();
    expect(await ended).toEqual({ end: "completed", chunks: LENGTH });
    expect(await closed).toEqual({ code: 1000, reason: "completed" });
    expect(messages.map((text) => Number.parseInt(String(text), 10))).toEqual(Array.from({ length: LENGTH }, (_, n) => n));
    // One chunk beyond, with its frame and quotes.
    expect(most()).toBeLessThanOrEqual(HIGH + CHUNK_BYTES + 64);
  });

  it("above the high water mark it stops, and at the low one it goes on", async () => {
    let waiting = 0;
    let sent = 0;
    let onSent: (() => void) | undefined = () => {};
    const socket: RelaySocket = {
      readyState: 1,
      get bufferedAmount() {
        return waiting;
      },
      send(_data, callback) {
        sent++;
        waiting += 100;
        onSent = callback;
      },
      close() {},
      addEventListener() {},
      removeEventListener() {},
      on() {},
    };
    const ended = relay(sourceOf(Array.from({ length: 7 }, (_, n) => n)), socket, { highWaterMark: 250, lowWaterMark: 120 });
    const after = async (bytes: number): Promise<number> => {
      waiting = bytes;
      onSent?.();
      await nextTurn();
      return sent;
    };
    await nextTurn();
    expect(sent).toBe(3);
    expect(await after(121)).toBe(3);
    expect(await after(120)).toBe(5);
    expect(await after(0)).toBe(7);
    await after(0);
    expect(await ended).toEqual({ end: "completed", chunks: 7 });
  });

  it.each([
    ["while a chunk is awaited", 0],
    ["while the socket is full", 1000],
  ])("a far client that goes cancels the invocation (%s)", async (_when, length) => {
    let stopped = false;
    const { client, statusOf } = await serveStory(async function* (_input, ctx) {
      try {
        yield "first";
        for (let n = 0; n < length; n++) yield "x".repeat(CHUNK_BYTES);
        await aborted(ctx.signal);
      } finally {
        stopped = true;
      }
    });
    const { near, far } = await connect();
    const stream = client.runStream({});
    const first = once(far, "message");
    const ended = relay(stream, near, { highWaterMark: HIGH });
    await first;
    if (length > 0) {
      far.pause();
      await until(() => near.bufferedAmount > HIGH);
    }
    far.terminate();
    expect(await ended).toMatchObject({ end: "left" });
    await until(() => stopped);
    await until(async () => (await statusOf(stream.invocationId)) === "cancelled");
  });

  it("detach leaves the invocation running", async () => {
    const source = createSource("first");
    const { client, statusOf } = await serveStory(async function* () {
      yield* source;
    });
    const { near, far } = await connect();
    const stream = client.runStream({});
    const first = once(far, "message");
    const ended = relay(stream, near, { onClose: "detach" });
    await first;
    far.close();
    expect(await ended).toEqual({ end: "left", chunks: 1 });
    expect(await statusOf(stream.invocationId)).toBe("running");
    source.push("second");
    source.end();
    expect(await client.resume(stream.position ?? "").collect()).toEqual(["second"]);
  });

  it("an error closes with 4500 and its code, after the chunks before it", async () => {
    const { client } = await serveStory(async function* () {
      yield "first";
      throw new Error("no");
    });
    const { near, far } = await connect();
    const { messages, closed } = record(far);
    expect(await relay(client.runStream({}), near)).toMatchObject({ end: "failed", chunks: 1, error: { code: "EXECUTION_ERROR" } });
    expect(await closed).toEqual({ code: 4500, reason: "EXECUTION_ERROR" });
    expect(messages).toEqual(["first"]);
  });

  it("an error that is not ours, and a chunk that is no JSON, close so too, and the source is left", async () => {
    const one = await connect();
    const oneClosed = record(one.far).closed;
    const failure = new Error("the password is hunter2");
    expect(await relay(sourceOf([], failure), one.near)).toEqual({ end: "failed", chunks: 0, error: failure });
    expect(await oneClosed).toEqual({ code: 4500, reason: "SERVER_ERROR" });
    const two = await connect();
    const twoClosed = record(two.far).closed;
    const source = createSource<unknown>(5n);
    expect((await relay(source, two.near)).error).toBeInstanceOf(RunAgentError);
    expect(await twoClosed).toEqual({ code: 4500, reason: "VALIDATION_ERROR" });
    expect(source.left).toBe(1);
  });

  it("a socket that was closed before leaves the source unread", async () => {
    const { near, far } = await connect();
    far.terminate();
    await once(near, "close");
    const source = createSource("a");
    expect(await relay(source, near)).toEqual({ end: "left", chunks: 0 });
    expect(source.asked).toBe(0);
    expect(source.left).toBe(1);
  });

  it("a standard WebSocket that is still connecting is waited for", async () => {
    const { near, url } = await connect();
    near.close();
    const server = await new Promise<WebSocketServer>((resolve) => {
      const made: WebSocketServer = new WebSocketServer({ port: 0, host: "127.0.0.1" }, () => resolve(made));
    });
    onTestFinished(() => void server.close());
    const address = server.address();
    const accepted = once(server, "connection").then(([socket]: WebSocket[]) => (socket === undefined ? undefined : record(socket)));
    const source = createSource("a");
    const socket = new StandardWebSocket(url.replace(/\d+$/, String(typeof address === "object" ? address?.port : "")));
    const ended = relay(source, socket);
    await nextTurn();
    expect(source.asked).toBe(0);
    source.end();
    expect(await ended).toEqual({ end: "completed", chunks: 1 });
    const far = await accepted;
    expect(await far?.closed).toEqual({ code: 1000, reason: "completed" });
    expect(far?.messages).toEqual(["a"]);
  });

  it("one that never connects is a far client that has gone", async () => {
    const source = createSource("a");
    expect(await relay(source, new WebSocket("ws://127.0.0.1:1"))).toEqual({ end: "left", chunks: 0 });
    expect(source.left).toBe(1);
  });
});
