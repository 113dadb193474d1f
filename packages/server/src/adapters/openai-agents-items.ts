/** What a run of `@openai/agents` tells, in the events of the protocol: the same for every framework, so that a UI needs to know none. */
import type { Handoff, RunItem, RunItemStreamEvent, RunRawModelStreamEvent, RunToolApprovalItem } from "@openai/agents";
import { type AgentEvent, events, type MessagePart } from "@runagent/core";

/** Decided by a human: the output that the package makes for it is another than a tool's. */
export interface Rejection {
  readonly reason: string | undefined;
}

/** What the items of a run are read with. */
export interface ItemContext {
  /** By call id. */
  readonly rejected: ReadonlyMap<string, Rejection>;
  /** The handoffs of an agent: by them a call is known to be one to another agent. */
  handoffsOf(agent: RunItem["agent" & keyof RunItem]): readonly Handoff[];
}
