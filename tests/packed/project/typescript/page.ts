// A page: the types of the web alone, without those of Node.
import { toAGUI } from "runagent/ag-ui";
import { RunAgentChatTransport, toUIMessageStream } from "runagent/ai-sdk";
import { keepPosition, keptPosition, RunAgentClient } from "runagent/browser";
import { RunAgentClient as WebSocketClient } from "runagent/browser/websocket";
import { markdownBlocks, toSSE } from "runagent/patterns";
import { RunAgentClient as StandardClient } from "runagent/standard";

const getToken = async (): Promise<{ token: string; expiresAt: number }> => ({ token: "from-your-server", expiresAt: Date.now() + 60_000 });
const client = new RunAgentClient({ agentId: "storyteller", entrypointTag: "story_stream", port: 8450, getToken });
const position = keptPosition("answer");
const stream = position === undefined ? client.runStream<string>({ topic: "robots" }) : client.resume<string>(position);
for await (const block of markdownBlocks(keepPosition(stream, "answer"))) document.body.append(block);

// @ts-expect-error a token is text.
new WebSocketClient({ agentId: "storyteller", entrypointTag: "chat", getToken: () => 1 });
const edge = new StandardClient({ agentId: "storyteller", entrypointTag: "story_stream", port: 8450 });
export const answer: Response = toSSE(edge.runStream());
export const chat: RunAgentChatTransport = new RunAgentChatTransport({ client });
export const parts: ReadableStream<{ type: string }> = toUIMessageStream(client.runStream());
for await (const { type } of toAGUI(edge.runStream(), { threadId: "thread", runId: "run" })) document.title = type;
