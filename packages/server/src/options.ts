/**
 * The options of `serve`, with their units and defaults, and the check that refuses nonsense before anything listens.
 */
import { type Decision, type Invocation, RunAgentError } from "@runagent/core";
import type { LogStore } from "./log.ts";

/** Who calls. An invocation belongs to the principal that started it; for others it does not exist. */
export interface Principal {
  readonly id: string;
  /** Told to other clients, as who decided an approval. Default: the id. */
  readonly name?: string | undefined;
  /** When the credential expires, in epoch milliseconds (the `exp` of a JWT is in seconds). Default: never. */
  readonly expiresAt?: number | undefined;
}

/** Looks at a token; null refuses it, and so does an `expiresAt` that has passed. */
export type KeyCheck = (token: string) => Promise<Principal | null> | Principal | null;

/** An approval that waits, as `mayDecide` is asked about it. */
export interface ApprovalInfo {
  readonly agentId: string;
  readonly entrypointTag: string;
  readonly invocationId: string;
  readonly approvalId: string;
  readonly decision: Decision;
  /** Who started the invocation. */
  readonly owner: Principal;
}

/** Where an error happened that no client is told the whole of. */
export interface ErrorContext {
  readonly where: "agent" | "http" | "connection" | "log" | "auth";
  readonly agentId?: string;
  readonly entrypointTag?: string;
  readonly invocationId?: string;
  readonly requestId?: string;
}

/** Limits of a server. Every one is a whole number above 0; those in seconds may have a fraction. */
export interface Limits {
  /** Bytes of the first frame of a connection, the only one read before authentication. Default 1 MiB. */
  readonly maxFirstFrameBytes: number;
  /** Bytes of any later client frame. Default 1 MiB. */
  readonly maxClientFrameBytes: number;
  /** Bytes of one chunk, event or result of an agent. Default 16 MiB, which is what clients take. */
  readonly maxServerFrameBytes: number;
  /** Bytes of an HTTP body. Default 1 MiB. */
  readonly maxBodyBytes: number;
  /** WebSocket fragments of one client frame. Default 64. */
  readonly maxFragments: number;
  /** Milliseconds from the accepted connection to its first frame. Default 10,000. */
  readonly firstFrameTimeoutMs: number;
  /** Milliseconds for an HTTP request or WebSocket handshake to arrive. Default 10,000. */
  readonly handshakeTimeoutMs: number;
  /** Milliseconds a connection may stay without an invocation after one has ended. Default 60,000. */
  readonly idleTimeoutMs: number;
  /** Seconds without any other frame after which an attached client gets a heartbeat. Default 15. */
  readonly heartbeatSeconds: number;
  /** Seconds an invocation with `on_disconnect` "cancel" waits for a client that was lost to come back. Default 10. */
  readonly disconnectGraceSeconds: number;
  /** Connections at once. Default 12,000. */
  readonly maxConnections: number;
  /** Connections of one key that have said who they are, at once. Default 12,000. */
  readonly maxConnectionsPerKey: number;
  /** Invocations running at once. Default 12,000. */
  readonly maxInvocations: number;
  /** Invocations of one key running at once. Default 12,000. */
  readonly maxInvocationsPerKey: number;
  /**
   * Bytes of the log of one invocation: how far an agent runs ahead of clients that were lost, and how far behind the last record
   * sent a client may resume. Over SSE nobody says what arrived: keep it above what the network holds on the way. Default 8 MiB.
   */
  readonly maxLogBytes: number;
  /** Records of the log of one invocation. Default 1,000,000. */
  readonly maxLogRecords: number;
  /** Seconds after which an invocation ends with TIMEOUT, whatever its caller asked for. Default 86,400. */
  readonly maxInvocationSeconds: number;
  /** Seconds an approval may wait for its decision; they do not count as time of the invocation. Default 604,800, a week. */
  readonly maxApprovalSeconds: number;
  /** Seconds the log of an ended invocation is kept. Default 86,400. */
  readonly retentionSeconds: number;
  /** Ended invocations kept; those that a client saw to their end go first, the oldest before the others. Default 24,000. */
  readonly maxRetainedInvocations: number;
  /** Bytes of all logs together; those of ended invocations go first, the oldest before the others. Default 512 MiB. */
  readonly maxTotalLogBytes: number;
}

/** The limits of a server that was given none. */
export const DEFAULT_LIMITS: Limits = {
  maxFirstFrameBytes: 1_048_576,
  maxClientFrameBytes: 1_048_576,
  maxServerFrameBytes: 16_777_216,
  maxBodyBytes: 1_048_576,
  maxFragments: 64,
  firstFrameTimeoutMs: 10_000,
  handshakeTimeoutMs: 10_000,
  idleTimeoutMs: 60_000,
  heartbeatSeconds: 15,
  disconnectGraceSeconds: 10,
  maxConnections: 12_000,
  maxConnectionsPerKey: 12_000,
  maxInvocations: 12_000,
  maxInvocationsPerKey: 12_000,
  maxLogBytes: 8_388_608,
  maxLogRecords: 1_000_000,
  maxInvocationSeconds: 86_400,
  maxApprovalSeconds: 604_800,
  retentionSeconds: 86_400,
  maxRetainedInvocations: 24_000,
  maxTotalLogBytes: 536_870_912,
};

/** What `serve` may be told. Everything has a default that is safe on a developer's machine. */
export interface ServeOptions {
  /** TCP port; 0 takes a free one. Default 8450. */
  readonly port?: number;
  /** Address to listen on. Default "127.0.0.1": this machine only. */
  readonly host?: string;
  /** The keys that may call, or a function that looks at a token. Default: none, anybody may call. */
  readonly apiKeys?: readonly string[] | KeyCheck;
  /**
   * Says who may decide an approval, people who did not start the invocation included. Default: whoever started it. One who may not is
   * refused with PERMISSION_ERROR, and one to whom the invocation does not exist with INVOCATION_NOT_FOUND.
   */
  readonly mayDecide?: (principal: Principal, approval: ApprovalInfo) => boolean | Promise<boolean>;
  /** Accept `?token=` on WebSocket addresses, for version 1 clients. URLs end up in logs: default false. */
  readonly allowTokenInQuery?: boolean;
  /** Origins of web pages that may call, exactly as browsers send them: "https://app.example.com". Default: none foreign. */
  readonly allowedOrigins?: readonly string[];
  /**
   * Host headers to answer, exactly: "agents.example.com" or with a port. Default on loopback: localhost, 127.0.0.1 and
   * [::1], with any port; elsewhere: any.
   */
  readonly allowedHosts?: readonly string[];
  /** Limits that differ from the defaults. */
  readonly limits?: Partial<Limits>;
  /** Gets every error that is not the caller's fault. Default: they are dropped; the library never prints. */
  readonly onError?: (error: unknown, context: ErrorContext) => void;
  /** Gets each invocation when it starts, when approvals begin or cease to wait, and when it has ended; without its result. */
  readonly onInvocation?: (invocation: Invocation) => void;
  /** Where logs are kept. Default: in memory. */
  readonly log?: LogStore;
}

/**
 * The limits with defaults filled in.
 * @throws RunAgentError VALIDATION_ERROR that names the limit that is unknown or out of range.
 */
export function readLimits(given: Partial<Limits> = {}): Limits {
  for (const [name, value] of Object.entries(given)) {
    const field = `limits.${name}`;
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) {
      const known = Object.keys(DEFAULT_LIMITS).join(", ");
      throw new RunAgentError("VALIDATION_ERROR", `${field} is not a limit. Known: ${known}.`, { field });
    }
    if (value !== undefined) checkLimit(name, value);
  }
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...DEFAULT_LIMITS, ...Object.fromEntries(set) };
}

/** Timers and sockets count in 32 bits, and would wrap around without a word. */
const MAX_INT32 = 2_147_483_647;

function checkLimit(name: string, value: number): void {
  const max = name.endsWith("LogBytes") ? Number.MAX_SAFE_INTEGER : MAX_INT32;
  const whole = name.endsWith("Seconds") || Number.isInteger(value);
  if (whole && value > 0 && value <= max) return;
  const field = `limits.${name}`;
  throw new RunAgentError("VALIDATION_ERROR", `${field} must be a whole number from 1 to ${max}, not ${String(value)}.`, { field });
}

/** Seconds as setTimeout takes them: beyond 24 days it would fire at once. */
export function toTimerMs(seconds: number): number {
  return Math.min(seconds * 1000, MAX_INT32);
}

/**
 * The port, checked.
 * @throws RunAgentError VALIDATION_ERROR.
 */
export function readPort(port = 8450): number {
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new RunAgentError("VALIDATION_ERROR", `port must be a whole number from 0 to 65535, not ${String(port)}.`, { field: "port" });
}
