import { RunAgentClient, type RunAgentClientOptions, RunAgentError } from "runagent";
import { afterEach } from "vitest";
import { createScriptedServer, type Peer, type Script, type ScriptedServer } from "./scripted-server.ts";

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

/** Accepts so that the stream can be resumed. */
export const RESUMABLE = { resume_seconds: 60 };

/** How one connection is played. */
export type Play<P = Peer> = (peer: P) => void | Promise<void>;

/** Plays the first connection by the first play, and so on; the last plays all that come after it. */
export function inTurn<P = Peer>(...plays: Play<P>[]): Play<P> {
  return (peer) => (plays.length > 1 ? plays.shift() : plays[0])?.(peer);
}

/** A promise that a test settles from elsewhere. */
export function deferred<T = void>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** The cursor of the scripted server's log. */
export function cursorOf(invocationId: string, seq: number, epoch = "e1"): string {
  return Buffer.from(`ra2:${epoch}:${seq}:${invocationId}`).toString("base64url");
}

/** The answer to a cancel, and the end that follows it. */
export function cancelFrames(invocationId: unknown, seq: number, chunks: number, mode: unknown = "immediate"): Record<string, unknown>[] {
  const invocation_id = invocationId;
  return [
    { type: "status", status: "cancel_acknowledged", invocation_id, mode, outcome: "accepted" },
    { type: "status", status: "stream_cancelled", seq, invocation_id, mode, total_chunks: chunks, execution_time: 0.1 },
  ];
}

const AGENT: Record<string, unknown> = { agent_id: "a1", entrypoints: [{ tag: "story_stream" }], protocol_versions: [1, 2] };

/** What a version 2 server says of its agent, in its envelope. */
export const ARCHITECTURE: { readonly success: true; readonly data: Record<string, unknown> } = { success: true, data: AGENT };
