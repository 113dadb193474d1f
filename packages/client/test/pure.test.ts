import { parseJsonObject, RunAgentError } from "@runagent/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { startDeadlines } from "../src/deadlines.ts";
import { RecordQueue } from "../src/queue.ts";
import { createState, type Effect, receive } from "../src/state.ts";
import { createClock } from "./clock.ts";
import { started } from "./scripted-server.ts";

const seed = Number(process.env.TEST_SEED ?? 20_261);
fc.configureGlobal({ seed, numRuns: 500 });

describe(`queue (seed ${seed})`, () => {
  const step = fc.oneof(fc.record({ push: fc.integer({ min: 0, max: 100 }) }), fc.constant("shift" as const));

  it("gives back what it took, in order, and says full and drained in turn", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const told: string[] = [];
        const queue = new RecordQueue<number>(200, {
          onFull: () => {
            if (told.at(-1) !== "full") told.push("full");
          },
          onDrained: () => told.push("drained"),
          onAwaited() {},
        });
        const model: { item: number; bytes: number }[] = [];
        let next = 0;
        for (const current of steps) {
          if (current === "shift") expect(queue.shift()).toBe(model.shift()?.item);
          else {
            model.push({ item: next, bytes: current.push });
            queue.push(next++, current.push);
          }
          expect(queue.length).toBe(model.length);
          const bytes = model.reduce((sum, entry) => sum + entry.bytes, 0);
          if (bytes >= 200) expect(told.at(-1)).toBe("full");
          if (bytes <= 100) expect(told.at(-1) ?? "drained").toBe("drained");
        }
        expect(told.every((word, index) => word === (index % 2 === 0 ? "full" : "drained"))).toBe(true);
      }),
    );
  });

  it("flushes before the end, takes nothing after it, and wakes its reader once", () => {
    const queue = new RecordQueue<number>(10, { onFull() {}, onDrained() {}, onAwaited() {} });
    let woken = 0;
    queue.onReadable(() => woken++);
    queue.push(1, 1);
    queue.push(2, 1);
    expect(woken).toBe(1);
    queue.onReadable(() => woken++);
    queue.end();
    queue.push(3, 1);
    expect([queue.shift(), queue.shift(), queue.shift(), woken, queue.ended]).toEqual([1, 2, undefined, 2, true]);
  });

  it("holds no more than it must: a million items pass through", () => {
    const queue = new RecordQueue<number>(1e9, { onFull() {}, onDrained() {}, onAwaited() {} });
    for (let n = 0; n < 3000; n++) queue.push(n, 1);
    for (let n = 3000; n < 1_000_000; n++) {
      queue.push(n, 1);
      if (queue.shift() !== n - 3000) throw new Error(`out of order at ${n}`);
    }
    expect(queue.length).toBe(3000);
  });
});

describe(`state (seed ${seed})`, () => {
  const accepted = () => {
    const state = createState("inv-1");
    receive(state, started("inv-1"));
    return state;
  };

  it("delivers each record once and in order, whatever comes twice; a gap ends it", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 60 }), (seqs) => {
        const state = accepted();
        const delivered: number[] = [];
        let gap: Effect | undefined;
        for (const seq of seqs) {
          const effect = receive(state, { type: "data", seq, content: seq });
          if (effect.type === "record") delivered.push(effect.record.seq);
          if (effect.type !== "gap") continue;
          gap = effect;
          expect(seq).toBeGreaterThan(delivered.length + 1);
          break;
        }
        expect(delivered).toEqual(delivered.map((_, index) => index + 1));
        if (gap !== undefined) expect(gap).toMatchObject({ error: { code: "CONNECTION_ERROR", retryable: true } });
        else expect(state.duplicates).toBe(seqs.length - delivered.length);
      }),
    );
  });

  it("ends exactly once", () => {
    const state = accepted();
    const end = { type: "status", status: "stream_completed", seq: 1, invocation_id: "inv-1", total_chunks: 0, execution_time: 0 };
    expect(receive(state, end).type).toBe("completed");
    expect(receive(state, { ...end, seq: 2 }).type).toBe("none");
    expect(receive(state, { type: "data", seq: 2, content: 1 }).type).toBe("none");
  });

  it("throws RunAgentError and nothing else for frames that were mutated", () => {
    const frames = [
      started("inv-1"),
      { type: "data", seq: 1, content: { a: ["b", 1, null] } },
      { type: "event", seq: 1, event: { type: "turn_completed", turn: 1 } },
      { type: "heartbeat", seq: 0 },
      { type: "error", seq: 1, error: { code: "EXECUTION_ERROR", message: "m" } },
      { type: "status", status: "stream_completed", seq: 1, invocation_id: "inv-1", total_chunks: 0, execution_time: 0 },
      { type: "status", status: "cancel_acknowledged", invocation_id: "inv-1", mode: "immediate", outcome: "accepted" },
    ].map((frame) => JSON.stringify(frame));
    const piece = fc.constantFrom(
      "",
      "{",
      "}",
      "[",
      '"',
      ":",
      ",",
      "-1",
      "1e400",
      "null",
      "__proto__",
      "\\ud800",
      "\u0000",
      "9007199254740993",
      "type",
      "seq",
    );
    const mutation = fc.record({ at: fc.nat(200), remove: fc.nat(12), insert: piece });
    fc.assert(
      fc.property(
        fc.constantFrom(...frames),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        (frame, mutations, isFirst) => {
          let text = frame;
          for (const { at, remove, insert } of mutations) {
            const index = at % (text.length + 1);
            text = text.slice(0, index) + insert + text.slice(index + remove);
          }
          const state = isFirst ? createState("inv-1") : accepted();
          try {
            receive(state, parseJsonObject(text, "frame", "PROTOCOL_ERROR"));
          } catch (error) {
            expect(RunAgentError.is(error), text).toBe(true);
          }
          expect("polluted" in {}).toBe(false);
        },
      ),
      { numRuns: 5000 },
    );
  });
});

describe("deadlines, by a clock that the test moves", () => {
  function watch(deadlines: { connectMs?: number; idleMs?: number; totalMs?: number }) {
    const { timers, pending, pass: advance } = createClock();
    const view = { awaited: true, told: [] as string[] };
    const onProgress = startDeadlines({ connectMs: 0, idleMs: 0, totalMs: 0, ...deadlines }, timers, {
      isAwaited: () => view.awaited,
      lastLoss: () => undefined,
      fail: (error) => view.told.push(`fail ${error.code} ${error.message}`),
      abort: (error) => view.told.push(`abort ${error.code} ${error.message}`),
    });
    return { view, onProgress, advance, pending, timers };
  }

  it("silence is counted only while somebody waits, from the last record or the beginning of the wait", () => {
    const { view, onProgress, advance } = watch({ idleMs: 100 });
    advance(90);
    onProgress(); // A record.
    advance(90);
    expect(view.told).toEqual([]);
    view.awaited = false; // The consumer works on it for a long time.
    advance(1000);
    view.awaited = true;
    onProgress(); // It begins to wait.
    advance(90);
    expect(view.told).toEqual([]);
    advance(20);
    expect(view.told).toEqual(["fail TIMEOUT No record came for 100 ms (idleTimeoutMs)."]);
  });

  it("total is counted from the call; none is left behind", () => {
    const first = watch({ totalMs: 50 });
    first.advance(20);
    first.advance(40);
    expect(first.view.told.map((text) => text.split(" ").slice(0, 2).join(" "))).toEqual(["abort TIMEOUT"]);
    const second = watch({ idleMs: 10, totalMs: Number.POSITIVE_INFINITY });
    second.timers.stopAll();
    expect(second.pending.size).toBe(0);
  });
});
