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

console.log(`[${stream.summary?.status} after turn ${turns}]`);
// An agent whose last turn has no other behind it ends as it would have: the record of its end says so.
const alone = client.runStream<string>({ districts: 1 });
const { outcome } = await alone.cancel("after_turn");
for await (const record of alone.events({ only: ["data"] })) console.log(record.content);
console.log(`[cancel of one district: ${outcome}, and then ${alone.summary?.status}]`);

await client.close();
await server.close();
const districts = begun();
const asPromised = outputs === 4 && turns === 2 && districts === 3 && stream.summary?.status === "cancelled";
console.log(`${districts - 1} districts begun, ${outputs} measurements delivered: ${asPromised ? "as promised" : "BROKEN"}.`);
process.exitCode = asPromised ? 0 : 1;
