import type { FaultRule } from "@runagent/conformance";
import type { RunAgentClient, RunAgentClientOptions, RunAgentError, RunAgentStream, Untyped, UntypedInput } from "runagent";
import { equal, fail, matches, thrown } from "./assert.ts";
import type { Addresses, Target, Verbs } from "./verbs.ts";

/** The entry of a runtime: all of them export the same. */
export type RunAgent = typeof import("runagent");

/** Where the suite runs. standard: an entry of web standards alone, as edge workers get it. */
export type RuntimeName = "node" | "standard" | "deno" | "bun" | "browser";

/** One behaviour, which must be the same everywhere. */
export interface Case {
  readonly name: string;
  run(context: Context): Promise<void>;
  /** The runtimes in which there is nothing to test, and why. */
  readonly except?: Partial<Readonly<Record<RuntimeName, string>>>;
  /** Milliseconds. Default 10,000. */
  readonly deadlineMs?: number;
}

/** Cases on one subject; a row of the matrix. */
export interface Area {
  readonly title: string;
  readonly cases: readonly Case[];
}

/** What a case changes of the client's options. */
export type Options = Partial<RunAgentClientOptions>;

/** A fault proxy, for the time of one case. */
export interface Proxy {
  readonly id: number;
  readonly port: number;
}

/** What a starter hands to the suite. */
export interface Start {
  readonly runtime: RuntimeName;
  readonly runagent: RunAgent;
  /** RunAgentError of another copy of the package. */
  readonly OtherError: typeof RunAgentError;
  readonly addresses: Addresses;
  readonly seed: number;
}

export const AGENT_ID = "behaviour";

/** What a case works with; whatever it opens is closed after it. */
export class Context {
  readonly runagent: RunAgent;
  readonly start: Start;
  /** Unlike every other, so that runtimes may share the servers. */
  readonly id: string;
  readonly #fetch: typeof fetch;
  readonly #clients: { close(): Promise<void> }[] = [];
  readonly #ids: number[] = [];

  constructor(start: Start) {
    this.start = start;
    this.runagent = start.runagent;
    this.id = crypto.randomUUID();
    // A case may take the global one away.
    this.#fetch = globalThis.fetch.bind(globalThis);
  }

  /** Asks the other side. */
  async ask<V extends keyof Verbs>(verb: V, request: Parameters<Verbs[V]>[0]): Promise<ReturnType<Verbs[V]>> {
    // Without a content type, so that a browser need not ask first.
    const response = await this.#fetch(`${this.start.addresses.control}/${verb}`, { method: "POST", body: JSON.stringify(request) });
    if (!response.ok) fail(`control ${verb}: ${await response.text()}`);
    return response.json();
  }

  portOf(target: Target): number {
    return this.start.addresses.ports[target];
  }

  /** A client of a server, a proxy or a tap. */
  client<Tag extends string>(
    entrypointTag: Tag,
    { to = "open", ...options }: Options & { to?: Target | number } = {},
  ): RunAgentClient<Tag> {
    const port = typeof to === "number" ? to : this.portOf(to);
    const client = new this.runagent.RunAgentClient<Tag>({ agentId: AGENT_ID, port, ...options, entrypointTag });
    this.#clients.push(client);
    return client;
  }

  stream(tag: `${string}_stream`, input: UntypedInput, options: Options & { to?: Target | number } = {}): RunAgentStream<Untyped> {
    return this.client(tag, options).runStream(input);
  }

  async proxy(target: Target, rules: readonly FaultRule[] = []): Promise<Proxy> {
    const proxy = await this.ask("proxy", { target, rules, seed: this.start.seed });
    this.#ids.push(proxy.id);
    return proxy;
  }

  async tap(target: Target): Promise<Proxy> {
    const tap = await this.ask("tap", { target });
    this.#ids.push(tap.id);
    return tap;
  }

  /** What the promise rejects with, which must be a RunAgentError with a code and something to do about it. */
  async failure(promise: PromiseLike<unknown>, code: string): Promise<RunAgentError> {
    const error = await thrown(promise);
    if (!this.runagent.RunAgentError.is(error)) fail(`expected a RunAgentError with ${code}, got ${String(error)}`);
    if (error.code !== code) fail(`expected ${code}, got ${error.code}: ${error.message}`);
    matches(error.suggestion, /\w.*\.$/, "suggestion");
    equal(error instanceof this.runagent.RunAgentError, true, "instanceof");
    return error;
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    if (this.#ids.length > 0) await this.ask("release", { ids: this.#ids });
  }
}

/** The same behaviour over both transports, as two cases. */
export function overBoth(
  name: string,
  run: (context: Context, transport: "websocket" | "sse") => Promise<void>,
  more: Omit<Case, "name" | "run"> = {},
): Case[] {
  return (["websocket", "sse"] as const).map((transport) => ({
    name: `${name} (${transport === "sse" ? "SSE" : "WebSocket"})`,
    run: (context) => run(context, transport),
    ...more,
  }));
}
