/** A decision, whoever it comes from and over whatever transport: may they, and did they come first? */
import { type Decision, excerpt, RunAgentError } from "@runagent/core";
import type { Invocation } from "./invocation.ts";
import type { MaybePromise } from "./log.ts";
import type { Principal } from "./options.ts";
import type { Services } from "./services.ts";

/** What was decided, as a client says it. */
export interface DecisionRequest {
  readonly approval_id: string;
  readonly decision: Decision;
  readonly reason?: string | undefined;
}

/**
 * Decides an approval for `principal`; settles once the decision is in the log.
 * @throws RunAgentError PERMISSION_ERROR for one who may not, INVOCATION_NOT_FOUND for one to whom it does not exist; ALREADY_DECIDED; VALIDATION_ERROR.
 */
export async function decideApproval(
  invocation: Invocation | undefined,
  { approval_id: approvalId, decision, reason }: DecisionRequest,
  principal: Principal,
  { mayDecide, onError, limits }: Services,
): Promise<void> {
  const isOwner = invocation?.request.principal.id === principal.id;
  if (invocation === undefined || (mayDecide === undefined && !isOwner)) throw notFound();
  if (mayDecide !== undefined) {
    const { agent, entrypoint, invocationId, principal: owner } = invocation.request;
    const about = { agentId: agent.id, entrypointTag: entrypoint.tag, invocationId, approvalId, decision, owner };
    let allowed: boolean;
    try {
      allowed = (await within(limits.handshakeTimeoutMs, mayDecide(principal, about))) === true;
    } catch (error) {
      onError(error, { where: "auth", invocationId });
      throw new RunAgentError("SERVER_ERROR", "It could not be checked who may decide.");
    }
    if (!allowed && !isOwner) throw notFound();
    if (!allowed) {
      throw new RunAgentError("PERMISSION_ERROR", `This key may not decide the approval ${excerpt(approvalId)}.`, {
        suggestion: "Leave it to those who may: whoever reads the stream sees their decision.",
      });
    }
  }
  await invocation.approvals.decide(approvalId, decision, reason, principal.name ?? principal.id);
}

/** @throws Error when it takes longer than `ms`. */
async function within<T>(ms: number, work: MaybePromise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`mayDecide did not answer within ${ms} ms (handshakeTimeoutMs).`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function notFound(): RunAgentError {
  return new RunAgentError("INVOCATION_NOT_FOUND", "There is no such invocation here.");
}
