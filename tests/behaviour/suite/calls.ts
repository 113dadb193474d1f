import { atLeast, equal, fail, matches, ok, thrown, upTo } from "./assert.ts";
import { type Area, overBoth } from "./case.ts";

const BURST = 5_000;

/** Calls that go well, and what they are read with. */
export const calls: Area = {
  title: "run, stream, read",
  cases: [
    {
      name: "run: named and positional arguments, the result",
      async run(context) {
        const client = context.client("chat");
        equal(await client.run({ message: "Hello", list: [1, { deep: null }] }, { args: [1, "two"] }), {
          input: { message: "Hello", list: [1, { deep: null }] },
          args: [1, "two"],
        });
        for (const value of [0, "", false, null, [], {}, "日本 🚂"]) equal(await context.client("echo").run({ value }), value);
      },
    },
    {
      name: "run: what fails is one typed error",
      async run(context) {
        const error = await context.failure(context.client("fail").run({}), "EXECUTION_ERROR");
        matches(error.message, /The tool broke\./, "message");
        equal(error.origin, "wire", "origin");
        ok(error.invocationId, "the error names no invocation");
      },
    },
    {
      name: "initialize, architecture and health ask the server",
      async run(context) {
        const client = context.client("count_stream");
        await client.initialize();
        const { entrypoints } = await client.architecture();
        ok(
          entrypoints.some(({ tag }) => tag === "count_stream"),
          "the architecture lists the entrypoint",
        );
        equal((await client.health()).status, "healthy");
        await context.failure(context.client("nothing").initialize(), "ENTRYPOINT_NOT_FOUND");
      },
    },
    ...overBoth("for await: every chunk, in order, then the summary", async (context, transport) => {
      const stream = context.stream("count_stream", { count: 100 }, { transport });
      const chunks: unknown[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      equal(chunks, upTo(100));
      const { status, chunks: taken, totalChunks, reconnects, protocol } = stream.summary ?? fail("there is no summary");
      equal(
        { status, taken, totalChunks, reconnects, protocol },
        { status: "completed", taken: 100, totalChunks: 100, reconnects: 0, protocol: 2 },
      );
    }),
    {
      name: "a cursor asked by next()",
      async run(context) {
        const cursor = context.stream("count_stream", { count: 3 }).cursor();
        const seen: unknown[] = [];
        for (let step = await cursor.next(); step.hasMore; step = await cursor.next()) seen.push([step.seq, step.data]);
        equal(seen, [
          [1, 1],
          [2, 2],
          [3, 3],
        ]);
        equal(await cursor.next(), { hasMore: false });
      },
    },
    ...overBoth("events(): every record, typed and in order", async (context, transport) => {
      const seen: unknown[] = [];
      for await (const record of context.stream("events_stream", {}, { transport }).events()) {
        if (record.type === "data") seen.push(record.content);
        else if (record.type === "event") seen.push(record.event.type);
        else seen.push(record.status);
      }
      equal(seen, ["one", "turn_completed", "mine", "two", "stream_completed"]);
    }),
    {
      name: "collect() and text()",
      async run(context) {
        equal(await context.stream("count_stream", { count: 3 }).collect(), [1, 2, 3]);
        equal(await context.stream("words_stream", { words: ["Ça ", "va? ", "漢字 ", "🚂"] }).text(), "Ça va? 漢字 🚂");
      },
    },
    {
      name: "toReadableStream(): a web stream, whose cancel cancels",
      async run(context) {
        const reader = context.stream("count_stream", { count: 2 }).toReadableStream().getReader();
        equal(
          [await reader.read(), await reader.read()],
          [
            { done: false, value: 1 },
            { done: false, value: 2 },
          ],
        );
        equal((await reader.read()).done, true);
        const endless = context.stream("endless_stream", {});
        const other = endless.toReadableStream().getReader();
        await other.read();
        await other.cancel();
        equal((await context.ask("invocation", { id: endless.invocationId, until: { aborted: true } })).aborted, true);
      },
    },
    ...overBoth(`a burst of ${BURST} chunks, all and in order`, async (context, transport) => {
      let last = 0;
      for await (const chunk of context.stream("count_stream", { count: BURST }, { transport })) {
        if (chunk !== ++last) fail(`chunk ${last} was ${JSON.stringify(chunk)}`);
      }
      equal(last, BURST);
    }),
    {
      name: "a slow consumer: what the server is ahead stays within the window",
      async run(context) {
        const [bufferBytes, chunkBytes, count] = [16_384, 1_024, 300];
        const stream = context.stream("sized_stream", { count, bytes: chunkBytes }, { bufferBytes, transport: "websocket" });
        let taken = 0;
        let furthest = 0;
        for await (const chunk of stream) {
          equal(chunk.length, chunkBytes);
          // Asking gives the server, which could send all of it at once, the time to do so.
          if (++taken % 20 !== 0) continue;
          const { yielded } = await context.ask("invocation", { id: stream.invocationId });
          // One that is on its way to the log, and one that was asked for ahead.
          if ((yielded - taken - 2) * chunkBytes > bufferBytes) fail(`${yielded - taken} chunks ahead of a window of ${bufferBytes} bytes`);
          furthest = Math.max(furthest, yielded - taken);
        }
        equal(taken, count);
        atLeast(furthest, 5, "chunks that the server was ahead");
      },
    },
    {
      name: "withEntrypoint shares the connections; a stream is read once",
      async run(context) {
        const proxy = await context.proxy("open");
        const client = context.client("count_stream", { to: proxy.port, transport: "websocket" });
        const stream = client.runStream({ count: 1 });
        equal(await stream.collect(), [1]);
        await context.failure(
          thrown2(() => stream.cursor()),
          "STREAM_CONSUMED",
        );
        equal(
          await client
            .withEntrypoint("words_stream")
            .runStream({ words: ["a"] })
            .collect(),
          ["a"],
        );
        equal((await context.ask("stats", { id: proxy.id })).connections, 1, "connections");
      },
      except: {
        standard: "a WebSocket of the standard that waits would keep a program from ending, so none is kept",
        deno: "a WebSocket of the standard that waits would keep a program from ending, so none is kept",
        bun: "a WebSocket of the standard that waits would keep a program from ending, so none is kept",
      },
    },
  ],
};

/** What a function throws, as a promise does. */
async function thrown2(action: () => unknown): Promise<unknown> {
  const error = await thrown(new Promise((resolve) => resolve(action())));
  throw error;
}
