import { isId } from "@runagent/core";
import { UsageError } from "../exit-codes.ts";
import { type AddressOptions, hasPlace } from "./options.ts";
import { invocationOf, recallPlace } from "./positions.ts";

/** The id of an invocation, of what may be a position in it. @throws UsageError */
export function readInvocationId(idOrPosition: string): string {
  const invocationId = invocationOf(idOrPosition) ?? idOrPosition;
  if (isId(invocationId)) return invocationId;
  throw new UsageError(`${JSON.stringify(idOrPosition)} is neither the id of an invocation nor a position.`, "Pass it unchanged.");
}

/** Where an invocation runs: what was typed, else what is known here of it. @throws UsageError when nothing is. */
export async function findAddress(invocationId: string, options: AddressOptions): Promise<AddressOptions> {
  const { apiKey } = options;
  if (hasPlace(options)) return options;
  const kept = await recallPlace(invocationId);
  if (kept !== undefined) return { baseUrl: kept.baseUrl, apiKey };
  const { findInvocation } = await import("../store/index.ts");
  const found = findInvocation(invocationId);
  if (found !== undefined) return { id: found.agent_id, local: true, apiKey };
  // An agent elsewhere, or an address that is set for every call.
  if (options.id !== undefined || process.env.RUNAGENT_BASE_URL || process.env.RUNAGENT_LOCAL) return options;
  throw new UsageError(
    `It is not known here where invocation ${invocationId} runs.`,
    "Pass --host HOST --port PORT, or --id ID with --local, or --base-url URL.",
  );
}
