import { WebSocket } from "undici";
import { describe, expect, it } from "vitest";
import { cursorOf, drain, failureOf, inTurn, RESUMABLE, serveScript, streamClient } from "./harness.ts";

const FAST = { maxReconnectDelayMs: 1 };

describe("resume(position)", () => {
  it.each([undefined, WebSocket])("and every reconnect carry the key anew (WebSocket: %o)", async (custom) => {
    const tokens: unknown[] = [];
    const server = await serveScript({
      stream: inTurn(
        async (peer) => {
          tokens.push((await peer.accept(RESUMABLE)).auth);
          peer.reset();
        },
        async (peer) => {
          const resume = await peer.accept(RESUMABLE);
          tokens.push(resume.auth);
          peer.finish(resume, 4);
        },
      ),
    });
    const options = { ...FAST, apiKey: "canary-key", ...(custom === undefined ? {} : { WebSocket: custom }) };
    expect(await streamClient(server, options).resume(cursorOf("inv-1", 2)).collect()).toEqual([3, 4]);
    const header = custom === undefined ? "Bearer canary-key" : undefined;
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([header, header]);
    const token = custom === undefined ? undefined : { token: "canary-key" };
    expect(tokens).toEqual([token, token]);
    expect(server.requests.map(({ url }) => url).join()).not.toContain("canary-key");
  });

  it("sends a resume, never a start, and goes on by the same rules", async () => {
    const firsts: unknown[] = [];
    const server = await serveScript({
      stream: inTurn(
        async (peer) => {
          firsts.push(await peer.next());
          peer.socket.terminate();
        },
        async (peer) => {
          firsts.push(await peer.accept(RESUMABLE));
          peer.data(42);
          peer.socket.terminate();
        },
        async (peer) => {
          const resume = await peer.accept(RESUMABLE);
          firsts.push(resume);
          peer.finish(resume, 44);
        },
      ),
    });
    const stream = streamClient(server, FAST).resume(cursorOf("inv-1", 41));
    const { chunks, error } = await drain(stream);
    expect(error).toBeUndefined();
    expect(chunks).toEqual([42, 43, 44]);
    expect(firsts).toMatchObject([
      { type: "resume", protocol: 2, invocation_id: "inv-1", epoch: "e1", after_seq: 41 },
      { type: "resume", after_seq: 41 },
      { type: "resume" },
    ]);
    expect(stream.summary).toMatchObject({ status: "completed", chunks: 3, totalChunks: 44, reconnects: 2 });
  });

  it("after the end gets the terminal record once more, and that is the end", async () => {
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept(RESUMABLE);
        peer.complete(invocation_id, 3, 2);
      },
    });
    const stream = streamClient(server).resume(cursorOf("inv-1", 3));
    expect(await stream.collect()).toEqual([]);
    expect(stream.summary).toMatchObject({ status: "completed", totalChunks: 2 });
  });

  it.each(["", "x", cursorOf("../x", 1), `${cursorOf("inv-1", 1)}=`, Buffer.from("ra2:e1:01:inv-1").toString("base64url")])(
    "of %j is refused before anything is sent",
    async (position) => {
      const server = await serveScript({});
      const error = await failureOf(streamClient(server).resume(position).collect());
      expect(error).toMatchObject({ code: "VALIDATION_ERROR", field: "position" });
      expect(server.requests).toEqual([]);
    },
  );

  it("with a signal that has fired already does nothing: the invocation goes on without this client", async () => {
    const server = await serveScript({ http: (_, response) => void response.end('{"success":true,"data":{"status":"healthy"}}') });
    const client = streamClient(server);
    const error = await failureOf(client.resume(cursorOf("inv-1", 2), { signal: AbortSignal.abort() }).collect());
    expect(error).toMatchObject({ code: "CANCELLED", invocationId: "inv-1" });
    await client.health();
    await client.health();
    expect(server.requests.map(({ url }) => url)).toEqual(["/api/v1/health", "/api/v1/health"]);
    await client.close();
  });

  it("that a server of version 1 answers fails with what that says", async () => {
    const server = await serveScript({
      async stream(peer) {
        await peer.next();
        peer.send({ type: "error", error: "Missing entrypoint_tag" });
        peer.socket.close(1000);
      },
    });
    const error = await failureOf(streamClient(server, FAST).resume(cursorOf("inv-1", 2)).collect());
    expect(error.message).toContain("Missing entrypoint_tag");
    expect(error.origin).toBe("wire");
  });
});
