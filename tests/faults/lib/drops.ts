/** N1 of the faults: connections are reset at random bytes, thousands of times over many streams, and nothing may be lost. */
import type { Drop, FaultRule, HistoryRecord, HistoryReport } from "@runagent/conformance";
import { RunAgentClient, type TransportName } from "runagent";
import { type Consumed, consume, judge, startConsumed } from "./consume.ts";
import { AGENT_ID } from "./fault-agent.ts";

/** The far side of a run: server, agent and proxy, in this process or another. */
export interface DropSide {
  /** The proxy's. */
  readonly port: number;
  setRules(rules: readonly FaultRule[]): Promise<void>;
  /** How many drops there were so far. */
  count(): Promise<number>;
  report(): Promise<DropReport>;
}

export interface DropReport {
  readonly drops: readonly Drop[];
  /** How often the agent was started. */
  readonly runs: number;
  readonly log: readonly HistoryRecord[];
}

export interface DropRun {
  readonly seed: number;
  readonly streams: number;
  readonly drops: number;
  readonly transports: readonly Exclude<TransportName, "auto">[];
  /** Longest pause of the agent between two bursts, in milliseconds: sets how many drops there are in a second. */
  readonly pauseMs: number;
  /** Told how many drops there were, now and then. */
  readonly onProgress?: (drops: number) => void;
}

/** Everything the run found. */
export interface DropFigures extends Omit<HistoryReport, "problems"> {
  readonly seed: number;
  readonly streams: number;
  readonly drops: number;
  readonly dropsByRule: Readonly<Record<string, number>>;
  readonly records: number;
  readonly runs: number;
  readonly reconnects: number;
  /** Milliseconds from a drop at the proxy to the next new record at the consumer. Where drops follow each other, from the last. */
  readonly recoveryMs: { readonly count: number; readonly p50: number; readonly p99: number; readonly max: number };
  /** The same from the first of the drops that follow each other, with the backoff of every attempt between. */
  readonly recoveryFromFirstMs: { readonly count: number; readonly p99: number };
  readonly seconds: number;
  readonly errors: readonly string[];
  readonly problems: readonly string[];
}

const started = { event: "frame", status: "stream_started" } as const;
const resumed = { event: "frame", status: "stream_resumed" } as const;
const completed = { event: "frame", status: "stream_completed" } as const;
const reset = { action: "reset" } as const;

/**
 * Where connections break: at a random byte of every twentieth record, and anywhere at all. The places of N6 (around the accept frame and
 * the end) get more than chance would give them. Most connections bring a record before they break: what is measured is one recovery after
 * the other, and not the backoff of a client that nothing gets through to, which is N5.
 */
export const DROP_RULES: readonly FaultRule[] = [
  { name: "handshake", on: { event: "bytes", at: [0, 130] }, do: reset, probability: 0.01 },
  { name: "before accept", on: started, do: reset, probability: 0.1 },
  { name: "in accept", on: { ...started, where: "middle" }, do: reset, probability: 0.1 },
  { name: "after accept", on: { ...started, where: "after" }, do: reset, probability: 0.1 },
  { name: "before resume", on: resumed, do: reset, probability: 0.005 },
  { name: "in resume", on: { ...resumed, where: "middle" }, do: reset, probability: 0.005 },
  { name: "after resume", on: { ...resumed, where: "after" }, do: reset, probability: 0.005 },
  { name: "before end", on: completed, do: reset, probability: 0.2 },
  { name: "in end", on: { ...completed, where: "middle" }, do: { action: "end" }, probability: 0.2 },
  { name: "in a record", on: { event: "frame", type: "data", where: "middle" }, do: reset, probability: 0.04 },
  { name: "FIN in a record", on: { event: "frame", type: "data", where: "middle" }, do: { action: "end" }, probability: 0.01 },
  { name: "anywhere", on: { event: "bytes", at: [0, 200_000] }, do: reset, probability: 0.3 },
];

const PROGRESS_MS = 2_000;
/** A stream that hangs ends with TIMEOUT, and the run says so. */
const DEADLINE_SECONDS = 30;
const DEADLINE_SECONDS_PER_DROP = 0.05;

export async function runDrops(side: DropSide, run: DropRun): Promise<DropFigures> {
  const began = performance.now();
  const address = { agentId: AGENT_ID, host: "127.0.0.1", port: side.port, entrypointTag: "dropped_stream" };
  const timeoutSeconds = DEADLINE_SECONDS + run.drops * DEADLINE_SECONDS_PER_DROP;
  const clients = run.transports.map((transport) => new RunAgentClient({ ...address, transport, timeoutSeconds }));
  const consumed = startConsumed();
  const share = Math.ceil(run.drops / run.streams);
  const progress = setInterval(() => void side.count().then(run.onProgress), PROGRESS_MS);
  await side.setRules(DROP_RULES);
  await Promise.all(
    Array.from({ length: run.streams }, (_, index) => {
      const input = { drops: share, pauseMs: run.pauseMs };
      const stream = clients[index % clients.length]?.runStream(input, { invocationId: `n1-${run.seed}-${index}` });
      return stream === undefined ? undefined : consume(stream, consumed);
    }),
  );
  clearInterval(progress);
  await Promise.all(clients.map((client) => client.close()));
  return sumUp(run, consumed, await side.report(), (performance.now() - began) / 1000);
}

function sumUp({ seed, streams }: DropRun, consumed: Consumed, { drops, runs, log }: DropReport, seconds: number): DropFigures {
  const { fromLast, fromFirst } = recoveriesOf(drops, consumed);
  const dropsByRule: Record<string, number> = {};
  for (const { rule } of drops) dropsByRule[rule] = (dropsByRule[rule] ?? 0) + 1;
  return {
    seed,
    streams,
    drops: drops.length,
    dropsByRule,
    records: consumed.deliveries.length,
    ...judge(consumed, log),
    runs,
    reconnects: consumed.reconnects,
    recoveryMs: {
      count: fromLast.length,
      p50: quantile(fromLast, 0.5),
      p99: quantile(fromLast, 0.99),
      max: fromLast.at(-1) ?? Number.NaN,
    },
    recoveryFromFirstMs: { count: fromFirst.length, p99: quantile(fromFirst, 0.99) },
    seconds,
    errors: consumed.errors.map(({ invocation, error }) => `${invocation}: ${error.code} ${error.message}`),
  };
}

/**
 * For each drop the time until the consumer had a record that the proxy had not yet passed on whole. A drop in a handshake, of which the
 * proxy cannot say whose it was, is part of the recovery from the drop before it.
 */
function recoveriesOf(drops: readonly Drop[], { deliveries }: Consumed): { fromLast: number[]; fromFirst: number[] } {
  const delivered = groupBy(deliveries, ({ invocation }) => invocation);
  const fromLast: number[] = [];
  const fromFirst: number[] = [];
  for (const [invocation, list] of groupBy(drops, ({ invocationId }) => invocationId)) {
    const records = delivered.get(invocation ?? "") ?? [];
    let known = 0;
    let next = 0;
    let first = Number.NaN;
    const inOrder = list.toSorted((a, b) => a.at - b.at);
    for (const [index, { at, lastSeq }] of inOrder.entries()) {
      while (next < records.length && (records[next]?.at ?? 0) <= at) known = Math.max(known, records[next++]?.seq ?? 0);
      known = Math.max(known, lastSeq);
      if (Number.isNaN(first)) first = at;
      const recovered = records.slice(next).find(({ seq }) => seq > known);
      const following = inOrder[index + 1];
      // Another drop came first, and the connection between brought nothing.
      const superseded = recovered !== undefined && following !== undefined && following.at <= recovered.at && following.lastSeq <= known;
      if (recovered === undefined || superseded) continue;
      fromLast.push(recovered.at - at);
      fromFirst.push(recovered.at - first);
      first = Number.NaN;
    }
  }
  const ascending = (a: number, b: number): number => a - b;
  return { fromLast: fromLast.sort(ascending), fromFirst: fromFirst.sort(ascending) };
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

function groupBy<Item, Key>(items: Iterable<Item>, keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
