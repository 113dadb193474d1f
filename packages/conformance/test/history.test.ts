import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkHistory, type HistoryEnd, type HistoryRecord } from "../src/index.ts";

const seed = Number(process.env.TEST_SEED ?? 20261);

/** A log of one or more invocations, and the perfect deliveries of it. */
const logs = fc.array(fc.integer({ min: 2, max: 12 }), { minLength: 1, maxLength: 4 }).map((lengths) => {
  const log: HistoryRecord[] = lengths.flatMap((length, invocation) =>
    Array.from({ length }, (_, index) => ({
      invocation: `inv-${invocation}`,
      epoch: "e1",
      seq: index + 1,
      sha256: `hash-${invocation}-${index}`,
    })),
  );
  const ends: HistoryEnd[] = lengths.map((length, invocation) => ({ invocation: `inv-${invocation}`, after: length }));
  return { log, ends };
});
const broken = fc.tuple(logs, fc.nat()).map(([{ log, ends }, place]) => ({ log, ends, at: place % log.length, deliveries: [...log] }));
const NOTHING = { lost: 0, duplicated: 0, reordered: 0, afterEnd: 0, wrong: 0, ends: 0 };

describe("the history checker", () => {
  it("finds nothing wrong with a perfect history, however invocations interleave", () => {
    fc.assert(
      fc.property(logs, fc.infiniteStream(fc.nat()), ({ log, ends }, picks) => {
        const queues = ends.map(({ invocation }) => log.filter((record) => record.invocation === invocation));
        const deliveries: HistoryRecord[] = [];
        while (deliveries.length < log.length) {
          const left = queues.filter((queue) => queue.length > 0);
          const record = left[Number(picks.next().value) % left.length]?.shift();
          if (record !== undefined) deliveries.push(record);
        }
        expect(checkHistory(deliveries, log, ends)).toEqual({ ...NOTHING, problems: [] });
      }),
      { seed },
    );
  });

  it("finds a record that was lost", () => {
    fc.assert(
      fc.property(broken, ({ log, ends, at, deliveries }) => {
        deliveries.splice(at, 1);
        expect(checkHistory(deliveries, log, ends)).toMatchObject({ ...NOTHING, lost: 1 });
      }),
      { seed },
    );
  });

  it("finds a record that came twice, also much later", () => {
    fc.assert(
      fc.property(broken, fc.nat(), ({ log, ends, at, deliveries }, later) => {
        const record = log[at];
        if (record === undefined) return;
        const place = at + 1 + (later % (log.length - at));
        deliveries.splice(place, 0, record);
        const report = checkHistory(deliveries, log, ends);
        expect(report).toMatchObject({ lost: 0, duplicated: 1, reordered: 0, wrong: 0, ends: 0 });
      }),
      { seed },
    );
  });

  it("finds two records that changed places", () => {
    fc.assert(
      fc.property(broken, ({ log, ends, deliveries }) => {
        const [first, second] = deliveries;
        if (first === undefined || second === undefined) return;
        deliveries.splice(0, 2, second, first);
        expect(checkHistory(deliveries, log, ends)).toMatchObject({ ...NOTHING, reordered: 1 });
      }),
      { seed },
    );
  });

  it("finds a record after the end, a missing end and two ends", () => {
    fc.assert(
      fc.property(broken, ({ log, ends, deliveries }) => {
        const [first, ...others] = ends;
        if (first === undefined) return;
        expect(checkHistory(deliveries, log, [{ ...first, after: first.after - 1 }, ...others])).toMatchObject({ ...NOTHING, afterEnd: 1 });
        expect(checkHistory(deliveries, log, others)).toMatchObject({ ...NOTHING, ends: 1 });
        expect(checkHistory(deliveries, log, [...ends, first])).toMatchObject({ ...NOTHING, ends: 1 });
      }),
      { seed },
    );
  });

  it("finds another content, another epoch, and a record that the log does not hold", () => {
    fc.assert(
      fc.property(broken, ({ log, ends, at, deliveries }) => {
        const record = log[at];
        if (record === undefined) return;
        const { invocation } = record;
        expect(checkHistory(deliveries.with(at, { ...record, sha256: "other" }), log, ends)).toMatchObject({ ...NOTHING, wrong: 1 });
        expect(checkHistory(deliveries.with(at, { ...record, epoch: "e2" }), log, ends)).toMatchObject({ ...NOTHING, wrong: 1 });
        const invented = { invocation, epoch: "e1", seq: 99, sha256: "hash" };
        const longer = ends.map((end) => (end.invocation === invocation ? { ...end, after: end.after + 1 } : end));
        expect(checkHistory([...deliveries, invented], log, longer)).toMatchObject({ ...NOTHING, wrong: 1 });
      }),
      { seed },
    );
  });

  it("says where, for the first few", () => {
    const log = Array.from({ length: 30 }, (_, index) => ({ invocation: "a", epoch: "e", seq: index + 1, sha256: "h" }));
    const { lost, problems } = checkHistory([], log, [{ invocation: "a", after: 0 }]);
    expect(lost).toBe(30);
    expect(problems).toHaveLength(10);
    expect(problems[0]).toBe("lost: a seq 1");
  });
});
