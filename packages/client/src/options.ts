import { assertEntrypointTag, assertId, isJsonObject, RunAgentError, type StandardSchemaV1 } from "@runagent/core";
import { type GetToken, isToken } from "./credentials.ts";
import type { HttpPool, Runtime } from "./runtime.ts";

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
  /** true: a server on this machine or network, at host and port. RUNAGENT_LOCAL; default false, or true when host or port is given. */
  readonly local?: boolean | undefined;
  /** Host of a local server. RUNAGENT_HOST; default 127.0.0.1. */
  readonly host?: string | undefined;
  /** Port of a local server. RUNAGENT_PORT; default 8450. */
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

/** The options, checked and completed. */
export interface ClientConfig {
  readonly agentId: string;
  readonly entrypointTag: string;
  /** Origin and path of the API, ending in /api/v1. */
  readonly apiUrl: string;
  readonly apiKey: string | undefined;
  readonly getToken: GetToken | undefined;
  readonly userId: string | undefined;
  readonly persistentMemory: boolean;
  readonly timeoutSeconds: number | undefined;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly extraParams: Readonly<Record<string, unknown>>;
  readonly onDisconnect: "continue" | "cancel";
  readonly maxServerFrameBytes: number;
  readonly maxFragments: number;
  readonly bufferBytes: number;
  readonly transport: TransportName;
  readonly maxReconnectDelayMs: number;
  readonly maxIdleConnections: number;
}

const API_PREFIX = "/api/v1";
const DEFAULT_BASE_URL = "https://backend.run-agent.ai";
const DEFAULT_HOST = "127.0.0.1";
const DEFAULT_PORT = 8450;
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
const DEFAULT_IDLE_TIMEOUT_MS = 300_000;
const DEFAULT_MAX_SERVER_FRAME_BYTES = 16 * 1024 * 1024;
/** Many small pieces pin far more memory than they hold. [limit.named.1] */
const DEFAULT_MAX_FRAGMENTS = 64;
const DEFAULT_BUFFER_BYTES = 256 * 1024;
const MAX_BUFFER_BYTES = 2 ** 31 - 1;
const DEFAULT_MAX_RECONNECT_DELAY_MS = 10_000;
const DEFAULT_MAX_IDLE_CONNECTIONS = 8;

/** Checks the options and completes them from the environment. @throws RunAgentError VALIDATION_ERROR that names the option or variable. */
export function resolveOptions(options: ConnectionOptions & EntrypointOptions, env: Runtime["env"]): ClientConfig {
  if (!isJsonObject(options)) throw invalid("options", "must be an object with agentId and entrypointTag");
  const read = createReader(options, env);
  assertId(options.agentId, "agentId");
  assertEntrypointTag(options.entrypointTag, "entrypointTag");
  for (const name of ["fetch", "WebSocket", "getToken"] as const) {
    if (options[name] !== undefined && typeof options[name] !== "function") throw invalid(name, "must be a function or class");
  }
  for (const name of ["input", "output"] as const) {
    if (options[name] !== undefined && !isSchema(options[name]))
      throw invalid(name, "must be a schema of a Standard Schema library, such as zod");
  }
  if (options.apiKey !== undefined && options.getToken !== undefined) throw invalid("getToken", "stands in place of apiKey: leave one out");
  const apiKey = options.getToken === undefined ? read.text("apiKey", "RUNAGENT_API_KEY") : undefined;
  if (apiKey !== undefined && !isToken(apiKey)) throw invalid("apiKey", "must be printable ASCII without spaces");
  return {
    agentId: options.agentId,
    entrypointTag: options.entrypointTag,
    apiUrl: resolveApiUrl(read),
    apiKey,
    getToken: options.getToken,
    userId: read.text("userId", "RUNAGENT_USER_ID"),
    persistentMemory: read.boolean("persistentMemory", "RUNAGENT_PERSISTENT_MEMORY") ?? false,
    timeoutSeconds: read.number("timeoutSeconds", "RUNAGENT_TIMEOUT", { above: 0 }),
    connectTimeoutMs: read.number("connectTimeoutMs") ?? DEFAULT_CONNECT_TIMEOUT_MS,
    idleTimeoutMs: read.number("idleTimeoutMs") ?? DEFAULT_IDLE_TIMEOUT_MS,
    extraParams: options.extraParams ?? {},
    onDisconnect: read.choice("onDisconnect", ["continue", "cancel"]) ?? "continue",
    maxServerFrameBytes: read.number("maxServerFrameBytes", undefined, { above: 0 }) ?? DEFAULT_MAX_SERVER_FRAME_BYTES,
    maxFragments: read.number("maxFragments", undefined, { above: 0 }) ?? DEFAULT_MAX_FRAGMENTS,
    bufferBytes: readWindow(read),
    transport: read.choice("transport", ["websocket", "sse", "auto"]) ?? "auto",
    maxReconnectDelayMs: read.number("maxReconnectDelayMs") ?? DEFAULT_MAX_RECONNECT_DELAY_MS,
    maxIdleConnections: read.number("maxIdleConnections") ?? DEFAULT_MAX_IDLE_CONNECTIONS,
  };
}

/** It travels as a whole number. */
function readWindow(read: Reader): number {
  const bytes = read.number("bufferBytes", undefined, { above: 0 }) ?? DEFAULT_BUFFER_BYTES;
  if (bytes >= 1 && bytes <= MAX_BUFFER_BYTES) return Math.floor(bytes);
  throw invalid("bufferBytes", `must be a number from 1 to ${MAX_BUFFER_BYTES}`);
}

function resolveApiUrl(read: Reader): string {
  const address = read.given("host") || read.given("port");
  // An address that was passed decides, before a variable that is set for every program.
  const byAddress = address ? true : read.given("baseUrl") ? false : undefined;
  const local = read.boolean("local") ?? byAddress ?? read.boolean("local", "RUNAGENT_LOCAL") ?? false;
  if (!local || (read.given("baseUrl") && !address)) return parseBaseUrl(read.text("baseUrl", "RUNAGENT_BASE_URL") ?? DEFAULT_BASE_URL);
  const host = read.text("host", "RUNAGENT_HOST") ?? DEFAULT_HOST;
  const port = read.number("port", "RUNAGENT_PORT", { above: 0 }) ?? DEFAULT_PORT;
  if (!Number.isInteger(port) || port > 65_535) throw invalid("port", `must be a whole number from 1 to 65535, not ${port}`);
  const bracketed = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  if (/[\s/?#@\\]/.test(host) || !URL.canParse(`http://${bracketed}:${port}`))
    throw invalid("host", `is ${JSON.stringify(host)}, which is not a host name`);
  return `http://${bracketed}:${port}${API_PREFIX}`;
}

function parseBaseUrl(text: string): string {
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text.replace(/^ws(s?):/i, "http$1:") : `https://${text}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw invalid("baseUrl", "is not an http or https address");
  if (url.username !== "" || url.password !== "") throw invalid("baseUrl", "holds a user name or password; pass the key as apiKey");
  if (url.search !== "" || url.hash !== "") throw invalid("baseUrl", "holds a query or fragment; leave it out");
  const path = url.pathname.replace(/\/+$/, "");
  return `${url.origin}${path.endsWith(API_PREFIX) ? path : path + API_PREFIX}`;
}

interface Reader {
  given(name: string): boolean;
  text(name: string, variable?: string): string | undefined;
  number(name: string, variable?: string, range?: { above: number }): number | undefined;
  boolean(name: string, variable?: string): boolean | undefined;
  choice<C extends string>(name: string, choices: readonly C[]): C | undefined;
}

const TRUE = new Set(["1", "t", "true", "yes", "on"]);
const FALSE = new Set(["0", "f", "false", "no", "off"]);

/** Reads values in the order option, environment. An empty variable counts as not set. */
function createReader(options: object, env: Runtime["env"]): Reader {
  const values = new Map<string, unknown>(Object.entries(options));
  const option = (name: string): unknown => values.get(name) ?? undefined;
  const fromEnv = (variable: string | undefined): string | undefined => {
    const text = variable === undefined ? undefined : env(variable)?.trim();
    return text === "" ? undefined : text;
  };
  return {
    given: (name) => option(name) !== undefined,
    text(name, variable) {
      const value = option(name) ?? fromEnv(variable);
      if (value === undefined) return undefined;
      if (typeof value !== "string" || value === "") throw invalid(name, "must be a string that is not empty");
      return value;
    },
    number(name, variable, { above } = { above: -1 }) {
      const given = option(name);
      const text = given === undefined ? fromEnv(variable) : undefined;
      if (given === undefined && text === undefined) return undefined;
      const value = given ?? Number(text);
      // Infinity is a way to say "no deadline".
      if (typeof value === "number" && value > above && value >= 0) return value;
      const range = above >= 0 ? `above ${above}` : "not below 0";
      throw invalid(text === undefined ? name : (variable ?? name), `must be a number ${range}, not ${JSON.stringify(given ?? text)}`);
    },
    boolean(name, variable) {
      const given = option(name);
      if (typeof given === "boolean") return given;
      if (given !== undefined) throw invalid(name, "must be true or false");
      const text = fromEnv(variable)?.toLowerCase();
      if (text === undefined) return undefined;
      if (TRUE.has(text)) return true;
      if (FALSE.has(text)) return false;
      throw invalid(variable ?? name, `must be true or false, not ${JSON.stringify(text)}`);
    },
    choice(name, choices) {
      const value = option(name);
      if (value === undefined) return undefined;
      const chosen = choices.find((choice) => choice === value);
      if (chosen === undefined) throw invalid(name, `must be ${choices.map((choice) => JSON.stringify(choice)).join(" or ")}`);
      return chosen;
    },
  };
}

function isSchema(value: unknown): boolean {
  const carrier = (typeof value === "object" && value !== null) || typeof value === "function";
  return carrier && "~standard" in value;
}

function invalid(field: string, problem: string): RunAgentError {
  return new RunAgentError("VALIDATION_ERROR", `${field} ${problem}.`, { field });
}
