/**
 * The other side of every runtime, in one process: reference servers, one that speaks version 1, fault proxies, and the control route by
 * which a case asks for what it needs.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Server as NetServer } from "node:net";
import { createFaultProxy, type FaultProxy } from "@runagent/conformance";
import { type ServeOptions, serve } from "@runagent/server";
import type { Addresses, Target, Verbs } from "../suite/verbs.ts";
import { createAgent } from "./agent.ts";
import { Book, Waiting } from "./book.ts";
import { createOldServer } from "./old-server.ts";
import { createTap, linesOf, type Tap } from "./tap.ts";
import { Tokens } from "./tokens.ts";

/** Fractions of a second are for tests alone: what takes 30 seconds by default is found at once. */
const BRISK = { heartbeatSeconds: 0.5 };

/** Everything that was started. */
export interface Servers {
  readonly addresses: Addresses;
  /** For who drives a page: the verbs without a request between. */
  readonly verbs: Handlers;
  close(): Promise<void>;
}

/** How each verb is carried out. */
export type Handlers = {
  readonly [V in keyof Verbs]: (request: Parameters<Verbs[V]>[0]) => ReturnType<Verbs[V]> | Promise<ReturnType<Verbs[V]>>;
};

/** Starts everything. `pageOrigins` may call the servers, all but the one that is foreign to them. */
export async function startServers(pageOrigins: readonly string[]): Promise<Servers> {
  const book = new Book();
  const tokens = new Tokens(book.waiting);
  const agent = createAgent(book);
  const start = (options: ServeOptions): ReturnType<typeof serve> => serve(agent, { port: 0, allowedOrigins: pageOrigins, ...options });
  const [open, brisk, keyed, foreign] = await Promise.all([
    start({}),
    start({ limits: BRISK }),
    start({ apiKeys: tokens.check }),
    start({ allowedOrigins: [] }),
  ]);
  const old = createOldServer(book);
  const ports: Record<Target, number> = {
    open: open.port,
    brisk: brisk.port,
    keyed: keyed.port,
    foreign: foreign.port,
    old: await listen(old),
  };
  const between = new Between(ports);
  const verbs = createHandlers(book, tokens, between);
  const control = createServer((request, response) => void answer(verbs, request, response));
  const controlPort = await listen(control);
  return {
    addresses: { control: `http://127.0.0.1:${controlPort}`, ports },
    verbs,
    async close() {
      await between.closeAll();
      await Promise.all([open, brisk, keyed, foreign].map((server) => server.close({ timeoutMs: 500 })));
      for (const server of [old, control]) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

async function listen(server: Server | NetServer): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return portOf(server);
}

function portOf(server: Server | NetServer): number {
  // A TCP server that listens has one.
  return (server.address() as AddressInfo).port;
}

/** What cases have put before servers. */
class Between {
  readonly #ports: Readonly<Record<Target, number>>;
  readonly #waiting = new Waiting();
  readonly #proxies = new Map<number, FaultProxy>();
  readonly #taps = new Map<number, Tap>();
  #next = 1;

  constructor(ports: Readonly<Record<Target, number>>) {
    this.#ports = ports;
  }

  async addProxy({ target, seed, rules }: Parameters<Verbs["proxy"]>[0]): Promise<{ id: number; port: number }> {
    const onDrop = (): void => this.#waiting.changed();
    const proxy = await createFaultProxy({ target: { host: "127.0.0.1", port: this.#ports[target] }, seed, rules, onDrop });
    const id = this.#next++;
    this.#proxies.set(id, proxy);
    return { id, port: proxy.port };
  }

  async addTap(target: Target): Promise<{ id: number; port: number }> {
    const tap = createTap(this.#ports[target]);
    await once(tap.server, "listening");
    const id = this.#next++;
    this.#taps.set(id, tap);
    return { id, port: portOf(tap.server) };
  }

  proxy(id: number): FaultProxy {
    const proxy = this.#proxies.get(id);
    if (proxy === undefined) throw new Error(`There is no proxy ${id}.`);
    return proxy;
  }

  heard(id: number): string {
    return this.#taps.get(id)?.heard() ?? "";
  }

  dropped(id: number, drops: number): Promise<void> {
    return this.#waiting.until(`${drops} drops`, () => this.proxy(id).stats.drops >= drops);
  }

  async release(id: number): Promise<void> {
    this.#taps.get(id)?.close();
    await this.#proxies.get(id)?.close();
    this.#taps.delete(id);
    this.#proxies.delete(id);
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#proxies.keys(), ...this.#taps.keys()].map((id) => this.release(id)));
  }
}

function createHandlers(book: Book, tokens: Tokens, between: Between): Handlers {
  const answers = new Map<string, unknown>();
  return {
    proxy: (request) => between.addProxy(request),
    rules({ id, rules }) {
      between.proxy(id).set(rules);
      return {};
    },
    drop: ({ id }) => ({ dropped: between.proxy(id).dropAll() }),
    stats: ({ id }) => between.proxy(id).stats,
    dropped: ({ id, drops }) => between.dropped(id, drops).then(() => ({})),
    tap: ({ target }) => between.addTap(target),
    heard({ id, text }) {
      const heard = between.heard(id);
      const lines = linesOf(heard);
      const inLines = lines.filter((line) => line.includes(text)).length;
      return { lines, inLines, elsewhere: heard.split(text).length - 1 - inLines };
    },
    release: ({ ids }) => Promise.all(ids.map((id) => between.release(id))).then(() => ({})),
    invocation: ({ id, until }) => book.seen(id, until),
    open({ gate, to }) {
      book.open(gate, to);
      return {};
    },
    token: ({ user, ttlMs }) => tokens.issue(user, ttlMs),
    revoke({ token }) {
      tokens.revoke(token);
      return {};
    },
    checked: ({ token, times }) => tokens.checked(token, times).then(() => ({})),
    expired: ({ token }) => tokens.expired(token).then(() => ({})),
    async closedPort() {
      const server = createServer();
      const port = await listen(server);
      server.close();
      return { port };
    },
    async answer({ key, value }) {
      if (value !== undefined) answers.set(key, value);
      book.waiting.changed();
      await book.waiting.until(`an answer for ${key}`, () => answers.has(key));
      return { value: answers.get(key) };
    },
  };
}

const ANY_PAGE = { "access-control-allow-origin": "*" };

/** POST /<verb>, with a request in JSON. */
async function answer(verbs: Handlers, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const verb = (request.url ?? "").slice(1);
    if (!isVerb(verbs, verb)) throw new Error(`There is no verb ${verb}.`);
    // The suite's own types hold on both sides.
    const handle = verbs[verb] as (request: unknown) => unknown;
    const value = await handle(JSON.parse(Buffer.concat(parts).toString()));
    response.writeHead(200, { ...ANY_PAGE, "content-type": "application/json" }).end(JSON.stringify(value));
  } catch (error) {
    response.writeHead(500, ANY_PAGE).end(String(error));
  }
}

function isVerb(verbs: Handlers, verb: string): verb is keyof Verbs {
  return Object.hasOwn(verbs, verb);
}
