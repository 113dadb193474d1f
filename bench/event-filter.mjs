// What a filter saves: the bytes on the wire of a model's answer with its raw events and without them. The answer is 2,000 deltas, each a
// chunk with the raw event it came in, and the items of a run: a tool call, its output, a handoff, the message, a turn.

import { createFaultProxy } from "@runagent/conformance";
import { defineAgent, events, serve } from "@runagent/server";
import { RunAgentClient } from "runagent";
import { figure } from "./lib/figures.mjs";

const DELTAS = 2_000;
const WORDS = "the quick brown fox jumps over a lazy dog and comes home late to tell of it".split(" ");
const ITEMS = ["run_item_event", "agent_updated", "turn_completed"];

const agent = defineAgent({ id: "model", entrypoints: { answer_stream: answer } });

async function* answer(_input, ctx) {
  await ctx.emit(events.agentUpdated({ name: "desk" }));
  await ctx.emit(events.toolCalled({ call_id: "call-1", tool_name: "weather", arguments: { city: "Lisbon" } }));
  await ctx.emit(events.toolOutput({ call_id: "call-1", output: { sky: "rain", degrees: 17 } }));
  await ctx.emit(events.handoffOccurred({ from: "desk", to: "tailor" }));
  let text = "";
  for (let n = 0; n < DELTAS; n++) {
    const delta = `${WORDS[n % WORDS.length]} `;
    text += delta;
    // The fields of such an event in the Responses API.
    const type = "response.output_text.delta";
    const item_id = "msg_68a1f0c2b7d48190a3c5e7f901234567";
    await ctx.emit(
      events.rawResponse(type, {
        type,
        sequence_number: n,
        item_id,
        output_index: 0,
        content_index: 0,
        delta,
        logprobs: [],
        obfuscation: "k3Jx9",
      }),
    );
    yield delta;
  }
  await ctx.emit(events.messageOutput({ role: "assistant", parts: [{ type: "text", text }], status: "completed" }));
  await ctx.turn();
}

const server = await serve(agent, { port: 0 });
// It passes everything on, and counts.
const wire = await createFaultProxy({ target: { host: server.host, port: server.port }, seed: 1 });
// Over SSE each event has its id besides, which is as long as a delta's record.
for (const [transport, atMost] of [
  ["websocket", 30],
  ["sse", 60],
]) {
  const read = async (only) => {
    const client = new RunAgentClient({ agentId: "model", entrypointTag: "answer_stream", port: wire.port, transport });
    const before = wire.stats.bytes.to_client;
    let records = 0;
    for await (const _ of client.runStream().events(only && { only })) records++;
    await client.close();
    return { records, bytes: wire.stats.bytes.to_client - before };
  };
  const whole = await read(undefined);
  const shown = await read(["data", ...ITEMS]);
  const items = await read(ITEMS);
  console.log(`${transport}: ${DELTAS} deltas as chunks, each with its raw event, and the items of the run`);
  figure(`everything, ${whole.records} records`, whole.bytes, "bytes");
  figure(`without raw events, ${shown.records} records`, shown.bytes, "bytes");
  figure(`the items alone, ${items.records} records`, items.bytes, "bytes");
  figure("without raw events, of everything", (shown.bytes / whole.bytes) * 100, "%", { atMost });
  figure("the items alone, of everything", (items.bytes / whole.bytes) * 100, "%", { atMost: 5 });
}
await wire.close();
await server.close();
