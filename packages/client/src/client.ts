import {
  type Architecture,
  assertId,
  type Health,
  isJsonObject,
  isStreamTag,
  type JsonObject,
  RunAgentError,
  type RunRequest,
  readResultV1,
  type StandardSchemaV1,
  type StartFrame,
  validateWith,
} from "@runagent/core";
import { dataOf, type HttpOptions, type HttpRequest, requestJson } from "./http.ts";
import {
  type ClientConfig,
  type ConnectionOptions,
  type RunAgentClientOptions,
  resolveOptions,
  type Untyped,
  type UntypedInput,
} from "./options.ts";
import type { HttpPool, Runtime } from "./runtime.ts";
import { Session } from "./session.ts";
import { RunAgentStream } from "./stream.ts";
import type { Transport } from "./transport.ts";
import { standardSockets } from "./transports/standard-websocket.ts";
import { createWebSocketTransport } from "./transports/websocket.ts";

/** What one call may say beside its input. */
export interface CallOptions {
  /** Positional arguments. */
  readonly args?: readonly unknown[] | undefined;
  /** Aborting it cancels the invocation and rejects the call, or the next read, with CANCELLED. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds the invocation may take in all. Default: timeoutSeconds of the client; else 300000 for run, none for streams. */
  readonly timeoutMs?: number | undefined;
  /** In place of the client's. */
  readonly connectTimeoutMs?: number | undefined;
  /** In place of the client's. */
  readonly idleTimeoutMs?: number | undefined;
  /** In place of the client's. */
  readonly onDisconnect?: "continue" | "cancel" | undefined;
  /** In place of a random one: sending the same start twice with one id runs the agent once. */
  readonly invocationId?: string | undefined;
}

/** The arguments of run and runStream: the input may be left out when all of it is optional. */
export type CallArguments<Input> =
  Partial<Input> extends Input ? [input?: Input | undefined, options?: CallOptions] : [input: Input, options?: CallOptions];

/** What `run` resolves to: the stream for a tag that ends in `_stream`, else the result. */
export type RunResult<Tag extends string, Output> = Tag extends `${string}_stream` ? RunAgentStream<Output> : Output;

/** The schemas of an entrypoint. */
export interface EntrypointSchemas<Input, Output> {
  readonly input?: StandardSchemaV1<Input, unknown> | undefined;
  readonly output?: StandardSchemaV1<unknown, Output> | undefined;
}

const DEFAULT_RUN_TIMEOUT_MS = 300_000;
const REQUEST_TIMEOUT_MS = 30_000;
const CANCEL_REQUEST_TIMEOUT_MS = 5_000;
/** What the schema of timeout_seconds allows: a year. */
const MAX_TIMEOUT_SECONDS = 31_536_000;

/** What the clients of one agent share. */
interface Shared {
  readonly runtime: Runtime;
  readonly http: HttpOptions;
  readonly transport: Transport;
}

/**
 * Calls the entrypoints of one agent. A runtime's entry gives it its connections; see runtimes/.
 * Nothing is sent before the first call, and nothing is ever printed.
 */
export class RunAgentClientBase<Tag extends string = string, Input = UntypedInput, Output = Untyped> {
  readonly #options: RunAgentClientOptions<Tag, Input, Output>;
  readonly #config: ClientConfig;
  readonly #schemas: EntrypointSchemas<Input, Output>;
  readonly #shared: Shared;

  /** @throws RunAgentError VALIDATION_ERROR that names the option or environment variable. */
  constructor(options: RunAgentClientOptions<Tag, Input, Output>, runtime: Runtime, shared?: Shared) {
    this.#config = resolveOptions(options, runtime.env);
    this.#schemas = { input: options.input, output: options.output };
    this.#options = options;
    this.#shared = shared ?? share(this.#config, options, runtime);
  }

  get agentId(): string {
    return this.#config.agentId;
  }

  get entrypointTag(): Tag {
    return this.#options.entrypointTag;
  }

  /** What was passed as extraParams. */
  get extraParams(): Readonly<Record<string, unknown>> {
    return this.#config.extraParams;
  }

  /** A client for another entrypoint of the same agent, over the same connections. */
  withEntrypoint<OtherTag extends string, OtherInput = UntypedInput, OtherOutput = Untyped>(
    tag: OtherTag,
    schemas: EntrypointSchemas<OtherInput, OtherOutput> = {},
  ): RunAgentClientBase<OtherTag, OtherInput, OtherOutput> {
    const options = { ...this.#options, entrypointTag: tag, input: schemas.input, output: schemas.output };
    return new RunAgentClientBase(options, this.#shared.runtime, this.#shared);
  }

  /**
   * Runs the entrypoint once and resolves to its result; on a tag that ends in `_stream`, to the stream.
   * @param input The named arguments (input_kwargs).
   * @throws RunAgentError
   */
  async run<O = Output>(...[input, options = {}]: CallArguments<Input>): Promise<RunResult<Tag, O>> {
    // The conditional type is decided by the same test as this.
    if (isStreamTag(this.entrypointTag)) return this.#openStream<O>(input, options) as RunResult<Tag, O>;
    return (await this.#runOnce(input, options)) as RunResult<Tag, O>;
  }

  /**
   * Starts the entrypoint and returns its stream at once: not a promise, though it may be awaited.
   * It never throws: whatever goes wrong is thrown by the first read.
   * @param input The named arguments (input_kwargs).
   */
  runStream<O = Output>(...[input, options = {}]: CallArguments<Input>): RunAgentStream<O> {
    return this.#openStream<O>(input, options);
  }

  /**
   * Checks that the agent is there and has this entrypoint. It may be left out: no call needs it.
   * @throws RunAgentError ENTRYPOINT_NOT_FOUND, and what architecture() throws.
   */
  async initialize(): Promise<this> {
    const { entrypoints } = await this.architecture();
    if (entrypoints.some(({ tag }) => tag === this.entrypointTag)) return this;
    const known = entrypoints.map(({ tag }) => tag).join(", ");
    throw new RunAgentError("ENTRYPOINT_NOT_FOUND", `Agent ${this.agentId} has no entrypoint ${JSON.stringify(this.entrypointTag)}.`, {
      suggestion: `Use one of its entrypoints: ${known}.`,
    });
  }

  /** The entrypoints of the agent, with their schemas where known. @throws RunAgentError ARCHITECTURE_MISSING when the answer holds none. */
  async architecture(options: Pick<CallOptions, "signal" | "timeoutMs"> = {}): Promise<Architecture> {
    const data = await this.#get(`${this.#agentPath}/architecture`, options);
    // Version 1 servers send more and less than the schema: entrypoints is what a client needs.
    if (isJsonObject(data) && Array.isArray(data.entrypoints)) return data as unknown as Architecture;
    throw new RunAgentError("ARCHITECTURE_MISSING", `The server's answer for agent ${this.agentId} lists no entrypoints.`);
  }

  /** How the server is. @throws RunAgentError CONNECTION_ERROR when it is not there. */
  async health(options: Pick<CallOptions, "signal" | "timeoutMs"> = {}): Promise<Health> {
    const data = await this.#get("/health", options);
    if (isJsonObject(data) && typeof data.status === "string") return data as unknown as Health;
    throw new RunAgentError("PROTOCOL_ERROR", "The answer of the health route holds no status.", {
      suggestion: "Check host, port or baseUrl: another server may be listening there.",
    });
  }

  /** Closes the connections that this client and those made by withEntrypoint keep for HTTP. Streams in progress go on. */
  async close(): Promise<void> {
    await this.#shared.http.pool.close();
  }

  get #agentPath(): string {
    return `/agents/${encodeURIComponent(this.agentId)}`;
  }

  async #get(path: string, { signal, timeoutMs = REQUEST_TIMEOUT_MS }: Pick<CallOptions, "signal" | "timeoutMs">): Promise<unknown> {
    return dataOf(await requestJson(this.#shared.http, { method: "GET", path, signal, timeoutMs }));
  }

  async #runOnce(input: Input | undefined, options: CallOptions): Promise<unknown> {
    const request = await this.#createRequest(input, options, DEFAULT_RUN_TIMEOUT_MS);
    const timeoutMs = this.#totalMs(options, DEFAULT_RUN_TIMEOUT_MS);
    const invocationId = request.invocation_id;
    let body: JsonObject;
    try {
      body = await requestJson(this.#shared.http, {
        method: "POST",
        path: `${this.#agentPath}/run`,
        body: request,
        signal: options.signal,
        timeoutMs,
      });
    } catch (error) {
      if (!RunAgentError.is(error)) throw error;
      const gaveUp = error.origin === "local" && (error.code === "CANCELLED" || error.code === "TIMEOUT");
      if (gaveUp) this.#cancelInBackground(invocationId);
      throw error.with({ invocationId });
    }
    const result = body.protocol === 2 ? body.data : readResultV1(body);
    if (this.#schemas.output === undefined) return result;
    return validateWith(this.#schemas.output, result, "result", "VALIDATION_ERROR");
  }

  #openStream<O>(input: Input | undefined, options: CallOptions): RunAgentStream<O> {
    const { connectTimeoutMs, idleTimeoutMs, bufferBytes, onDisconnect } = this.#config;
    const invocationId = options.invocationId ?? createInvocationId();
    const start = this.#createStart(input, { ...options, invocationId, onDisconnect: options.onDisconnect ?? onDisconnect });
    const session = new Session({
      transport: this.#shared.transport,
      invocationId,
      start,
      deadlines: {
        connectMs: options.connectTimeoutMs ?? connectTimeoutMs,
        idleMs: options.idleTimeoutMs ?? idleTimeoutMs,
        totalMs: this.#totalMs(options, 0),
      },
      signal: options.signal,
      bufferBytes,
      clock: REAL_CLOCK,
    });
    // O is what the caller says the output is; without a schema nobody checks it.
    return new RunAgentStream(session, this.#schemas.output as StandardSchemaV1<unknown, O> | undefined);
  }

  async #createStart(input: Input | undefined, options: CallOptions): Promise<StartFrame> {
    if (!isStreamTag(this.entrypointTag)) {
      const message = `Streaming requires an entrypoint tag that ends in _stream, not ${JSON.stringify(this.entrypointTag)}.`;
      throw new RunAgentError("NON_STREAM_ENTRYPOINT", message, { suggestion: "Call it with run()." });
    }
    const request = await this.#createRequest(input, options, 0);
    return { type: "start", ...request, ...(options.onDisconnect === undefined ? {} : { on_disconnect: options.onDisconnect }) };
  }

  /** The request of both versions: an old server ignores what it does not know. [negotiate.silent.1] */
  async #createRequest(input: Input | undefined, options: CallOptions, defaultTimeoutMs: number): Promise<RunRequest> {
    const { userId, persistentMemory } = this.#config;
    const invocationId = options.invocationId ?? createInvocationId();
    assertId(invocationId, "invocationId");
    const timeoutSeconds = this.#totalMs(options, defaultTimeoutMs) / 1000;
    return {
      protocol: 2,
      invocation_id: invocationId,
      entrypoint_tag: this.entrypointTag,
      input_args: [...readArgs(options.args)],
      input_kwargs: await this.#readInput(input),
      async_execution: false,
      ...(timeoutSeconds > 0 && timeoutSeconds <= MAX_TIMEOUT_SECONDS ? { timeout_seconds: timeoutSeconds } : {}),
      ...(userId === undefined ? {} : { user_id: userId }),
      ...(persistentMemory ? { persistent_memory: true } : {}),
    };
  }

  async #readInput(input: Input | undefined): Promise<Record<string, unknown>> {
    const schema = this.#schemas.input;
    const value = schema === undefined ? (input ?? {}) : await validateWith(schema, input ?? {}, "input", "VALIDATION_ERROR");
    if (isJsonObject(value)) return value;
    throw new RunAgentError("VALIDATION_ERROR", "The input must be an object of named arguments.", {
      field: "input",
      suggestion: "Pass positional arguments as options.args.",
    });
  }

  #totalMs(options: CallOptions, defaultMs: number): number {
    const { timeoutSeconds } = this.#config;
    return options.timeoutMs ?? (timeoutSeconds === undefined ? defaultMs : timeoutSeconds * 1000);
  }

  /** The caller has gone; the agent need not go on. A server that cannot do it is left alone. */
  #cancelInBackground(invocationId: string): void {
    const request: HttpRequest = {
      method: "POST",
      path: `/invocations/${encodeURIComponent(invocationId)}/cancel`,
      body: { mode: "immediate" },
      timeoutMs: CANCEL_REQUEST_TIMEOUT_MS,
    };
    // Nobody waits for the answer, and the caller has its error already.
    requestJson(this.#shared.http, request).catch(() => {});
  }
}

const REAL_CLOCK = {
  now: () => performance.now(),
  setTimeout: (callback: () => void, ms: number): unknown => setTimeout(callback, ms),
  clearTimeout: (timer: unknown): void => clearTimeout(timer as ReturnType<typeof setTimeout>),
};

function share(config: ClientConfig, options: ConnectionOptions, runtime: Runtime): Shared {
  const { apiUrl, apiKey, maxServerFrameBytes } = config;
  const custom = options.fetch;
  const pool: HttpPool =
    custom === undefined ? runtime.createHttp(config.connectTimeoutMs) : { fetch: (url, init) => custom(url, init), close: async () => {} };
  const sockets = options.WebSocket === undefined ? runtime.sockets : standardSockets(options.WebSocket);
  const url = `${apiUrl.replace(/^http/, "ws")}/agents/${encodeURIComponent(config.agentId)}/run-stream`;
  return {
    runtime,
    http: { apiUrl, apiKey, maxBodyBytes: maxServerFrameBytes, pool },
    transport: createWebSocketTransport({ url, apiKey, maxFrameBytes: maxServerFrameBytes }, sockets),
  };
}

function createInvocationId(): string {
  return crypto.randomUUID();
}

function readArgs(args: readonly unknown[] | undefined): readonly unknown[] {
  if (args === undefined || Array.isArray(args)) return args ?? [];
  throw new RunAgentError("VALIDATION_ERROR", "options.args must be an array of positional arguments.", { field: "args" });
}
