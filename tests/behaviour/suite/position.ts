import { equal, fail, matches, ok, upTo } from "./assert.ts";
import type { Area } from "./case.ts";

/** A storage in memory, as sessionStorage is. */
function createStorage(): Pick<Storage, "getItem" | "setItem" | "removeItem"> & { size(): number } {
  const values = new Map<string, string>();
  return {
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => void values.set(key, String(value)),
    removeItem: (key) => void values.delete(key),
    size: () => values.size,
  };
}

const denied = (): never => {
  throw new Error("Access is denied.");
};

/** The position of a stream, kept over the end of a page or process. */
export const positions: Area = {
  title: "positions that are kept",
  cases: [
    {
      name: "keepPosition: what was dealt with does not come again, the rest does",
      async run(context) {
        const { keepPosition, keptPosition } = context.runagent;
        const storage = createStorage();
        const gate = context.id;
        equal(keptPosition("answer", storage), undefined);
        const stream = context.stream("gated_stream", { gate, count: 6 });
        const chunks = keepPosition(stream, "answer", storage);
        await context.ask("open", { gate, to: 3 });
        equal([(await chunks.next()).value, (await chunks.next()).value, (await chunks.next()).value], [1, 2, 3]);
        // The page goes away while it deals with 3.
        const position = keptPosition("answer", storage) ?? fail("no position is kept");
        await context.ask("open", { gate, to: 6 });
        const rest: unknown[] = [];
        const resumed = context.client("gated_stream").resume(position);
        for await (const chunk of keepPosition(resumed, "answer", storage)) rest.push(chunk);
        equal(rest, upTo(6).slice(2));
        equal(keptPosition("answer", storage), undefined, "position after the end");
        equal(storage.size(), 0, "entries in the storage");
        equal((await context.ask("invocation", { id: stream.invocationId })).runs, 1, "runs");
        await stream.detach();
      },
    },
    {
      name: "keepPosition: keys do not meet; leaving the loop forgets",
      async run(context) {
        const { keepPosition, keptPosition } = context.runagent;
        const storage = createStorage();
        const [first, second] = [context.stream("endless_stream", {}), context.stream("endless_stream", {})];
        const other = keepPosition(second, "second", storage);
        await other.next();
        await other.next();
        for await (const chunk of keepPosition(first, "first", storage)) {
          if (chunk < 3) continue;
          ok(keptPosition("first", storage), "no position is kept");
          break;
        }
        equal(keptPosition("first", storage), undefined, "position after the loop was left");
        ok(keptPosition("second", storage), "the other position is gone");
        await other.return?.();
      },
    },
    {
      name: "keepPosition: a storage that is denied is a typed error that says why",
      async run(context) {
        const { keepPosition, keptPosition } = context.runagent;
        const storage = { getItem: denied, setItem: denied, removeItem: denied };
        const reading = async (): Promise<unknown> => keptPosition("answer", storage);
        matches((await context.failure(reading(), "VALIDATION_ERROR")).suggestion, /third-party cookies/, "suggestion");
        const writing = (async () => {
          for await (const _ of keepPosition(context.stream("count_stream", { count: 3 }), "answer", storage));
        })();
        equal((await context.failure(writing, "VALIDATION_ERROR")).field, "storage", "field");
      },
    },
  ],
};
