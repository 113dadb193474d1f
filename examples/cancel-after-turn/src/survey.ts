/** Server and client in one process: the client asks to stop in the middle of the second district, which is finished all the same. */
import { serve } from "@runagent/server";
import { RunAgentClient } from "runagent";
import { createSurveyor } from "./agent.ts";

const { agent, begun } = createSurveyor();
const server = await serve(agent, { port: 0 });
const client = new RunAgentClient({ agentId: agent.id, entrypointTag: "survey_stream", port: server.port });

let outputs = 0;
let turns = 0;
const stream = client.runStream<string>();
for await (const record of stream.events()) {
  if (record.type === "data") console.log(record.content);
  if (record.type !== "event") continue;
  const { event } = record;
  if (event.type === "turn_completed") turns = event.turn;
  if (event.type !== "run_item_event") continue;
  if (event.name === "tool_output") outputs++;
  if (event.name === "tool_called" && event.item.call_id === "2-length") {
    console.log("[stop after this district, please]");
    void stream.cancel("after_turn");
  }
}
const { status } = stream.summary ?? {};
console.log(`[${status} after turn ${turns}]`);

await client.close();
await server.close();
const asPromised = outputs === 4 && turns === 2 && begun() === 2 && status === "cancelled";
console.log(`${begun()} districts begun, ${outputs} measurements delivered: ${asPromised ? "as promised" : "BROKEN"}.`);
process.exitCode = asPromised ? 0 : 1;
