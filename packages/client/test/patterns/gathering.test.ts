/** buffered, throttled and tee: what they gather, keep and pass on, for any items and any times. */
import fc from "fast-check";
import type { RunAgentError } from "runagent";
import { describe, expect, it } from "vitest";
import { buffered, tee, throttled } from "../../src/patterns/index.ts";
import { createSource, elapse, nextTurn, read, seed, sourceOf } from "./sources.ts";

const bytesOf = (items: readonly string[]): number => items.reduce((sum, item) => sum + Buffer.byteLength(item), 0);

describe("buffered", () => {
  it(`each batch meets a bound with its last item and not before, and all of them are the items (seed ${seed})`, async () => {
    const bound = fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined });
    const texts = fc.array(fc.string({ unit: "grapheme", maxLength: 12 }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(texts, bound, bound, fc.boolean(), async (items, count, bytes, fails) => {
        fc.pre(count !== undefined || bytes !== undefined);
        const failure = new Error("the source failed");
        const source = fails ? sourceOf(items, failure) : sourceOf(items);
        const { items: batches, error } = await read(buffered(source, { count, bytes }));
        const isMet = (batch: string[]): boolean => batch.length >= (count ?? Infinity) || bytesOf(batch) >= (bytes ?? Infinity);
        expect(batches.flat()).toEqual(items);
        expect(batches.filter((batch) => batch.length === 0 || isMet(batch.slice(0, -1)))).toEqual([]);
        expect(batches.slice(0, -1).filter((batch) => !isMet(batch))).toEqual([]);
        expect(error).toBe(fails ? failure : undefined);
      }),
      { seed, numRuns: 300 },
    );
  });

  it("a batch goes out when its time is over, and the read that waits meanwhile is not lost", async () => {
    const source = createSource("a");
    const batches = buffered(source, { ms: 20 });
    expect(await batches.next()).toEqual({ done: false, value: ["a"] });
    expect(source.asked).toBe(2);
    source.push("b", "c");
    expect(await batches.next()).toEqual({ done: false, value: ["b", "c"] });
    // Until its first item comes, a batch has all the time.
    const last = batches.next();
    await elapse(5);
    source.push("d");
    source.end();
    expect(await last).toEqual({ done: false, value: ["d"] });
    expect(await batches.next()).toEqual({ done: true, value: undefined });
  });

  it("what was gathered for a read is not delivered after the consumer has left", async () => {
    const batches = buffered(createSource("a"), { count: 2 });
    const waiting = batches.next();
    await nextTurn();
    await batches.return?.();
    expect(await waiting).toEqual({ done: true, value: undefined });
  });

  it("the time counts from the first item, not from the read", async () => {
    const source = createSource<string>();
    const first = buffered(source, { ms: 30 }).next();
    await elapse(60);
    source.push("a");
    await nextTurn();
    source.push("b");
    expect((await first).value).toEqual(["a", "b"]);
  });

  it("a source that is always ready does not hold a batch back", async () => {
    async function* endless(): AsyncGenerator<number> {
      for (let n = 0; ; n++) yield n;
    }
    const batches = buffered(endless(), { ms: 5 });
    expect((await batches.next()).value?.length).toBeGreaterThan(0);
    expect(await batches.return?.()).toEqual({ done: true, value: undefined });
  });

  it.each([
    ["text in UTF-8", ["€", "€"], 6, 1],
    ["binary as it is", [new Uint8Array(5), new Uint8Array(1)], 6, 1],
    ["anything else as JSON", [{ a: 1 }, null], 11, 1],
    ["no more than that", ["€", "€"], 3, 2],
  ])("bytes count %s", async (_what, items, bytes, batches) => {
    expect((await read(buffered(sourceOf<unknown>(items), { bytes }))).items).toHaveLength(batches);
  });
});

describe("throttled", () => {
  it("at most one array in the time, and nothing is lost", async () => {
    const MS = 20;
    const source = createSource<number>();
    const feed = (async () => {
      for (let n = 0; n < 300; n++) {
        source.push(n);
        await nextTurn();
        if (n % 10 === 0) await elapse(1);
      }
      await elapse(3 * MS);
      source.push(300);
      source.end();
    })();
    const startedAt = performance.now();
    const arrays: number[][] = [];
    for await (const items of throttled(source, { ms: MS })) arrays.push(items);
    const elapsed = performance.now() - startedAt;
    await feed;
    expect(arrays.flat()).toEqual(Array.from({ length: 301 }, (_, n) => n));
    expect(arrays.length).toBeGreaterThan(2);
    // The first comes at once, and the last need not wait.
    expect(arrays.length).toBeLessThanOrEqual(Math.ceil(elapsed / (MS - 1)) + 2);
    expect(arrays.at(-1)).toEqual([300]);
  });

  it("the first comes at once, and what comes at the end with it", async () => {
    const source = createSource("a");
    const arrays = throttled(source, { ms: 3_600_000 });
    expect((await arrays.next()).value).toEqual(["a"]);
    const rest = arrays.next();
    source.push("b");
    await nextTurn();
    source.push("c");
    source.end();
    // No hour goes by.
    expect((await rest).value).toEqual(["b", "c"]);
    expect((await arrays.next()).done).toBe(true);
  });

  it("a consumer that is slower than the time gets all that is there, not one item a time", async () => {
    const items = Array.from({ length: 1000 }, (_, n) => n);
    const arrays: number[][] = [];
    for await (const array of throttled(sourceOf(items), { ms: 1 })) {
      arrays.push(array);
      await elapse(3);
    }
    expect(arrays).toEqual([items]);
  });

  it("maxCount holds the source back, not the time", async () => {
    const source = sourceOf(Array.from({ length: 25 }, (_, n) => n));
    const startedAt = performance.now();
    const { items } = await read(throttled(source, { ms: 30, maxCount: 10 }));
    expect(items.map((array) => array.length)).toEqual([10, 10, 5]);
    expect(performance.now() - startedAt).toBeGreaterThan(28);
  });

  it("what came before an error is delivered before it", async () => {
    const failure = new Error("the source failed");
    expect(await read(throttled(sourceOf(["a", "b"], failure), { ms: 5 }))).toEqual({ items: [["a", "b"]], error: failure });
  });
});

describe("tee", () => {
  it(`every branch that stays gets every item, whoever is slow or leaves, and no more is kept than allowed (seed ${seed})`, async () => {
    const branch = fc.record({
      waits: fc.infiniteStream(fc.integer({ min: 0, max: 3 })),
      leavesAfter: fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined }),
    });
    const plans = fc.array(branch, { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        plans,
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 1, max: 8 }),
        fc.boolean(),
        async (plan, length, max, fails) => {
          const items = Array.from({ length }, (_, n) => n);
          const failure = new Error("the source failed");
          const source = fails ? sourceOf(items, failure) : sourceOf(items);
          const taken = plan.map(() => 0);
          const staying = new Set(plan.keys());
          const results = tee(source, plan.length, { maxBuffered: max }).map(async (iterator, index) => {
            const { waits, leavesAfter = Infinity } = plan[index] ?? {};
            const got: number[] = [];
            try {
              for (;;) {
                for (let wait = waits?.next().value ?? 0; wait > 0; wait--) await nextTurn();
                if (got.length >= leavesAfter) {
                  staying.delete(index);
                  await iterator.return?.();
                }
                const result = await iterator.next();
                if (result.done) return { got };
                got.push(result.value);
                taken[index] = got.length;
                const slowest = Math.min(...[...staying].map((one) => taken[one] ?? 0));
                expect(source.asked - slowest).toBeLessThanOrEqual(max + 1);
              }
            } catch (error) {
              return { got, error };
            }
          });
          for (const [index, { got, error }] of (await Promise.all(results)).entries()) {
            const { leavesAfter = Infinity } = plan[index] ?? {};
            expect(got).toEqual(items.slice(0, leavesAfter));
            expect(error).toBe(fails && leavesAfter > length ? failure : undefined);
          }
        },
      ),
      { seed, numRuns: 150 },
    );
  });

  it("is asked only when a branch asks, and not beyond what may be kept", async () => {
    const source = createSource(1, 2, 3, 4, 5);
    const [fast, slow] = tee(source, 2, { maxBuffered: 2 });
    expect(source.asked).toBe(0);
    expect(await fast.next()).toEqual({ done: false, value: 1 });
    expect(await fast.next()).toEqual({ done: false, value: 2 });
    const third = fast.next();
    await nextTurn();
    expect(source.asked).toBe(2);
    expect(await slow.next()).toEqual({ done: false, value: 1 });
    expect(await third).toEqual({ done: false, value: 3 });
  });

  it("a branch that leaves frees the others, and the last one leaves the source", async () => {
    const source = createSource(1, 2, 3);
    const [stays, leaves, third] = tee(source, 3, { maxBuffered: 1 });
    await stays.next();
    const second = stays.next();
    await leaves.return?.();
    await third.return?.();
    expect(await second).toEqual({ done: false, value: 2 });
    expect(await leaves.next()).toEqual({ done: true, value: undefined });
    expect(source.left).toBe(0);
    await stays.return?.();
    await stays.return?.();
    expect(source.left).toBe(1);
  });

  it("a read does not overtake one that is about to be answered", async () => {
    const source = createSource<number>();
    const [one] = tee(source, 1);
    const reads = [one.next()];
    await nextTurn();
    const items = Array.from({ length: 12 }, (_, n) => n);
    source.push(...items);
    while (reads.length < items.length) {
      await Promise.resolve();
      reads.push(one.next());
    }
    expect((await Promise.all(reads)).map(({ value }) => value)).toEqual(items);
  });

  it("reads of one branch are answered in order, without waiting for each other's caller", async () => {
    const [one] = tee(sourceOf(["a", "b", "c"]), 1);
    const results = await Promise.all([one.next(), one.next(), one.next(), one.next()]);
    expect(results.map(({ value }) => value)).toEqual(["a", "b", "c", undefined]);
  });

  it.each([0, 1.5, 1001, Infinity, NaN])("%s branches are refused", (n) => {
    expect(() => tee(createSource(), n)).toThrow(expect.objectContaining({ code: "VALIDATION_ERROR", field: "n" }) as RunAgentError);
  });
});
