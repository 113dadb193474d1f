/** Decisions whose answers do not come, by a clock that the test moves: they go out with the next connection, and not for ever. */
import type { NamedDecision } from "runagent";
import { describe, expect, it } from "vitest";
import { Approving } from "../src/approving.ts";
import { connectionError } from "../src/network-error.ts";
import { createState, receive } from "../src/state.ts";
import { decided, required } from "./asking.ts";
import { createClock, type TestClock } from "./clock.ts";
import { started } from "./scripted-server.ts";

const TIMEOUT_MS = 15_000;

interface Played {
  readonly clock: TestClock;
  readonly approving: Approving;
  /** What was done: sent, asked over HTTP, connections left, the failure. */
  readonly log: string[];
  /** The next connection is there. */
  connect(): void;
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A stream whose handler approves at once. Its connection carries decisions, or they go over HTTP, where so many do not get through. */
async function play(lostRequests?: number): Promise<Played> {
  const clock = createClock();
  const log: string[] = [];
  const state = createState("inv-1");
  receive(state, { ...started("inv-1"), last_seq: 0 });
  receive(state, { type: "event", seq: 1, event: required() });
  let connected = true;
  let left = lostRequests ?? 0;
  const approving = new Approving({
    state,
    timers: clock.timers,
    onApproval: () => "approve",
    send(frame) {
      if (lostRequests === undefined) log.push(`sent ${frame.decision}`);
      return lostRequests === undefined;
    },
    taken: () => state.seq,
    isAwaited: () => true,
    isConnected: () => connected,
    async decide({ decision }: NamedDecision) {
      log.push(`asked ${decision}`);
      if (left-- > 0) throw connectionError(new Error("reset"), "127.0.0.1", true);
    },
    lost(error) {
      log.push(`left: ${error.code}`);
      connected = false;
      approving.lost();
    },
    fail: (error) => log.push(`failed: ${error.code}`),
  });
  const connect = (): void => {
    connected = true;
    approving.accepted();
  };
  approving.taken(required());
  await settled();
  return { clock, approving, log, connect };
}

describe("a decision on a connection", () => {
  it("without an answer for 15 seconds leaves the connection, and goes out with the next; after three it is TIMEOUT", async () => {
    const { clock, log, connect } = await play();
    clock.pass(TIMEOUT_MS - 1);
    expect(log).toEqual(["sent approve"]);
    clock.pass(1);
    expect(log.splice(0)).toEqual(["sent approve", "left: TIMEOUT"]);
    // Without a connection no time passes for it.
    clock.pass(10 * TIMEOUT_MS);
    expect(log).toEqual([]);
    connect();
    clock.pass(TIMEOUT_MS);
    expect(log.splice(0)).toEqual(["sent approve", "left: TIMEOUT"]);
    connect();
    clock.pass(TIMEOUT_MS);
    expect(log.splice(0)).toEqual(["sent approve", "failed: TIMEOUT"]);
  });

  it("that is answered leaves no timer behind", async () => {
    const { clock, log, approving } = await play();
    approving.acknowledged({
      type: "status",
      status: "approval_acknowledged",
      approval_id: "ap-1",
      decision: "approve",
      outcome: "accepted",
    });
    expect([clock.pending.size, approving.outstanding]).toEqual([0, false]);
    clock.pass(10 * TIMEOUT_MS);
    expect(log).toEqual(["sent approve"]);
  });

  it("whose connection is lost otherwise has its time anew on the next", async () => {
    const { clock, log, approving, connect } = await play();
    clock.pass(TIMEOUT_MS - 1);
    approving.lost();
    expect(clock.pending.size).toBe(0);
    connect();
    clock.pass(TIMEOUT_MS - 1);
    expect(log).toEqual(["sent approve", "sent approve"]);
    clock.pass(1);
    expect(log.at(-1)).toBe("left: TIMEOUT");
  });

  it("that others have made is still answered, and asks nothing more", async () => {
    const { log, approving } = await play();
    approving.taken(decided("ap-1", "reject"));
    const error = { code: "ALREADY_DECIDED", message: "Before.", details: { decision: "reject" } } as const;
    approving.acknowledged({
      type: "status",
      status: "approval_acknowledged",
      approval_id: "ap-1",
      decision: "reject",
      outcome: "refused",
      error,
    });
    expect([log, approving.outstanding]).toEqual([["sent approve"], false]);
  });
});

describe("a decision over HTTP", () => {
  const TRY = ["asked approve", "left: CONNECTION_ERROR"];

  it.each([
    [0, ["asked approve"]],
    [1, [...TRY, "asked approve"]],
    [2, [...TRY, ...TRY, "asked approve"]],
    [3, [...TRY, ...TRY, "asked approve", "failed: CONNECTION_ERROR"]],
  ])("of which %i do not get through goes out with the next connection, three times in all", async (lostRequests, expected) => {
    const { log, connect, clock } = await play(lostRequests);
    for (let n = 0; n < Math.min(lostRequests, 2); n++) {
      connect();
      await settled();
    }
    expect(log).toEqual(expected);
    expect(clock.pending.size).toBe(0);
  });
});
