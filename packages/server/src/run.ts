/**
 * POST run, in both versions: starts an invocation like any other and waits for its end.
 * A client that goes away does not stop it. [run.error.1]
 */
import { randomUUID } from "node:crypto";
import {
  check,
  encodeValueV1,
  type JsonObject,
  RunAgentError,
  type RunRequest,
  type RunRequestV1,
  validateRunRequest,
  validateRunRequestV1,
} from "@runagent/core";
import type { Agent } from "./agent.ts";
import { describeInvocation } from "./describe.ts";
import type { EnvelopeExtra } from "./envelope.ts";
import type { Invocation } from "./invocation.ts";
import type { Principal } from "./options.ts";
import { toInvocationRequest } from "./request.ts";
import type { Services } from "./services.ts";

/** What goes into the envelope. */
export interface RunAnswer {
  /** JSON text: a number in it may have more digits than JavaScript keeps. */
  readonly data: string;
  readonly status: 200 | 202;
}

/**
 * Runs a non-streaming entrypoint.
 * @param setExtra Is told what the envelope of a version 2 answer carries, also when this throws.
 * @throws RunAgentError when the request is refused or the invocation does not complete.
 */
export async function runOverHttp(
  body: JsonObject,
  agent: Agent,
  principal: Principal,
  services: Services,
  setExtra: (extra: EnvelopeExtra) => void,
): Promise<RunAnswer> {
  const common = { agent, principal, streaming: false, onDisconnect: "continue" } as const;
  if (body.protocol === undefined) {
    check(validateRunRequestV1, body, "VALIDATION_ERROR", "body");
    const request = body as unknown as RunRequestV1;
    const context = { ...common, invocationId: randomUUID(), protocol: 1 } as const;
    const invocation = await services.registry.start(toInvocationRequest(request, context));
    const result = await resultOf(invocation);
    return { data: JSON.stringify(encodeValueV1(JSON.parse(result), result)), status: 200 };
  }
  if (body.protocol !== 2) {
    throw new RunAgentError("VALIDATION_ERROR", "This server speaks versions 1 and 2 of the protocol.", { field: "protocol" });
  }
  setExtra({ protocol: 2 });
  check(validateRunRequest, body, "VALIDATION_ERROR", "body");
  const request = body as unknown as RunRequest;
  const { invocation_id: invocationId } = request;
  setExtra({ protocol: 2, invocation_id: invocationId });
  const invocation = await services.registry.start(toInvocationRequest(request, { ...common, invocationId, protocol: 2 }));
  if (request.async_execution === true) return { data: JSON.stringify(describeInvocation(invocation)), status: 202 };
  return { data: await resultOf(invocation), status: 200 };
}

async function resultOf(invocation: Invocation): Promise<string> {
  const outcome = await invocation.ended;
  if (outcome.status === "failed") throw outcome.error;
  if (outcome.status === "cancelled") throw new RunAgentError("CANCELLED", `The invocation was cancelled. ${outcome.reason}`);
  return invocation.resultText ?? "null";
}
