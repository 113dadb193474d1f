import { RunAgentError } from "@runagent/core";
import { describe, expect, it } from "vitest";
import { type Loss, Reconnects } from "../src/reconnects.ts";
import { createClock } from "./clock.ts";

const LOST: Loss = { sent: true, accepted: true, resumable: true, version2: true, resumeSeconds: 60 };
const lostError = (): RunAgentError => new RunAgentError("CONNECTION_ERROR", "It is gone.");

/** Reconnects on a clock that the test moves, with the longest jitter. */
function create({ connectMs = 10_000, ask = async (): Promise<boolean> => true } = {}) {
  const { timers, pending, sleep, fire } = createClock();
  const dials: { delayMs: number; connectMs: number }[] = [];
  const ends: RunAgentError[] = [];
  const reconnects = new Reconnects(
    {
      random: () => 1,
      maxReconnectDelayMs: 10_000,
      onReconnect: undefined,
      onReconnected: undefined,
      server: { version2: true, learn() {}, ask },
    },
    connectMs,
    timers,
    { dial: (delayMs, untilMs) => dials.push({ delayMs, connectMs: untilMs }), giveUp: (error) => ends.push(error) },
  );
  // As after a sleep: what is due fires once, in its order.
  const advance = (ms: number): void => {
    sleep(ms);
    fire();
  };
  const delays = (): number[] => dials.map(({ delayMs }) => delayMs);
  return { reconnects, dials, delays, ends, advance, pending };
}

describe("reconnects, by a clock that the test moves", () => {
  it("back off while nothing is reached, and begin anew with a record", () => {
    const { reconnects, delays } = create();
    reconnects.accepted();
    for (let n = 0; n < 10; n++) reconnects.lost(lostError(), LOST);
    // The first loss was of a connection that had been accepted.
    expect(delays()).toEqual([0, 50, 100, 200, 400, 800, 1600, 3200, 6400, 10_000]);
    reconnects.progressed();
    reconnects.lost(lostError(), LOST);
    expect(delays().at(-1)).toBe(0);
    expect(reconnects.count).toBe(11);
  });

  it("wait a second at most while the server accepts and is lost again", () => {
    const { reconnects, delays } = create();
    for (let n = 0; n < 10; n++) {
      reconnects.accepted();
      reconnects.lost(lostError(), LOST);
    }
    expect(delays()).toEqual([0, 50, 100, 200, 400, 800, 1000, 1000, 1000, 1000]);
  });

  it.each([
    [4999, 100],
    [5000, 0],
  ])("a connection that was accepted %i ms ago", (ms, delay) => {
    const { reconnects, delays, advance } = create();
    for (let n = 0; n < 2; n++) {
      reconnects.accepted();
      reconnects.lost(lostError(), LOST);
    }
    reconnects.accepted();
    advance(ms);
    reconnects.lost(lostError(), LOST);
    expect(delays().at(-1)).toBe(delay);
  });

  it("give up when the server keeps the log no longer, counted from the first loss; an acceptance calls it off", () => {
    const { reconnects, ends, advance, pending } = create();
    reconnects.accepted();
    reconnects.lost(lostError(), LOST);
    advance(59_999);
    reconnects.lost(lostError(), LOST);
    expect(ends).toEqual([]);
    reconnects.accepted();
    expect(pending.size).toBe(0);
    advance(120_000);
    reconnects.lost(lostError(), LOST);
    advance(59_999);
    reconnects.lost(lostError(), LOST);
    advance(1);
    expect(ends).toMatchObject([{ code: "STREAM_TRUNCATED", cause: { code: "CONNECTION_ERROR" } }]);
  });

  it("the first connection has the connect deadline of the call, later ones their own", () => {
    const started: Loss = { ...LOST, sent: false, accepted: false, resumable: false };
    const { reconnects, dials, ends, advance } = create({ connectMs: 1000 });
    reconnects.lost(lostError(), started);
    advance(300);
    reconnects.lost(lostError(), started);
    expect(dials).toEqual([
      { delayMs: 0, connectMs: 1000 },
      { delayMs: 50, connectMs: 650 },
    ]);
    advance(690);
    reconnects.lost(lostError(), started);
    expect([dials.length, ends.length]).toEqual([2, 1]);
    const other = create({ connectMs: 1000 });
    other.reconnects.opened();
    other.advance(5000);
    other.reconnects.lost(lostError(), started);
    expect(other.dials).toEqual([{ delayMs: 0, connectMs: 1000 }]);
  });

  it("ask for the version until the connect deadline has passed since the loss", async () => {
    let asked = 0;
    const ask = async (): Promise<boolean> => {
      asked++;
      throw lostError();
    };
    const { reconnects, ends, dials, advance, pending } = create({ connectMs: 1000, ask });
    reconnects.opened();
    reconnects.lost(lostError(), { ...LOST, accepted: false, resumable: false, version2: false });
    for (let n = 0; n < 100 && ends.length === 0; n++) {
      advance(100);
      await new Promise(setImmediate);
    }
    expect(ends).toMatchObject([{ code: "CONNECTION_ERROR" }]);
    expect([dials.length, pending.size]).toEqual([0, 0]);
    expect(asked).toBeGreaterThan(3);
    expect(asked).toBeLessThan(12);
  });
});
