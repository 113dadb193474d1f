/**
 * A ride through many tunnels: between client and server stands a fault proxy that resets the connection in the middle of every twentieth
 * record. The story arrives whole all the same; half of it over a WebSocket, the rest in another client, over server-sent events.
 */
import { createFaultProxy } from "@runagent/conformance";
import { serve } from "@runagent/server";
import { RunAgentClient } from "runagent";
import { createTeller, STORY } from "./agent.ts";

const teller = createTeller();
const server = await serve(teller.agent, { port: 0 });
const proxy = await createFaultProxy({
  target: { host: server.host, port: server.port },
  seed: 1,
  rules: [{ name: "tunnel", on: { event: "frame", type: "data", where: "middle", every: 20 }, do: { action: "reset" } }],
});
const address = { agentId: "teller", entrypointTag: "story_stream", port: proxy.port } as const;

const train = new RunAgentClient({ ...address, transport: "websocket" });
const stream = train.runStream({}, { onReconnect: () => process.stdout.write("[tunnel] ") });
let text = "";
const words = stream.cursor();
while (text.length < STORY.length / 2) {
  const { hasMore, data } = await words.next();
  if (!hasMore) break;
  text += data;
  process.stdout.write(data);
}
// The position is a string: it could go into a file, a database, another machine.
const position = await stream.detach();
await train.close();
if (position === undefined) throw new Error("A server of version 2 gives positions.");

process.stdout.write("\n\n[at home, in another client, over server-sent events]\n\n");
const home = new RunAgentClient({ ...address, transport: "sse" });
const rest = home.resume(position, { onReconnect: () => process.stdout.write("[tunnel] ") });
for await (const word of rest) {
  text += word;
  process.stdout.write(word);
}
await home.close();
await proxy.close();
await server.close();

const { drops } = proxy.stats;
const whole = text.trimEnd() === STORY;
console.log(`\n\n${drops} connections lost, the agent ran ${teller.runs()} time, the story is ${whole ? "whole" : "BROKEN"}.`);
process.exitCode = whole && drops > 10 && teller.runs() === 1 ? 0 : 1;
