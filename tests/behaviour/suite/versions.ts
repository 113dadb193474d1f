import { equal, matches } from "./assert.ts";
import type { Area } from "./case.ts";

/** Servers deployed today. */
export const versions: Area = {
  title: "version 1 servers",
  cases: [
    {
      name: "version 1: a stream, decoded",
      async run(context) {
        const stream = context.stream("values_stream", {}, { to: "old" });
        equal(await stream.collect(), ["text", 1, null, { deep: [true] }, "日本 🚂"]);
        equal(stream.summary?.protocol, 1, "protocol");
        equal(stream.summary?.status, "completed", "status");
        equal(stream.position, undefined, "position");
      },
    },
    {
      name: "version 1: run, decoded",
      async run(context) {
        equal(await context.client("chat", { to: "old" }).run({ message: "Hello" }), { reply: "Hello" });
      },
    },
    {
      name: "version 1: an agent that fails is a typed error, after its chunks",
      async run(context) {
        const stream = context.stream("fail_stream", {}, { to: "old" });
        const chunks: unknown[] = [];
        const reading = (async () => {
          for await (const chunk of stream) chunks.push(chunk);
        })();
        const error = await context.failure(reading, "EXECUTION_ERROR");
        matches(error.message, /The tool broke\./, "message");
        equal(chunks, ["first"]);
        await context.failure(context.client("fail", { to: "old" }).run({}), "EXECUTION_ERROR");
      },
    },
    {
      name: "version 1: a stream that breaks off is STREAM_TRUNCATED, and is not sent twice",
      async run(context) {
        const stream = context.stream("truncated_stream", { note: context.id }, { to: "old" });
        const chunks: unknown[] = [];
        const reading = (async () => {
          for await (const chunk of stream) chunks.push(chunk);
        })();
        await context.failure(reading, "STREAM_TRUNCATED");
        equal(chunks, ["first"]);
        equal((await context.ask("invocation", { id: context.id })).runs, 1, "runs");
      },
    },
    {
      name: "version 1: cancel closes the connection",
      async run(context) {
        const stream = context.stream("endless_stream", { note: context.id }, { to: "old" });
        for await (const _ of stream) await stream.cancel();
        equal(stream.summary?.status, "cancelled", "status");
        equal((await context.ask("invocation", { id: context.id, until: { aborted: true } })).aborted, true);
      },
    },
  ],
};
