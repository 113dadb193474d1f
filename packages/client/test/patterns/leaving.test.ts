/** What is the same for every function that gives an iterable: leaving, errors, options, nothing left behind. */
import { RunAgentError } from "@runagent/core";
import { describe, expect, it } from "vitest";
import {
  buffered,
  markdownBlocks,
  relay,
  tee,
  throttled,
  toJSONLines,
  toSSE,
  withProgress,
  withTimeout,
} from "../../src/patterns/index.ts";
import { createSource, elapse, nextTurn, read, sourceOf } from "./sources.ts";

type Pattern = (source: AsyncIterable<string>) => AsyncIterableIterator<unknown>;

const PATTERNS: Record<string, Pattern> = {
  buffered: (source) => buffered(source, { count: 2, ms: 3_600_000 }),
  withTimeout: (source) => withTimeout(source, { idleMs: 3_600_000, totalMs: 3_600_000 }),
  withProgress: (source) => withProgress(source),
  throttled: (source) => throttled(source, { ms: 3_600_000 }),
  tee: (source) => tee(source, 1)[0],
  markdownBlocks: (source) => markdownBlocks(source),
  "three of them": (source) => withProgress(withTimeout(buffered(source, { ms: 3_600_000 }), { idleMs: 3_600_000 })),
};

const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;

describe.each(Object.entries(PATTERNS))("%s", (_name, pattern) => {
  it("leaves the source at once, also while a read waits for it, and keeps no timer", async () => {
    const before = timers();
    const source = createSource("# a\n");
    const iterator = pattern(source);
    const reads = [iterator.next(), iterator.next()];
    await nextTurn();
    expect(await iterator.return?.()).toEqual({ done: true, value: undefined });
    expect(source.left).toBe(1);
    expect((await Promise.all(reads)).at(-1)).toEqual({ done: true, value: undefined });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    await iterator.return?.();
    expect(source.left).toBe(1);
    expect(timers()).toBe(before);
  });

  it("leaves a source that was never read", async () => {
    const source = createSource("a");
    await pattern(source).return?.();
    expect(source.left).toBe(1);
    expect(source.asked).toBe(0);
  });

  it("does not wait for a source that does not answer", async () => {
    const source: AsyncIterable<string> = {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}), return: () => new Promise(() => {}) }),
    };
    const iterator = pattern(source);
    const waiting = iterator.next();
    await nextTurn();
    expect(await iterator.return?.()).toEqual({ done: true, value: undefined });
    expect((await waiting).done).toBe(true);
  });

  it("does not leave a source that has ended, and throws what it threw, once", async () => {
    const before = timers();
    const ended = sourceOf(["a\n\n", "b\n\n"]);
    expect((await read(pattern(ended))).error).toBeUndefined();
    expect(ended.left).toBe(0);
    const failure = new Error("the source failed");
    const failed = sourceOf(["a\n\n", "b\n\n"], failure);
    const iterator = pattern(failed);
    const { items, error } = await read(iterator);
    expect(error).toBe(failure);
    expect(JSON.stringify(items)).toContain("b");
    expect((await iterator.next()).done).toBe(true);
    expect(failed.left).toBe(0);
    expect(timers()).toBe(before);
  });

  it("passes on what the source throws when it is left", async () => {
    const failure = new Error("cannot be left");
    const source: AsyncIterable<string> = {
      [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: "# a\n" }), return: () => Promise.reject(failure) }),
    };
    const iterator = pattern(source);
    await expect(iterator.return?.()).rejects.toBe(failure);
    expect((await iterator.next()).done).toBe(true);
  });
});

describe("withTimeout", () => {
  it("a silence ends in TIMEOUT after what came before, and the source is left", async () => {
    const source = createSource("a", "b");
    const { items, error } = await read(withTimeout(source, { idleMs: 20 }));
    expect(items).toEqual(["a", "b"]);
    expect(error).toBeInstanceOf(RunAgentError);
    expect(error).toMatchObject({ code: "TIMEOUT", details: { kind: "idle", ms: 20, chunks: 2 } });
    expect(source.left).toBe(1);
  });

  it("the consumer's own time is no silence, but counts for the total", async () => {
    const slow = async (options: { idleMs?: number; totalMs?: number }): Promise<unknown> => {
      try {
        for await (const _ of withTimeout(sourceOf(["a", "b"]), options)) await elapse(60);
        return undefined;
      } catch (error) {
        return error;
      }
    };
    expect(await slow({ idleMs: 30 })).toBeUndefined();
    expect(await slow({ idleMs: 30, totalMs: 30 })).toMatchObject({ code: "TIMEOUT", details: { kind: "total", ms: 30, chunks: 1 } });
  });

  it("a last chunk says that it was cut; the source is left before it is read", async () => {
    const source = createSource("a");
    const cut = withTimeout(source, { totalMs: 20, onTimeout: ({ kind, ms, chunks }) => ({ cut: kind, ms, chunks }) });
    expect((await cut.next()).value).toBe("a");
    expect((await cut.next()).value).toEqual({ cut: "total", ms: 20, chunks: 1 });
    expect(source.left).toBe(1);
    expect((await cut.next()).done).toBe(true);
  });

  it("a source that is always ready is cut too, and one that does not answer is not waited for", async () => {
    async function* endless(): AsyncGenerator<number> {
      for (;;) yield 1;
    }
    expect((await read(withTimeout(endless(), { totalMs: 10 }))).error).toMatchObject({ code: "TIMEOUT" });
    const silent: AsyncIterable<never> = {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}), return: () => new Promise(() => {}) }),
    };
    expect((await read(withTimeout(silent, { idleMs: 10 }))).error).toMatchObject({ code: "TIMEOUT" });
  });

  it("a deadline beyond what a timer can hold does not fire at once", async () => {
    const source = createSource("a");
    const chunks = withTimeout(source, { idleMs: 2 ** 40 });
    await chunks.next();
    const second = chunks.next();
    await elapse(5);
    source.push("b");
    expect((await second).value).toBe("b");
    await chunks.return?.();
  });
});

describe("withProgress", () => {
  it("counts chunks and milliseconds", async () => {
    const source = createSource("a");
    const progress = withProgress(source);
    const first = (await progress.next()).value;
    await elapse(20);
    source.push("b");
    const second = (await progress.next()).value;
    expect(first).toMatchObject({ chunk: "a", chunks: 1 });
    expect(second).toMatchObject({ chunk: "b", chunks: 2 });
    expect((second?.elapsedMs ?? 0) - (first?.elapsedMs ?? 0)).toBeGreaterThan(18);
    await progress.return?.();
  });
});

describe("options", () => {
  // As callers without types give them.
  const call = (pattern: unknown, ...args: unknown[]): unknown => (pattern as (...args: unknown[]) => unknown)(...args);
  const socket = { readyState: 1, bufferedAmount: 0, send() {}, close() {}, addEventListener() {}, removeEventListener() {} };

  it.each<[string, unknown, unknown[]]>([
    ["options", buffered, [undefined]],
    ["options", buffered, [{}]],
    ["count", buffered, [{ count: 0 }]],
    ["count", buffered, [{ count: 1.5 }]],
    ["bytes", buffered, [{ bytes: -1 }]],
    ["ms", buffered, [{ ms: Number.NaN }]],
    ["options", withTimeout, [{}]],
    ["options", withTimeout, [null]],
    ["idleMs", withTimeout, [{ idleMs: "5" }]],
    ["totalMs", withTimeout, [{ totalMs: 0 }]],
    ["onTimeout", withTimeout, [{ totalMs: 1, onTimeout: "chunk" }]],
    ["options", throttled, []],
    ["ms", throttled, [{}]],
    ["ms", throttled, [{ ms: Number.POSITIVE_INFINITY }]],
    ["maxCount", throttled, [{ ms: 1, maxCount: 0.5 }]],
    ["n", tee, ["2"]],
    ["maxBuffered", tee, [2, { maxBuffered: 0 }]],
    ["onError", toJSONLines, [{ onError: "ignore" }]],
    ["heartbeatMs", toSSE, [{ heartbeatMs: 0 }]],
    ["id", toSSE, [{ id: "1" }]],
    ["onClose", toSSE, [{ onClose: "stop" }]],
    ["onClose", toSSE, [{ onClose: "detach" }]],
    ["options", toSSE, [null]],
    ["encode", relay, [socket, { encode: "json" }]],
    ["highWaterMark", relay, [socket, { highWaterMark: 0 }]],
    ["lowWaterMark", relay, [socket, { highWaterMark: 10, lowWaterMark: 11 }]],
    ["onClose", relay, [socket, { onClose: "detach" }]],
  ])("%s is named when it is wrong (%#)", (field, pattern, args) => {
    const source = createSource<string>();
    expect(() => call(pattern, source, ...args)).toThrow(expect.objectContaining({ code: "VALIDATION_ERROR", field }) as Error);
    expect(source.asked).toBe(0);
  });

  it.each(Object.entries(PATTERNS))("%s takes nothing but an async iterable", (_name, pattern) => {
    for (const source of [undefined, null, 5, "text", ["a"], {}]) {
      expect(() => call(pattern, source)).toThrow(expect.objectContaining({ code: "VALIDATION_ERROR", field: "source" }) as Error);
    }
  });
});
