import { once } from "node:events";
import { describe, expect, it } from "vitest";
import type { Action, FaultRule, Trigger } from "../src/index.ts";
import { closeOf, messagesOf, openRaw, startRig } from "./peers.ts";

const toServer: Trigger = { event: "frame", direction: "to_server" };
const record = (seq: number, content: unknown = seq): string => JSON.stringify({ type: "data", seq, content });

describe("without rules", () => {
  it("passes WebSocket messages of every size both ways, and the close", async () => {
    const rig = await startRig();
    const socket = await rig.open();
    const texts = [0, 1, 125, 126, 65_535, 65_536, 3_000_000].map((size) => "ü".repeat(size / 2) + "x".repeat(size % 2));
    const messages = messagesOf(socket, texts.length);
    for (const text of texts) socket.send(text);
    expect(await messages).toEqual(texts);
    const server = await rig.connection(0);
    const closed = closeOf(server);
    socket.close(4001, "bye");
    expect(await closed).toBe(4001);
    expect(rig.proxy.stats).toMatchObject({ connections: 1, drops: 0 });
  });

  it("passes requests and answers, several on one connection", async () => {
    const rig = await startRig();
    for (const path of ["/a", "/b"]) {
      const answer = await fetch(`http://127.0.0.1:${rig.proxy.port}${path}`, { method: "POST", body: "hello" });
      expect(await answer.text()).toBe(`POST ${path} hello`);
    }
  });

  it("a server that is not there is a reset", async () => {
    const rig = await startRig();
    const other = await startRig();
    const { port } = other.proxy;
    await other.proxy.close();
    await expect(openRaw(port)).rejects.toThrow(/ECONNREFUSED/);
    expect(rig.proxy.stats.open).toBe(0);
  });
});

describe("ends", () => {
  it.each(["reset", "end"] as const)("%s after exactly so many bytes, in the middle of a frame", async (action) => {
    const rig = await startRig([{ on: { event: "bytes", at: 700 }, do: { action } }], (_, response) => response.end("x".repeat(5000)));
    const raw = await openRaw(rig.proxy.port);
    raw.socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    // Node shows a reset that comes together with data as an end.
    await raw.closed;
    expect(rig.drops).toMatchObject([{ connection: 1, rule: "1", passed: 700 }]);
    expect(raw.received()).toHaveLength(700);
  });

  it("a reset is a reset, and an end an end", async () => {
    for (const [action, how] of [
      ["reset", "ECONNRESET"],
      ["end", "end"],
    ] as const) {
      const rig = await startRig([{ on: { event: "time", ms: 20 }, do: { action } }]);
      expect(await (await openRaw(rig.proxy.port)).closed).toBe(how);
    }
  });

  it("refuses before the server hears of it", async () => {
    const rig = await startRig([{ name: "refuse", connections: { to: 2 }, on: { event: "connect" }, do: { action: "reset" } }]);
    for (let count = 0; count < 2; count++) await expect(rig.open()).rejects.toThrow();
    await rig.open();
    expect(rig.accepted).toHaveLength(1);
    expect(rig.proxy.stats.rules).toEqual({ refuse: 2 });
  });

  it.each([403, 200, 426, 503])("refuses an upgrade with %i, and lets other requests pass", async (status) => {
    const answer: Action = { action: "answer", status, headers: { "Retry-After": "1" }, body: "no" };
    const rig = await startRig([{ on: { event: "request", upgrade: true }, do: answer }]);
    await expect(rig.open()).rejects.toThrow(String(status));
    const response = await fetch(`http://127.0.0.1:${rig.proxy.port}/x`);
    expect(await response.text()).toBe("GET /x ");
    expect(rig.accepted).toHaveLength(0);
  });

  it("closes with a WebSocket code after the third record, and tells its seq and invocation", async () => {
    const on: Trigger = { event: "frame", type: "data", nth: 3, where: "after" };
    const rig = await startRig([{ name: "restart", on, do: { action: "close", code: 1012, reason: "restart" } }]);
    const socket = await rig.open();
    const messages = messagesOf(socket, 4);
    for (const text of ['{"type":"start","invocation_id":"inv-1"}', record(1), record(2), record(3), record(4)]) socket.send(text);
    const closed = closeOf(socket);
    await messages;
    expect(await closed).toBe(1012);
    expect(rig.drops).toMatchObject([{ rule: "restart", invocationId: "inv-1" }]);
  });

  it("loses the answer to a request", async () => {
    const lost: FaultRule = { on: { event: "answer", method: "POST", path: "/run" }, do: { action: "reset" }, times: 1 };
    let seen = 0;
    const rig = await startRig([lost], (_, response) => response.end(String(++seen)));
    const url = `http://127.0.0.1:${rig.proxy.port}/run`;
    await expect(fetch(url, { method: "POST", body: "{}" })).rejects.toThrow();
    expect(await (await fetch(url, { method: "POST", body: "{}" })).text()).toBe("2");
  });

  it("dropAll resets what is open, by time too", async () => {
    const rig = await startRig();
    const sockets = [await rig.open(), await rig.open()];
    const closed = sockets.map(closeOf);
    expect(rig.proxy.dropAll()).toBe(2);
    expect(await Promise.all(closed)).toEqual([1006, 1006]);
    rig.proxy.set([{ on: { event: "time", ms: 20 }, do: { action: "end" } }]);
    expect(await closeOf(await rig.open())).toBe(1006);
    expect(rig.drops.map(({ rule }) => rule)).toEqual(["dropAll", "dropAll", "1"]);
  });

  it("the same seed cuts at the same places, another connection at others", async () => {
    const rules: FaultRule[] = [{ on: { event: "bytes", at: [200, 4000] }, do: { action: "end" } }];
    const cuts = async (): Promise<number[]> => {
      const rig = await startRig(rules, (_, response) => response.end("x".repeat(5000)));
      for (let count = 0; count < 4; count++) {
        const raw = await openRaw(rig.proxy.port);
        raw.socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        await raw.closed;
      }
      return rig.drops.map(({ passed }) => passed);
    };
    const first = await cuts();
    expect(await cuts()).toEqual(first);
    expect(new Set(first).size).toBe(4);
  });
});

describe("frames", () => {
  const edits: [string, Action, (received: string[]) => void][] = [
    ["drop", { action: "drop" }, (got) => expect(got).toEqual([record(1), record(3), record(4)])],
    ["duplicate", { action: "duplicate" }, (got) => expect(got).toEqual([record(1), record(2), record(2), record(3), record(4)])],
    ["swap", { action: "swap" }, (got) => expect(got).toEqual([record(1), record(3), record(2), record(4)])],
    ["truncate", { action: "truncate", bytes: 5 }, (got) => expect(got[1]).toBe('{"typ')],
    ["inject", { action: "inject", text: "[]" }, (got) => expect(got).toEqual([record(1), "[]", record(2), record(3), record(4)])],
    ["replace", { action: "replace", text: "nope" }, (got) => expect(got[1]).toBe("nope")],
    [
      "set",
      { action: "replace", set: { seq: 9 } },
      (got) => expect(JSON.parse(got[1] ?? "")).toEqual({ type: "data", seq: 9, content: 2 }),
    ],
    ["mutate", { action: "mutate" }, (got) => expect([got[1] === record(2), got.length]).toEqual([false, 4])],
  ];

  it.each(edits)("%s on the way to the client and to the server", async (_, action, check) => {
    for (const direction of ["to_client", "to_server"] as const) {
      const rig = await startRig([{ on: { event: "frame", direction, type: "data", nth: 2 }, do: action }]);
      const socket = await rig.open();
      const received: string[] = [];
      const last = new Promise<void>((resolve) => {
        socket.on("message", (data) => {
          if (data.toString() === "last") resolve();
          else received.push(data.toString());
        });
      });
      for (const text of [record(1), record(2), record(3), record(4), "last"]) socket.send(text);
      await last;
      check(received);
    }
  });

  it("replay brings the first frame again before every later one", async () => {
    const rig = await startRig([{ on: { event: "frame", type: "data" }, do: { action: "replay" } }]);
    const socket = await rig.open();
    const messages = messagesOf(socket, 5);
    for (const seq of [1, 2, 3]) socket.send(record(seq));
    expect(await messages).toEqual([1, 1, 2, 1, 3].map((seq) => record(seq)));
  });

  it("of an SSE body too, keeping the other fields of the event", async () => {
    const rules: FaultRule[] = [
      { on: { event: "frame", type: "data", nth: 2 }, do: { action: "drop" } },
      { on: { event: "frame", type: "data", nth: 3 }, do: { action: "replace", set: { content: "other" } } },
      { on: { event: "frame", type: "data", nth: 4 }, do: { action: "duplicate" } },
    ];
    const rig = await startRig(rules, (_, response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      for (let seq = 1; seq <= 4; seq++) response.write(`event: data\nid: c${seq}\ndata: ${record(seq)}\n\n`);
      response.end(": done\n\n");
    });
    const body = await (await fetch(`http://127.0.0.1:${rig.proxy.port}/x`)).text();
    const event = (seq: number, content: unknown = seq): string => `event: data\nid: c${seq}\ndata: ${record(seq, content)}\n\n`;
    expect(body).toBe(`${event(1)}${event(3, "other")}${event(4)}${event(4)}: done\n\n`);
  });

  it("a rule acts with its probability, as often as it may, on every nth", async () => {
    const rig = await startRig([
      { name: "third", on: { ...toServer, every: 3 }, do: { action: "drop" }, times: 5 },
      { name: "half", on: { event: "frame" }, do: { action: "drop" }, probability: 0.5 },
    ]);
    const socket = await rig.open();
    const last = new Promise<void>((resolve) => socket.on("message", (data) => data.toString() === "last" && resolve()));
    for (let seq = 1; seq <= 300; seq++) socket.send(record(seq));
    for (let count = 0; count < 40; count++) socket.send("last");
    await last;
    const { third, half = 0 } = rig.proxy.stats.rules;
    expect(third).toBe(5);
    expect(half).toBeGreaterThan(90);
    expect(half).toBeLessThan(240);
  });
});

describe("shaping and stalls", () => {
  it("delays each way, in order", async () => {
    const rig = await startRig([{ on: { event: "connect" }, do: { action: "delay", ms: 30 } }]);
    const socket = await rig.open();
    const start = performance.now();
    const messages = messagesOf(socket, 3);
    for (const text of ["1", "2", "3"]) socket.send(text);
    expect(await messages).toEqual(["1", "2", "3"]);
    expect(performance.now() - start).toBeGreaterThanOrEqual(58);
  });

  it("one-byte segments and a slow line are byte-exact", async () => {
    const rig = await startRig([
      { on: { event: "connect" }, do: { action: "split" } },
      { on: { event: "connect" }, do: { action: "throttle", bytesPerSecond: 40_000, direction: "to_server" } },
    ]);
    const socket = await rig.open();
    const text = "0123456789".repeat(100);
    const messages = messagesOf(socket, 2);
    socket.send(text);
    socket.send(`${text}!`);
    expect(await messages).toEqual([text, `${text}!`]);
  });

  it("a stall keeps both sockets open and passes nothing, until it heals", async () => {
    const rig = await startRig([{ on: { ...toServer, type: "stall" }, do: { action: "stall" } }]);
    const socket = await rig.open();
    const server = await rig.connection(0);
    const messages = messagesOf(socket, 2);
    const before = once(socket, "message");
    socket.send(record(1));
    await before;
    const stalled = once(server, "message");
    socket.send('{"type":"stall"}');
    // The server's own frame is held as well, though the client did nothing wrong.
    server.send("held");
    const outcome = await Promise.race([stalled, new Promise((resolve) => setTimeout(resolve, 100, "nothing"))]);
    expect(outcome).toBe("nothing");
    expect([socket.readyState, server.readyState]).toEqual([1, 1]);
    rig.proxy.heal();
    await stalled;
    expect(await messages).toEqual([record(1), "held"]);
  });

  it("one way only: the other way goes on, and an end is seen", async () => {
    const rig = await startRig([{ on: { ...toServer, type: "stall" }, do: { action: "stall", direction: "to_client" } }]);
    const socket = await rig.open();
    const server = await rig.connection(0);
    const got = once(server, "message");
    socket.send('{"type":"stall"}');
    await got;
    const closed = closeOf(server);
    socket.terminate();
    expect(await closed).toBe(1006);
  });

  it("a slow reader costs the proxy no memory: the server is not read faster", async () => {
    const rig = await startRig();
    const raw = await openRaw(rig.proxy.port);
    raw.socket.write(
      "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    );
    const server = await rig.connection(0);
    raw.socket.pause();
    const sent = 64 * 1_048_576;
    for (let count = 0; count < 64; count++) server.send(Buffer.alloc(1_048_576));
    let passed = -1;
    // What passes stops once the buffers between the two are full.
    while (passed !== rig.proxy.stats.bytes.to_client) {
      passed = rig.proxy.stats.bytes.to_client;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(passed).toBeLessThan(sent / 2);
    server.terminate();
  });
});
