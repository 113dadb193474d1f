/** A transport that is loaded for its first stream, and what may happen before it is there. */
import { type ResumeFrame, RunAgentError, type StartFrame } from "@runagent/core";
import { describe, expect, it, vi } from "vitest";
import type { CloseInfo, Connection, Transport, TransportEvents } from "../src/transport.ts";
import { createLaterTransport } from "../src/transports/later.ts";
import { deferred, drain, RESUMABLE, serveScript, streamClient } from "./harness.ts";
import type { Peer } from "./scripted-server.ts";
import { serveSse } from "./sse-peer.ts";

const START: StartFrame = {
  type: "start",
  protocol: 2,
  invocation_id: "inv-1",
  entrypoint_tag: "story_stream",
  input_args: [],
  input_kwargs: {},
};
const CHUNKS = [1, 2];

/** What is loaded when the test says so; it notes what it is asked. */
function createLoading() {
  const loaded = deferred();
  const asked: unknown[] = [];
  const note =
    (name: string) =>
    (...values: unknown[]): void =>
      void asked.push([name, ...values]);
  const connection: Connection = {
    ...{ version2: true, credit: true, pausable: true, warm: true, sent: true, bytesRead: 7 },
    ...{ send: note("send"), pause: note("pause"), resume: note("resume") },
    ...{ close: note("close"), release: note("release"), drop: note("drop") },
  };
  const transport: Transport = {
    connect(first: StartFrame | ResumeFrame, events: TransportEvents) {
      note("connect")(first.type);
      queueMicrotask(() => events.opened());
      return connection;
    },
    close: note("close transport"),
  };
  let loads = 0;
  const later = createLaterTransport(async () => {
    loads++;
    await loaded.promise;
    return transport;
  });
  return { later, loaded, asked, loads: () => loads };
}

/** What a connection tells. */
function createEvents() {
  const heard: unknown[] = [];
  const closed = deferred<CloseInfo>();
  const opened = deferred();
  const events: TransportEvents = {
    opened() {
      heard.push("opened");
      opened.resolve();
    },
    text: (text) => heard.push(text),
    closed(info) {
      heard.push("closed");
      closed.resolve(info);
    },
  };
  return { events, heard, opened: opened.promise, closed: closed.promise };
}

describe("a transport that is loaded later", () => {
  it("is loaded with the first connection, once for all of them", async () => {
    const { later, loaded, asked, loads } = createLoading();
    expect(loads()).toBe(0);
    const all = [createEvents(), createEvents()];
    for (const { events } of all) later.connect(START, events);
    loaded.resolve();
    await Promise.all(all.map(({ opened }) => opened));
    const third = createEvents();
    later.connect({ type: "resume", protocol: 2, invocation_id: "inv-1", epoch: "e1", after_seq: 1 }, third.events);
    await third.opened;
    expect([loads(), asked]).toEqual([
      1,
      [
        ["connect", "start"],
        ["connect", "start"],
        ["connect", "resume"],
      ],
    ]);
  });

  it("knows nothing and takes nothing before, and passes everything on afterwards", async () => {
    const { later, loaded, asked } = createLoading();
    const { events, opened } = createEvents();
    const connection = later.connect(START, events);
    const { version2, credit, pausable, warm, sent, bytesRead } = connection;
    expect([version2, credit, pausable, warm, sent, bytesRead]).toEqual([false, false, false, false, false, 0]);
    connection.send({ type: "ack", seq: 1 });
    connection.pause();
    connection.resume();
    loaded.resolve();
    await opened;
    expect(asked).toEqual([["connect", "start"]]);
    expect(connection).toMatchObject({ version2: true, credit: true, pausable: true, warm: true, sent: true, bytesRead: 7 });
    connection.send({ type: "ack", seq: 1 });
    connection.pause();
    connection.resume();
    connection.close(4002);
    expect(asked.slice(1)).toEqual([["send", { type: "ack", seq: 1 }], ["pause"], ["resume"], ["close", 4002]]);
  });

  it.each<[string, (connection: Connection) => void]>([
    ["dropped", (connection) => connection.drop()],
    ["closed", (connection) => connection.close(null)],
    ["released", (connection) => connection.release()],
  ])("makes no connection for one that was %s meanwhile", async (_, leave) => {
    const { later, loaded, asked } = createLoading();
    const left = createEvents();
    leave(later.connect(START, left.events));
    const next = createEvents();
    later.connect(START, next.events);
    loaded.resolve();
    await next.opened;
    expect([asked, left.heard]).toEqual([[["connect", "start"]], []]);
  });

  it("is closed once it is there, when it was closed before; one that was never used is not loaded for that", async () => {
    const { later, loaded, asked, loads } = createLoading();
    later.close();
    expect(loads()).toBe(0);
    const { events, opened } = createEvents();
    later.connect(START, events);
    later.close();
    loaded.resolve();
    await opened;
    expect(asked).toContainEqual(["close transport"]);
  });

  it("that cannot be loaded is a typed error of the connection, unless that was left", async () => {
    const cause = new Error("no such file");
    const own = new RunAgentError("VALIDATION_ERROR", "Not here.");
    for (const [thrown, expected] of [
      [cause, { code: "PROTOCOL_ERROR", cause }],
      [own, { code: "VALIDATION_ERROR" }],
    ] as const) {
      const later = createLaterTransport(() => Promise.reject(thrown));
      const left = createEvents();
      later.connect(START, left.events).drop();
      const { events, closed } = createEvents();
      later.connect(START, events);
      expect((await closed).error).toMatchObject(expected);
      expect(left.heard).toEqual([]);
      later.close();
    }
  });

  it("tells what cannot be sent at all", async () => {
    const own = new RunAgentError("VALIDATION_ERROR", "It is no JSON.");
    const connect = (): never => {
      throw own;
    };
    const later = createLaterTransport(async () => ({ connect, close() {} }));
    const { events, closed } = createEvents();
    later.connect(START, events);
    expect((await closed).error).toBe(own);
  });
});

describe("a stream over SSE in Node that ends before the transport is loaded", () => {
  const serve = () => serveSse([async (peer) => peer.finish(await peer.accept(RESUMABLE), 2)], (_, response) => void response.end("{}"));

  it("is cancelled or left without a request", async () => {
    const server = await serve();
    const client = streamClient(server, { transport: "sse" });
    const cancelled = client.runStream({});
    expect(await cancelled.cancel()).toMatchObject({ outcome: "accepted" });
    expect(await drain(cancelled)).toEqual({ chunks: [], error: undefined });
    expect(cancelled.summary?.status).toBe("cancelled");
    const left = client.runStream({});
    await left.cursor().close();
    const controller = new AbortController();
    const aborted = client.runStream({}, { signal: controller.signal });
    controller.abort();
    expect((await drain(aborted)).error?.code).toBe("CANCELLED");
    expect((await drain(client.runStream({}, { connectTimeoutMs: 1e-6 }))).error?.code).toBe("TIMEOUT");
    // The next stream comes after all that the others may have asked for.
    expect(await client.runStream({}, { invocationId: "inv-last" }).collect()).toEqual(CHUNKS);
    expect(server.requests.map(({ body }) => JSON.parse(body).invocation_id)).toEqual(["inv-last"]);
    await client.close();
  });

  it("is detached once the server has accepted", async () => {
    const server = await serveSse([(peer) => void peer.accept(RESUMABLE)]);
    const client = streamClient(server, { transport: "sse" });
    const stream = client.runStream({});
    expect(await stream.detach()).toBeDefined();
    expect([stream.summary?.status, server.requests.length]).toEqual(["detached", 1]);
    await client.close();
  });

  it("is whole when the client is closed meanwhile", async () => {
    const server = await serve();
    const client = streamClient(server, { transport: "sse" });
    const stream = client.runStream({});
    await client.close();
    expect(await stream.collect()).toEqual(CHUNKS);
    await client.close();
    await server.idle();
  });
});

describe("ws in Node, which is loaded for the first stream of a process", () => {
  /** A client of a program that has just begun. */
  async function startFresh(port: number) {
    vi.resetModules();
    const { RunAgentClient } = await import("../src/runtimes/node.ts");
    return new RunAgentClient({ agentId: "a1", entrypointTag: "story_stream", port, transport: "websocket", maxIdleConnections: 0 });
  }
  const play = async (peer: Peer): Promise<void> => peer.finish(await peer.accept(RESUMABLE), 2);

  it("carries streams that began before it was there", async () => {
    const server = await serveScript({ stream: play });
    const client = await startFresh(server.port);
    expect(await Promise.all([client.runStream({}).collect(), client.runStream({}).collect()])).toEqual([CHUNKS, CHUNKS]);
    await server.idle();
  });

  it("opens nothing for a stream that was left before it was there", async () => {
    const server = await serveScript({ stream: play });
    const client = await startFresh(server.port);
    await client.runStream({})[Symbol.asyncIterator]().return?.();
    expect(await client.runStream({}).collect()).toEqual(CHUNKS);
    expect(server.requests.filter(({ headers }) => headers.upgrade)).toHaveLength(1);
    await server.idle();
  });
});
