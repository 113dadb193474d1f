/** The frames that stand for what was not asked for, lost, doubled, swapped and lying. */
import { describe, expect, it } from "vitest";
import { sendEvent } from "./asking.ts";
import { cursorOf, deferred, drain, inTurn, RESUMABLE, serveScript, streamClient } from "./harness.ts";
import type { Peer } from "./scripted-server.ts";

/** What a server that can filter says when it accepts. */
const FILTERS = { ...RESUMABLE, last_seq: 0 };

const skipped = (peer: Pick<Peer, "send">, after: number, seq: number): void => peer.send({ type: "skipped", after, seq });

describe("skipped records (skip.read.1)", () => {
  it("move the position, are acknowledged, and leave no gap", async () => {
    const acked = deferred<unknown>();
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept(FILTERS);
        skipped(peer, 0, 255);
        peer.data(256);
        skipped(peer, 256, 300);
        acked.resolve((await peer.nextOf("ack")).seq);
        peer.complete(invocation_id, 301, 1);
      },
    });
    const stream = streamClient(server).runStream({}, { invocationId: "inv-1" });
    expect(await drain(stream)).toEqual({ chunks: [256], error: undefined });
    expect(await acked.promise).toBe(300);
    expect(stream.position).toBe(cursorOf("inv-1", 301));
    expect(stream.summary).toMatchObject({ chunks: 1, totalChunks: 1 });
  });

  it.each<[string, (peer: Peer) => void]>([
    ["lost", (peer) => peer.data(5)],
    ["lost before another", (peer) => skipped(peer, 4, 5)],
    [
      "swapped with the record behind it",
      (peer) => {
        peer.data(5);
        skipped(peer, 1, 4);
      },
    ],
    ["that goes backwards", (peer) => skipped(peer, 1, 1)],
    ["whose place does not fit", (peer) => skipped(peer, 3, 4)],
    ["behind which a heartbeat stands that knows more", (peer) => peer.send({ type: "heartbeat", seq: 4 })],
  ])("%s: the connection is left, and the next one goes on after what was taken", async (_name, play) => {
    const server = await serveScript({
      stream: inTurn(
        async (peer) => {
          await peer.accept(FILTERS);
          peer.data(1);
          play(peer);
        },
        async (peer) => {
          const first = await peer.accept(FILTERS);
          expect(first.after_seq).toBe(1);
          skipped(peer, 1, 4);
          peer.data(5);
          peer.complete(first.invocation_id, 6, 2);
        },
      ),
    });
    const stream = streamClient(server).runStream({});
    expect(await drain(stream)).toEqual({ chunks: [1, 5], error: undefined });
    expect(stream.summary?.reconnects).toBe(1);
  });

  it("doubled and replayed are dropped, and what is in two of them comes once", async () => {
    const server = await serveScript({
      stream: inTurn(
        async (peer) => {
          await peer.accept(FILTERS);
          skipped(peer, 0, 4);
          skipped(peer, 0, 4);
          peer.data(5);
          skipped(peer, 5, 9);
          await new Promise((resolve) => peer.socket.once("pong", resolve).ping());
          peer.reset();
        },
        async (peer) => {
          const first = await peer.accept(FILTERS);
          // The server may put other records together than before.
          const after = Number(first.after_seq);
          if (after < 4) skipped(peer, after, 4);
          if (after < 5) peer.data(5);
          skipped(peer, Math.max(after, 5), 12);
          peer.data(13);
          peer.complete(first.invocation_id, 14, 2);
        },
      ),
    });
    expect(await drain(streamClient(server).runStream({}))).toEqual({ chunks: [5, 13], error: undefined });
  });

  it("of chunks that were wanted are found out by the total, and not where they were not wanted", async () => {
    const play = async (peer: Peer): Promise<void> => {
      const { invocation_id } = await peer.accept(FILTERS);
      skipped(peer, 0, 3);
      sendEvent(peer, 4, { type: "turn_completed", turn: 1 });
      peer.complete(invocation_id, 5, 3);
    };
    const server = await serveScript({ stream: play });
    const client = streamClient(server);
    expect((await drain(client.runStream({}))).error?.code).toBe("PROTOCOL_ERROR");
    expect((await drain(client.runStream({}).events())).error?.code).toBe("PROTOCOL_ERROR");
    expect((await drain(client.runStream({}).events({ only: ["turn_completed"] }))).error).toBeUndefined();
  });

  it("that leave out what was asked for are PROTOCOL_ERROR", async () => {
    const server = await serveScript({
      async stream(peer) {
        await peer.accept(FILTERS);
        skipped(peer, 0, 1);
      },
    });
    expect((await drain(streamClient(server).runStream({}).events())).error).toMatchObject({ code: "PROTOCOL_ERROR", origin: "local" });
  });

  it.each([
    ["without after", { type: "skipped", seq: 3 }],
    ["without seq", { type: "skipped", after: 0 }],
    ["with places that are no numbers", { type: "skipped", after: "0", seq: "3" }],
    ["with a place beyond what a number holds", { type: "skipped", after: 0, seq: 2 ** 53 }],
  ])("%s are PROTOCOL_ERROR", async (_name, frame) => {
    const server = await serveScript({
      async stream(peer) {
        await peer.accept(FILTERS);
        peer.send(frame);
      },
    });
    expect((await drain(streamClient(server).runStream({}))).error?.code).toBe("PROTOCOL_ERROR");
  });

  it("are acknowledged at once, one after the other, however small they are: the server's log is full of what they stand for", async () => {
    const acks: unknown[] = [];
    const seen: unknown[] = [];
    const server = await serveScript({
      async stream(peer) {
        const { invocation_id } = await peer.accept(FILTERS);
        peer.socket.on("message", (data) => acks.push(JSON.parse(String(data)).seq));
        for (let n = 0; n < 5; n++) {
          skipped(peer, n * 256, (n + 1) * 256);
          // What was sent before the answer has come by then.
          await new Promise((resolve) => peer.socket.once("pong", resolve).ping());
          seen.push(acks.at(-1));
        }
        peer.complete(invocation_id, 5 * 256 + 1, 0);
      },
    });
    expect((await drain(streamClient(server).runStream({}))).error).toBeUndefined();
    expect(seen).toEqual([undefined, 512, 768, 1024, 1280]);
  });
});
