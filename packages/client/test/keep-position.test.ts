/** Which position is kept while a stream is read, and when it is forgotten: a page that is reloaded goes on with nothing lost or doubled. */
import { defineAgent, serve } from "@runagent/server";
import { keepPosition, keptPosition, type PositionStorage, RunAgentClient, RunAgentError } from "runagent";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { cancelFrames, cursorOf, deferred, drain, failureOf, inTurn, RESUMABLE, serveScript, streamClient } from "./harness.ts";
import type { Peer } from "./scripted-server.ts";

const INV = { invocationId: "inv-1" };
const KEY = "answer";
const DENIED = { code: "VALIDATION_ERROR", field: "storage" };

/** The storage of one tab. */
function createStorage() {
  const items = new Map<string, string>();
  const storage: PositionStorage = {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
  return { ...storage, items };
}

/** Brings two of four chunks, then does what the test says. */
const afterTwo =
  (then: (peer: Peer, first: Record<string, unknown>) => unknown) =>
  async (peer: Peer): Promise<void> => {
    const first = await peer.accept(RESUMABLE);
    peer.burst(1, 2);
    await then(peer, first);
  };
const never = (): void => {};
const rest = (peer: Peer, first: Record<string, unknown>): void => peer.finish({ ...first, after_seq: 2 }, 4);

describe("the position that is kept", () => {
  it("is there from the acceptance on, before the first chunk", async () => {
    const server = await serveScript({ stream: (peer) => void peer.accept(RESUMABLE) });
    const storage = createStorage();
    const stream = streamClient(server).runStream({}, INV);
    const chunks = keepPosition(stream, KEY, storage);
    expect(keptPosition(KEY, storage)).toBeUndefined();
    await stream.started;
    expect(keptPosition(KEY, storage)).toBe(cursorOf("inv-1", 0));
    expect([...storage.items.keys()]).toEqual(["runagent.position.answer"]);
    expect(keptPosition("other", storage)).toBeUndefined();
    await chunks.return?.();
  });

  it("moves on when the next chunk is asked for: one that was not dealt with comes again", async () => {
    const server = await serveScript({ stream: afterTwo(never) });
    const storage = createStorage();
    const chunks = keepPosition(streamClient(server).runStream({}, INV), KEY, storage);
    expect(await chunks.next()).toEqual({ done: false, value: 1 });
    expect(keptPosition(KEY, storage)).toBe(cursorOf("inv-1", 0));
    expect(await chunks.next()).toEqual({ done: false, value: 2 });
    expect(keptPosition(KEY, storage)).toBe(cursorOf("inv-1", 1));
    const third = chunks.next();
    expect(keptPosition(KEY, storage)).toBe(cursorOf("inv-1", 2));
    await chunks.return?.();
    expect(await third).toEqual({ done: true, value: undefined });
  });

  it("brings a page that is reloaded after any chunk the rest, of a server that goes on meanwhile", async () => {
    const agent = defineAgent({ id: "a1", entrypoints: { story_stream: () => Array.from({ length: 20 }, (_, index) => index + 1) } });
    const server = await serve(agent, { port: 0 });
    onTestFinished(() => server.close({ timeoutMs: 100 }));
    const storage = createStorage();
    const shown: unknown[] = [];
    let loads = 0;
    // A page that deals with three chunks, has a fourth and is reloaded.
    for (let done = false; !done; loads++) {
      const client = new RunAgentClient({ agentId: "a1", port: server.port, entrypointTag: "story_stream" });
      const position = keptPosition(KEY, storage);
      const stream = position === undefined ? client.runStream({}, INV) : client.resume(position);
      const chunks = keepPosition(stream, KEY, storage);
      for (let n = 0; n < 4 && !done; n++) {
        const chunk = await chunks.next();
        done = chunk.done === true;
        if (!done && n < 3) shown.push(chunk.value);
      }
      // A tab that is gone says nothing.
      if (!done) await stream.detach();
      await client.close();
    }
    expect(shown).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    expect(loads).toBe(7);
    expect(storage.items.size).toBe(0);
  });

  it("is one for each key, and for each tab", async () => {
    const server = await serveScript({ stream: afterTwo(never) });
    const tabs = [createStorage(), createStorage()];
    const client = streamClient(server);
    for (const [index, tab] of tabs.entries()) {
      for (const key of ["a", "b"]) {
        const chunks = keepPosition(client.runStream({}, { invocationId: `inv-${index}${key}` }), key, tab);
        await chunks.next();
        onTestFinished(() => void chunks.return?.());
      }
    }
    expect(tabs.map((tab) => ["a", "b"].map((key) => keptPosition(key, tab)))).toEqual([
      [cursorOf("inv-0a", 0), cursorOf("inv-0b", 0)],
      [cursorOf("inv-1a", 0), cursorOf("inv-1b", 0)],
    ]);
  });

  it("does not write the same twice, and nothing of version 1, which has no positions", async () => {
    const server = await serveScript({
      stream: inTurn(
        afterTwo((peer, first) => {
          peer.send({ type: "event", seq: 3, event: { type: "turn_completed", turn: 1 } });
          peer.complete(first.invocation_id, 4, 2);
        }),
        async (peer) => {
          const { invocation_id: id } = await peer.next();
          peer.send({ type: "status", status: "stream_started", invocation_id: id });
          peer.send({ type: "data", content: "only" });
          peer.send({ type: "status", status: "stream_completed", invocation_id: id, total_chunks: 1 });
        },
      ),
    });
    const storage = createStorage();
    const set = vi.spyOn(storage, "setItem");
    const client = streamClient(server);
    const stream = client.runStream({}, INV);
    const kept = keepPosition(stream, KEY, storage);
    await stream.started;
    expect(await drain(kept)).toEqual({ chunks: [1, 2], error: undefined });
    expect(set.mock.calls.map(([, position]) => position)).toEqual([0, 1, 2].map((seq) => cursorOf("inv-1", seq)));
    expect((await drain(keepPosition(client.runStream({}), KEY, storage))).chunks).toEqual(["only"]);
    expect(set).toHaveBeenCalledTimes(3);
  });
});

describe("the position is forgotten", () => {
  type Ending = (
    chunks: AsyncIterableIterator<unknown>,
    stream: ReturnType<ReturnType<typeof streamClient>["runStream"]>,
  ) => Promise<unknown>;
  const ends: [string, (peer: Peer, first: Record<string, unknown>) => unknown, Ending][] = [
    ["at the end", rest, (chunks) => drain(chunks)],
    [
      "when the loop is left",
      never,
      async (chunks) => {
        for await (const chunk of chunks) if (chunk === 2) break;
      },
    ],
    [
      "when the loop throws",
      never,
      async (chunks) => {
        const loop = async (): Promise<void> => {
          for await (const chunk of chunks) throw new Error(String(chunk));
        };
        await loop().catch(() => {});
      },
    ],
    [
      "after a cancel",
      async (peer, first) => {
        await peer.nextOf("cancel");
        for (const frame of cancelFrames(first.invocation_id, 3, 2)) peer.send(frame);
      },
      async (chunks, stream) => {
        await chunks.next();
        void stream.cancel();
        await drain(chunks);
      },
    ],
    [
      "when the agent has failed",
      (peer) => peer.send({ type: "error", seq: 3, error: { code: "EXECUTION_ERROR", message: "No." } }),
      async (chunks) => expect((await drain(chunks)).error).toMatchObject({ code: "EXECUTION_ERROR", origin: "wire" }),
    ],
    [
      "when the server has no such log any more",
      (peer) => {
        peer.send({ type: "error", error: { code: "CURSOR_EXPIRED", message: "Gone." } });
        peer.socket.close(4410);
      },
      async (chunks) => expect((await drain(chunks)).error?.code).toBe("CURSOR_EXPIRED"),
    ],
  ];

  it.each(ends)("%s", async (_, play, end) => {
    const server = await serveScript({ stream: afterTwo(play) });
    const storage = createStorage();
    const stream = streamClient(server).runStream({}, INV);
    const chunks = keepPosition(stream, KEY, storage);
    await stream.started;
    expect(storage.items.size).toBe(1);
    await end(chunks, stream);
    expect(storage.items.size).toBe(0);
    await server.idle();
  });

  it("by the caller's signal", async () => {
    const server = await serveScript({ stream: afterTwo(never), http: (_, response) => void response.end("{}") });
    const storage = createStorage();
    const controller = new AbortController();
    const stream = streamClient(server).runStream({}, { signal: controller.signal });
    const chunks = keepPosition(stream, KEY, storage);
    await stream.started;
    expect(storage.items.size).toBe(1);
    controller.abort();
    expect((await drain(chunks)).error?.code).toBe("CANCELLED");
    expect(storage.items.size).toBe(0);
  });

  it("or never kept, of a stream that is left before the server has accepted, or as soon as it has", async () => {
    const server = await serveScript({ stream: afterTwo(never), http: (_, response) => void response.end("{}") });
    const storage = createStorage();
    const client = streamClient(server);
    await keepPosition(client.runStream({}), KEY, storage).return?.();
    const stream = client.runStream({});
    const left = stream.started.then(() => chunks.return?.());
    const chunks = keepPosition(stream, KEY, storage);
    await left;
    await server.idle();
    expect(storage.items.size).toBe(0);
  });
});

describe("the position stays", () => {
  const errors: [string, (peer: Peer) => unknown, object, string][] = [
    ["STREAM_TRUNCATED", (peer) => peer.socket.close(4002), {}, "STREAM_TRUNCATED"],
    ["TIMEOUT", never, { idleTimeoutMs: 20 }, "TIMEOUT"],
    ["PROTOCOL_ERROR", (peer) => peer.send("nonsense"), {}, "PROTOCOL_ERROR"],
    [
      "AUTHENTICATION_ERROR",
      (peer) => {
        peer.send({ type: "error", error: { code: "AUTHENTICATION_ERROR", message: "Expired." } });
        peer.socket.close(4401);
      },
      {},
      "AUTHENTICATION_ERROR",
    ],
  ];

  it.each(errors)("after %s, and the stream goes on from there", async (_, play, options, code) => {
    const server = await serveScript({ stream: inTurn(afterTwo(play), async (peer) => peer.finish(await peer.accept(RESUMABLE), 4)) });
    const storage = createStorage();
    const client = streamClient(server);
    const { chunks, error } = await drain(keepPosition(client.runStream({}, { ...INV, ...options }), KEY, storage));
    expect([chunks, error?.code]).toEqual([[1, 2], code]);
    expect(keptPosition(KEY, storage)).toBe(cursorOf("inv-1", 2));
    const again = keepPosition(client.resume(keptPosition(KEY, storage) ?? ""), KEY, storage);
    expect(await drain(again)).toEqual({ chunks: [3, 4], error: undefined });
    expect(storage.items.size).toBe(0);
  });

  it("after CONNECTION_ERROR: nothing listens there any more", async () => {
    const server = await serveScript({});
    await server.close();
    const storage = createStorage();
    const { error } = await drain(keepPosition(streamClient(server).resume(cursorOf("inv-1", 2)), KEY, storage));
    expect(error?.code).toBe("CONNECTION_ERROR");
    expect(keptPosition(KEY, storage)).toBe(cursorOf("inv-1", 2));
  });

  it("after a detach", async () => {
    const server = await serveScript({ stream: afterTwo(never) });
    const storage = createStorage();
    const stream = streamClient(server).runStream({}, INV);
    const shown: unknown[] = [];
    for await (const chunk of keepPosition(stream, KEY, storage)) {
      shown.push(chunk);
      if (chunk === 1) await stream.detach();
    }
    expect([shown, stream.summary?.status]).toEqual([[1], "detached"]);
    expect(keptPosition(KEY, storage)).toBe(cursorOf("inv-1", 1));
    await server.idle();
  });
});

describe("a storage that is denied", () => {
  const deny = (...methods: (keyof PositionStorage)[]): PositionStorage => {
    const storage: PositionStorage = createStorage();
    const cause = new Error("SecurityError");
    for (const method of methods) vi.spyOn(storage, method).mockThrow(cause);
    return storage;
  };

  it("cannot be read: a typed error that says what to change", () => {
    expect(() => keptPosition(KEY, deny("getItem"))).toThrow(expect.objectContaining({ ...DENIED, cause: expect.any(Error) }));
  });

  it("cannot be written: the first read that should keep throws, and the agent goes on", async () => {
    const said: unknown[] = [];
    const closed = deferred<{ code: number }>();
    const server = await serveScript({
      stream: afterTwo((peer) => {
        peer.socket.on("message", (data) => said.push(JSON.parse(String(data)).type));
        void peer.closed.then(closed.resolve);
      }),
      http: (request, response) => {
        said.push(request.url);
        response.end("{}");
      },
    });
    const stream = streamClient(server).runStream({}, INV);
    const error = await failureOf(drain(keepPosition(stream, KEY, deny("setItem"))).then((end) => Promise.reject(end.error)));
    expect(error).toMatchObject(DENIED);
    expect(stream.summary?.status).toBe("detached");
    expect((await closed.promise).code).toBe(1000);
    expect(said.filter((what) => what !== "ack")).toEqual([]);
  });

  it("cannot be forgotten in: whoever leaves the loop leaves the stream all the same", async () => {
    const server = await serveScript({ stream: afterTwo(never), http: (_, response) => void response.end("{}") });
    const stream = streamClient(server).runStream({}, INV);
    const loop = async (): Promise<void> => {
      for await (const chunk of keepPosition(stream, KEY, deny("removeItem"))) if (chunk === 2) break;
    };
    expect(await failureOf(loop())).toMatchObject(DENIED);
    expect(stream.summary?.status).toBe("cancelled");
    await server.idle();
  });

  it("is not there in Node, unless one is passed", async () => {
    expect("sessionStorage" in globalThis).toBe(false);
    const server = await serveScript({ stream: afterTwo(rest) });
    const stream = streamClient(server).runStream({}, INV);
    expect(() => keptPosition(KEY)).toThrow(expect.objectContaining(DENIED));
    expect(() => keepPosition(stream, KEY)).toThrow(RunAgentError);
    // Nobody has taken it.
    expect(await stream.collect()).toEqual([1, 2, 3, 4]);
  });

  it("throws when it is looked at, as in a frame without rights", () => {
    const cause = new Error("SecurityError");
    Object.defineProperty(globalThis, "sessionStorage", {
      configurable: true,
      get() {
        throw cause;
      },
    });
    onTestFinished(() => void Reflect.deleteProperty(globalThis, "sessionStorage"));
    expect(() => keptPosition(KEY)).toThrow(expect.objectContaining({ ...DENIED, cause }));
  });

  it("is that of the tab where there is one", async () => {
    const storage = createStorage();
    vi.stubGlobal("sessionStorage", storage);
    onTestFinished(() => void vi.unstubAllGlobals());
    const server = await serveScript({ stream: afterTwo(never) });
    const chunks = keepPosition(streamClient(server).runStream({}, INV), KEY);
    await chunks.next();
    await Promise.all([chunks.next(), expect(keptPosition(KEY)).toBe(cursorOf("inv-1", 1))]);
    await chunks.return?.();
    expect(storage.items.size).toBe(0);
  });
});
