/** A reference server with the fault agent, and a fault proxy in front of it, in this process. */
import { createFaultProxy, type Drop, type FaultProxy, type FaultRule } from "@runagent/conformance";
import { type Limits, type RunningServer, serve } from "@runagent/server";
import { RunAgentClient, type RunAgentClientOptions } from "runagent";
import { AGENT_ID, createFaultAgent, type FaultAgent } from "./fault-agent.ts";

/** A stream that hangs ends with TIMEOUT, and the run says so. */
const DEADLINE_SECONDS = 25;

export interface RigOptions {
  readonly seed: number;
  readonly rules?: readonly FaultRule[];
  readonly limits?: Partial<Limits>;
}

export interface Rig {
  readonly proxy: FaultProxy;
  readonly server: RunningServer;
  readonly faults: FaultAgent;
  /** Connections that the proxy has ended or stalled, in order. */
  readonly drops: readonly Drop[];
  /** Resolves once there are so many. */
  dropped(count: number): Promise<void>;
  /** A client that goes through the proxy. */
  client<Tag extends string>(entrypointTag: Tag, options?: Partial<RunAgentClientOptions>): RunAgentClient<Tag>;
  close(): Promise<void>;
}

export async function createRig({ seed, rules = [], limits = {} }: RigOptions): Promise<Rig> {
  const faults = createFaultAgent();
  const server = await serve(faults.agent, { port: 0, limits });
  const drops: Drop[] = [];
  let told: () => void = () => {};
  const proxy = await createFaultProxy({
    target: server,
    seed,
    rules,
    onDrop(drop) {
      drops.push(drop);
      faults.dropped(drop.invocationId);
      told();
    },
  });
  const clients: { close(): Promise<void> }[] = [];
  return {
    proxy,
    server,
    faults,
    drops,
    async dropped(count) {
      while (drops.length < count) {
        await new Promise<void>((resolve) => {
          told = resolve;
        });
      }
    },
    client(entrypointTag, options = {}) {
      const client = new RunAgentClient({
        agentId: AGENT_ID,
        host: proxy.host,
        port: proxy.port,
        timeoutSeconds: DEADLINE_SECONDS,
        ...options,
        entrypointTag,
      });
      clients.push(client);
      return client;
    },
    async close() {
      faults.release();
      await Promise.all(clients.map((client) => client.close()));
      await proxy.close();
      await server.close({ timeoutMs: 500 });
    },
  };
}
