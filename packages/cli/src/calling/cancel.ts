import { type Mode, RunAgentError } from "@runagent/core";
import type { CancelAnswer, RunAgentClient } from "runagent";
import { createClient, explainAddress } from "./client.ts";
import { findAddress, readInvocationId } from "./invocation-address.ts";
import { type AddressOptions, checkOneAddress } from "./options.ts";

/** The options of `cancel`. */
export interface CancelOptions extends AddressOptions {
  readonly afterTurn?: boolean | undefined;
}

const TIMEOUT_MS = 10_000;

/** `runagent cancel`. @param idOrPosition The id of an invocation, or a position in it. */
export async function cancel(idOrPosition: string, options: CancelOptions): Promise<void> {
  checkOneAddress(options);
  const invocationId = readInvocationId(idOrPosition);
  const address = await findAddress(invocationId, options);
  const client = createClient(address);
  try {
    const answer = await sendCancel(client, invocationId, options.afterTurn ? "after_turn" : "immediate");
    process.stderr.write(`${describe(answer)}\n`);
  } catch (error) {
    throw explainAddress(error, address, client);
  }
}

async function sendCancel(client: RunAgentClient, invocationId: string, mode: Mode): Promise<CancelAnswer> {
  try {
    return await client.cancel(invocationId, mode, { timeoutMs: TIMEOUT_MS });
  } catch (error) {
    if (!RunAgentError.is(error)) throw error;
    if (error.code === "TIMEOUT") throw error.changed({ suggestion: "Type it again: to cancel twice does no harm." });
    // A server of version 1 has no such route.
    if (error.code !== "AGENT_NOT_FOUND") throw error;
    const { origin } = new URL(client.apiUrl);
    throw new RunAgentError("INVOCATION_NOT_FOUND", `${origin} knows no invocation ${invocationId} that can be cancelled.`);
  }
}

function describe({ invocationId, mode, outcome }: CancelAnswer): string {
  if (outcome === "already_ended") return `Invocation ${invocationId} had already ended.`;
  return mode === "after_turn" ? `Invocation ${invocationId} stops after its turn.` : `Invocation ${invocationId} is cancelled.`;
}
