/** The clerk: has a bill paid. The stream ends where the agent wants leave; what is needed to go on goes into a file: ask.mjs <file>. */
import { ApprovalRequiredError, RunAgentClient } from "runagent";
import { writeTicket } from "./ticket.ts";

const [file = "ticket.json"] = process.argv.slice(2);
const client = new RunAgentClient({ agentId: "cashier", entrypointTag: "pay_stream", local: true, apiKey: "key-of-the-clerk" });
const stream = client.runStream<string>({ amount: 480 });
let text = "";
try {
  for await (const chunk of stream) text += chunk;
  throw new Error("The agent did not ask.");
} catch (error) {
  if (!(error instanceof ApprovalRequiredError)) throw error;
  const [request] = error.requests;
  if (request === undefined) throw error;
  const { approvalId, tool_name, arguments: args } = request;
  writeTicket(file, { invocationId: stream.invocationId, approvalId, position: error.position, text });
  console.log(`${text}\nThe agent asks whether it may call ${tool_name} with ${JSON.stringify(args)}.`);
}
