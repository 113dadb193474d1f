/** For end-to-end tests of approvals: a server whose agent asks before it calls its tool, and its clients. */
import { defineAgent, events, type RunningServer, type ServeOptions, serve } from "@runagent/server";
import { RunAgentClient, type RunAgentClientOptions } from "runagent";
import { onTestFinished } from "vitest";

/** A server that ends with the test. */
export interface Asking {
  readonly server: RunningServer;
  /** How often the tool ran, by invocation. */
  readonly runs: ReadonlyMap<string, number>;
  client(options?: Partial<RunAgentClientOptions>): RunAgentClient<"pay_stream">;
}

/**
 * Serves an agent that asks `questions` times, one after the other, and calls its tool after each approve.
 * `expiresIn` of the input is that of the questions.
 */
export async function serveAsking(options: ServeOptions = {}): Promise<Asking> {
  const runs = new Map<string, number>();
  const agent = defineAgent({
    id: "cashier",
    entrypoints: {
      pay_stream: async function* ({ questions = 1, expiresIn }: { questions?: number; expiresIn?: number }, ctx) {
        for (let n = 1; n <= questions; n++) {
          const call = { call_id: `call-${n}`, tool_name: "pay" };
          await ctx.emit(events.toolCalled({ ...call, arguments: { n } }));
          const more = expiresIn === undefined ? {} : { expiresIn };
          const { decision, decidedBy } = await ctx.requireApproval({ ...call, arguments: { n }, ...more });
          if (decision === "approve") runs.set(ctx.invocationId, (runs.get(ctx.invocationId) ?? 0) + 1);
          await ctx.emit(events.toolOutput({ ...call, output: decision, ...(decision === "reject" && { rejected: true }) }));
          yield `${n}: ${decision} by ${decidedBy}. `;
        }
      },
    },
  });
  const server = await serve(agent, { port: 0, ...options });
  const clients: RunAgentClient[] = [];
  onTestFinished(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await server.close({ timeoutMs: 100 });
  });
  return {
    server,
    runs,
    client(more = {}) {
      const client = new RunAgentClient({ agentId: "cashier", port: server.port, ...more, entrypointTag: "pay_stream" });
      clients.push(client);
      return client;
    },
  };
}
