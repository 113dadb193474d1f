import { assertEntrypointTag, assertId, isJsonObject, type StandardSchemaV1 } from "@runagent/core";
import { between, type Check, checkOptions, FUNCTION, invalid, MILLISECONDS, ON_DISCONNECT, oneOf } from "./checks.ts";
import { type GetToken, isToken } from "./credentials.ts";
import type { HttpPool } from "./runtime.ts";

/**
 * Any JSON value whose type the caller has not told. It is `any`, as the result of JSON.parse is, so that
 * `process.stdout.write(chunk)` compiles without a cast; give a type or a schema to have it checked.
 */
// biome-ignore lint/suspicious/noExplicitAny: the one place that stands for a type only the caller knows.
export type Untyped = any;

/** Named arguments of an entrypoint whose input type was not told. */
export type UntypedInput = Record<string, Untyped>;

/** Where the agent is, who calls it, and how. Each value: the option, else its environment variable, else the default. */
export interface RunAgentClientOptions<Tag extends string = string, Input = UntypedInput, Output = Untyped> extends ConnectionOptions {
  /** Tag of the entrypoint; a tag that ends in `_stream` streams. */
  readonly entrypointTag: Tag;
  /** Checks the input before it is sent, and gives it its type: any Standard Schema. */
  readonly input?: StandardSchemaV1<Input, unknown> | undefined;
  /** Checks the result, or each chunk, and gives it its type: any Standard Schema. */
  readonly output?: StandardSchemaV1<unknown, Output> | undefined;
}

/** The options that an entrypoint has of its own, whatever its types. */
interface EntrypointOptions {
  readonly entrypointTag: string;
  readonly input?: unknown;
  readonly output?: unknown;
}

/** The options that are the same for every entrypoint. */
export interface ConnectionOptions {
  /** Id of the agent: one path segment. */
  readonly agentId: string;
  /**
   * true: a server on this machine or network, at host and port, or found by agentId. RUNAGENT_LOCAL; default false, or true when host or
   * port is given.
   */
  readonly local?: boolean | undefined;
  /** Host of a local server. RUNAGENT_HOST; default: where the agent is registered on this machine, else 127.0.0.1. */
  readonly host?: string | undefined;
  /** Port of a local server. RUNAGENT_PORT; default: where the agent is registered on this machine, else 8450. */
  readonly port?: number | undefined;
  /** Address of a remote server, with or without /api/v1. RUNAGENT_BASE_URL; default https://backend.run-agent.ai. */
  readonly baseUrl?: string | undefined;
  /** Sent as Authorization: Bearer, never in a URL. RUNAGENT_API_KEY. */
  readonly apiKey?: string | undefined;
  /**
   * In place of apiKey: gives a credential when one is needed, another when the server refuses it, and, where it says when it expires,
   * another in time; streams go on meanwhile. The way for web pages: ask your own server for a short-lived one.
   */
  readonly getToken?: GetToken | undefined;
  /**
   * Lets a web page use apiKey. Whoever can open the page can then read the key and use it as you can: only for keys that everybody may
   * have, or on your own machine; otherwise use getToken. Without meaning outside browsers. Default false.
   */
  readonly allowApiKeyInBrowser?: boolean | undefined;
  /** Whose memory the agent uses. RUNAGENT_USER_ID. */
  readonly userId?: string | undefined;
  /** true: the agent may keep memory for userId. RUNAGENT_PERSISTENT_MEMORY; default false. */
  readonly persistentMemory?: boolean | undefined;
  /** Seconds an invocation may take, on the server and here. RUNAGENT_TIMEOUT; default 300 for run, none for streams. */
  readonly timeoutSeconds?: number | undefined;
  /** Milliseconds until a connection must be open. Default 10000; 0: no deadline of ours. */
  readonly connectTimeoutMs?: number | undefined;
  /** Milliseconds a stream may go without a record while it is waited for. Default 300000; 0: no deadline. */
  readonly idleTimeoutMs?: number | undefined;
  /** Kept with the client and readable as client.extraParams; not sent. */
  readonly extraParams?: Readonly<Record<string, unknown>> | undefined;
  /** Whether an invocation goes on when no client is attached any more. Default continue. */
  readonly onDisconnect?: "continue" | "cancel" | undefined;
  /** Largest frame or answer that is read, in bytes. Default 16777216. */
  readonly maxServerFrameBytes?: number | undefined;
  /** Most fragments of one WebSocket message that are read, where the runtime can count them. Default 64. */
  readonly maxFragments?: number | undefined;
  /**
   * How many bytes of records may wait for the consumer: the window that a version 2 server is given, and where there is none
   * the place at which reading from the network stops. Default 262144.
   */
  readonly bufferBytes?: number | undefined;
  /** What carries streams. auto, the default: a WebSocket, and server-sent events where WebSockets are refused on the way. */
  readonly transport?: TransportName | undefined;
  /** Longest wait between two attempts to reconnect, in milliseconds. Default 10000. */
  readonly maxReconnectDelayMs?: number | undefined;
  /** How many WebSockets may wait for the next stream, for half a minute each. Default 8; 0: none. */
  readonly maxIdleConnections?: number | undefined;
  /** In place of the runtime's fetch. */
  readonly fetch?: HttpPool["fetch"] | undefined;
  /** In place of the runtime's WebSocket: a constructor with the standard interface. The key then travels in the first frame. */
  readonly WebSocket?: WebSocketConstructor | undefined;
}

/** What carries streams. */
export type TransportName = "websocket" | "sse" | "auto";

/** A WebSocket with the interface of the WHATWG standard. */
export type WebSocketConstructor = new (url: string) => WebSocketLike;

/** The part of the standard WebSocket that this client uses. */
export interface WebSocketLike {
  // Every implementation has event types of its own, which would fit no narrower type.
  onopen: unknown;
  onmessage: unknown;
  onerror: unknown;
  onclose: unknown;
  send(data: string): void;
  close(code?: number): void;
}

/** The options that have a default, whatever else is passed. */
type Completed =
  | "persistentMemory"
  | "connectTimeoutMs"
  | "idleTimeoutMs"
  | "extraParams"
  | "onDisconnect"
  | "maxServerFrameBytes"
  | "maxFragments"
  | "bufferBytes"
  | "transport"
  | "maxReconnectDelayMs"
  | "maxIdleConnections";

type Given = { readonly [Name in keyof ConnectionOptions]: Exclude<ConnectionOptions[Name], undefined> };

/** The options, checked and completed. */
export interface ClientConfig extends Omit<Given, Completed>, Required<Pick<Given, Completed>> {
  /** Origin and path of the API, ending in /api/v1. */
  readonly apiUrl: string;
}

const API_PREFIX = "/api/v1";
const MAX_BUFFER_BYTES = 2 ** 31 - 1;

const DEFAULTS: Required<Pick<Given, Completed>> = {
  persistentMemory: false,
  connectTimeoutMs: 10_000,
  idleTimeoutMs: 300_000,
  extraParams: {},
  onDisconnect: "continue",
  maxServerFrameBytes: 16 * 1024 * 1024,
  // Many small pieces pin far more memory than they hold. [limit.named.1]
  maxFragments: 64,
  bufferBytes: 256 * 1024,
  transport: "auto",
  maxReconnectDelayMs: 10_000,
  maxIdleConnections: 8,
};

const BOOLEAN: Check = [(value) => typeof value === "boolean", "true or false"];
const TEXT: Check = [(value) => typeof value === "string" && value !== "", "a string that is not empty"];
const SIZE: Check = /* @__PURE__ */ between(1, Number.POSITIVE_INFINITY);
const SCHEMA: Check = [(value) => "~standard" in Object(value), "a Standard Schema, such as one of zod"];

const CHECKS: Readonly<Record<string, Check>> = {
  local: BOOLEAN,
  host: TEXT,
  port: /* @__PURE__ */ between(1, 65_535),
  baseUrl: TEXT,
  apiKey: [isToken, "printable ASCII without spaces"],
  getToken: FUNCTION,
  userId: TEXT,
  persistentMemory: BOOLEAN,
  timeoutSeconds: /* @__PURE__ */ between(0.001, Number.POSITIVE_INFINITY),
  connectTimeoutMs: MILLISECONDS,
  idleTimeoutMs: MILLISECONDS,
  onDisconnect: ON_DISCONNECT,
  maxServerFrameBytes: SIZE,
  maxFragments: SIZE,
  bufferBytes: /* @__PURE__ */ between(1, MAX_BUFFER_BYTES),
  transport: /* @__PURE__ */ oneOf("websocket", "sse", "auto"),
  maxReconnectDelayMs: MILLISECONDS,
  maxIdleConnections: /* @__PURE__ */ between(0, Number.POSITIVE_INFINITY),
  fetch: FUNCTION,
  WebSocket: FUNCTION,
  input: SCHEMA,
  output: SCHEMA,
};

/** Checks the options and completes them. @throws RunAgentError VALIDATION_ERROR that names the option. */
export function resolveOptions(options: ConnectionOptions & EntrypointOptions): ClientConfig {
  if (!isJsonObject(options)) throw invalid("options", "must be an object");
  assertId(options.agentId, "agentId");
  assertEntrypointTag(options.entrypointTag, "entrypointTag");
  // The same object without what was not said, which is all that the type leaves out.
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== null)) as Given;
  checkOptions({ ...given }, CHECKS);
  if (given.apiKey !== undefined && given.getToken !== undefined) throw invalid("getToken", "stands in place of apiKey");
  const config = { ...DEFAULTS, ...given };
  // It travels as a whole number.
  return { ...config, bufferBytes: Math.floor(config.bufferBytes), apiUrl: resolveApiUrl(given) };
}

function resolveApiUrl({ local, host, port, baseUrl }: Given): string {
  const byAddress = host !== undefined || port !== undefined;
  if (!(local ?? byAddress) || (baseUrl !== undefined && !byAddress)) return parseBaseUrl(baseUrl ?? "https://backend.run-agent.ai");
  const name = host ?? "127.0.0.1";
  const url = `http://${name.includes(":") && !name.startsWith("[") ? `[${name}]` : name}:${port ?? 8450}`;
  if (/[\s/?#@\\]/.test(name) || !URL.canParse(url)) throw invalid("host", `and port are no address: ${JSON.stringify(url)}`);
  return url + API_PREFIX;
}

function parseBaseUrl(text: string): string {
  const withScheme = text.includes("://") ? text.replace(/^ws/i, "http") : `https://${text}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw invalid("baseUrl", "is not an http or https address");
  if (url.username + url.password + url.search + url.hash !== "") {
    throw invalid("baseUrl", "must have no user, password, query or fragment");
  }
  const path = url.pathname.replace(/\/+$/, "");
  return url.origin + (path.endsWith(API_PREFIX) ? path : path + API_PREFIX);
}
