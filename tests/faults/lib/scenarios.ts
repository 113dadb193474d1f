/**
 * The faults beside N1, each with a rig of its own. A scenario says in one line what came out and lists what should not have.
 * The command runs them at length, the tests with small numbers.
 */
import type { Action, FaultRule, Trigger } from "@runagent/conformance";
import { RunAgentError, type TransportName } from "runagent";
import { type Consumed, consume, judge, monotonicMs, startConsumed } from "./consume.ts";
import { createRig, type Rig, type RigOptions } from "./rig.ts";

export interface ScenarioOptions {
  readonly seed: number;
  /** What the streams go over. */
  readonly transport: Exclude<TransportName, "auto">;
  /** Seconds between two heartbeats of the server. */
  readonly heartbeatSeconds: number;
  /** 1 for the full size; less for a smaller run. */
  readonly scale: number;
}

export interface ScenarioResult {
  readonly name: string;
  readonly line: string;
  readonly problems: readonly string[];
}

export type Scenario = (options: ScenarioOptions) => Promise<ScenarioResult>;

const resetOnce = (on: Trigger, name = "reset"): FaultRule => ({ name, on, do: { action: "reset" }, times: 1 });
const started = { event: "frame", status: "stream_started" } as const;
const completed = { event: "frame", status: "stream_completed" } as const;
const INVOCATION = "inv-1";

/** Runs `play` with a rig, and sums up what went wrong. */
async function scenario(
  name: string,
  options: RigOptions,
  play: (rig: Rig, consumed: Consumed, problem: (text: string) => void) => Promise<string>,
): Promise<ScenarioResult> {
  const rig = await createRig(options);
  const consumed = startConsumed();
  const problems: string[] = [];
  try {
    const line = await play(rig, consumed, (text) => problems.push(text));
    const { lost, duplicated, reordered, afterEnd, wrong, ends, problems: found } = judge(consumed, rig.faults.log());
    problems.push(...found, ...consumed.errors.map(({ error }) => `${error.code} ${error.message}`));
    for (const [invocation, runs] of rig.faults.runs) if (runs !== 1) problems.push(`${invocation} was started ${runs} times`);
    const history = `lost ${lost}, duplicated ${duplicated}, reordered ${reordered}, wrong ${wrong}, after the end ${afterEnd}, ends missing ${ends}`;
    return { name, line: `${line}; ${history}`, problems };
  } finally {
    await rig.close();
  }
}

/** N3: a black hole while the stream is idle. Found within twice the heartbeat, and continued. */
export const halfOpen =
  (direction: "both" | "to_client" | "to_server"): Scenario =>
  ({ seed, transport, heartbeatSeconds }) => {
    const on: Trigger = { event: "frame", type: "heartbeat", nth: 2, where: "after" };
    const rules: FaultRule[] = [{ name: "stall", connections: { to: 1 }, on, do: { action: "stall", direction }, times: 1 }];
    return scenario(`N3 half-open ${direction}`, { seed, rules, limits: { heartbeatSeconds } }, async (rig, consumed, problem) => {
      let foundMs = Number.NaN;
      let reconnected: () => void = () => {};
      const again = new Promise<void>((resolve) => {
        reconnected = resolve;
      });
      const onReconnect = (): void => {
        foundMs = monotonicMs() - (rig.drops[0]?.at ?? Number.NaN);
        reconnected();
      };
      const stream = rig.client("open_stream", { transport }).runStream({ count: 3 }, { invocationId: INVOCATION, onReconnect });
      const done = consume(stream, consumed);
      await rig.dropped(1);
      // What the client sends is not needed to deliver: with that direction black alone, the stream just goes on.
      if (direction !== "to_server") await again;
      rig.faults.release();
      await done;
      if (direction === "to_server") return `acknowledgements swallowed, heartbeats come: reconnects ${consumed.reconnects}`;
      const limitMs = 2000 * heartbeatSeconds;
      // The watchdog's clock starts when the client reads the last byte, and timers fire late, never early.
      if (foundMs > limitMs * 1.25 + 100) problem(`found after ${foundMs.toFixed(0)} ms, later than twice the heartbeat (${limitMs} ms)`);
      return `found after ${foundMs.toFixed(0)} ms with a heartbeat of ${1000 * heartbeatSeconds} ms, reconnects ${consumed.reconnects}`;
    });
  };

/**
 * N3: what the client sends is swallowed while the stream runs, and its window is small: once that is full, nothing but heartbeats comes. The
 * server's pings find it within twice the heartbeat. Over server-sent events the client has nothing to say, and the stream goes on.
 */
export const halfOpenFull: Scenario = ({ seed, transport, heartbeatSeconds }) => {
  const on: Trigger = { event: "frame", type: "data", nth: 3, where: "after" };
  const rules: FaultRule[] = [{ name: "stall", connections: { to: 1 }, on, do: { action: "stall", direction: "to_server" }, times: 1 }];
  return scenario("N3 half-open to_server, small window", { seed, rules, limits: { heartbeatSeconds } }, async (rig, consumed, problem) => {
    let foundMs = Number.NaN;
    const onReconnect = (): void => {
      foundMs = monotonicMs() - (rig.drops[0]?.at ?? Number.NaN);
    };
    const client = rig.client("count_stream", { transport, bufferBytes: 2000 });
    await consume(client.runStream({ count: 40, size: 200 }, { invocationId: INVOCATION, onReconnect }), consumed);
    if (rig.proxy.stats.drops !== 1) problem(`${rig.proxy.stats.drops} stalls in place of 1`);
    if (transport === "sse") return `needs no acknowledgements: reconnects ${consumed.reconnects}`;
    const limitMs = 2000 * heartbeatSeconds;
    // One that is missing is no number, and not within the limit.
    if (!(foundMs <= limitMs * 1.25 + 100)) problem(`found after ${foundMs.toFixed(0)} ms, later than twice the heartbeat (${limitMs} ms)`);
    return `found by the server after ${foundMs.toFixed(0)} ms with a heartbeat of ${1000 * heartbeatSeconds} ms, reconnects ${consumed.reconnects}`;
  });
};

/** N4: the hole heals before it was found, and once more after it was: nothing comes twice. */
export const healed: Scenario = ({ seed, transport, heartbeatSeconds }) => {
  const beat = (nth: number): Trigger => ({ event: "frame", type: "heartbeat", nth, where: "after" });
  const short: Action = { action: "stall", ms: 1000 * heartbeatSeconds };
  const rules: FaultRule[] = [
    { name: "short", connections: { to: 1 }, on: beat(1), do: short, times: 1 },
    { name: "long", connections: { to: 1 }, on: beat(4), do: { action: "stall" }, times: 1 },
  ];
  return scenario("N4 healed", { seed, rules, limits: { heartbeatSeconds } }, async (rig, consumed, problem) => {
    let reconnected: () => void = () => {};
    const again = new Promise<void>((resolve) => {
      reconnected = resolve;
    });
    const onReconnect = (): void => {
      if (rig.drops.length < 2) problem("the short stall, which healed in time, led to a reconnect");
      reconnected();
    };
    const stream = rig.client("open_stream", { transport }).runStream({ count: 3 }, { invocationId: INVOCATION, onReconnect });
    const done = consume(stream, consumed);
    await again;
    rig.proxy.heal();
    rig.faults.release();
    await done;
    return `stalls 2, reconnects ${consumed.reconnects}`;
  });
};

/** N5: dropped again and again before any new record: the cursor stays. */
export const droppedAgain: Scenario = ({ seed, transport }) => {
  const again = 50;
  const rules: FaultRule[] = [
    { name: "first", connections: { to: 1 }, on: { event: "frame", type: "data", nth: 4 }, do: { action: "reset" } },
    { name: "again", on: { event: "frame", status: "stream_resumed", where: "after" }, do: { action: "reset" }, times: again },
  ];
  return scenario("N5 dropped again before any record", { seed, rules }, async (rig, consumed, problem) => {
    const stream = rig
      .client("count_stream", { transport, maxReconnectDelayMs: 20 })
      .runStream({ count: 10 }, { invocationId: INVOCATION });
    await consume(stream, consumed);
    if (rig.proxy.stats.drops !== again + 1) problem(`${rig.proxy.stats.drops} drops in place of ${again + 1}`);
    return `drops ${rig.proxy.stats.drops}, records ${consumed.deliveries.length}`;
  });
};

/** N6: dropped around the accept frame and around the end. */
export const aroundTheEnds: Scenario = async (options) => {
  const places: Readonly<Record<string, Trigger>> = {
    "before the answer": { event: "answer" },
    "before accept": started,
    "in accept": { ...started, where: "middle" },
    "between accept and seq 1": { ...started, where: "after" },
    "before seq 1": { event: "frame", type: "data", nth: 1 },
    "between the last chunk and the end": completed,
    "in the end": { ...completed, where: "middle" },
  };
  const problems: string[] = [];
  for (const [place, on] of Object.entries(places)) {
    const result = await scenario(place, { seed: options.seed, rules: [resetOnce(on)] }, async (rig, consumed, problem) => {
      const stream = rig.client("count_stream", { transport: options.transport }).runStream({ count: 5 }, { invocationId: INVOCATION });
      await consume(stream, consumed);
      if (rig.proxy.stats.drops !== 1) problem(`${rig.proxy.stats.drops} drops in place of 1`);
      return "";
    });
    problems.push(...result.problems.map((problem) => `${place}: ${problem}`));
  }
  return { name: "N6 around accept and end", line: `${Object.keys(places).length} places, each with 1 run and 1 end`, problems };
};

/** N7: the server has done it, and its answer is lost. */
export const lostAnswer: Scenario = ({ seed, transport }) => {
  const rules = [
    resetOnce({ event: "answer", method: "POST", path: "/run" }, "run"),
    resetOnce({ event: "answer", path: "/run-stream" }, "stream"),
  ];
  return scenario("N7 answer lost", { seed, rules }, async (rig, consumed, problem) => {
    const client = rig.client("wait", { transport });
    // Without this the client may not repeat what could have run. [http.retry.1]
    await client.architecture();
    const result = await client.run({ value: 7 }, { invocationId: "run-1" });
    if (result !== 7) problem(`run gave ${JSON.stringify(result)}`);
    await consume(client.withEntrypoint("count_stream").runStream({ count: 5 }, { invocationId: INVOCATION }), consumed);
    const hits = Object.values(rig.proxy.stats.rules);
    if (hits.some((count) => count !== 1)) problem(`the faults acted ${hits.join(" and ")} times`);
    return `run and stream start repeated, runs ${[...rig.faults.runs.values()].join(" and ")}`;
  });
};

/** N8: frames doubled, swapped, replayed and missing, each 1 in 100. */
export const mangled: Scenario = ({ seed, transport, scale }) => {
  const edit = (name: string, action: Action): FaultRule => ({ name, on: { event: "frame", type: "data" }, do: action, probability: 0.01 });
  const rules = [
    edit("duplicated", { action: "duplicate" }),
    edit("swapped", { action: "swap" }),
    edit("dropped", { action: "drop" }),
    edit("replayed", { action: "replay" }),
  ];
  return scenario("N8 duplicated, swapped, replayed, dropped frames", { seed, rules }, async (rig, consumed) => {
    const client = rig.client("count_stream", { transport, maxReconnectDelayMs: 20 });
    await consume(client.runStream({ count: Math.ceil(5000 * scale), size: 100 }, { invocationId: INVOCATION }), consumed);
    const hits = Object.entries(rig.proxy.stats.rules).map(([name, count]) => `${name} ${count}`);
    return `${hits.join(", ")}, records ${consumed.deliveries.length}, reconnects ${consumed.reconnects}`;
  });
};

/** N9: one-byte segments, a slow line, a burst: byte-exact. */
export const slowAndTorn: Scenario = async ({ seed, transport, scale }) => {
  const runs: readonly [string, FaultRule["do"] | undefined, Record<string, number>][] = [
    ["one-byte segments", { action: "split" }, { count: 30, size: 500 }],
    ["1 KB/s", { action: "throttle", bytesPerSecond: 1000 / scale, direction: "to_client" }, { count: 10, size: 300 }],
    ["2 s later", { action: "delay", ms: 2000 * scale }, { count: 10, size: 300 }],
    ["a burst", undefined, { count: Math.ceil(16 * scale), size: 1_048_576 }],
  ];
  const problems: string[] = [];
  const lines: string[] = [];
  for (const [name, action, input] of runs) {
    const rules: FaultRule[] = action === undefined ? [] : [{ on: { event: "connect" }, do: action }];
    const began = performance.now();
    const result = await scenario(name, { seed, rules }, async (rig, consumed) => {
      await consume(rig.client("count_stream", { transport }).runStream(input, { invocationId: INVOCATION }), consumed);
      return "";
    });
    problems.push(...result.problems.map((problem) => `${name}: ${problem}`));
    lines.push(`${name} ${((performance.now() - began) / 1000).toFixed(1)} s`);
  }
  return { name: "N9 slow and torn lines", line: lines.join(", "), problems };
};

/** N11: a proxy on the way refuses WebSockets: a typed error at once, or server-sent events with the same seqs. */
export const upgradeRefused: Scenario = async ({ seed }) => {
  const problems: string[] = [];
  const codes: string[] = [];
  for (const status of [403, 200, 426]) {
    const rules: FaultRule[] = [{ on: { event: "request", upgrade: true }, do: { action: "answer", status, body: "<html>no</html>" } }];
    const result = await scenario(`status ${status}`, { seed, rules }, async (rig, consumed) => {
      const refused = startConsumed();
      await consume(rig.client("count_stream", { transport: "websocket" }).runStream({ count: 5 }), refused);
      const error = refused.errors[0]?.error;
      codes.push(`${status}: ${error?.code ?? "no error"}`);
      if (!RunAgentError.is(error)) problems.push(`status ${status}: no typed error`);
      if (refused.reconnects > 0) problems.push(`status ${status}: a refused upgrade was repeated ${refused.reconnects} times`);
      await consume(rig.client("count_stream", { transport: "auto" }).runStream({ count: 5 }, { invocationId: INVOCATION }), consumed);
      const seqs = consumed.deliveries.map(({ seq }) => seq).join();
      if (seqs !== "1,2,3,4,5,6") problems.push(`status ${status}: auto delivered ${seqs}`);
      return "";
    });
    problems.push(...result.problems.map((problem) => `status ${status}: ${problem}`));
  }
  return { name: "N11 upgrade refused", line: `websocket ends with ${codes.join(", ")}; auto delivers all over SSE`, problems };
};

/** By the name that `--only` takes. */
export const SCENARIOS: Readonly<Record<string, readonly Scenario[]>> = {
  n3: [halfOpen("both"), halfOpen("to_client"), halfOpen("to_server"), halfOpenFull],
  n4: [healed],
  n5: [droppedAgain],
  n6: [aroundTheEnds],
  n7: [lostAnswer],
  n8: [mangled],
  n9: [slowAndTorn],
  n11: [upgradeRefused],
};
