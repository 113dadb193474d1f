import {
  type Architecture,
  assertId,
  decodeCursor,
  type Health,
  isJsonObject,
  isStreamTag,
  type JsonObject,
  type Mode,
  type ResumeFrame,
  RunAgentError,
  type RunRequest,
  readResultV1,
  type StandardSchemaV1,
  type StartFrame,
  validateWith,
} from "@runagent/core";
import { abortError } from "./abort-signal.ts";
import { checkDecision, type NamedDecision, standingDecision } from "./approving.ts";
import { type CallOptions, checkApprovals, checkCallOptions, checkInput, type ResumeOptions } from "./call-options.ts";
import type { CancelAnswer } from "./cancelling.ts";
import { checkMode, invalid } from "./checks.ts";
import { createCredentials } from "./credentials.ts";
import { encodeJson } from "./encode-json.ts";
import type { FirstFrame } from "./first-frame.ts";
import { cancelRequest, dataOf, decideRequest, type HttpRequest, notRunAgent, requestJson } from "./http.ts";
import { createKnownVersion } from "./known-version.ts";
import { type ClientConfig, type RunAgentClientOptions, resolveOptions, type Untyped, type UntypedInput } from "./options.ts";
import type { KnownVersion } from "./reconnects.ts";
import { cancelQuietly, requestRepeatedly } from "./repeat.ts";
import type { HttpOptions, Runtime } from "./runtime.ts";
import { Session } from "./session.ts";
import { RunAgentStream } from "./stream.ts";
import type { Transport } from "./transport.ts";
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

type CompleteOptions = CallOptions & Pick<ResumeOptions, "approvals"> & { readonly invocationId: string };
type RequestOptions = Pick<CallOptions, "signal" | "timeoutMs">;

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
  readonly #shared: Shared;

  /** @throws RunAgentError VALIDATION_ERROR that names the option or environment variable. */
  constructor(options: RunAgentClientOptions<Tag, Input, Output>, runtime: Runtime, shared?: Shared) {
    this.#config = resolveOptions(options);
    this.#options = options;
    this.#shared = shared ?? share(this.#config, runtime);
  }

  get agentId(): string {
    return this.#config.agentId;
  }

  get entrypointTag(): Tag {
    return this.#options.entrypointTag;
  }

  /** Where the server of the agent is: ends in /api/v1. */
  get apiUrl(): string {
    return this.#config.apiUrl;
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
  async run<O = Output>(...call: CallArguments<Input>): Promise<RunResult<Tag, O>> {
    // The conditional type is decided by the same test as this.
    const result = isStreamTag(this.entrypointTag) ? this.runStream<O>(...call) : await this.#runOnce(...call);
    return result as RunResult<Tag, O>;
  }

  /**
   * Starts the entrypoint and returns its stream at once: not a promise, though it may be awaited.
   * It never throws: whatever goes wrong is thrown by the first read.
   * @param input The named arguments (input_kwargs).
   */
  runStream<O = Output>(...[input, options = {}]: CallArguments<Input>): RunAgentStream<O> {
    return this.#stream<O>(options, (checked) => this.#createStart(input, checked));
  }

  /**
   * Goes on with a stream where another left it: in another process, after a crash, over another transport. Returns at once.
   * @param position The `position` of a stream, or the `cursor` of an error. Any number of streams may go on from it.
   * @param options With `approvals`, what the agent waits for is decided first.
   */
  resume<O = Output>(position: string, options: ResumeOptions = {}): RunAgentStream<O> {
    const toResume = (): ResumeFrame => {
      const { invocationId, epoch, seq } = decodeCursor(position);
      if (options.approvals !== undefined) checkApprovals(options.approvals);
      return { type: "resume", protocol: 2, invocation_id: invocationId, epoch, after_seq: seq };
    };
    return this.#stream<O>(options, toResume);
  }

  /**
   * Cancels an invocation by its id alone, whoever started it; a stream that you hold has its own cancel. It may be repeated. [cancel.rest.1]
   * @param mode `immediate` (default): now. `after_turn`: when the turn in progress is complete.
   * @throws RunAgentError INVOCATION_NOT_FOUND when the server does not know it, or the key may not see it.
   */
  async cancel(invocationId: string, mode: Mode = "immediate", options: RequestOptions = {}): Promise<CancelAnswer> {
    assertId(invocationId, "invocationId");
    checkMode(mode);
    checkCallOptions(options);
    const { signal, timeoutMs = REQUEST_TIMEOUT_MS } = options;
    const data = dataOf(await this.#repeat({ ...cancelRequest(invocationId, mode, timeoutMs), signal }, true));
    const outcome = isJsonObject(data) ? data.outcome : undefined;
    if (outcome === "accepted" || outcome === "already_ended") return { invocationId, mode, outcome };
    throw notRunAgent(200, new URL(this.apiUrl).origin);
  }

  /**
   * Decides an approval by its ids alone, whoever started the invocation and whoever watches it. [approval.rest.1]
   * @param decision Which approval, approve or reject, and a reason where wanted.
   * @throws RunAgentError ALREADY_DECIDED with the decision that stands in its details; VALIDATION_ERROR when no such approval waits;
   * PERMISSION_ERROR or INVOCATION_NOT_FOUND when this key may not decide it.
   */
  async decide(invocationId: string, decision: NamedDecision, options: RequestOptions = {}): Promise<void> {
    assertId(invocationId, "invocationId");
    checkCallOptions(options);
    const { signal, timeoutMs = REQUEST_TIMEOUT_MS } = options;
    const request = decideRequest(invocationId, checkDecision(decision, "decision"), timeoutMs);
    let repeated = false;
    const onRepeat = (): void => {
      repeated = true;
    };
    await this.#repeat({ ...request, signal }, true, onRepeat).catch((error: unknown) => {
      // The first try got through, and its answer was lost.
      if (!repeated || standingDecision(error) !== decision.decision) throw error;
    });
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
      suggestion: `Use one of ${known}.`,
    });
  }

  /** The entrypoints of the agent, with their schemas where known. @throws RunAgentError ARCHITECTURE_MISSING when the answer holds none. */
  async architecture(options: RequestOptions = {}): Promise<Architecture> {
    const data = dataOf(await this.#repeat(toGet(architectureOf(this.#shared.http), options), true));
    // Version 1 servers send more and less than the schema: entrypoints is what a client needs.
    if (isJsonObject(data) && Array.isArray(data.entrypoints) && data.entrypoints.every(isJsonObject))
      return data as unknown as Architecture;
    throw new RunAgentError("ARCHITECTURE_MISSING", `The server's answer for agent ${this.agentId} lists no entrypoints.`);
  }

  /** How the server is. @throws RunAgentError CONNECTION_ERROR when it is not there. */
  async health(options: RequestOptions = {}): Promise<Health> {
    const { http } = this.#shared;
    // Asked once: how the server is now is the question.
    const data = dataOf(await requestJson(http, toGet("/health", options)));
    if (isJsonObject(data) && typeof data.status === "string") return data as unknown as Health;
    throw notRunAgent(200, new URL(http.apiUrl).origin);
  }

  /**
   * Closes the connections that this client and those made by withEntrypoint keep for the next call. Streams in progress go on,
   * and close theirs at their end.
   */
  async close(): Promise<void> {
    this.#shared.transport.close();
    await this.#shared.http.pool.close();
  }

  #repeat(request: HttpRequest, idempotent: boolean, onRepeat?: () => void): Promise<JsonObject> {
    const { maxReconnectDelayMs } = this.#config;
    return requestRepeatedly({ ...this.#shared, idempotent, maxReconnectDelayMs, onRepeat }, request);
  }

  async #runOnce(...[input, given = {}]: CallArguments<Input>): Promise<unknown> {
    const options = complete(given);
    const { signal, invocationId } = options;
    if (options.onApproval !== undefined) throw invalid("onApproval", "is for streams: run has no way to be asked");
    const created = this.#createRequest(input, options, DEFAULT_RUN_TIMEOUT_MS);
    const request = created instanceof Promise ? await created : created;
    if (signal?.aborted) throw abortError(signal);
    const timeoutMs = this.#totalMs(options, DEFAULT_RUN_TIMEOUT_MS);
    let result: unknown;
    try {
      const path = `${this.#shared.http.agentPath}/run`;
      const body = await this.#repeat({ method: "POST", path, body: encodeJson(request), signal, timeoutMs }, false);
      this.#shared.server.learn(body.protocol === 2 ? 2 : 1);
      result = this.#readResult(body, invocationId);
    } catch (error) {
      if (!RunAgentError.is(error)) throw error;
      // The caller has gone; the agent need not go on.
      const gaveUp = error.origin === "local" && (error.code === "CANCELLED" || error.code === "TIMEOUT");
      if (gaveUp) void cancelQuietly(this.#shared.http, invocationId);
      throw error.with({ invocationId });
    }
    const { output } = this.#options;
    return output ? validateWith(output, result, "result", "VALIDATION_ERROR") : result;
  }

  /** The result in the answer of either version. [run.answer.1] [run1.read.1] */
  #readResult(body: JsonObject, invocationId: string): unknown {
    if (body.protocol === 2) {
      if (!("data" in body)) throw new RunAgentError("PROTOCOL_ERROR", "The server's answer holds no data.");
      if (body.invocation_id === undefined || body.invocation_id === invocationId) return body.data;
      throw new RunAgentError("PROTOCOL_ERROR", `The server answered for invocation ${JSON.stringify(body.invocation_id)}.`);
    }
    const isAnswer = body.success === true || ["data", "output_data", "content"].some((field) => field in body);
    if (!isAnswer) throw notRunAgent(200, new URL(this.#shared.http.apiUrl).origin);
    return readResultV1(body);
  }

  /** It throws nothing: a call that is wrong fails at the first read. */
  #stream<O>(given: CallOptions, createFirst: (options: CompleteOptions) => FirstFrame | Promise<FirstFrame>): RunAgentStream<O> {
    const { connectTimeoutMs, idleTimeoutMs, bufferBytes, maxReconnectDelayMs } = this.#config;
    let options: CompleteOptions | undefined;
    let first: FirstFrame | Promise<FirstFrame>;
    try {
      options = complete(given);
      first = createFirst(options);
    } catch (error) {
      options ??= complete({});
      first = Promise.reject(error);
    }
    const { invocationId, signal, onReconnect, onReconnected, onApproval, approvals = [] } = options;
    const session = new Session({
      ...this.#shared,
      invocationId,
      first,
      deadlines: {
        connectMs: options.connectTimeoutMs ?? connectTimeoutMs,
        idleMs: options.idleTimeoutMs ?? idleTimeoutMs,
        totalMs: this.#totalMs(options, 0),
      },
      signal,
      bufferBytes,
      random: Math.random,
      maxReconnectDelayMs,
      onReconnect,
      onReconnected,
      onApproval,
      approvals,
      decide: (id, decision) => this.decide(id, decision),
      cancelInBackground: (id) => void cancelQuietly(this.#shared.http, id),
    });
    // O is what the caller says the output is; without a schema nobody checks it.
    return new RunAgentStream(session, this.#options.output as StandardSchemaV1<unknown, O> | undefined);
  }

  /** At once where it can be: the input is taken as it is now, whatever the caller does with it later. */
  #createStart(input: Input | undefined, options: CompleteOptions): StartFrame | Promise<StartFrame> {
    const toStart = (request: RunRequest): StartFrame => {
      return { type: "start", ...request, on_disconnect: options.onDisconnect ?? this.#config.onDisconnect };
    };
    if (!isStreamTag(this.entrypointTag)) {
      throw new RunAgentError("NON_STREAM_ENTRYPOINT", `The tag ${JSON.stringify(this.entrypointTag)} does not end in _stream.`);
    }
    const request = this.#createRequest(input, options, 0);
    return request instanceof Promise ? request.then(toStart) : toStart(request);
  }

  /** The request of both versions: an old server ignores what it does not know. [negotiate.silent.1] */
  #createRequest(input: Input | undefined, options: CompleteOptions, defaultTimeoutMs: number): RunRequest | Promise<RunRequest> {
    const { userId, persistentMemory } = this.#config;
    const schema = this.#options.input;
    // Whole seconds, and rather more than less: version 1 servers take no fraction, and the client has its own deadline.
    const timeoutSeconds = Math.ceil(this.#totalMs(options, defaultTimeoutMs) / 1000);
    const toRequest = (value: unknown): RunRequest => ({
      protocol: 2,
      invocation_id: options.invocationId,
      entrypoint_tag: this.entrypointTag,
      input_args: [...(options.args ?? [])],
      input_kwargs: checkInput(value),
      async_execution: false,
      ...(timeoutSeconds > 0 && timeoutSeconds <= MAX_TIMEOUT_SECONDS && { timeout_seconds: timeoutSeconds }),
      ...(userId !== undefined && { user_id: userId }),
      ...(persistentMemory && { persistent_memory: true }),
    });
    const given = input ?? {};
    return schema ? validateWith(schema, given, "input", "VALIDATION_ERROR").then(toRequest) : toRequest(given);
  }

  #totalMs(options: CallOptions, defaultMs: number): number {
    const { timeoutSeconds } = this.#config;
    return options.timeoutMs ?? (timeoutSeconds === undefined ? defaultMs : timeoutSeconds * 1000);
  }
}

function share(config: ClientConfig, runtime: Runtime): Shared {
  const { apiUrl, fetch, connectTimeoutMs } = config;
  const http: HttpOptions = {
    apiUrl,
    agentPath: `/agents/${encodeURIComponent(config.agentId)}`,
    credentials: createCredentials(config.apiKey, config.getToken),
    maxBodyBytes: config.maxServerFrameBytes,
    pool: fetch ? { fetch: (url, init) => fetch(url, init), close: async () => {} } : runtime.createHttp(connectTimeoutMs),
    toError: runtime.toError,
  };
  const getArchitecture = async (signal: AbortSignal): Promise<unknown> =>
    dataOf(await requestJson(http, toGet(architectureOf(http), { signal, timeoutMs: ASK_TIMEOUT_MS })));
  return { runtime, http, transport: createTransport(config, http, runtime), server: createKnownVersion(getArchitecture) };
}

function createTransport(config: ClientConfig, http: HttpOptions, { createSse, sockets }: Runtime): Transport {
  const { transport, maxFragments, maxServerFrameBytes: maxFrameBytes, maxIdleConnections: maxIdle, WebSocket } = config;
  if (transport === "sse") {
    if (createSse !== undefined) return createSse(http);
    throw invalid("transport", "sse is not in this entry of the package");
  }
  const url = `${http.apiUrl.replace(/^http/, "ws")}${http.agentPath}/run-stream`;
  const factory = WebSocket ? standardSockets(() => WebSocket) : sockets;
  const webSocket = createWebSocketTransport({ url, maxFrameBytes, maxFragments, maxIdle }, factory);
  return transport === "websocket" || createSse === undefined ? webSocket : createSse(http, webSocket);
}

function architectureOf({ agentPath }: HttpOptions): string {
  return `${agentPath}/architecture`;
}

function toGet(path: string, options: RequestOptions): HttpRequest {
  checkCallOptions(options);
  return { method: "GET", path, signal: options.signal, timeoutMs: options.timeoutMs ?? REQUEST_TIMEOUT_MS };
}

/** @throws RunAgentError VALIDATION_ERROR that names the option. */
function complete(options: unknown): CompleteOptions {
  checkCallOptions(options);
  return { ...options, invocationId: options.invocationId ?? createInvocationId() };
}

/** 128 random bits. Not a UUID of the runtime's: pages that came over http are not given one. */
function createInvocationId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
