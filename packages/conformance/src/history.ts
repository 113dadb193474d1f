/** The history checker: what a client delivered, held against what the server's log holds. Pure. */

/** One record: that a client delivered, or that the log holds. */
export interface HistoryRecord {
  readonly invocation: string;
  readonly epoch: string;
  readonly seq: number;
  /** Of the content, in a form that both sides make alike. */
  readonly sha256: string;
}

/** A client reported the end of an invocation. */
export interface HistoryEnd {
  readonly invocation: string;
  /** How many records of this invocation it had delivered by then. */
  readonly after: number;
}

/** What is wrong with a history: all figures are 0 when nothing is. */
export interface HistoryReport {
  /** Records of the log that were never delivered. */
  readonly lost: number;
  /** Deliveries of a record that had been delivered before. */
  readonly duplicated: number;
  /** First deliveries of a record after one with a greater seq. */
  readonly reordered: number;
  /** Deliveries after the end of their invocation was reported. */
  readonly afterEnd: number;
  /** Deliveries that the log does not hold, or holds with another epoch or hash. */
  readonly wrong: number;
  /** Invocations whose end was not reported exactly once. */
  readonly ends: number;
  /** The first few problems, in words. */
  readonly problems: readonly string[];
}

const MAX_PROBLEMS = 10;

/**
 * Compares what was delivered with the log.
 * @param deliveries In the order in which the client delivered them, of any number of invocations.
 * @param log Every record of every invocation.
 * @param ends The ends that the client reported.
 */
export function checkHistory(deliveries: Iterable<HistoryRecord>, log: Iterable<HistoryRecord>, ends: Iterable<HistoryEnd>): HistoryReport {
  const expected = groupByInvocation(log);
  const delivered = groupByInvocation(deliveries);
  const reported = groupByInvocation(ends);
  const report = { lost: 0, duplicated: 0, reordered: 0, afterEnd: 0, wrong: 0, ends: 0 };
  const problems: string[] = [];
  const count = (kind: keyof typeof report, invocation: string, what: string): void => {
    report[kind]++;
    if (problems.length < MAX_PROBLEMS) problems.push(`${kind}: ${invocation} ${what}`);
  };
  for (const invocation of new Set([...expected.keys(), ...delivered.keys(), ...reported.keys()])) {
    const wanted = new Map((expected.get(invocation) ?? []).map((record) => [record.seq, record]));
    const ended = reported.get(invocation) ?? [];
    if (ended.length !== 1) count("ends", invocation, `has ${ended.length} ends`);
    const end = Math.min(...ended.map(({ after }) => after));
    const seen = new Set<number>();
    let greatest = 0;
    for (const [index, record] of (delivered.get(invocation) ?? []).entries()) {
      const { seq, epoch, sha256 } = record;
      const truth = wanted.get(seq);
      if (index >= end) count("afterEnd", invocation, `seq ${seq}`);
      if (truth === undefined || truth.epoch !== epoch || truth.sha256 !== sha256) count("wrong", invocation, `seq ${seq}`);
      if (seen.has(seq)) count("duplicated", invocation, `seq ${seq}`);
      else if (seq < greatest) count("reordered", invocation, `seq ${seq} after ${greatest}`);
      seen.add(seq);
      greatest = Math.max(greatest, seq);
    }
    for (const seq of wanted.keys()) if (!seen.has(seq)) count("lost", invocation, `seq ${seq}`);
  }
  return { ...report, problems };
}

function groupByInvocation<Item extends { readonly invocation: string }>(items: Iterable<Item>): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(item.invocation);
    if (group === undefined) groups.set(item.invocation, [item]);
    else group.push(item);
  }
  return groups;
}
