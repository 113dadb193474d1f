import { type Decision, isJsonObject, RunAgentError } from "@runagent/core";
import { UsageError } from "../exit-codes.ts";
import { createClient, explainAddress } from "./client.ts";
import { findAddress, readInvocationId } from "./invocation-address.ts";
import { type AddressOptions, checkOneAddress } from "./options.ts";

/** The options of `decide`. */
export interface DecideOptions extends AddressOptions {
  readonly approve?: boolean | undefined;
  readonly reject?: boolean | undefined;
  readonly reason?: string | undefined;
}

const TIMEOUT_MS = 10_000;

/** `runagent decide`. @param idOrPosition The id of an invocation, or a position in it. */
export async function decide(idOrPosition: string, approvalId: string, options: DecideOptions): Promise<void> {
  checkOneAddress(options);
  const decision = readDecision(options);
  const invocationId = readInvocationId(idOrPosition);
  const address = await findAddress(invocationId, options);
  const client = createClient(address);
  try {
    await client.decide(invocationId, { approvalId, decision, reason: options.reason }, { timeoutMs: TIMEOUT_MS });
  } catch (error) {
    // An answer that was lost is asked for again: the decision that stands is this one.
    if (!stands(error, decision)) throw explainAddress(error, address, client);
    process.stderr.write(`Approval ${approvalId} of invocation ${invocationId} had been ${PAST[decision]} already.\n`);
    return;
  }
  process.stderr.write(`Approval ${approvalId} of invocation ${invocationId} is ${PAST[decision]}.\n`);
}

const PAST: Readonly<Record<Decision, string>> = { approve: "approved", reject: "rejected" };

function readDecision({ approve = false, reject = false }: DecideOptions): Decision {
  if (approve !== reject) return approve ? "approve" : "reject";
  throw new UsageError(
    approve ? "--approve and --reject are two decisions." : "It is not said what is decided.",
    "Pass --approve or --reject.",
  );
}

function stands(error: unknown, decision: Decision): boolean {
  const details = RunAgentError.is(error) && error.code === "ALREADY_DECIDED" ? error.details : undefined;
  return isJsonObject(details) && details.decision === decision;
}
