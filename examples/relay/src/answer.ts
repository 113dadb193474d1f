import { RunAgentClient } from "runagent";
import { toSSE } from "runagent/patterns";

/**
 * What every relay answers: the stream of a new story, or of one whose reader was lost.
 * Over SSE the agent server sees a reader who is lost as lost, and waits for him (disconnectGraceSeconds) before it cancels; a
 * WebSocket that is closed says that nobody comes back.
 */
const client = new RunAgentClient({
  agentId: "narrator",
  entrypointTag: "story_stream",
  local: true,
  transport: "sse",
  onDisconnect: "cancel",
});

/**
 * The stream for a request, as server-sent events.
 * @param lastEventId The header Last-Event-ID. A relay with users must check whose story it is: the id is all that is needed.
 */
export function answer(input: Record<string, unknown>, lastEventId: string | undefined): Response {
  const stream = lastEventId === undefined ? client.runStream(input) : client.resume(lastEventId);
  return toSSE(stream, { onClose: "detach", headers: { "x-invocation-id": stream.invocationId } });
}
