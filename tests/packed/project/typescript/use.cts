// CommonJS, typed.
import { RunAgentClient, RunAgentError } from "runagent";

import runagent = require("runagent/node");

import { buffered } from "runagent/patterns";

export async function ask(port: number): Promise<string> {
  const client: runagent.RunAgentClient = new RunAgentClient({ agentId: "storyteller", entrypointTag: "chat", port });
  try {
    for await (const batch of buffered(client.withEntrypoint("story_stream").runStream<string>(), { count: 2 })) return batch.join("");
  } catch (error) {
    if (error instanceof RunAgentError && error.retryable) return error.code;
  }
  return (await client.run({ message: "Hello" })).reply;
}
