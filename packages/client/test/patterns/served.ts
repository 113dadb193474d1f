import { once } from "node:events";
import { defineAgent, type EntrypointFunction, type RunningServer, type ServeOptions, serve, type Untyped } from "@runagent/server";
import { RunAgentClient } from "runagent";
import { onTestFinished } from "vitest";

/** A server with one agent, whose streaming entrypoint is given, and a client of it. */
export interface Served {
  readonly server: RunningServer;
  readonly client: RunAgentClient<"story_stream">;
  /** The status of an invocation, as the server tells it. */
  statusOf(invocationId: string): Promise<unknown>;
}

/** Serves an agent until the test is over. */
export async function serveStory(story: EntrypointFunction<Record<string, Untyped>>, options: ServeOptions = {}): Promise<Served> {
  const server = await serve(defineAgent({ id: "a1", entrypoints: { story_stream: story } }), { port: 0, ...options });
  const client = new RunAgentClient({ agentId: "a1", host: "127.0.0.1", port: server.port, entrypointTag: "story_stream" });
  onTestFinished(async () => {
    await client.close();
    await server.close({ timeoutMs: 100 });
  });
  const statusOf = async (invocationId: string): Promise<unknown> => {
    const response = await fetch(`${server.url}/api/v1/invocations/${invocationId}`);
    const { data }: { data?: { status?: unknown } } = JSON.parse(await response.text());
    return data?.status;
  };
  return { server, client, statusOf };
}

/** Resolves when the signal fires. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}
