/**
 * A TCP proxy that breaks connections as its rules say, at places that a seed decides. Point any client at its port: it knows HTTP
 * upgrades, WebSocket frames and SSE events, and passes everything on byte for byte where no rule acts.
 */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { RunAgentError } from "@runagent/core";
import { ProxiedConnection } from "./proxied-connection.ts";
import type { Drop, ProxyContext } from "./proxy-context.ts";
import { RuleSet } from "./rule-set.ts";
import { type FaultRule, readRules } from "./rules.ts";

/** How a fault proxy is made. */
export interface FaultProxyOptions {
  /** Where connections go. */
  readonly target: { readonly host: string; readonly port: number };
  /** Decides every random choice. Each connection draws from the seed and its number. */
  readonly seed: number;
  /** Default: none, everything is passed on. */
  readonly rules?: readonly FaultRule[];
  /** Port to listen on. Default 0: a free one. */
  readonly port?: number;
  /** Address to listen on. Default 127.0.0.1. */
  readonly host?: string;
  /** Called for every connection that a rule or dropAll has ended or stalled. */
  readonly onDrop?: (drop: Drop) => void;
}

/** What a fault proxy has done. */
export interface FaultProxyStats {
  /** Connections that came. */
  readonly connections: number;
  /** Connections that are open. */
  readonly open: number;
  /** Connections that were ended or stalled on purpose. */
  readonly drops: number;
  /** Bytes that came from the server and from the client. */
  readonly bytes: { readonly to_client: number; readonly to_server: number };
  /** How often each rule in force has acted, by its name. */
  readonly rules: Readonly<Record<string, number>>;
}

/** A proxy that listens. */
export interface FaultProxy {
  readonly host: string;
  readonly port: number;
  readonly seed: number;
  readonly stats: FaultProxyStats;
  /**
   * Replaces the rules. Those on frames, requests and answers hold at once; those on connect, bytes and time for new connections.
   * @throws RunAgentError VALIDATION_ERROR that names the field.
   */
  set(rules: readonly FaultRule[]): void;
  /** Resets every open connection, and says how many there were. */
  dropAll(): number;
  /** Ends every stall: what was held goes on. */
  heal(): void;
  /** Ends every connection and stops listening. */
  close(): Promise<void>;
}

/**
 * Starts a proxy.
 * @throws RunAgentError VALIDATION_ERROR for a rule that is malformed, or an address that cannot be listened on.
 */
export async function createFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const { target, seed, host = "127.0.0.1", onDrop } = options;
  const open = new Set<ProxiedConnection>();
  const bytes = { to_client: 0, to_server: 0 };
  let rules = new RuleSet(readRules(options.rules ?? []));
  let connections = 0;
  let drops = 0;
  const context: Omit<ProxyContext, "closed"> = {
    target,
    seed,
    rules: () => rules,
    dropped(drop) {
      drops++;
      onDrop?.(drop);
    },
    bytes(direction, count) {
      bytes[direction] += count;
    },
  };
  // Half open, so that a FIN of one side reaches the other as just that.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket: Socket) => {
    const closed = (): void => void open.delete(connection);
    const connection = new ProxiedConnection(++connections, socket, { ...context, closed });
    open.add(connection);
  });
  const port = await listen(server, host, options.port ?? 0);
  return {
    host,
    port,
    seed,
    get stats() {
      const hits = Object.fromEntries(rules.rules.map((armed) => [armed.name, armed.hits]));
      return { connections, open: open.size, drops, bytes: { ...bytes }, rules: hits };
    },
    set(next) {
      rules = new RuleSet(readRules(next));
    },
    dropAll() {
      const all = [...open];
      for (const connection of all) connection.drop("dropAll");
      return all.length;
    },
    heal() {
      for (const connection of open) connection.heal();
    },
    async close() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      for (const connection of open) connection.destroy();
      await closed;
    },
  };
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const message = `The fault proxy cannot listen on ${host}, port ${port} (${cause.code}).`;
      reject(
        new RunAgentError("VALIDATION_ERROR", message, { field: "port", suggestion: "Choose another port, or 0 for a free one.", cause }),
      );
    });
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}
