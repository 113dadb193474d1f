/** Server and client in one process, on a free port: what `npm run demo` shows. PACE_MS: milliseconds between words, default 25. */
import { serve } from "@runagent/server";
import { RunAgentClient } from "runagent";
import { createStoryteller } from "./agent.ts";
import { reportFailure } from "./report-failure.ts";
import { talk } from "./talk.ts";

async function demo(): Promise<void> {
  const server = await serve(createStoryteller(), { port: 0 });
  console.log(`The storyteller listens on ${server.url}\n`);
  const client = new RunAgentClient({ agentId: "storyteller", entrypointTag: "chat", host: server.host, port: server.port });
  try {
    await talk(client, { message: "I feel curious today.", topic: "robots" }, process.stdout);
  } finally {
    await client.close();
    await server.close();
  }
}

demo().catch(reportFailure);
