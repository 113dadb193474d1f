/**
 * From a checked frame or body of either version to what the server runs: the entrypoint is found, the mode of the
 * call fits it, and what makes two starts the same is put into one hash.
 */
import { createHash } from "node:crypto";
import { excerpt, RunAgentError, type RunRequest, type RunRequestV1, type StartFrame } from "@runagent/core";
import type { Agent, Entrypoint } from "./agent.ts";
import { canonicalJson } from "./canonical.ts";
import type { Principal } from "./options.ts";

/** An invocation that is asked for. */
export interface InvocationRequest {
  readonly invocationId: string;
  readonly protocol: 1 | 2;
  readonly agent: Agent;
  readonly entrypoint: Entrypoint;
  readonly principal: Principal;
  readonly args: readonly unknown[];
  readonly kwargs: Record<string, unknown>;
  readonly userId: string | undefined;
  readonly persistentMemory: boolean;
  /** Seconds; undefined: only the server's own limit holds. */
  readonly timeoutSeconds: number | undefined;
  /** What happens when the last reader goes. */
  readonly onDisconnect: "continue" | "cancel";
}

/** What stays known of an invocation: all but its input. */
export type InvocationInfo = Omit<InvocationRequest, "args" | "kwargs">;

/** What the route and the version say about a request, beside its body. */
export interface RequestContext {
  readonly agent: Agent;
  readonly principal: Principal;
  readonly invocationId: string;
  readonly protocol: 1 | 2;
  readonly streaming: boolean;
  readonly onDisconnect: "continue" | "cancel";
}

/**
 * Builds the request.
 * @throws RunAgentError ENTRYPOINT_NOT_FOUND, STREAM_ENTRYPOINT or NON_STREAM_ENTRYPOINT.
 */
export function toInvocationRequest(body: StartFrame | RunRequest | RunRequestV1, context: RequestContext): InvocationRequest {
  const { agent, streaming, ...rest } = context;
  return {
    ...rest,
    agent,
    entrypoint: findEntrypoint(agent, body.entrypoint_tag, streaming),
    args: body.input_args ?? [],
    kwargs: body.input_kwargs ?? {},
    userId: body.user_id ?? undefined,
    persistentMemory: body.persistent_memory ?? false,
    timeoutSeconds: body.timeout_seconds,
  };
}

function findEntrypoint(agent: Agent, tag: string, streaming: boolean): Entrypoint {
  const entrypoint = agent.entrypoints.get(tag);
  const field = "entrypoint_tag";
  if (entrypoint === undefined) {
    const known = [...agent.entrypoints.keys()];
    throw new RunAgentError("ENTRYPOINT_NOT_FOUND", `The agent ${agent.id} has no entrypoint ${excerpt(tag)}.`, {
      field,
      suggestion: `Use one of: ${known.join(", ")}.`,
      details: { entrypoints: known },
    });
  }
  if (entrypoint.streaming === streaming) return entrypoint;
  if (streaming) throw new RunAgentError("NON_STREAM_ENTRYPOINT", `The entrypoint ${excerpt(tag)} does not stream.`, { field });
  throw new RunAgentError("STREAM_ENTRYPOINT", `The entrypoint ${excerpt(tag)} streams.`, { field });
}

/** What two starts must share to be the same: everything that the agent sees, and who asks. [start.content.1] */
export function contentHash(request: InvocationRequest): string {
  const content = [
    request.agent.id,
    request.entrypoint.tag,
    request.args,
    request.kwargs,
    request.userId ?? null,
    request.persistentMemory,
    request.principal.id,
  ];
  return createHash("sha256").update(canonicalJson(content)).digest("hex");
}
