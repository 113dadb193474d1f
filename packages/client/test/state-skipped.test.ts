/** The state under a filter, over connections that lose, double and swap frames: what was asked for comes once and in order. */
import { parseJsonObject } from "@runagent/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createState, receive, reopen, type StreamState } from "../src/state.ts";

const seed = Number(process.env.TEST_SEED ?? 20_263);

type Frame = Record<string, unknown>;

/** What happens to the frames of one connection; places are counted from its accept frame. */
interface Trouble {
  /** How many frames come through. */
  readonly frames: number;
  readonly lost: number | undefined;
  readonly doubled: number | undefined;
  readonly swapped: number | undefined;
  /** After which records the server tells at once what it has skipped, though it need not. */
  readonly tells: readonly boolean[];
  /** How many records the consumer takes after each frame. */
  readonly takes: readonly number[];
}

const CALM: Trouble = { frames: 1000, lost: undefined, doubled: undefined, swapped: undefined, tells: [], takes: [1] };

/** What a server sends: chunks for true, and for false events that were not asked for. */
function framesAfter(log: readonly boolean[], after: number, isStart: boolean, { tells }: Trouble): Frame[] {
  const status = isStart ? "stream_started" : "stream_resumed";
  const cursor = { protocol: 2, invocation_id: "inv-1", epoch: "e1", seq: after, first_seq: 1, last_seq: log.length };
  const frames: Frame[] = [{ type: "status", status, ...cursor, heartbeat_seconds: 15, resume_seconds: 60, durability: "memory" }];
  let told = after;
  const tell = (seq: number): void => {
    if (told < seq) frames.push({ type: "skipped", after: told, seq });
    told = seq;
  };
  for (let seq = after + 1; seq <= log.length; seq++) {
    if (log[seq - 1]) {
      tell(seq - 1);
      frames.push({ type: "data", seq, content: seq });
      told = seq;
    } else if (tells[seq % tells.length]) {
      tell(seq);
      frames.push({ type: "heartbeat", seq });
    }
  }
  tell(log.length);
  const total_chunks = log.filter((isChunk) => isChunk).length;
  const end = { invocation_id: "inv-1", total_chunks, execution_time: 1 };
  frames.push({ type: "status", status: "stream_completed", seq: log.length + 1, ...end });
  return frames;
}

function disturb(all: readonly Frame[], { frames: count, lost, doubled, swapped }: Trouble): Frame[] {
  const frames = all.slice(0, count);
  const at = (index: number | undefined): Frame[] => (index === undefined ? [] : frames.slice(index, index + 1));
  if (doubled !== undefined) frames.splice(doubled, 0, ...at(doubled));
  if (swapped !== undefined) frames.splice(swapped, 2, ...at(swapped + 1), ...at(swapped));
  if (lost !== undefined) frames.splice(lost, 1);
  return frames;
}

/** Plays one connection to a consumer behind a queue. @returns False once the stream has ended. */
function play(
  state: StreamState,
  log: readonly boolean[],
  trouble: Trouble,
  consumer: { queue: Frame[]; taken: number; got: number[] },
): boolean {
  const isStart = state.epoch === undefined;
  reopen(state, consumer.taken);
  state.filtered = true;
  for (const [index, frame] of disturb(framesAfter(log, consumer.taken, isStart, trouble), trouble).entries()) {
    const effect = receive(state, parseJsonObject(JSON.stringify(frame), "frame", "PROTOCOL_ERROR"));
    if (effect.type === "gap" || effect.type === "refused") return true;
    if (effect.type === "record" || effect.type === "completed") consumer.queue.push({ ...effect.record });
    for (let n = trouble.takes[index % trouble.takes.length] ?? 0; n > 0; n--) {
      const record = consumer.queue.shift();
      if (record === undefined) break;
      expect(Number(record.seq)).toBeGreaterThan(consumer.taken);
      consumer.taken = Number(record.seq);
      if (record.type === "data") consumer.got.push(consumer.taken);
      // Nothing that was asked for lies between what was taken and what was delivered. [skip.read.1]
      expect(consumer.got).toEqual(log.flatMap((isChunk, at) => (isChunk && at < consumer.taken ? [at + 1] : [])));
    }
    if (state.phase === "ended") return false;
  }
  return true;
}

const place = fc.option(fc.nat(30), { nil: undefined });
const trouble: fc.Arbitrary<Trouble> = fc.record({
  frames: fc.nat(40),
  lost: place,
  doubled: place,
  // The accept frame keeps its place: what overtakes it is a gap of its own.
  swapped: fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
  tells: fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }),
  takes: fc.array(fc.nat(3), { minLength: 1, maxLength: 5 }),
});

it(`delivers what was asked for once and in order, and its cursor passes nothing of it (seed ${seed})`, () => {
  const log = fc.array(fc.boolean(), { maxLength: 40 });
  const property = fc.property(log, fc.array(trouble, { maxLength: 8 }), (kinds, troubles) => {
    const state = createState("inv-1");
    const consumer = { queue: [] as Frame[], taken: 0, got: [] as number[] };
    for (const network of [...troubles, CALM]) if (!play(state, kinds, network, consumer)) break;
    expect(state.phase).toBe("ended");
    const left = consumer.queue.flatMap(({ type, seq }) => (type === "data" ? [Number(seq)] : []));
    expect([...consumer.got, ...left]).toEqual(kinds.flatMap((isChunk, at) => (isChunk ? [at + 1] : [])));
  });
  fc.assert(property, { seed, numRuns: 3000 });
});
