import { atMost, equal, fail, matches, ok, upTo } from "./assert.ts";
import { type Area, overBoth } from "./case.ts";

/** How calls are ended before their time. */
export const ending: Area = {
  title: "cancel, detach, deadlines",
  cases: [
    ...overBoth("cancel(): what is on its way still comes, the end is no error", async (context, transport) => {
      const stream = context.stream("endless_stream", {}, { transport });
      const chunks: unknown[] = [];
      for await (const chunk of stream) {
        chunks.push(chunk);
        if (chunks.length === 3) equal((await stream.cancel()).outcome, "accepted", "outcome");
      }
      equal(chunks, upTo(chunks.length));
      equal(stream.summary?.status, "cancelled", "status");
      equal(stream.summary?.totalChunks, chunks.length, "chunks as the server counted");
      equal((await context.ask("invocation", { id: stream.invocationId, until: { aborted: true } })).aborted, true);
      equal((await stream.cancel()).outcome, "already_ended", "second outcome");
    }),
    ...overBoth('cancel("after_turn") ends at the end of the turn', async (context, transport) => {
      const gate = context.id;
      const stream = context.stream("turn_stream", { gate }, { transport });
      const chunks: unknown[] = [];
      for await (const chunk of stream) {
        chunks.push(chunk);
        if (chunk !== "answer") continue;
        await stream.cancel("after_turn");
        await context.ask("open", { gate, to: 1 });
      }
      equal(chunks, ["answer", "tool result"]);
      equal(stream.summary?.status, "cancelled", "status");
    }),
    ...overBoth("leaving the loop early cancels", async (context, transport) => {
      const stream = context.stream("endless_stream", {}, { transport });
      for await (const chunk of stream) if (chunk === 2) break;
      equal((await context.ask("invocation", { id: stream.invocationId, until: { aborted: true } })).aborted, true);
    }),
    ...overBoth("detach, and resume elsewhere over the other transport", async (context, transport) => {
      const gate = context.id;
      const stream = context.stream("gated_stream", { gate, count: 20 }, { transport });
      await context.ask("open", { gate, to: 10 });
      const cursor = stream.cursor();
      for (const number of upTo(5)) equal(await cursor.next(), { hasMore: true, data: number, seq: number });
      const position = await stream.detach();
      ok(position, "there is no position");
      await context.ask("open", { gate, to: 20 });
      const other = context.client("gated_stream", { transport: transport === "sse" ? "websocket" : "sse" });
      equal(await other.resume(position).collect(), upTo(20).slice(5));
      const { runs, aborted } = await context.ask("invocation", { id: stream.invocationId });
      equal({ runs, aborted }, { runs: 1, aborted: false });
    }),
    {
      name: "an AbortSignal cancels, and its own reason is kept",
      async run(context) {
        const reason = new Error("The user has gone.");
        for (const tag of ["silent_stream", "silent"] as const) {
          const controller = new AbortController();
          const invocationId = `${context.id}-${tag}`;
          const options = { signal: controller.signal, invocationId };
          const call = tag === "silent" ? context.client(tag).run({}, options) : context.client(tag).runStream({}, options).collect();
          const failed = context.failure(call, "CANCELLED");
          await context.ask("invocation", { id: invocationId, until: { runs: 1 } });
          controller.abort(reason);
          const error = await failed;
          ok(error.cause === reason, "the reason of the signal is not the cause of the error");
          equal((await context.ask("invocation", { id: invocationId, until: { aborted: true } })).aborted, true);
        }
        // A reader that waits for nothing hears of it, too.
        const controller = new AbortController();
        const endless = context.client("endless_stream").runStream({}, { signal: controller.signal });
        const cursor = endless.cursor();
        await cursor.next();
        controller.abort(reason);
        await context.failure(cursor.next(), "CANCELLED");
        const aborted = context.client("count_stream").runStream({ count: 1 }, { signal: AbortSignal.abort(reason) });
        ok((await context.failure(aborted.collect(), "CANCELLED")).cause === reason, "aborted before: the reason is lost");
      },
    },
    ...overBoth("a connect deadline that passes is TIMEOUT", async (context, transport) => {
      const { port } = await context.proxy("open", [{ on: { event: "connect" }, do: { action: "stall" } }]);
      const began = performance.now();
      const stream = context.stream("count_stream", { count: 1 }, { to: port, transport, connectTimeoutMs: 200 });
      const error = await context.failure(stream.collect(), "TIMEOUT");
      matches(error.message, /connect/i, "message");
      atMost(performance.now() - began, 2_000, "milliseconds");
    }),
    ...overBoth("an idle deadline that passes is TIMEOUT, and leaves the agent running", async (context, transport) => {
      const stream = context.stream("silent_stream", {}, { transport, idleTimeoutMs: 200 });
      const error = await context.failure(stream.collect(), "TIMEOUT");
      matches(error.message, /idle/i, "message");
      const resumed = context.client("silent_stream", { transport }).resume(error.cursor ?? fail("the error carries no position"));
      equal((await resumed.cancel()).outcome, "accepted", "outcome of a cancel");
      equal((await context.ask("invocation", { id: stream.invocationId, until: { aborted: true } })).runs, 1, "runs");
    }),
    ...overBoth("a total deadline that passes is TIMEOUT, and cancels", async (context, transport) => {
      const client = context.client("endless_stream", { transport });
      const stream = client.runStream({}, { timeoutMs: 250 });
      const error = await context.failure(stream.collect(), "TIMEOUT");
      // The server has whole seconds, and would say so later.
      matches(error.message, /timeoutMs/, "message");
      equal((await context.ask("invocation", { id: stream.invocationId, until: { aborted: true } })).aborted, true);
    }),
    {
      name: "run: a deadline that passes is TIMEOUT, and cancels",
      async run(context) {
        const error = await context.failure(context.client("silent").run({}, { timeoutMs: 200, invocationId: context.id }), "TIMEOUT");
        equal(error.origin, "local", "origin");
        equal((await context.ask("invocation", { id: context.id, until: { aborted: true } })).aborted, true);
      },
    },
    {
      name: "a stream that nobody reads is cancelled by return() on its iterator",
      async run(context) {
        const stream = context.stream("endless_stream", {});
        const iterator = stream[Symbol.asyncIterator]();
        await iterator.next();
        await (iterator.return ?? fail("there is no return()"))();
        equal((await iterator.next()).done, true);
        equal((await context.ask("invocation", { id: stream.invocationId, until: { aborted: true } })).aborted, true);
      },
    },
  ],
};
