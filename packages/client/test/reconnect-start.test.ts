import type { ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { ARCHITECTURE, deferred, drain, failureOf, inTurn, RESUMABLE, serveScript, streamClient } from "./harness.ts";
import type { Peer, ScriptedServer, SeenRequest } from "./scripted-server.ts";

const FAST = { maxReconnectDelayMs: 1 };

/** Answers GET architecture. */
const architecture =
  (body: unknown, status = 200) =>
  (_: SeenRequest, response: ServerResponse): void =>
    void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));

const upgrades = (server: ScriptedServer): number => server.requests.filter(({ url }) => url.endsWith("/run-stream")).length;
const questions = (server: ScriptedServer): number => server.requests.filter(({ url }) => url.endsWith("/architecture")).length;

/** Takes the start, says nothing, and is gone. */
const dropStart = async (peer: Peer): Promise<void> => {
  await peer.next();
  peer.socket.terminate();
};
const play = async (peer: Peer): Promise<void> => peer.finish(await peer.accept(RESUMABLE), 2);

describe("a drop between the start and the first frame", () => {
  it("asks for the version; version 2 gets the same start again, whatever the caller did with the input meanwhile", async () => {
    const starts: unknown[] = [];
    const input = { list: [1], deep: { text: "as it was" } };
    const server = await serveScript({
      http: architecture(ARCHITECTURE),
      stream: inTurn(
        async (peer) => {
          starts.push(await peer.next());
          input.list.push(2);
          input.deep.text = "changed";
          peer.socket.terminate();
        },
        async (peer) => {
          const start = await peer.accept(RESUMABLE);
          starts.push(start);
          peer.finish(start, 2);
        },
      ),
    });
    const client = streamClient(server, FAST);
    const stream = client.runStream(input);
    expect(await stream.collect()).toEqual([1, 2]);
    await client.close();
    expect(starts[1]).toEqual(starts[0]);
    expect(starts[0]).toMatchObject({ input_kwargs: { list: [1], deep: { text: "as it was" } } });
    expect([upgrades(server), questions(server)]).toEqual([2, 1]);
    expect(stream.summary?.reconnects).toBe(1);
    await server.idle();
  });

  const unknown: [string, (request: SeenRequest, response: ServerResponse) => void][] = [
    ["an architecture of version 1", architecture({ agent_id: "a1", entrypoints: [] })],
    ["an architecture that lists version 1", architecture({ ...ARCHITECTURE, data: { ...ARCHITECTURE.data, protocol_versions: [1] } })],
    ["an unknown route", architecture({ detail: "Not Found" }, 404)],
    ["a wrong key", architecture({ success: false, error: { code: "AUTHENTICATION_ERROR", message: "No." } }, 401)],
    ["a page", (_, response) => void response.end("<html></html>")],
  ];

  it.each(unknown)("with %s is STREAM_TRUNCATED without a cursor, after one start", async (_, http) => {
    const server = await serveScript({ http, stream: dropStart });
    const client = streamClient(server, FAST);
    const { chunks, error } = await drain(client.runStream({}));
    expect(chunks).toEqual([]);
    expect(error).toMatchObject({ code: "STREAM_TRUNCATED", cursor: undefined });
    expect([upgrades(server), questions(server)]).toEqual([1, 1]);
    await client.close();
    await server.idle();
  });

  it("asks again while the server is away, and no longer than connectTimeoutMs", async () => {
    let answers = 0;
    const server = await serveScript({
      http: (request, response) => (++answers < 3 ? void response.destroy() : architecture(ARCHITECTURE)(request, response)),
      stream: inTurn(dropStart, play),
    });
    expect(await streamClient(server, FAST).runStream({}).collect()).toEqual([1, 2]);
    expect([upgrades(server), questions(server)]).toEqual([2, 3]);
    const away = await serveScript({ http: (_, response) => void response.destroy(), stream: dropStart });
    const client = streamClient(away, { ...FAST, connectTimeoutMs: 100 });
    expect(await failureOf(client.runStream({}).collect())).toMatchObject({ code: "STREAM_TRUNCATED", cursor: undefined });
    expect(upgrades(away)).toBe(1);
  });

  it("does not ask when an earlier call has told the version, of a stream or of a run", async () => {
    for (const first of ["stream", "run"] as const) {
      const server = await serveScript({
        http: architecture({ success: true, protocol: 2, data: 1 }),
        stream: first === "stream" ? inTurn(play, dropStart, play) : inTurn(dropStart, play),
      });
      const client = streamClient(server, FAST);
      if (first === "run") expect(await client.withEntrypoint("chat").run()).toBe(1);
      else expect(await client.runStream({}).collect()).toEqual([1, 2]);
      expect(await client.runStream({}).collect()).toEqual([1, 2]);
      expect(questions(server)).toBe(0);
    }
  });

  it.each([1000, 1001, 1006, 1011, 1012, 1013, 1014])("by close %i is such a drop", async (code) => {
    const drop = async (peer: Peer): Promise<void> => {
      await peer.next();
      if (code === 1006) peer.socket.terminate();
      else peer.socket.close(code);
    };
    const server = await serveScript({ http: architecture(ARCHITECTURE), stream: inTurn(drop, play) });
    expect(await streamClient(server, FAST).runStream({}).collect()).toEqual([1, 2]);
  });

  it.each([1003, 1008, 4000, 4002, 4400, 4401, 4403, 4404, 4408, 4409, 4410, 4499])("by close %i is none", async (code) => {
    const server = await serveScript({
      http: architecture(ARCHITECTURE),
      async stream(peer) {
        await peer.next();
        peer.socket.close(code);
      },
    });
    expect((await failureOf(streamClient(server, FAST).runStream({}).collect())).retryable).toBe(false);
    expect(server.requests).toHaveLength(1);
  });

  it("a cancel while the version is asked for goes out behind the repeated start", async () => {
    const asked = deferred();
    const mayAnswer = deferred();
    const frames: unknown[] = [];
    const server = await serveScript({
      async http(request, response) {
        asked.resolve();
        await mayAnswer.promise;
        architecture(ARCHITECTURE)(request, response);
      },
      stream: inTurn(dropStart, async (peer) => {
        const start = await peer.accept(RESUMABLE);
        const { mode } = await peer.next();
        frames.push(start.type, mode);
        peer.complete(start.invocation_id, 1, 0);
      }),
    });
    const stream = streamClient(server, FAST).runStream({});
    await asked.promise;
    const answer = stream.cancel();
    mayAnswer.resolve();
    expect(await answer).toMatchObject({ outcome: "already_ended" });
    expect(frames).toEqual(["start", "immediate"]);
  });

  it.each(["abort", "leave", "timeout"])("%s while the version is asked for ends the question, and no connection is made", async (act) => {
    const asked = deferred();
    const ended = deferred();
    let count = 0;
    const server = await serveScript({
      http(request, response) {
        if (!request.url.endsWith("/architecture")) return void response.end('{"success":true,"data":{}}');
        if (++count > 1) return architecture(ARCHITECTURE)(request, response);
        response.on("close", ended.resolve);
        asked.resolve();
      },
      stream: inTurn(dropStart, play),
    });
    const controller = new AbortController();
    const client = streamClient(server, FAST);
    const stream = client.runStream({}, { signal: controller.signal, timeoutMs: act === "timeout" ? 200 : 0 });
    const iterator = stream[Symbol.asyncIterator]();
    const read = act === "leave" ? undefined : failureOf(Promise.resolve(iterator.next()));
    await asked.promise;
    const began = performance.now();
    if (act === "leave") await iterator.return?.();
    else if (act === "abort") controller.abort();
    if (read !== undefined) expect((await read).code).toBe(act === "abort" ? "CANCELLED" : "TIMEOUT");
    await ended.promise;
    // By itself it would take ten seconds, and keep the process alive as long.
    expect(performance.now() - began).toBeLessThan(5000);
    // Another question and its answer: by then the client would have dialled.
    await client.architecture();
    await client.architecture();
    expect(upgrades(server)).toBe(1);
    await client.close();
    await server.idle();
  });
});

describe("an error frame in place of the accept frame", () => {
  const refusal = (code: string, details?: unknown) => async (peer: Peer) => {
    await peer.next();
    peer.send({ type: "error", error: { code, message: "Not now.", details } });
    peer.socket.close(1000);
  };

  it("RATE_LIMITED says that nothing was done: the start goes out again, whatever the version, after a wait", async () => {
    const delays: number[] = [];
    const server = await serveScript({ stream: inTurn(refusal("RATE_LIMITED", { retry_after_seconds: 0.05 }), play) });
    const stream = streamClient(server, FAST).runStream({}, { onReconnect: ({ delayMs }) => void delays.push(delayMs) });
    expect(await stream.collect()).toEqual([1, 2]);
    expect(delays).toEqual([50]);
    expect(questions(server)).toBe(0);
  });

  it("SERVER_ERROR may have done something: version 2 only", async () => {
    const server = await serveScript({ http: architecture(ARCHITECTURE), stream: inTurn(refusal("SERVER_ERROR"), play) });
    expect(await streamClient(server, FAST).runStream({}).collect()).toEqual([1, 2]);
    const old = await serveScript({ stream: inTurn(refusal("SERVER_ERROR"), play) });
    expect(await failureOf(streamClient(old, FAST).runStream({}).collect())).toMatchObject({ code: "SERVER_ERROR", origin: "wire" });
    expect(upgrades(old)).toBe(1);
  });

  it("five refusals in a row are enough", async () => {
    const server = await serveScript({ stream: refusal("RATE_LIMITED") });
    expect((await failureOf(streamClient(server, FAST).runStream({}).collect())).code).toBe("RATE_LIMITED");
    expect(upgrades(server)).toBe(5);
  });

  it.each(["AUTHENTICATION_ERROR", "PERMISSION_ERROR", "VALIDATION_ERROR", "AGENT_NOT_FOUND", "INVOCATION_CONFLICT", "PAYLOAD_TOO_LARGE"])(
    "%s is final",
    async (code) => {
      const server = await serveScript({ http: architecture(ARCHITECTURE), stream: refusal(code) });
      expect(await failureOf(streamClient(server, FAST).runStream({}).collect())).toMatchObject({ code, origin: "wire" });
      expect(server.requests).toHaveLength(1);
      await server.idle();
    },
  );
});
