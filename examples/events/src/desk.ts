/** Server and client in one process, on a free port: shows every event, then the tools alone. */
import { serve } from "@runagent/server";
import { RunAgentClient } from "runagent";
import { ANSWER, createDesk } from "./agent.ts";
import { describe, type UmbrellaReserved } from "./describe.ts";

const server = await serve(createDesk(), { port: 0 });
const client = new RunAgentClient({ agentId: "desk", entrypointTag: "ask_stream", port: server.port });

let answer = "";
let order = "";
const stream = client.runStream<string>();
for await (const record of stream.events<UmbrellaReserved>()) {
  if (record.type === "data") answer += record.content;
  if (record.type === "event") order += `${"name" in record.event ? record.event.name : record.event.type} `;
  process.stdout.write(describe(record) ?? "");
}

console.log("\n\nThe tools alone: the server sends nothing else.");
const tools: string[] = [];
for await (const { event } of client.runStream().events({ only: ["run_item_event"] })) {
  if (event.name === "tool_called") tools.push(event.item.tool_name);
}
console.log(tools.join(", "));

await client.close();
await server.close();

const isInOrder = /tool_called tool_output .*handoff_occurred agent_updated .*message_output_created umbrella_reserved turn_completed $/;
const whole = answer === ANSWER && isInOrder.test(order) && tools.join() === "weather";
console.log(`\nThe story of the run is ${whole ? "whole" : "BROKEN"}.`);
process.exitCode = whole ? 0 : 1;
