/** Cancel after the turn: what was begun is finished and delivered, and nothing else is begun. [cancel.turn.1] */
import type { JsonObject } from "@runagent/core";
import { describe, expect, test } from "vitest";
import { isEvent, SSE } from "./asking.ts";
import { codeOf, connect, deferred, post, serveEntrypoints, startFrame } from "./support.ts";

describe("cancel after_turn", () => {
  /** An agent of three turns, each of an event before and after the test says so. */
  async function serveTurns() {
    const steps = Array.from({ length: 6 }, () => deferred());
    let begun = 0;
    const { promise: thrown, resolve } = deferred<unknown>();
    const server = await serveEntrypoints({
      a_stream: async function* (_input, ctx) {
        for (let turn = 1; turn <= 3; turn++) {
          begun = turn;
          await ctx.emit({ type: "began", turn });
          await steps[turn]?.promise;
          await ctx.emit({ type: "step", turn });
          yield `turn ${turn}`;
          await ctx.turn().catch((error: unknown) => {
            resolve(error);
            throw error;
          });
        }
      },
      none_stream: async function* () {
        yield 1;
        await steps[0]?.promise;
        yield 2;
      },
      last_stream: async function* (_input, ctx) {
        await ctx.turn();
        yield 1;
        await steps[0]?.promise;
        yield 2;
      },
    });
    return { server, steps, begun: () => begun, thrown };
  }

  test("lets the turn in flight end with all its records; the next one never begins, and turn() says why", async () => {
    const { server, steps, begun, thrown } = await serveTurns();
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    steps[1]?.resolve();
    await peer.until((frame) => isEvent(frame, "began") && (frame.event as JsonObject).turn === 2);
    peer.send({ type: "cancel", mode: "after_turn" });
    expect(await peer.next()).toMatchObject({ status: "cancel_acknowledged", mode: "after_turn", outcome: "accepted" });
    for (const step of steps) step.resolve();
    const frames = await peer.untilEnd();
    expect(frames.map(({ type, event, content }) => (event as JsonObject)?.type ?? content ?? type)).toEqual([
      "step",
      "turn 2",
      "turn_completed",
      "status",
    ]);
    expect(frames.at(-1)).toMatchObject({ status: "stream_cancelled", mode: "after_turn", total_chunks: 2, reason: expect.any(String) });
    expect(await thrown).toMatchObject({ code: "CANCELLED" });
    expect(begun()).toBe(2);
  });

  test("before the start was answered ends after the first turn", async () => {
    const { server, steps, begun } = await serveTurns();
    for (const step of steps) step.resolve();
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    peer.send({ type: "cancel", mode: "after_turn" });
    expect((await peer.untilEnd()).at(-1)).toMatchObject({ status: "stream_cancelled", mode: "after_turn", total_chunks: 1 });
    expect(begun()).toBe(1);
  });

  test.each([
    ["without turns", "none_stream", "the agent marks none"],
    ["that marks no other", "last_stream", "the agent began no other"],
  ])("an agent %s runs to its end, and the last record says so", async (_name, tag, reason) => {
    const { server, steps } = await serveTurns();
    const peer = await connect(server);
    peer.send(startFrame(tag, "inv-1"));
    await peer.until(({ content }) => content === 1);
    peer.send({ type: "cancel", mode: "after_turn" });
    expect(await peer.next()).toMatchObject({ outcome: "accepted" });
    steps[0]?.resolve();
    const last = (await peer.untilEnd()).at(-1);
    expect(last).toMatchObject({ status: "stream_completed", total_chunks: 2, reason: expect.stringContaining(reason) });
  });

  test("is overtaken by an immediate one, and asked for twice changes nothing", async () => {
    const { server, begun } = await serveTurns();
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    await peer.until((frame) => isEvent(frame, "began"));
    for (const mode of ["after_turn", "after_turn", "immediate", "after_turn"]) peer.send({ type: "cancel", mode });
    const frames = await peer.untilEnd();
    expect(frames.at(-1)).toMatchObject({ status: "stream_cancelled", mode: "immediate" });
    expect(begun()).toBe(1);
  });

  test("over SSE and by REST is the same", async () => {
    const { server, steps } = await serveTurns();
    const inbox = await SSE.open(server, startFrame("a_stream", "inv-1"));
    await inbox.until((frame) => isEvent(frame, "began"));
    const { body } = await post(`${server.url}/api/v1/invocations/inv-1/cancel`, { mode: "after_turn" });
    expect(body.data).toMatchObject({ mode: "after_turn", outcome: "accepted" });
    for (const step of steps) step.resolve();
    expect((await inbox.untilEnd()).at(-1)).toMatchObject({ status: "stream_cancelled", mode: "after_turn" });
  });

  test("an agent that fails in that turn has failed", async () => {
    const asked = deferred();
    const server = await serveEntrypoints(
      {
        a_stream: async function* (_input, ctx) {
          await ctx.emit({ type: "began" });
          yield 1;
          await asked.promise;
          throw new Error("tool down");
        },
      },
      { onError: () => {} },
    );
    const peer = await connect(server);
    peer.send(startFrame("a_stream", "inv-1"));
    await peer.until(({ content }) => content === 1);
    peer.send({ type: "cancel", mode: "after_turn" });
    await peer.next();
    asked.resolve();
    expect(codeOf((await peer.untilEnd()).at(-1))).toBe("EXECUTION_ERROR");
  });
});
