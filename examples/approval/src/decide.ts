/** The manager: decides, from anywhere and without the stream: decide.mjs <file> approve|reject [reason]. */
import { RunAgentClient, RunAgentError } from "runagent";
import { readTicket } from "./ticket.ts";

const [file = "ticket.json", word, reason] = process.argv.slice(2);
const { invocationId, approvalId } = readTicket(file);
const apiKey = process.env.RUNAGENT_API_KEY ?? "key-of-the-manager";
const client = new RunAgentClient({ agentId: "cashier", entrypointTag: "pay_stream", local: true, apiKey });
const decision = word === "approve" ? "approve" : "reject";
try {
  await client.decide(invocationId, { approvalId, decision, reason });
  console.log(`The decision to ${decision} stands.`);
} catch (error) {
  if (!RunAgentError.is(error)) throw error;
  console.log(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
await client.close();
