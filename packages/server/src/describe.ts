/**
 * What the server tells about itself: agents with their schemas, and invocations.
 */
import type { Architecture, EntrypointInfo, Invocation as InvocationInfo, InvocationStats, JsonSchemaObject } from "@runagent/core";
import { isJsonObject, type StandardSchemaV1 } from "@runagent/core";
import type { Agent, Entrypoint } from "./agent.ts";
import type { Invocation } from "./invocation.ts";

/** Optional parts of the protocol that this server has. */
export const FEATURES: readonly string[] = ["resume", "flow_control", "after_turn", "heartbeat", "sse", "approvals", "filter"];

/** Versions of the protocol that this server speaks. */
export const PROTOCOL_VERSIONS: readonly number[] = [1, 2];

/** data of GET architecture. */
export function describeAgent(agent: Agent): Architecture {
  return {
    agent_id: agent.id,
    agent_name: agent.name,
    version: agent.version,
    entrypoints: [...agent.entrypoints.values()].map(describeEntrypoint),
    protocol_versions: [...PROTOCOL_VERSIONS],
    features: [...FEATURES],
  };
}

/** data of GET invocation. */
export function describeInvocation(invocation: Invocation): InvocationInfo {
  const { outcome, resultText } = invocation;
  const result = outcome?.status === "completed" && resultText !== undefined ? { result: JSON.parse(resultText) as unknown } : {};
  return { ...summariseInvocation(invocation), ...result };
}

/** An entry of GET invocations: without what may be large. */
export function listInvocation(invocation: Invocation): InvocationInfo {
  const { pending_approvals: _pending, ...entry } = summariseInvocation(invocation);
  return entry;
}

/** The same without its result, which may be large. */
export function summariseInvocation(invocation: Invocation): InvocationInfo {
  const { request, outcome, approvals } = invocation;
  const { invocationId, agent, entrypoint, protocol } = request;
  return {
    invocation_id: invocationId,
    agent_id: agent.id,
    entrypoint_tag: entrypoint.tag,
    status: invocation.status,
    protocol,
    started_at: invocation.startedAt.toISOString(),
    ended_at: invocation.endedAt?.toISOString() ?? null,
    execution_time: invocation.executionTime,
    total_chunks: invocation.chunks,
    seq: invocation.seq,
    epoch: invocation.log.epoch,
    ...(approvals.waiting && { pending_approvals: approvals.pending }),
    error: outcome?.status === "failed" ? outcome.error.toWire() : null,
  };
}

/** data of GET stats: counts the invocations given. */
export function describeStats(agentId: string, invocations: readonly Invocation[]): InvocationStats {
  const counts = { running: 0, completed: 0, failed: 0, cancelled: 0 };
  let seconds = 0;
  for (const invocation of invocations) {
    const { status } = invocation;
    counts[status === "waiting_approval" ? "running" : status]++;
    if (invocation.outcome !== undefined) seconds += invocation.executionTime;
  }
  const ended = invocations.length - counts.running;
  return {
    agent_id: agentId,
    stats: { total: invocations.length, ...counts, average_execution_time: ended === 0 ? null : seconds / ended },
  };
}

function describeEntrypoint(entrypoint: Entrypoint): EntrypointInfo {
  const input = jsonSchemaOf(entrypoint.input, "input");
  const output = jsonSchemaOf(entrypoint.output, "output");
  return {
    tag: entrypoint.tag,
    description: entrypoint.description ?? null,
    streaming: entrypoint.streaming,
    ...(input === undefined ? {} : { input_schema: input }),
    ...(output === undefined ? {} : { output_schema: output }),
  };
}

/** The JSON Schema of a schema whose library can tell it (Standard JSON Schema), else undefined. */
export function jsonSchemaOf(schema: StandardSchemaV1 | undefined, side: "input" | "output"): JsonSchemaObject | undefined {
  const props: unknown = schema?.["~standard"];
  const converter = isJsonObject(props) ? props.jsonSchema : undefined;
  const convert = isJsonObject(converter) ? converter[side] : undefined;
  if (typeof convert !== "function") return undefined;
  try {
    const described: unknown = convert({ target: "draft-2020-12" });
    return isJsonObject(described) ? described : undefined;
  } catch {
    return undefined; // A schema with parts that JSON Schema cannot say, such as a transformation.
  }
}
