/** Talks to a storyteller that is served already, at RUNAGENT_HOST and RUNAGENT_PORT: default 127.0.0.1, port 8450. */
import { RunAgentClient } from "runagent";
import { reportFailure } from "./report-failure.ts";
import { talk } from "./talk.ts";

try {
  const client = new RunAgentClient({ agentId: "storyteller", entrypointTag: "chat", local: true });
  await talk(client, { message: "Hello! I feel like hearing a story.", topic: "robots" }, process.stdout);
} catch (error) {
  reportFailure(error);
}
