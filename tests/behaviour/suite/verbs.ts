import type { FaultRule } from "@runagent/conformance";

/**
 * The servers that a case may call. open: anybody may. brisk: open, with a short heartbeat. keyed: wants a token. old: speaks
 * version 1. foreign: open, and no origin is on its list.
 */
export type Target = "open" | "brisk" | "keyed" | "old" | "foreign";

/** What the servers know of an invocation, or of a call with `note` as its input. */
export interface Seen {
  readonly runs: number;
  readonly yielded: number;
  readonly aborted: boolean;
  readonly ended: boolean;
}

/** What a wait is for. */
export type Until = { readonly runs: number } | { readonly yielded: number } | { readonly aborted: true } | { readonly ended: true };

/** A credential as a page's own server would hand it out. */
export interface Issued {
  readonly token: string;
  readonly expiresAt?: number;
}

/** What a case may ask of the other side over the control route. Those that wait have a deadline. */
export interface Verbs {
  /** Puts a fault proxy before a server, for the time of the case. */
  proxy(request: { target: Target; seed: number; rules: readonly FaultRule[] }): { id: number; port: number };
  rules(request: { id: number; rules: readonly FaultRule[] }): object;
  /** Resets every connection of a proxy. */
  drop(request: { id: number }): { dropped: number };
  /** What a proxy counted. */
  stats(request: { id: number }): { connections: number; open: number; drops: number };
  /** Waits until so many connections of a proxy were broken. */
  dropped(request: { id: number; drops: number }): object;
  /** Puts a listener before a server that writes down what is asked for. */
  tap(request: { target: Target }): { id: number; port: number };
  /** The request lines that a tap has heard, and how often `text` was in one, and in what came otherwise. */
  heard(request: { id: number; text: string }): { lines: string[]; inLines: number; elsewhere: number };
  /** Ends proxies and taps. */
  release(request: { ids: readonly number[] }): object;
  /** What happened to an invocation, at once or as soon as something is so. */
  invocation(request: { id: string; until?: Until }): Seen;
  /** Lets an agent that waits at a gate go on up to chunk `to`. */
  open(request: { gate: string; to: number }): object;
  /** Issues a credential. */
  token(request: { user: string; ttlMs?: number }): Issued;
  revoke(request: { token: string }): object;
  /** Waits until a server has looked at this credential, so many times. */
  checked(request: { token: string; times: number }): object;
  /** Waits until the credential has expired. */
  expired(request: { token: string }): object;
  /** A port at which nothing listens. */
  closedPort(request: object): { port: number };
  /** Where a page that was driven to its end puts what it saw. */
  answer(request: { key: string; value?: unknown }): { value: unknown };
}

/** Where everything is; all of it on this machine. */
export interface Addresses {
  readonly control: string;
  readonly ports: Readonly<Record<Target, number>>;
}

/** What a runtime reports of one case, as a line of JSON. */
export interface Report {
  readonly name: string;
  readonly ms: number;
  /** Undefined: it passed. */
  readonly error?: string;
  /** Why it was not run. */
  readonly skipped?: string;
}
