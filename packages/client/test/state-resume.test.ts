import { parseJsonObject, RunAgentError } from "@runagent/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createState, type Effect, receive, reopen, type StreamState } from "../src/state.ts";
import { started } from "./scripted-server.ts";

const seed = Number(process.env.TEST_SEED ?? 20_263);
fc.configureGlobal({ seed, numRuns: 1000 });

/** What a connection does to the frames that it carries. */
interface Trouble {
  /** Frames that get through before the drop; the accept frame is the first. */
  readonly frames: number;
  /** Places at which a frame is left out, doubled, swapped with the next, or an older one is played again. */
  readonly lost: number | undefined;
  readonly doubled: number | undefined;
  readonly swapped: number | undefined;
  readonly replayed: number | undefined;
  readonly heartbeats: readonly number[];
  /** Records the consumer takes after each frame. */
  readonly takes: readonly number[];
}

const place = fc.option(fc.nat({ max: 25 }), { nil: undefined, freq: 2 });
const trouble: fc.Arbitrary<Trouble> = fc.record({
  frames: fc.nat({ max: 25 }),
  lost: place,
  doubled: place,
  swapped: place,
  replayed: place,
  heartbeats: fc.array(fc.nat({ max: 25 }), { maxLength: 3 }),
  takes: fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 6 }),
});
const kind = fc.constantFrom("data", "event", "hologram");
const ending = fc.constantFrom("completed", "cancelled", "error");

type Frame = Record<string, unknown>;

function createLog(kinds: readonly string[], end: string): Frame[] {
  const records = kinds.map((type, index): Frame => {
    const seq = index + 1;
    if (type === "data") return { type, seq, content: seq };
    return type === "event" ? { type, seq, event: { type: "turn_completed", turn: seq } } : { type, seq };
  });
  const seq = kinds.length + 1;
  const total_chunks = kinds.filter((type) => type === "data").length;
  const status = { type: "status", seq, invocation_id: "inv-1", total_chunks, execution_time: 1 };
  if (end === "completed") records.push({ ...status, status: "stream_completed" });
  else if (end === "cancelled") records.push({ ...status, status: "stream_cancelled", mode: "immediate" });
  else records.push({ type: "error", seq, error: { code: "EXECUTION_ERROR", message: "It broke." } });
  return records;
}

/** The frames of one connection, as the server sends them. */
function framesAfter(log: readonly Frame[], state: StreamState): Frame[] {
  const resumed = { status: "stream_resumed", seq: state.asked };
  const accept = { ...started("inv-1"), resume_seconds: 60, ...(state.epoch === undefined ? {} : resumed) };
  return [accept, ...log.slice(state.asked)];
}

/** The same frames, as the network brings them. */
function disturb(frames: readonly Frame[], { frames: count, lost, doubled, swapped, replayed, heartbeats }: Trouble): Frame[] {
  const out = frames.slice(0, count);
  const at = (index: number | undefined): Frame | undefined => (index === undefined ? undefined : out[index]);
  const [twice, again] = [at(doubled), at(replayed)];
  if (twice !== undefined && doubled !== undefined) out.splice(doubled, 0, twice);
  const next = swapped === undefined ? undefined : out[swapped + 1];
  if (next !== undefined && swapped !== undefined) out.splice(swapped, 2, next, ...out.slice(swapped, swapped + 1));
  if (lost !== undefined) out.splice(lost, 1);
  if (again !== undefined) out.push(again);
  for (const index of heartbeats) {
    const before = out[index];
    if (before !== undefined) out.splice(index + 1, 0, { type: "heartbeat", seq: before.seq });
  }
  return out;
}

/** A consumer behind a queue, as the session has it. */
class Model {
  readonly state: StreamState;
  readonly queue: number[] = [];
  readonly delivered: number[] = [];
  ends = 0;
  taken: number;
  acknowledged = 0;

  constructor(state: StreamState) {
    this.state = state;
    this.taken = state.origin;
  }

  /** Plays one connection. @returns False once the stream has ended. */
  play(log: readonly Frame[], network: Trouble): boolean {
    reopen(this.state, this.taken);
    this.acknowledged = 0;
    for (const [index, frame] of disturb(framesAfter(log, this.state), network).entries()) {
      const effect = receive(this.state, parseJsonObject(JSON.stringify(frame), "frame", "PROTOCOL_ERROR"));
      if (effect.type === "gap" || effect.type === "refused") return true;
      this.#apply(effect);
      this.#check();
      for (let n = network.takes[index % network.takes.length] ?? 0; n > 0; n--) this.#take();
      if (this.state.phase === "ended") return false;
    }
    return true;
  }

  #apply(effect: Effect): void {
    if (effect.type === "record") this.queue.push(effect.record.seq);
    if (effect.type === "completed" || effect.type === "cancelled") this.queue.push(effect.record.seq);
    if (effect.type === "completed" || effect.type === "cancelled" || effect.type === "failed") this.ends++;
  }

  #take(): void {
    const seq = this.queue.shift();
    if (seq === undefined) return;
    this.taken = seq;
    this.delivered.push(seq);
  }

  #check(): void {
    const { seq, wireSeq, asked, accepted } = this.state;
    // Everything received is taken or queued, without a hole; the end may be a record that was taken before, or none for the queue.
    if (this.ends === 0) expect(seq - this.state.origin).toBe(this.delivered.length + this.queue.length);
    expect(asked).toBeLessThanOrEqual(wireSeq);
    expect(wireSeq).toBeLessThanOrEqual(seq);
    // What would be acknowledged now came on this connection.
    const ack = Math.min(this.taken, wireSeq);
    if (accepted && ack > asked) {
      expect(ack).toBeGreaterThanOrEqual(this.acknowledged);
      this.acknowledged = ack;
    }
  }
}

const CALM: Trouble = {
  frames: 1000,
  lost: undefined,
  doubled: undefined,
  swapped: undefined,
  replayed: undefined,
  heartbeats: [],
  takes: [1],
};

describe(`state over many connections (seed ${seed})`, () => {
  it("delivers the whole log once, in order, and one end, whatever the network does", () => {
    fc.assert(
      fc.property(fc.array(kind, { maxLength: 20 }), ending, fc.array(trouble, { maxLength: 12 }), (kinds, end, troubles) => {
        const log = createLog(kinds, end);
        const model = new Model(createState("inv-1"));
        const open = troubles.every((network) => model.play(log, network));
        if (open) expect(model.play(log, CALM)).toBe(false);
        const seqs = [...model.delivered, ...model.queue];
        const records = end === "error" ? log.length - 1 : log.length;
        expect(seqs).toEqual(Array.from({ length: records }, (_, index) => index + 1));
        expect(model.ends).toBe(1);
      }),
    );
  });

  it("does so for a stream that goes on from any position, the end included", () => {
    fc.assert(
      fc.property(
        fc.array(kind, { maxLength: 20 }),
        ending,
        fc.nat({ max: 21 }),
        fc.array(trouble, { maxLength: 8 }),
        (kinds, end, from, troubles) => {
          const log = createLog(kinds, end);
          const seq = Math.min(from, log.length);
          const model = new Model(createState("inv-1", { epoch: "e1", seq }));
          const atEnd = seq === log.length;
          // After the end the server sends the terminal record once more. [resume.end.1]
          const server = atEnd ? [...log, ...log.slice(-1)] : log;
          const open = atEnd || troubles.every((network) => model.play(server, network));
          if (open) expect(model.play(server, CALM)).toBe(false);
          expect(model.ends).toBe(1);
          if (atEnd) return;
          const last = end === "error" ? log.length - 1 : log.length;
          expect([...model.delivered, ...model.queue]).toEqual(Array.from({ length: last - seq }, (_, index) => seq + index + 1));
        },
      ),
    );
  });

  it("takes nothing after the end", () => {
    fc.assert(
      fc.property(fc.array(kind, { maxLength: 10 }), ending, fc.array(fc.nat({ max: 30 }), { maxLength: 20 }), (kinds, end, later) => {
        const log = createLog(kinds, end);
        const model = new Model(createState("inv-1"));
        model.play(log, CALM);
        const before = structuredClone(model.state);
        const frames = [...framesAfter(log, model.state), ...log, { type: "data", seq: log.length + 1, content: "late" }];
        for (const index of later) {
          const frame = frames[index % frames.length];
          if (frame !== undefined) expect(receive(model.state, frame)).toEqual({ type: "none" });
        }
        expect(model.state).toEqual(before);
      }),
    );
  });

  it("never goes on in another log, from another record, for another invocation, or in version 1", () => {
    const lies = fc.constantFrom<Frame>(
      { epoch: "e2" },
      { seq: 99 },
      { invocation_id: "inv-2" },
      { protocol: undefined },
      { protocol: 3 },
      { status: "stream_started" },
    );
    fc.assert(
      fc.property(fc.array(kind, { minLength: 1, maxLength: 10 }), fc.nat({ max: 9 }), lies, (kinds, count, lie) => {
        const log = createLog(kinds, "completed");
        const model = new Model(createState("inv-1"));
        model.play(log, { ...CALM, frames: Math.min(count, kinds.length) + 1 });
        reopen(model.state, model.taken);
        const seq = model.state.seq;
        const accept = { ...framesAfter(log, model.state)[0], ...lie };
        const frame = parseJsonObject(JSON.stringify(accept), "frame", "PROTOCOL_ERROR");
        expect(() => receive(model.state, frame)).toThrow(expect.objectContaining({ code: "PROTOCOL_ERROR" }));
        expect(model.state.seq).toBe(seq);
      }),
    );
  });

  it("says of an accept frame that was lost that it is a gap, on every connection", () => {
    for (const known of [false, true]) {
      const state = createState("inv-1");
      if (known) receive(state, { ...started("inv-1"), resume_seconds: 60 });
      reopen(state, 0);
      const effect = receive(state, { type: "data", seq: 1, content: 1 });
      expect(effect).toMatchObject({ type: "gap", error: { code: "CONNECTION_ERROR", retryable: true } });
      expect(state).toMatchObject({ seq: 0, chunks: 0, protocol: 2 });
    }
  });

  it("throws nothing but RunAgentError for frames that lie about their numbers", () => {
    const number = fc.oneof(
      fc.integer({ min: -3, max: 12 }),
      fc.constantFrom(2 ** 53, 2 ** 53 - 1, 1.5, Number.NaN, "1", null, undefined, []),
    );
    const frame = fc.oneof(
      fc.record({ type: fc.constantFrom("data", "heartbeat", "hologram", "event", "error"), seq: number, content: fc.constant(1) }),
      fc.record({
        type: fc.constant("status"),
        status: fc.constantFrom("stream_started", "stream_resumed", "stream_completed", "stream_cancelled", "cancel_acknowledged", "other"),
        protocol: fc.constantFrom(2, 2, undefined, 1, "2"),
        invocation_id: fc.constantFrom("inv-1", "inv-1", "x", 5),
        epoch: fc.constantFrom("e1", "e2", 1),
        seq: number,
        first_seq: number,
        total_chunks: number,
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(frame, fc.nat({ max: 10 })), { maxLength: 30 }), (steps) => {
        const state = createState("inv-1");
        const delivered: number[] = [];
        try {
          for (const step of steps) {
            if (typeof step === "number") {
              if (state.phase !== "ended") reopen(state, Math.min(step, state.seq));
              continue;
            }
            const effect = receive(state, parseJsonObject(JSON.stringify(step), "frame", "PROTOCOL_ERROR"));
            if (effect.type === "record") delivered.push(effect.record.seq);
          }
        } catch (error) {
          expect(RunAgentError.is(error)).toBe(true);
        }
        expect(delivered).toEqual(delivered.map((_, index) => index + 1));
      }),
    );
  });
});
