/** The store in memory by itself, against a model: what was read stays as it was, whatever is appended and trimmed later. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { createMemoryLogStore, type InvocationLog, type LogRecord } from "../src/index.ts";

const seed = Number(process.env.TEST_SEED ?? 20_263);

/** Sizes around those of segments: small, some to one segment, one segment, and larger ones. */
const size = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 700 }) },
  { weight: 6, arbitrary: fc.integer({ min: 10_000, max: 40_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 130_000, max: 132_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 150_000, max: 300_000 }) },
);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ append: size }) },
  { weight: 2, arbitrary: fc.record({ read: fc.integer({ min: 0, max: 20 }), limit: fc.integer({ min: 1, max: 8 }), bytes: size }) },
  { weight: 2, arbitrary: fc.record({ trim: fc.integer({ min: 0, max: 20 }), keep: fc.integer({ min: 0, max: 400_000 }) }) },
);

/** The bytes of a record: others for each seq. */
const bytesOf = (seq: number, length: number): Buffer => Buffer.alloc(length, `${seq}:`);

const createLog = async (): Promise<InvocationLog> => createMemoryLogStore().create("inv-1");

test(`records that were read are what was appended, and stay so (seed ${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 120 }), async (steps) => {
      const log = await createLog();
      const sizes: number[] = [];
      let first = 1;
      const held: LogRecord[] = [];
      const bytes = (): number => sizes.slice(first - 1).reduce((sum, length) => sum + length, 0);
      for (const current of steps) {
        if ("append" in current) {
          const seq = sizes.push(current.append);
          await log.append(log.epoch, seq, { seq, kind: "data", data: bytesOf(seq, current.append) });
        } else if ("read" in current) {
          const after = Math.max(sizes.length - current.read, 0);
          const records = await log.read(after, current.limit, current.bytes);
          held.push(...records);
          const from = Math.max(after + 1, first);
          expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => from + index));
          // None after the first that brings them to that many bytes.
          const before = records.slice(0, -1).reduce((sum, { data }) => sum + data.length, 0);
          expect(before).toBeLessThan(current.bytes);
          if (before + (records.at(-1)?.data.length ?? 0) < current.bytes) {
            expect(records.length).toBe(Math.min(current.limit, Math.max(sizes.length - from + 1, 0)));
          }
        } else {
          const beforeSeq = Math.max(sizes.length - current.trim, 1);
          await log.trim(beforeSeq, { bytes: current.keep, records: 1000 });
          while (first < beforeSeq && bytes() > current.keep) first++;
        }
        expect(await log.head()).toEqual({ epoch: log.epoch, firstSeq: first, lastSeq: sizes.length, bytes: bytes() });
      }
      for (const { seq, data } of held) {
        // Not toEqual: it would print megabytes.
        expect(bytesOf(seq, sizes[seq - 1] ?? 0).equals(data), `record ${seq}, read before the end`).toBe(true);
      }
    }),
    { seed, numRuns: 100 },
  );
});

test("a segment that is filled again leaves alone what was read of it", async () => {
  const log = await createLog();
  const length = 30_000;
  const held: LogRecord[] = [];
  for (let seq = 1; seq <= 100; seq++) {
    await log.append(log.epoch, seq, { seq, kind: "data", data: bytesOf(seq, length) });
    held.push(...(await log.read(seq - 1, 1, length)));
    await log.trim(seq, { bytes: 2 * length, records: 1000 });
  }
  expect(held.map(({ seq }) => seq)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
  expect(held.filter(({ seq, data }) => !bytesOf(seq, length).equals(data)).map(({ seq }) => seq)).toEqual([]);
});
