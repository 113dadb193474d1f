import {
  type Architecture,
  decodeCursor,
  type Health,
  isJsonObject,
  isStreamTag,
  type JsonObject,
  type ResumeFrame,
  RunAgentError,
  type RunRequest,
  readResultV1,
  type StandardSchemaV1,
  type StartFrame,
  validateWith,
} from "@runagent/core";
import { abortError } from "./abort-signal.ts";
import { type CallOptions, checkCallOptions, checkInput, type ResumeOptions } from "./call-options.ts";
import { createCredentials } from "./credentials.ts";
import { encodeJson } from "./encode-json.ts";
import { dataOf, type HttpRequest, notRunAgent, requestJson } from "./http.ts";
import { createKnownVersion } from "./known-version.ts";
import {
  type ClientConfig,
  type ConnectionOptions,
  type RunAgentClientOptions,
  resolveOptions,
  type Untyped,
  type UntypedInput,
  type WebSocketConstructor,
} from "./options.ts";
import type { KnownVersion } from "./reconnects.ts";
import { cancelQuietly, requestRepeatedly } from "./repeat.ts";
import type { HttpOptions, HttpPool, Runtime } from "./runtime.ts";
import { type FirstFrame, Session } from "./session.ts";
import { RunAgentStream } from "./stream.ts";
import { REAL_CLOCK } from "./timers.ts";
import type { Transport } from "./transport.ts";
import { createAutoTransport } from "./transports/auto.ts";
import { standardSockets } from "./transports/standard-websocket.ts";
import { createWebSocketTransport } from "./transports/websocket.ts";

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
/** For the question which version the server speaks. */
const ASK_TIMEOUT_MS = 10_000;
/** What the schema of timeout_seconds allows: a year. */
const MAX_TIMEOUT_SECONDS = 31_536_000;

/** What the clients of one agent share. */
interface Shared {
  readonly runtime: Runtime;
  readonly http: HttpOptions;
  readonly transport: Transport;
  readonly server: KnownVersion;
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
   * Goes on with a stream where another left it: in another process, after a crash, over another transport. Returns at once.
   * @param position The `position` of a stream, or the `cursor` of an error. Any number of streams may go on from it.
   */
  resume<O = Output>(position: string, options: ResumeOptions = {}): RunAgentStream<O> {
    const toResume = (): ResumeFrame => {
      const { invocationId, epoch, seq } = decodeCursor(position);
      return { type: "resume", protocol: 2, invocation_id: invocationId, epoch, after_seq: seq };
    };
    return this.#stream<O>(options, toResume);
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
    const { signal, timeoutMs = REQUEST_TIMEOUT_MS } = options;
    checkCallOptions({ signal, timeoutMs });
    const path = `${this.#agentPath}/architecture`;
    const data = dataOf(await this.#repeat({ method: "GET", path, signal, timeoutMs }, true));
    // Version 1 servers send more and less than the schema: entrypoints is what a client needs.
    if (isJsonObject(data) && Array.isArray(data.entrypoints) && data.entrypoints.every(isJsonObject))
      return data as unknown as Architecture;
    throw new RunAgentError("ARCHITECTURE_MISSING", `The server's answer for agent ${this.agentId} lists no entrypoints.`);
  }

  /** How the server is. @throws RunAgentError CONNECTION_ERROR when it is not there. */
  async health(options: Pick<CallOptions, "signal" | "timeoutMs"> = {}): Promise<Health> {
    const { signal, timeoutMs = REQUEST_TIMEOUT_MS } = options;
    checkCallOptions({ signal, timeoutMs });
    // Asked once: how the server is now is the question.
    const data = dataOf(await this.#redacted(requestJson(this.#shared.http, { method: "GET", path: "/health", signal, timeoutMs })));
    if (isJsonObject(data) && typeof data.status === "string") return data as unknown as Health;
    throw new RunAgentError("PROTOCOL_ERROR", "The answer of the health route holds no status.", {
      suggestion: "Check host, port or baseUrl: another server may be listening there.",
    });
  }

  /**
   * Closes the connections that this client and those made by withEntrypoint keep for the next call. Streams in progress go on,
   * and close theirs at their end.
   */
  async close(): Promise<void> {
    this.#shared.transport.close();
    await this.#shared.http.pool.close();
  }

  get #agentPath(): string {
    return `/agents/${encodeURIComponent(this.agentId)}`;
  }

  #repeat(request: HttpRequest, idempotent: boolean): Promise<JsonObject> {
    const { http, server } = this.#shared;
    const { maxReconnectDelayMs } = this.#config;
    return this.#redacted(requestRepeatedly({ http, server, idempotent, maxReconnectDelayMs, random: Math.random }, request));
  }

  async #redacted<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw RunAgentError.is(error) ? this.#shared.http.credentials.hide(error) : error;
    }
  }

  async #runOnce(input: Input | undefined, options: CallOptions): Promise<unknown> {
    checkCallOptions(options);
    const created = this.#createRequest(input, options, DEFAULT_RUN_TIMEOUT_MS);
    const request = created instanceof Promise ? await created : created;
    if (options.signal?.aborted) throw abortError(options.signal);
    const invocationId = request.invocation_id;
    const timeoutMs = this.#totalMs(options, DEFAULT_RUN_TIMEOUT_MS);
    let result: unknown;
    try {
      const path = `${this.#agentPath}/run`;
      const body = await this.#repeat({ method: "POST", path, body: encodeJson(request), signal: options.signal, timeoutMs }, false);
      this.#shared.server.learn(body.protocol === 2 ? 2 : 1);
      result = this.#readResult(body, invocationId);
    } catch (error) {
      if (!RunAgentError.is(error)) throw error;
      const gaveUp = error.origin === "local" && (error.code === "CANCELLED" || error.code === "TIMEOUT");
      if (gaveUp) this.#cancelInBackground(invocationId);
      throw error.with({ invocationId });
    }
    if (this.#schemas.output === undefined) return result;
    return validateWith(this.#schemas.output, result, "result", "VALIDATION_ERROR");
  }

  /** The result in the answer of either version. [run.answer.1] [run1.read.1] */
  #readResult(body: JsonObject, invocationId: string): unknown {
    if (body.protocol === 2) {
      if (!("data" in body)) throw new RunAgentError("PROTOCOL_ERROR", "The server's answer says it succeeded and holds no data.");
      if (body.invocation_id === undefined || body.invocation_id === invocationId) return body.data;
      throw new RunAgentError("PROTOCOL_ERROR", `The server answered for invocation ${JSON.stringify(body.invocation_id)}.`);
    }
    const isAnswer = body.success === true || ["data", "output_data", "content"].some((field) => field in body);
    if (!isAnswer) throw notRunAgent(200, new URL(this.#shared.http.apiUrl).origin);
    return readResultV1(body);
  }

  #openStream<O>(input: Input | undefined, given: CallOptions): RunAgentStream<O> {
    return this.#stream<O>(given, (options) => this.#createStart(input, options));
  }

  /** It throws nothing: a call that is wrong fails at the first read. */
  #stream<O>(given: CallOptions, createFirst: (options: CallOptions) => FirstFrame | Promise<FirstFrame>): RunAgentStream<O> {
    const { connectTimeoutMs, idleTimeoutMs, bufferBytes, maxReconnectDelayMs } = this.#config;
    const { transport, server, http, runtime } = this.#shared;
    const { options, error } = readCallOptions(given);
    const invocationId = options.invocationId ?? createInvocationId();
    const session = new Session({
      transport,
      server,
      invocationId,
      first: error === undefined ? attempt(() => createFirst({ ...options, invocationId })) : Promise.reject(error),
      deadlines: {
        connectMs: options.connectTimeoutMs ?? connectTimeoutMs,
        idleMs: options.idleTimeoutMs ?? idleTimeoutMs,
        totalMs: this.#totalMs(options, 0),
      },
      signal: options.signal,
      bufferBytes,
      clock: REAL_CLOCK,
      random: Math.random,
      maxReconnectDelayMs,
      onReconnect: options.onReconnect,
      credentials: http.credentials,
      onWake: runtime.onWake,
      cancelInBackground: (invocationId) => this.#cancelInBackground(invocationId),
    });
    // O is what the caller says the output is; without a schema nobody checks it.
    return new RunAgentStream(session, this.#schemas.output as StandardSchemaV1<unknown, O> | undefined);
  }

  /** At once where it can be: the input is taken as it is now, whatever the caller does with it later. */
  #createStart(input: Input | undefined, options: CallOptions): StartFrame | Promise<StartFrame> {
    const toStart = (request: RunRequest): StartFrame => {
      return { type: "start", ...request, on_disconnect: options.onDisconnect ?? this.#config.onDisconnect };
    };
    if (!isStreamTag(this.entrypointTag)) {
      const message = `Streaming requires an entrypoint tag that ends in _stream, not ${JSON.stringify(this.entrypointTag)}.`;
      throw new RunAgentError("NON_STREAM_ENTRYPOINT", message, { suggestion: "Call it with run()." });
    }
    const request = this.#createRequest(input, options, 0);
    return request instanceof Promise ? request.then(toStart) : toStart(request);
  }

  /** The request of both versions: an old server ignores what it does not know. [negotiate.silent.1] */
  #createRequest(input: Input | undefined, options: CallOptions, defaultTimeoutMs: number): RunRequest | Promise<RunRequest> {
    const { userId, persistentMemory } = this.#config;
    const schema = this.#schemas.input;
    // Whole seconds, and rather more than less: version 1 servers take no fraction, and the client has its own deadline.
    const timeoutSeconds = Math.ceil(this.#totalMs(options, defaultTimeoutMs) / 1000);
    const complete = (value: unknown): RunRequest => ({
      protocol: 2,
      invocation_id: options.invocationId ?? createInvocationId(),
      entrypoint_tag: this.entrypointTag,
      input_args: [...(options.args ?? [])],
      input_kwargs: checkInput(value),
      async_execution: false,
      ...(timeoutSeconds > 0 && timeoutSeconds <= MAX_TIMEOUT_SECONDS ? { timeout_seconds: timeoutSeconds } : {}),
      ...(userId === undefined ? {} : { user_id: userId }),
      ...(persistentMemory ? { persistent_memory: true } : {}),
    });
    if (schema === undefined) return complete(input ?? {});
    return validateWith(schema, input ?? {}, "input", "VALIDATION_ERROR").then(complete);
  }

  #totalMs(options: CallOptions, defaultMs: number): number {
    const { timeoutSeconds } = this.#config;
    return options.timeoutMs ?? (timeoutSeconds === undefined ? defaultMs : timeoutSeconds * 1000);
  }

  /** The caller has gone; the agent need not go on. Nobody waits for it, and a server that cannot do it is left alone. */
  #cancelInBackground(invocationId: string): void {
    void cancelQuietly(this.#shared.http, invocationId);
  }
}

function share(config: ClientConfig, options: ConnectionOptions, runtime: Runtime): Shared {
  const { apiUrl, maxServerFrameBytes } = config;
  const custom = options.fetch;
  const pool: HttpPool =
    custom === undefined ? runtime.createHttp(config.connectTimeoutMs) : { fetch: (url, init) => custom(url, init), close: async () => {} };
  const credentials = createCredentials(config.apiKey, config.getToken);
  const http = { apiUrl, credentials, maxBodyBytes: maxServerFrameBytes, pool, toError: runtime.toError };
  const transport = createTransport(config, http, options.WebSocket, runtime);
  const path = `/agents/${encodeURIComponent(config.agentId)}/architecture`;
  const getArchitecture = async (signal: AbortSignal): Promise<unknown> =>
    dataOf(await requestJson(http, { method: "GET", path, signal, timeoutMs: ASK_TIMEOUT_MS }));
  return { runtime, http, transport, server: createKnownVersion(getArchitecture) };
}

function createTransport(
  { transport, agentId, apiUrl, maxFragments, maxServerFrameBytes, maxIdleConnections }: ClientConfig,
  http: HttpOptions,
  WebSocket: WebSocketConstructor | undefined,
  { createSse, sockets }: Runtime,
): Transport {
  const sse = transport === "websocket" ? undefined : createSse?.(http, agentId);
  if (transport === "sse") {
    if (sse !== undefined) return sse;
    throw new RunAgentError("VALIDATION_ERROR", "This entry of the package has no server-sent events.", { field: "transport" });
  }
  const url = `${apiUrl.replace(/^http/, "ws")}/agents/${encodeURIComponent(agentId)}/run-stream`;
  const webSocket = createWebSocketTransport(
    { url, maxFrameBytes: maxServerFrameBytes, maxFragments, maxIdle: maxIdleConnections },
    WebSocket === undefined ? sockets : standardSockets(() => WebSocket),
  );
  return sse === undefined ? webSocket : createAutoTransport(webSocket, sse);
}

/** 128 random bits. Not a UUID of the runtime's: pages that came over http are not given one. */
function createInvocationId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function attempt<T>(action: () => T | Promise<T>): T | Promise<T> {
  try {
    return action();
  } catch (error) {
    return Promise.reject(error);
  }
}

/** runStream throws nothing: a call that is wrong fails at the first read. */
function readCallOptions(given: unknown): { options: CallOptions; error?: RunAgentError } {
  try {
    checkCallOptions(given);
    return { options: given };
  } catch (error) {
    if (!RunAgentError.is(error)) throw error;
    return { options: {}, error };
  }
}
