import { RunAgentClient, type RunAgentClientOptions, RunAgentError } from "runagent";
import { afterEach } from "vitest";
import { createScriptedServer, type Script, type ScriptedServer } from "./scripted-server.ts";

const servers: ScriptedServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** A scripted server that ends with the test. */
export async function serveScript(script: Script): Promise<ScriptedServer> {
  const server = await createScriptedServer(script);
  servers.push(server);
  return server;
}

/** A client of a streaming entrypoint of a scripted server. */
export function streamClient(server: ScriptedServer, options: Partial<RunAgentClientOptions> = {}): RunAgentClient<"story_stream"> {
  // No warm sockets unless a test is about them, so that a socket that is left open is a leak.
  const given = { maxIdleConnections: 0, ...options };
  return new RunAgentClient({ agentId: "a1", host: "127.0.0.1", port: server.port, ...given, entrypointTag: "story_stream" });
}

/** A client of an entrypoint that runs once. */
export function runClient(server: ScriptedServer, options: Partial<RunAgentClientOptions> = {}): RunAgentClient<"chat"> {
  return new RunAgentClient({ agentId: "a1", host: "127.0.0.1", port: server.port, ...options, entrypointTag: "chat" });
}

/** The RunAgentError that a promise ends in. */
export async function failureOf(promise: Promise<unknown>): Promise<RunAgentError> {
  try {
    await promise;
  } catch (error) {
    if (RunAgentError.is(error)) return error;
    throw error;
  }
  throw new Error("expected a RunAgentError");
}

/** What a stream gave, and how it ended. */
export async function drain(stream: AsyncIterable<unknown>): Promise<{ chunks: unknown[]; error: RunAgentError | undefined }> {
  const chunks: unknown[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk);
    return { chunks, error: undefined };
  } catch (error) {
    if (RunAgentError.is(error)) return { chunks, error };
    throw error;
  }
}
