/** Credentials that expire: on a connection, between connections, and while another is being looked at. [auth.expire.1] */
import type { JsonObject } from "@runagent/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { createMemoryLogStore, type LogStore, type Principal, type RunningServer, type ServeOptions } from "../src/index.ts";
import { openSse, refusedSse } from "./sse-peer.ts";
import {
  codeOf,
  connect,
  contents,
  deferred,
  type FrameInbox,
  get,
  type Peer,
  refusedUpgrade,
  resumeFrame,
  serveEntrypoints,
  startFrame,
} from "./support.ts";

const LIFE_MS = 250;
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const isHeartbeat = (frame: JsonObject) => frame.type === "heartbeat";

/** Everybody is "alice"; a token expires when the map says so, or never. */
async function serveExpiring(expiries: Record<string, number>, options: ServeOptions = {}) {
  const more = deferred();
  const entrypoints = {
    a_stream: async function* () {
      yield "before";
      await more.promise;
      yield "after";
    },
    short_stream: () => [1],
  };
  const apiKeys = (id: string): Principal => (id in expiries ? { id: "alice", expiresAt: expiries[id] } : { id: "alice" });
  const { limits, ...rest } = options;
  const server = await serveEntrypoints(entrypoints, { apiKeys, limits: { heartbeatSeconds: 0.02, ...limits }, ...rest });
  return { server, more };
}

/** Starts a_stream and reads its first chunk. */
async function start(server: RunningServer, token: string, extra: JsonObject = {}): Promise<{ peer: Peer; started: JsonObject }> {
  const peer = await connect(server);
  peer.send(startFrame("a_stream", "inv-1", { auth: { token }, ...extra }));
  const [started = {}] = await peer.until((frame) => frame.type === "data");
  return { peer, started };
}

/** Reads on until the clock has passed a time: heartbeats come all the while. */
async function outlive(peer: FrameInbox, timeMs: number): Promise<void> {
  while (Date.now() <= timeMs) expect(await peer.next()).toSatisfy(isHeartbeat);
  await peer.until(isHeartbeat);
}

/** The frame that ended a connection is no record, and says so. */
async function expectExpired(peer: FrameInbox, expiresAt: number): Promise<void> {
  const frame = (await peer.until((next) => next.type === "error")).at(-1);
  expect(Date.now()).toBeGreaterThanOrEqual(expiresAt);
  expect(codeOf(frame)).toBe("AUTHENTICATION_ERROR");
  expect(frame).toMatchObject({ error: { message: "The credential of this connection has expired." } });
  expect(frame).not.toHaveProperty("seq");
}

async function statusOf(server: RunningServer): Promise<unknown> {
  const { body } = await get(`${server.url}/api/v1/invocations/inv-1`, bearer("lasting"));
  return body.data;
}

describe("a credential that expires on a connection", () => {
  test("ends a WebSocket with 4401; the invocation goes on, and is resumed with another", async () => {
    const expiresAt = Date.now() + LIFE_MS;
    const options = { limits: { maxConnectionsPerKey: 1, disconnectGraceSeconds: 600 } };
    const { server, more } = await serveExpiring({ short: expiresAt }, options);
    // With "cancel" a client that has left would end it at once: this one is lost.
    const { peer, started } = await start(server, "short", { on_disconnect: "cancel" });
    await expectExpired(peer, expiresAt);
    expect(await peer.closed).toEqual({ code: 4401, reason: "AUTHENTICATION_ERROR" });
    expect(await statusOf(server)).toMatchObject({ status: "running" });
    const again = await connect(server);
    again.send(resumeFrame(started, 1, { auth: { token: "lasting" } }));
    expect(await again.next()).toMatchObject({ status: "stream_resumed", seq: 1 });
    more.resolve();
    expect(contents(await again.untilEnd())).toEqual(["after"]);
  });

  test("ends a stream over SSE; the invocation goes on, and is resumed with another", async () => {
    const expiresAt = Date.now() + LIFE_MS;
    const { server, more } = await serveExpiring({ short: expiresAt }, { limits: { maxConnectionsPerKey: 1 } });
    const peer = await openSse(server, { body: startFrame("a_stream", "inv-1"), headers: bearer("short") });
    await expectExpired(peer, expiresAt);
    expect(await peer.ended).toBe(true);
    const headers = { "Last-Event-ID": peer.ids.findLast((id) => id !== undefined) ?? "" };
    const path = "/api/v1/invocations/inv-1/stream";
    expect(await refusedSse(server, { path, headers: { ...headers, ...bearer("short") } })).toMatchObject({ status: 401 });
    const again = await openSse(server, { path, headers: { ...headers, ...bearer("lasting") } });
    more.resolve();
    expect(contents(await again.untilEnd())).toEqual(["after"]);
  });

  test("ends a connection that waits for its next stream, however it came: in the upgrade, or in the frame that counts", async () => {
    const expiresAt = Date.now() + LIFE_MS;
    const { server } = await serveExpiring({ short: expiresAt });
    const byUpgrade = await connect(server, { headers: bearer("short") });
    byUpgrade.send(startFrame("short_stream", "inv-2"));
    const byFrame = await connect(server, { headers: bearer("lasting") });
    byFrame.send(startFrame("short_stream", "inv-3", { auth: { token: "short" } }));
    const replaced = await connect(server, { headers: bearer("short") });
    replaced.send(startFrame("a_stream", "inv-1", { auth: { token: "lasting" } }));
    for (const peer of [byUpgrade, byFrame]) {
      expect(contents(await peer.untilEnd())).toEqual([1]);
      await expectExpired(peer, expiresAt);
      expect((await peer.closed).code).toBe(4401);
    }
    await replaced.until((frame) => frame.type === "data");
    await outlive(replaced, expiresAt);
  });

  test.each(["WebSocket", "SSE"])("ends it over %s as soon as a slow start is through", async (transport) => {
    const expiresAt = Date.now() + LIFE_MS;
    const stored = deferred();
    const log = createMemoryLogStore();
    const slow: LogStore = {
      durability: log.durability,
      create: async (id) => {
        if (id === "inv-slow") await stored.promise;
        return log.create(id);
      },
    };
    const { server } = await serveExpiring({ short: expiresAt }, { log: slow });
    const witness = await start(server, "lasting");
    const frame = startFrame("a_stream", "inv-slow", { auth: { token: "short" } });
    const begin = async (): Promise<FrameInbox> => {
      if (transport === "SSE") return openSse(server, { body: frame });
      const peer = await connect(server);
      peer.send(frame);
      return peer;
    };
    const opening = begin();
    await outlive(witness.peer, expiresAt);
    stored.resolve();
    await expectExpired(await opening, expiresAt);
  });

  test("is no matter when it expires in weeks, or never", async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on("warning", onWarning);
    onTestFinished(() => void process.off("warning", onWarning));
    const { server } = await serveExpiring({ weeks: Date.now() + 60 * 86_400_000, never: Number.POSITIVE_INFINITY });
    for (const [index, token] of ["weeks", "never"].entries()) {
      const { peer } = await start(server, token, { invocation_id: `inv-${index}` });
      await outlive(peer, Date.now() + 50);
      const sse = await openSse(server, { path: `/api/v1/invocations/inv-${index}/stream`, headers: bearer(token) });
      await sse.until((frame) => frame.type === "data");
      await outlive(sse, Date.now() + 50);
    }
    // A timer that is set for more than it holds fires at once, and Node warns.
    expect(warnings).toEqual([]);
  });

  test("is no matter to version 1, which can neither renew nor resume", async () => {
    const expiresAt = Date.now() + LIFE_MS;
    const { server, more } = await serveExpiring({ short: expiresAt });
    const witness = await start(server, "lasting");
    const peer = await connect(server, { headers: bearer("short"), version: 1 });
    peer.send({ entrypoint_tag: "a_stream" });
    await peer.until((frame) => frame.type === "data");
    await outlive(witness.peer, expiresAt);
    more.resolve();
    expect((await peer.untilEnd()).at(-1)).toMatchObject({ status: "stream_completed", total_chunks: 2 });
  });
});

describe("an auth frame", () => {
  test("takes over with an expiry of its own", async () => {
    const short = Date.now() + LIFE_MS;
    const longer = short + LIFE_MS;
    const { server } = await serveExpiring({ short, longer }, { limits: { handshakeTimeoutMs: 100 } });
    const { peer } = await start(server, "short");
    peer.send({ type: "auth", token: "longer" });
    expect(await peer.until((frame) => frame.status === "auth_acknowledged")).toHaveLength(1);
    await outlive(peer, short);
    await expectExpired(peer, longer);
    expect((await peer.closed).code).toBe(4401);
  });

  test("with a credential that has expired ends the connection", async () => {
    const { server } = await serveExpiring({ gone: Date.now() - 1 });
    const { peer } = await start(server, "lasting");
    peer.send({ type: "auth", token: "gone" });
    expect(codeOf((await peer.until((frame) => frame.type === "error")).at(-1))).toBe("AUTHENTICATION_ERROR");
    expect((await peer.closed).code).toBe(4401);
    expect(await statusOf(server)).toMatchObject({ status: "running" });
  });

  test("that is being checked when the old one expires is waited for", async () => {
    const expiresAt = Date.now() + LIFE_MS;
    const checking = deferred();
    const apiKeys = async (token: string): Promise<Principal | null> => {
      if (token === "short") return { id: "alice", expiresAt };
      await checking.promise;
      return { id: "alice" };
    };
    const { server } = await serveExpiring({}, { apiKeys });
    const { peer } = await start(server, "short");
    peer.send({ type: "auth", token: "slow" });
    await outlive(peer, expiresAt);
    checking.resolve();
    await peer.until((frame) => frame.status === "auth_acknowledged");
    await outlive(peer, Date.now() + 50);
  });

  test("that is never checked is not waited for without end", async () => {
    const apiKeys = (token: string) => (token === "short" ? { id: "alice" } : new Promise<never>(() => {}));
    const { server } = await serveExpiring({}, { apiKeys, limits: { handshakeTimeoutMs: 100 } });
    const { peer } = await start(server, "short");
    peer.send({ type: "auth", token: "stuck" });
    const error = (await peer.until((frame) => frame.type === "error")).at(-1);
    expect(error).toMatchObject({ error: { code: "TIMEOUT", message: expect.stringContaining("handshakeTimeoutMs") } });
    expect(error).not.toHaveProperty("seq");
  });
});

describe("a credential that has expired already", () => {
  test("is refused like a wrong one, everywhere", async () => {
    const { server } = await serveExpiring({ gone: Date.now() });
    const headers = bearer("gone");
    const rest = await get(`${server.url}/api/v1`, headers);
    expect([rest.status, codeOf(rest.body)]).toEqual([401, "AUTHENTICATION_ERROR"]);
    expect(await refusedUpgrade(server, "/api/v1/agents/agent/run-stream", headers)).toMatchObject({ status: 401 });
    expect(await refusedSse(server, { body: startFrame("a_stream", "inv-1"), headers })).toMatchObject({ status: 401 });
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1", { auth: { token: "gone" } }));
    expect(codeOf(await peer.next())).toBe("AUTHENTICATION_ERROR");
    expect((await peer.closed).code).toBe(4401);
    expect((await get(`${server.url}/api/v1/invocations/inv-1`, bearer("lasting"))).status).toBe(404);
  });

  test.each([["text" as unknown as number], [Number.NaN]])("an expiry of %s is the check's own fault", async (expiresAt) => {
    const errors: unknown[] = [];
    const { server } = await serveExpiring({ odd: expiresAt }, { onError: (error) => errors.push(error) });
    const answer = await get(`${server.url}/api/v1`, bearer("odd"));
    expect([answer.status, codeOf(answer.body)]).toEqual([500, "SERVER_ERROR"]);
    expect(errors).toMatchObject([{ message: expect.stringContaining("expiresAt") }]);
  });
});
