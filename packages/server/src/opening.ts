/**
 * What a first frame asks for: an invocation, started or found, and the place in its log from which to send.
 * Every refusal is thrown here; the connection that called says it and closes.
 */
import { randomUUID } from "node:crypto";
import { type Cursor, type ResumeFrame, RunAgentError, type RunRequestV1, type StartFrame } from "@runagent/core";
import type { Agent } from "./agent.ts";
import { type Filter, readFilter } from "./filter.ts";
import type { Invocation } from "./invocation.ts";
import type { LogHead } from "./log.ts";
import type { Principal } from "./options.ts";
import { toInvocationRequest } from "./request.ts";
import type { Services } from "./services.ts";

/** An accepted start or resume. */
export interface Opening {
  readonly status: "stream_started" | "stream_resumed";
  readonly invocation: Invocation;
  readonly head: LogHead;
  /** Records follow after this seq. */
  readonly after: number;
  /** The record at `after` is the terminal one: it is sent once more. [resume.end.1] */
  readonly atEnd: boolean;
  /** Credit of the client; undefined: only the transport's backpressure. */
  readonly windowBytes: number | undefined;
  /** What the client wants; undefined: everything. */
  readonly filter: Filter | undefined;
}

/** A version 2 start: begins the invocation, or attaches to the one that was started with the same id and content. */
export async function openStart(frame: StartFrame, agentId: string, principal: Principal, services: Services): Promise<Opening> {
  const { invocation_id: invocationId, on_disconnect: onDisconnect = "continue", window_bytes: windowBytes } = frame;
  const agent = findAgent(services, agentId);
  const filter = readFilter(frame.only);
  const request = toInvocationRequest(frame, { agent, principal, invocationId, protocol: 2, streaming: true, onDisconnect });
  const invocation = await services.registry.start(request);
  const head = await headOf(invocation);
  if (head.firstSeq > 1) throw expired(head);
  return { status: "stream_started", invocation, head, after: 0, atEnd: false, windowBytes, filter };
}

/** A version 1 request. Closing is the only way its client has to stop. */
export async function openStartV1(request: RunRequestV1, agentId: string, principal: Principal, services: Services): Promise<Opening> {
  const agent = findAgent(services, agentId);
  const context = { agent, principal, invocationId: randomUUID(), protocol: 1, streaming: true, onDisconnect: "cancel" } as const;
  const invocation = await services.registry.start(toInvocationRequest(request, context));
  const head = await invocation.log.head();
  return { status: "stream_started", invocation, head, after: 0, atEnd: false, windowBytes: undefined, filter: undefined };
}

/** A resume. Refusals come in the order of [resume.answer.1]. */
export async function openResume(frame: ResumeFrame, agentId: string, principal: Principal, services: Services): Promise<Opening> {
  const { after_seq: seq, epoch, invocation_id: invocationId, window_bytes: windowBytes } = frame;
  const invocation = services.registry.get(invocationId, principal);
  if (invocation.request.agent.id !== agentId) {
    throw new RunAgentError("INVOCATION_NOT_FOUND", `The agent ${agentId} has no invocation ${invocationId}.`);
  }
  return resumeAfter(invocation, { epoch, seq }, windowBytes, readFilter(frame.only));
}

/** An attach or resume without a word of the agent; from the first record where it names no cursor. [sse.attach.1] */
export async function openCursor(
  invocationId: string,
  cursor: Cursor | undefined,
  only: readonly string[] | undefined,
  principal: Principal,
  services: Services,
): Promise<Opening> {
  const filter = readFilter(only);
  return resumeAfter(services.registry.get(invocationId, principal), cursor ?? { epoch: undefined, seq: 0 }, undefined, filter);
}

/** Continues after a place in the log; an epoch of undefined is the present one. */
async function resumeAfter(
  invocation: Invocation,
  { epoch, seq: after }: { readonly epoch: string | undefined; readonly seq: number },
  windowBytes: number | undefined,
  filter: Filter | undefined,
): Promise<Opening> {
  const head = await headOf(invocation);
  if (epoch !== undefined && epoch !== head.epoch)
    throw new RunAgentError("EPOCH_CHANGED", "The log was started anew since the cursor was made.");
  if (after > head.lastSeq) {
    const message = `The log has ${head.lastSeq} records, and the cursor is after record ${after}.`;
    throw new RunAgentError("CURSOR_AHEAD", message, { details: { last_seq: head.lastSeq } });
  }
  if (after + 1 < head.firstSeq) throw expired(head);
  const [last] = after > 0 && after === head.lastSeq ? await invocation.log.read(after - 1, 1, 1) : [];
  return { status: "stream_resumed", invocation, head, after, atEnd: last?.kind === "terminal", windowBytes, filter };
}

/** @throws RunAgentError OWNER_LOST for a log without an end: whoever attached would wait for ever. [stream.end.1] */
async function headOf(invocation: Invocation): Promise<LogHead> {
  if (invocation.lost) throw logLost();
  return invocation.log.head();
}

/** The refusal of whoever would read a log that has no end. */
export function logLost(): RunAgentError {
  return new RunAgentError("OWNER_LOST", "The log of the invocation was lost before its end.");
}

function findAgent(services: Services, agentId: string): Agent {
  const agent = services.agents.get(agentId);
  if (agent !== undefined) return agent;
  throw new RunAgentError("AGENT_NOT_FOUND", `There is no agent ${agentId} here.`, { field: "agent_id" });
}

function expired(head: LogHead): RunAgentError {
  const message = `Records before ${head.firstSeq} were dropped from the log.`;
  return new RunAgentError("CURSOR_EXPIRED", message, { details: { first_seq: head.firstSeq } });
}
