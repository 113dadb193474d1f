/** What a connection and its proxy tell each other. */
import type { RuleSet } from "./rule-set.ts";
import type { Direction } from "./rules.ts";

/** A connection that the proxy ended or stalled on purpose. */
export interface Drop {
  /** Milliseconds of the system's monotonic clock, the same in every process of a machine: process.hrtime. */
  readonly at: number;
  /** The connection's number, from 1. */
  readonly connection: number;
  /** The name of the rule, or "dropAll". */
  readonly rule: string;
  /** The invocation that its last start, resume or path named. */
  readonly invocationId: string | undefined;
  /** The greatest seq of a frame that was passed on whole to the client; 0 before the first. */
  readonly lastSeq: number;
  /** Bytes passed on to the client. */
  readonly passed: number;
}

/** What a connection knows of its proxy. */
export interface ProxyContext {
  readonly target: { readonly host: string; readonly port: number };
  readonly seed: number;
  rules(): RuleSet;
  dropped(drop: Drop): void;
  bytes(direction: Direction, count: number): void;
  /** Both its sockets are closed. */
  closed(): void;
}
