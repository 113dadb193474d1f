/**
 * Has the writer write: --topic, --style and --words fill the prompt. Enter or Ctrl+C cancels.
 * The server is at RUNAGENT_HOST and RUNAGENT_PORT: default 127.0.0.1, port 8450.
 */
import { parseArgs } from "node:util";
import { RunAgentClient } from "runagent";
import { MessageSchema } from "./message.ts";
import { reportFailure } from "./report-failure.ts";
import { showStream } from "./terminal.ts";

try {
  const { values } = parseArgs({
    options: { topic: { type: "string", default: "a lighthouse" }, style: { type: "string" }, words: { type: "string" } },
  });
  const client = new RunAgentClient({ agentId: "writer", entrypointTag: "write_stream", local: true, output: MessageSchema });
  if (process.stdin.isTTY) console.log("Press Enter to cancel.\n");
  await showStream(client.runStream(values), process);
} catch (error) {
  reportFailure(error);
}
