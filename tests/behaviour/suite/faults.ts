import { atLeast, atMost, equal, fail, ok, upTo } from "./assert.ts";
import { type Area, overBoth } from "./case.ts";

const DROPS = 20;
const CHUNKS = 600;
/** As the server brisk has it. */
const HEARTBEAT_MS = 500;
const REFUSED = { status: 403, body: "No WebSockets here." };

/** Networks that break. */
export const faults: Area = {
  title: "broken connections",
  cases: [
    ...overBoth(
      `reset ${DROPS} times while streaming: nothing lost, nothing doubled, one run`,
      async (context, transport) => {
        const proxy = await context.proxy("open", [
          { on: { event: "bytes", at: [600, 3_000] }, do: { action: "reset" }, times: DROPS, name: "reset" },
        ]);
        const stream = context.stream(
          "sized_stream",
          { count: CHUNKS, bytes: 200, numbered: true },
          { to: proxy.port, transport, maxReconnectDelayMs: 50 },
        );
        const chunks: number[] = [];
        for await (const chunk of stream) chunks.push(Number.parseInt(chunk, 10));
        equal(chunks, upTo(CHUNKS));
        const { drops } = await context.ask("stats", { id: proxy.id });
        equal(drops, DROPS, "drops");
        // Some met a request beside the stream: browsers ask for leave first.
        atLeast(stream.summary?.reconnects ?? 0, DROPS / 2, "reconnects");
        equal((await context.ask("invocation", { id: stream.invocationId })).runs, 1, "runs");
      },
      { deadlineMs: 25_000 },
    ),
    ...overBoth("half-open: a black hole is found by the missing heartbeat", async (context, transport) => {
      const gate = context.id;
      const proxy = await context.proxy("brisk", [
        { connections: { to: 1 }, on: { event: "frame", type: "heartbeat", where: "after" }, do: { action: "stall" }, times: 1 },
      ]);
      let lostMs = Number.NaN;
      let found: (foundMs: number) => void = () => {};
      const reconnected = new Promise<number>((resolve) => {
        found = resolve;
      });
      const client = context.client("gated_stream", { to: proxy.port, transport });
      const stream = client.runStream({ gate, count: 3 }, { onReconnect: () => found(performance.now() - lostMs) });
      const chunks = stream.collect();
      await context.ask("dropped", { id: proxy.id, drops: 1 });
      lostMs = performance.now();
      atMost(await reconnected, 2.5 * HEARTBEAT_MS + 500, "milliseconds until it was found");
      await context.ask("open", { gate, to: 3 });
      equal(await chunks, [1, 2, 3]);
      equal(stream.summary?.reconnects, 1, "reconnects");
    }),
    ...overBoth("lost before the server's acceptance arrives: one run", async (context, transport) => {
      const proxy = await context.proxy("open");
      const client = context.client("count_stream", { to: proxy.port, transport, maxIdleConnections: 0 });
      // A server that was never reached is not asked twice: its address may be wrong.
      equal(await client.runStream({ count: 1 }).collect(), [1]);
      const rule = { on: { event: "frame", status: "stream_started" }, do: { action: "reset" }, times: 1 } as const;
      await context.ask("rules", { id: proxy.id, rules: [rule] });
      const stream = client.runStream({ count: 3 });
      equal(await stream.collect(), [1, 2, 3]);
      equal((await context.ask("stats", { id: proxy.id })).drops, 1, "drops");
      equal((await context.ask("invocation", { id: stream.invocationId })).runs, 1, "runs");
    }),
    ...overBoth("the end is lost with its connection, and is read on the next", async (context, transport) => {
      const proxy = await context.proxy("open", [
        { on: { event: "frame", status: "stream_completed" }, do: { action: "reset" }, times: 1 },
      ]);
      const stream = context.stream("count_stream", { count: 3 }, { to: proxy.port, transport });
      equal(await stream.collect(), [1, 2, 3]);
      equal(stream.summary?.status, "completed", "status");
      equal(stream.summary?.reconnects, 1, "reconnects");
    }),
    {
      name: "run: an answer that is lost is asked for again, and the agent runs once",
      async run(context) {
        const proxy = await context.proxy("open");
        const client = context.client("chat", { to: proxy.port });
        // A server that was never reached is not asked twice: its address may be wrong.
        await client.run({ message: "first" });
        const rule = { on: { event: "answer", method: "POST", path: "/run" }, do: { action: "reset" }, times: 1 } as const;
        await context.ask("rules", { id: proxy.id, rules: [rule] });
        equal(await client.run({ message: "again" }, { invocationId: context.id }), { input: { message: "again" }, args: [] });
        equal((await context.ask("invocation", { id: context.id })).runs, 1, "runs");
        equal((await context.ask("stats", { id: proxy.id })).drops, 1, "drops");
      },
    },
    {
      name: "upgrades that are refused: auto goes on over SSE",
      async run(context) {
        const { port } = await context.proxy("open", [{ on: { event: "request", upgrade: true }, do: { action: "answer", ...REFUSED } }]);
        const client = context.client("count_stream", { to: port });
        equal(await client.runStream({ count: 3 }).collect(), [1, 2, 3]);
        equal(await client.runStream({ count: 2 }).collect(), [1, 2]);
      },
    },
    {
      name: "upgrades that are refused: a WebSocket alone is a typed error",
      async run(context) {
        const { port } = await context.proxy("open", [
          { on: { event: "request", upgrade: true }, do: { action: "answer", status: 501, body: "No WebSockets here." } },
        ]);
        const error = await context.failure(
          context.stream("count_stream", { count: 3 }, { to: port, transport: "websocket" }).collect(),
          "CONNECTION_ERROR",
        );
        ok(error.invocationId, "the error names no invocation");
      },
    },
    {
      name: "a cut by the server's side (FIN, no close frame) is no end",
      async run(context) {
        const proxy = await context.proxy("open", [{ on: { event: "frame", type: "data", nth: 2 }, do: { action: "end" }, times: 2 }]);
        for (const transport of ["websocket", "sse"] as const) {
          const stream = context.stream("count_stream", { count: 5 }, { to: proxy.port, transport });
          equal(await stream.collect(), upTo(5), transport);
        }
      },
    },
    {
      name: "a server that stays away: a typed error with the position, from which another goes on",
      async run(context) {
        const gate = context.id;
        const proxy = await context.proxy("open");
        const options = { to: proxy.port, idleTimeoutMs: 400, maxReconnectDelayMs: 20 };
        const stream = context.stream("gated_stream", { gate, count: 4 }, options);
        await context.ask("open", { gate, to: 2 });
        const cursor = stream.cursor();
        equal(
          [await cursor.next(), await cursor.next()].map(({ hasMore }) => hasMore),
          [true, true],
        );
        await context.ask("rules", { id: proxy.id, rules: [{ on: { event: "connect" }, do: { action: "reset" } }] });
        await context.ask("drop", { id: proxy.id });
        const error = await context.failure(cursor.next(), "TIMEOUT");
        const position = error.cursor ?? fail("the error carries no position");
        await context.ask("open", { gate, to: 4 });
        equal(error.invocationId, stream.invocationId, "invocation");
        const rest = context.client("gated_stream").resume(position).collect();
        equal(await rest, [3, 4]);
      },
    },
  ],
};
