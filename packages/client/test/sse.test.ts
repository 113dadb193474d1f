import { Agent, fetch } from "undici";
import { describe, expect, it } from "vitest";
import { cancelFrames, cursorOf, deferred, drain, failureOf, RESUMABLE, serveScript, streamClient } from "./harness.ts";
import type { ScriptedServer, SeenRequest } from "./scripted-server.ts";
import { type SsePeer, serveSse } from "./sse-peer.ts";

const SSE = { transport: "sse", maxReconnectDelayMs: 1 } as const;
const INV = { invocationId: "inv-1" };

const dropAfterTwo =
  (end: (peer: SsePeer) => void) =>
  async (peer: SsePeer): Promise<void> => {
    await peer.accept(RESUMABLE);
    peer.burst(1, 2);
    end(peer);
  };
const rest = async (peer: SsePeer): Promise<void> => peer.finish(await peer.accept(RESUMABLE), 4);

describe("requests over SSE", () => {
  it("a start is a POST with the frame, a resume a GET with the cursor; both carry the key in a header", async () => {
    const server = await serveSse([dropAfterTwo((peer) => peer.response.end()), rest]);
    const client = streamClient(server, { ...SSE, apiKey: "canary-key" });
    const stream = client.runStream({ message: "hi" }, INV);
    expect(await stream.collect()).toEqual([1, 2, 3, 4]);
    expect(stream.summary).toMatchObject({ status: "completed", protocol: 2, totalChunks: 4, reconnects: 1 });
    const [start, resume] = server.requests;
    expect(start).toMatchObject({ method: "POST", url: "/api/v1/agents/a1/run-stream" });
    expect(start?.headers).toMatchObject({
      accept: "text/event-stream",
      "content-type": "application/json",
      authorization: "Bearer canary-key",
    });
    expect(JSON.parse(start?.body ?? "")).toMatchObject({
      type: "start",
      protocol: 2,
      invocation_id: "inv-1",
      entrypoint_tag: "story_stream",
      input_kwargs: { message: "hi" },
      on_disconnect: "continue",
    });
    expect(start?.body).not.toContain("canary-key");
    expect(resume).toMatchObject({ method: "GET", url: "/api/v1/invocations/inv-1/stream", body: "" });
    expect(resume?.headers).toMatchObject({ accept: "text/event-stream", authorization: "Bearer canary-key" });
    // Taken is what the consumer had when the connection broke.
    expect([0, 1, 2].map((seq) => cursorOf("inv-1", seq))).toContain(resume?.headers["last-event-id"]);
    expect(server.requests).toHaveLength(2);
    await client.close();
  });

  it("the next stream goes over the same TCP connection", async () => {
    const server = await serveSse([rest]);
    const client = streamClient(server, SSE);
    for (let n = 0; n < 5; n++) expect(await client.runStream({}).collect()).toEqual([1, 2, 3, 4]);
    expect(server.requests).toHaveLength(5);
    // Not always one: the next may begin before the end of the body before it was read.
    expect(server.connections).toBeLessThan(5);
    await client.close();
    await server.idle();
  });

  it.each([
    [401, "AUTHENTICATION_ERROR"],
    [403, "PERMISSION_ERROR"],
    [404, "AGENT_NOT_FOUND"],
    [409, "INVOCATION_CONFLICT"],
    [400, "VALIDATION_ERROR"],
  ])("a start that is refused with %i is %s, once", async (status, code) => {
    const server = await serveSse([(peer) => peer.refuse(status, code)]);
    const error = await failureOf(streamClient(server, SSE).runStream({}, INV).collect());
    expect(error).toMatchObject({ code, origin: "wire", requestId: "r1", suggestion: "Do not.", ...INV });
    expect(server.requests).toHaveLength(1);
  });

  it("a resume that is refused ends with the code and the cursor", async () => {
    const server = await serveSse([dropAfterTwo((peer) => peer.reset()), (peer) => peer.refuse(410, "CURSOR_EXPIRED")]);
    const { error } = await drain(streamClient(server, SSE).runStream({}, INV));
    expect(error).toMatchObject({ code: "CURSOR_EXPIRED", origin: "wire" });
    expect(error?.cursor).toBeDefined();
    expect(server.requests).toHaveLength(2);
  });

  it.each([
    [429, "RATE_LIMITED"],
    [503, "SERVER_ERROR"],
  ])("%i with Retry-After is repeated", async (status, code) => {
    const server = await serveSse([(peer) => peer.refuse(status, code, { "retry-after": "0" }), rest]);
    expect(await streamClient(server, SSE).runStream({}).collect()).toEqual([1, 2, 3, 4]);
  });

  it.each([
    ["a page", (peer: SsePeer) => void peer.response.writeHead(200, { "content-type": "text/html" }).end("<html></html>")],
    ["JSON", (peer: SsePeer) => void peer.response.writeHead(200, { "content-type": "application/json" }).end('{"data":1}')],
    ["nothing", (peer: SsePeer) => void peer.response.writeHead(204).end()],
  ])("%s in place of a stream is PROTOCOL_ERROR", async (_, play) => {
    const server = await serveSse([play]);
    expect((await failureOf(streamClient(server, SSE).runStream({}).collect())).code).toBe("PROTOCOL_ERROR");
    expect(server.requests).toHaveLength(1);
  });

  it("a redirect is not followed", async () => {
    const other = await serveScript({});
    const server = await serveSse([(peer) => void peer.response.writeHead(307, { location: other.url }).end()]);
    const error = await failureOf(
      streamClient(server, { ...SSE, apiKey: "canary-key" })
        .runStream({})
        .collect(),
    );
    expect(error).toMatchObject({ code: "CONNECTION_ERROR", retryable: false });
    expect([server.requests.length, other.requests.length]).toEqual([1, 0]);
  });
});

describe("a start whose answer is lost", () => {
  const vanish = (peer: SsePeer): void => peer.reset();

  it("is repeated with the same body: only version 2 has SSE", async () => {
    const server = await serveSse([vanish, rest]);
    expect(await streamClient(server, SSE).runStream({ n: 1 }).collect()).toEqual([1, 2, 3, 4]);
    expect(server.requests.map(({ url, body }) => [url, body])).toEqual(
      Array.from({ length: 2 }, () => ["/api/v1/agents/a1/run-stream", server.requests[0]?.body]),
    );
  });

  it("is STREAM_TRUNCATED, or TIMEOUT, when no answer ever comes: the agent may run, so it is not one to repeat", async () => {
    const server = await serveSse([vanish]);
    const error = await failureOf(
      streamClient(server, { ...SSE, maxReconnectDelayMs: 20, connectTimeoutMs: 150 })
        .runStream({}, { timeoutMs: 2000 })
        .collect(),
    );
    expect(error.code).toMatch(/STREAM_TRUNCATED|TIMEOUT/);
    expect(error).toMatchObject({ retryable: false, cursor: undefined });
  });

  it.each(["cancel", "leave", "abort"])("and %s between two attempts still reaches the invocation", async (act) => {
    const cancelled = deferred<SeenRequest>();
    let isOpen = false;
    const server = await serveSse([(peer) => (isOpen ? void peer.accept(RESUMABLE) : vanish(peer))], (request, response) => {
      cancelled.resolve(request);
      response.end(JSON.stringify({ success: true, data: { invocation_id: "inv-1", mode: "immediate", outcome: "accepted" } }));
    });
    const waits = deferred();
    const controller = new AbortController();
    const onReconnect = ({ delayMs }: { delayMs: number }): void => (delayMs > 5 ? waits.resolve() : undefined);
    const stream = streamClient(server, { transport: "sse" }).runStream({}, { ...INV, signal: controller.signal, onReconnect });
    await waits.promise;
    isOpen = true;
    if (act === "cancel") void stream.cancel();
    else if (act === "leave") await stream[Symbol.asyncIterator]().return?.();
    else controller.abort();
    const timer = AbortSignal.timeout(3000);
    timer.addEventListener("abort", () => cancelled.resolve({ method: "", url: "no cancel came", headers: {}, body: "" }));
    expect((await cancelled.promise).url).toBe("/api/v1/invocations/inv-1/cancel");
  });
});

describe("cancel over SSE", () => {
  const acknowledge = (outcome = "accepted"): string =>
    JSON.stringify({ success: true, data: { invocation_id: "inv-1", mode: "immediate", outcome } });

  /** A stream of two chunks that ends as cancelled once `answer` has let a cancel through. */
  const serveCancellable = (answer: (n: number) => { status: number; body: string } | "drop"): Promise<ScriptedServer> => {
    let cancels = 0;
    const streams = new Set<SsePeer>();
    return serveSse(
      [
        async (peer) => {
          streams.add(peer);
          const first = await peer.accept(RESUMABLE);
          peer.burst(Number(first.after_seq ?? 0) + 1, 2);
        },
      ],
      (_, response) => {
        const said = answer(++cancels);
        if (said === "drop") return void response.destroy();
        response.writeHead(said.status, { "content-type": "application/json" }).end(said.body);
        if (said.status === 200) for (const peer of streams) peer.send(cancelFrames("inv-1", 3, 2)[1]);
      },
    );
  };

  const cancelAfterTwo = async (
    server: ScriptedServer,
    mode?: "after_turn",
  ): Promise<{ chunks: unknown[]; answer: unknown; status: unknown }> => {
    const stream = streamClient(server, SSE).runStream({}, INV);
    const chunks: unknown[] = [];
    let answer: Promise<unknown> | undefined;
    for await (const chunk of stream) {
      chunks.push(chunk);
      if (chunk === 2) answer = stream.cancel(mode);
    }
    return { chunks, answer: await answer, status: stream.summary?.status };
  };

  it("is a POST that is answered, and the stream ends as cancelled", async () => {
    const server = await serveCancellable(() => ({ status: 200, body: acknowledge() }));
    const { chunks, answer, status } = await cancelAfterTwo(server, "after_turn");
    expect([chunks, status]).toEqual([[1, 2], "cancelled"]);
    expect(answer).toMatchObject({ ...INV, outcome: "accepted" });
    const cancels = server.requests.filter(({ url }) => url === "/api/v1/invocations/inv-1/cancel");
    expect(cancels.map(({ method, body }) => [method, body])).toEqual([["POST", '{"mode":"after_turn"}']]);
  });

  it("whose connection is lost goes out again on the next one", async () => {
    const server = await serveCancellable((n) => (n < 3 ? "drop" : { status: 200, body: acknowledge() }));
    const { chunks, status } = await cancelAfterTwo(server);
    expect([chunks, status]).toEqual([[1, 2], "cancelled"]);
  });

  it("that waits for the connection which its stream holds gets it, as in a browser where all six of a host are taken", async () => {
    let cancelled = false;
    const server = await serveSse(
      [
        async (peer) => {
          const first = await peer.accept(RESUMABLE);
          peer.burst(Number(first.after_seq ?? 0) + 1, 2);
          if (cancelled) peer.send(cancelFrames("inv-1", 3, 2)[1]);
        },
      ],
      (_, response) => {
        cancelled = true;
        response.setHeader("content-type", "application/json").end(acknowledge());
      },
    );
    const dispatcher = new Agent({ connections: 1 });
    const stream = streamClient(server, { ...SSE, fetch: (url, init) => fetch(url, { ...init, dispatcher }) }).runStream({}, INV);
    await stream.started;
    void stream.cancel();
    expect(await drain(stream)).toEqual({ chunks: [1, 2], error: undefined });
    expect(stream.summary?.status).toBe("cancelled");
    await dispatcher.close();
  });

  it("that is refused fails with the code", async () => {
    const body = JSON.stringify({ success: false, error: { code: "AUTHENTICATION_ERROR", message: "No." } });
    const server = await serveCancellable(() => ({ status: 401, body }));
    const stream = streamClient(server, SSE).runStream({}, INV);
    await stream.started;
    expect(await failureOf(stream.cancel())).toMatchObject({ code: "AUTHENTICATION_ERROR", origin: "wire" });
    expect((await drain(stream)).error).toMatchObject({ code: "AUTHENTICATION_ERROR" });
  });

  it("that comes too late says already_ended, and the stream is complete", async () => {
    let stream: SsePeer | undefined;
    const server = await serveSse(
      [
        async (peer) => {
          stream = peer;
          await peer.accept(RESUMABLE);
        },
      ],
      (_, response) => {
        response.end(acknowledge("already_ended"), () => stream?.complete("inv-1", 1, 0));
      },
    );
    const run = streamClient(server, SSE).runStream({}, INV);
    await run.started;
    expect(await run.cancel()).toMatchObject({ outcome: "already_ended" });
    expect(await run.collect()).toEqual([]);
    expect(run.summary?.status).toBe("completed");
  });

  it("before the server has accepted goes out as soon as it has", async () => {
    const arrived = deferred();
    const go = deferred();
    let stream: SsePeer | undefined;
    const server = await serveSse(
      [
        async (peer) => {
          stream = peer;
          arrived.resolve();
          await go.promise;
          await peer.accept(RESUMABLE);
        },
      ],
      (_, response) => {
        response.end(acknowledge(), () => stream?.send(cancelFrames("inv-1", 1, 0)[1]));
      },
    );
    const run = streamClient(server, SSE).runStream({}, INV);
    await arrived.promise;
    const answer = run.cancel();
    go.resolve();
    expect(await answer).toMatchObject({ outcome: "accepted" });
    expect(await run.collect()).toEqual([]);
    expect(run.summary?.status).toBe("cancelled");
  });

  it("detach ends the request and cancels nothing", async () => {
    const closed = deferred();
    const server = await serveSse([
      async (peer) => {
        peer.response.on("close", () => closed.resolve());
        await peer.accept(RESUMABLE);
        peer.burst(1, 2);
      },
    ]);
    const stream = streamClient(server, SSE).runStream({}, INV);
    await stream.started;
    expect(await stream.detach()).toBe(cursorOf("inv-1", 0));
    await closed.promise;
    expect(server.requests).toHaveLength(1);
  });
});
