/** The clerk again, in another process: goes on from the position in the file, after the decision: finish.mjs <file>. */
import { RunAgentClient } from "runagent";
import { readTicket } from "./ticket.ts";

const [file = "ticket.json"] = process.argv.slice(2);
const { position, text } = readTicket(file);
const client = new RunAgentClient({ agentId: "cashier", entrypointTag: "pay_stream", local: true, apiKey: "key-of-the-clerk" });
console.log(text + (await client.resume<string>(position).text()));
