/** For tests of approvals: an agent that asks before it calls its tool, clients that wait for that, and deciders. */
import type { JsonObject } from "@runagent/core";
import { expect } from "vitest";
import type { ApprovalAnswer, ApprovalRequest, RunningServer, ServeOptions } from "../src/index.ts";
import { openSse } from "./sse-peer.ts";
import { connect, deferred, type FrameInbox, type Peer, post, serveEntrypoints, startFrame } from "./support.ts";

/** The agent, and what it came to. */
export interface Asker {
  readonly server: RunningServer;
  /** How often its tool was called. */
  readonly calls: () => number;
  /** What its first wait came to: the answer, or what it threw. */
  readonly told: Promise<ApprovalAnswer | unknown>;
}

export const REQUEST: ApprovalRequest = { tool_name: "pay", arguments: { amount: 480 }, call_id: "call-1" };

/** Serves an agent that yields "asking", asks, calls its tool if it may, and yields what was decided. */
export async function serveAsker(options: ServeOptions = {}, request: ApprovalRequest = REQUEST): Promise<Asker> {
  let calls = 0;
  const { promise: told, resolve } = deferred<unknown>();
  const server = await serveEntrypoints(
    {
      ask_stream: async function* (_input, ctx) {
        yield "asking";
        const waiting = ctx.requireApproval(request);
        waiting.then(resolve, resolve);
        const answer = await waiting;
        if (answer.decision === "approve") calls++;
        yield answer;
      },
    },
    options,
  );
  return { server, calls: () => calls, told };
}

export const isRequired = (frame: JsonObject): boolean => isEvent(frame, "approval_required");

export function isEvent(frame: JsonObject, type: string): boolean {
  return frame.type === "event" && (frame.event as JsonObject).type === type;
}

/** The events of frames, in order. */
export function eventsOf(frames: readonly JsonObject[]): JsonObject[] {
  return frames.filter(({ type }) => type === "event").map(({ event }) => event as JsonObject);
}

/** The id of the nth question that came. */
export function idOf({ frames }: FrameInbox, nth = 1): string {
  return String(eventsOf(frames.filter(isRequired))[nth - 1]?.approval_id);
}

/** The decision for the first question that came. */
export function approve(inbox: FrameInbox): JsonObject {
  return { approval_id: idOf(inbox), decision: "approve" };
}

/** A WebSocket on which the invocation was started, up to the question. */
export async function askOverWebSocket(server: RunningServer, id = "inv-1", extra: JsonObject = {}): Promise<Peer> {
  const peer = await connect(server);
  peer.send(startFrame("ask_stream", id, extra));
  await peer.until(isRequired);
  return peer;
}

/** How one transport starts and decides. */
export interface Way {
  readonly name: string;
  open(server: RunningServer, body: JsonObject): Promise<FrameInbox>;
  /** Decides on the connection or beside it; what was answered: outcome, decision, and the error of a refusal. */
  decide(inbox: FrameInbox, server: RunningServer, decision: JsonObject): Promise<JsonObject>;
}

const isAnswer = (frame: JsonObject): boolean => frame.status === "approval_acknowledged";

export const WEBSOCKET: Way = {
  name: "a WebSocket",
  async open(server, body) {
    const peer = await connect(server);
    peer.send(body);
    return peer;
  },
  async decide(inbox, _server, decision) {
    const peer = inbox as Peer;
    const seen = peer.frames.length;
    peer.send({ type: "approval", ...decision });
    for (;;) {
      const answer = peer.frames.slice(seen).find(isAnswer);
      if (answer !== undefined) return answer;
      await new Promise((resolve) => peer.ws.once("message", resolve));
    }
  },
};

export const SSE: Way = {
  name: "SSE",
  open: (server, body) => openSse(server, { body }),
  async decide(_inbox, server, decision) {
    const { data, error } = await decideOverRest(server, decision);
    return error === null ? (data as JsonObject) : { outcome: "refused", error };
  },
};

/** Decides by REST: the envelope, and the status of the answer. */
export async function decideOverRest(
  server: RunningServer,
  body: unknown,
  headers: Record<string, string> = {},
  id = "inv-1",
): Promise<JsonObject> {
  const answer = await post(`${server.url}/api/v1/invocations/${id}/approvals`, body, headers);
  return { ...answer.body, status: answer.status };
}

/** Numbers from 0 to 1 that a seed decides. */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

/** What a client holds against the frames of one connection: every record is sent or skipped, once, and in order. Returns the last seq. */
export function checkChain(frames: readonly JsonObject[], afterSeq: number): number {
  let told = afterSeq;
  for (const frame of frames) {
    if (frame.type === "skipped") {
      expect(frame.after).toBe(told);
      expect(Number(frame.seq)).toBeGreaterThan(told);
      expect(Number(frame.seq) - told).toBeLessThanOrEqual(256);
      told = Number(frame.seq);
    } else if (frame.type === "heartbeat") expect(frame.seq).toBe(told);
    else if (frame.protocol === undefined && frame.seq !== undefined) expect(frame.seq).toBe(++told);
  }
  return told;
}

/** Types of the frames; of events that of the event. */
export const typesOf = (frames: readonly JsonObject[]): unknown[] =>
  frames.filter(({ protocol }) => protocol === undefined).map(({ type, status, event }) => (event as JsonObject)?.type ?? status ?? type);
