/**
 * An agent made of the functions of a folder, as its runagent.config.json names them: each language runs in a process of its own, which
 * this keeps running.
 */
import { resolve } from "node:path";
import { RunAgentError, type StandardSchemaV1 } from "@runagent/core";
import type { Agent, Entrypoint } from "../agent.ts";
import type { AgentContext } from "../context.ts";
import { DEFAULT_LIMITS } from "../options.ts";
import { type AgentConfig, CONFIG_FILE, type EntrypointConfig, type Language, readAgentConfig } from "./config.ts";
import { HostedStream, WINDOW } from "./hosted-stream.ts";
import { Loading, programsOf } from "./programs.ts";
import { SupervisedWorker } from "./supervised-worker.ts";
import type { CallRequest } from "./worker-call.ts";
import type { LoadedEntry } from "./worker-messages.ts";
import type { AgentLogStream } from "./worker-process.ts";

/** What hosting may be told. */
export interface HostOptions {
  /** Gets each line that the agent prints, and what there is to say about its processes. Default: they are dropped. */
  readonly onLog?: (stream: AgentLogStream, text: string) => void;
  /** The command that starts Python. Default: that of the folder's .venv, venv or env, else of the active one, else python3. */
  readonly python?: string;
  /** Bytes of one chunk or result. Default 16 MiB, as maxServerFrameBytes of `serve`. */
  readonly maxChunkBytes?: number;
  /**
   * true, for while you work on the agent: an entrypoint that cannot be loaded is served all the same, and fails when it is called, until a
   * reload mends it. Default false.
   */
  readonly lenient?: boolean;
  /** Aborting it while the agent loads ends that: hostAgent rejects with CANCELLED. */
  readonly signal?: AbortSignal;
}

/** An agent of a folder that can be served. */
export interface HostedAgent {
  readonly agent: Agent;
  readonly folder: string;
  /** What is wrong with it now, a line each; always empty unless `lenient`. */
  readonly problems: readonly string[];
  /**
   * Reads the folder anew. Calls are answered by the code that was there until the new has loaded; those that run go on with the code they
   * began with.
   * @returns False when a newer reload, or the end, has overtaken this one.
   * @throws RunAgentError VALIDATION_ERROR when the configuration is wrong, or a process does not start; the agent stays as it was.
   */
  reload(): Promise<boolean>;
  /**
   * Ends its processes; calls that still run fail with OWNER_LOST.
   * @param options.timeoutMs Milliseconds for the agent's code to clean up; 0: none. Default 3,000.
   */
  close(options?: { readonly timeoutMs?: number }): Promise<void>;
}

/** Beside the content, a frame has some bytes of its own. */
const FRAME_BYTES = 64;

/**
 * Starts the processes of the agent in a folder, and loads its functions. Pass `agent` to `serve`.
 * @param folder Where its runagent.config.json is.
 * @throws RunAgentError VALIDATION_ERROR for a wrong configuration, a file or function that is not there or does not load, a tag that does
 * not fit its function; `details.problems` lists every one.
 */
export async function hostAgent(folder: string, options: HostOptions = {}): Promise<HostedAgent> {
  const host = new Host(resolve(folder), options);
  const { signal } = options;
  const stop = (): void => void host.close({ timeoutMs: 0 });
  signal?.addEventListener("abort", stop, { once: true });
  try {
    if (signal?.aborted !== true && (await host.reload())) return host;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
  throw new RunAgentError("CANCELLED", "The agent was not wanted any more while it loaded.");
}

class Host implements HostedAgent {
  readonly folder: string;
  readonly agent: Agent;
  readonly #options: HostOptions;
  readonly #workers: Map<Language, SupervisedWorker> = new Map();
  /** The processes that load now. */
  #loading: Loading | undefined;
  #closed = false;
  #config: AgentConfig | undefined;
  #entrypoints: ReadonlyMap<string, Entrypoint> = new Map();
  problems: readonly string[] = [];

  constructor(folder: string, options: HostOptions) {
    this.folder = folder;
    this.#options = options;
    this.agent = this.#describe();
  }

  /** What the server asks for is always what was loaded last. */
  #describe(): Agent {
    const config = (): AgentConfig => {
      if (this.#config === undefined) throw new RunAgentError("SERVER_ERROR", "The agent is not loaded.");
      return this.#config;
    };
    const entrypoints = (): ReadonlyMap<string, Entrypoint> => this.#entrypoints;
    return {
      get id() {
        return config().id;
      },
      get name() {
        return config().name;
      },
      get version() {
        return config().version;
      },
      get entrypoints() {
        return entrypoints();
      },
    };
  }

  async reload(): Promise<boolean> {
    const config = await readAgentConfig(this.folder);
    if (this.#closed) return false;
    this.#checkId(config);
    const { python, onLog, maxChunkBytes = DEFAULT_LIMITS.maxServerFrameBytes, lenient = false } = this.#options;
    const options = { folder: this.folder, python, maxChunkBytes: maxChunkBytes - FRAME_BYTES, fresh: lenient, onLog: onLog ?? (() => {}) };
    const loading = new Loading(programsOf(config, options));
    // What still loads the files as they were is not wanted any more.
    void this.#loading?.end();
    this.#loading = loading;
    try {
      const loaded = await loading.entries(lenient);
      if (this.#loading === loading) this.#take(config, loading, loaded, lenient);
    } catch (error) {
      if (this.#loading !== loading) return false;
      this.#loading = undefined;
      await loading.end();
      throw error;
    }
    if (this.#loading !== loading) return false;
    this.#loading = undefined;
    return true;
  }

  async close({ timeoutMs }: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closed = true;
    const loading = this.#loading;
    this.#loading = undefined;
    await Promise.all([loading?.end(), ...[...this.#workers.values()].map((worker) => worker.close(timeoutMs))]);
  }

  #checkId({ id }: AgentConfig): void {
    if (this.#config === undefined || this.#config.id === id) return;
    throw new RunAgentError("VALIDATION_ERROR", `${CONFIG_FILE} has another agent_id now, ${id}.`, {
      field: "agent_id",
      suggestion: "Start the server again to serve it.",
    });
  }

  /** From now on calls go to what was loaded. @throws RunAgentError VALIDATION_ERROR when it has mistakes, and must have none. */
  #take(config: AgentConfig, loading: Loading, loaded: ReadonlyMap<string, LoadedEntry>, lenient: boolean): void {
    const found = config.entrypoints.map((entry) => ({ entry, problem: findProblem(entry, loaded.get(entry.tag)) }));
    const problems = listProblems(found);
    if (problems.length > 0 && !lenient) {
      throw new RunAgentError("VALIDATION_ERROR", problems.join("\n"), {
        details: { problems },
        suggestion: "Correct the agent or its configuration; the log has the tracebacks.",
      });
    }
    const unused = new Set(this.#workers.keys());
    for (const [language, worker] of loading.workers) {
      unused.delete(language);
      const supervised = this.#workers.get(language);
      if (supervised === undefined) this.#workers.set(language, new SupervisedWorker(worker));
      else supervised.take(worker);
    }
    for (const language of unused) {
      void this.#workers.get(language)?.close();
      this.#workers.delete(language);
    }
    this.#config = config;
    this.problems = problems;
    this.#entrypoints = new Map(
      found.map(({ entry, problem }) => [entry.tag, this.#createEntrypoint(entry, loaded.get(entry.tag), problem)]),
    );
  }

  #createEntrypoint(entry: EntrypointConfig, loaded: LoadedEntry | undefined, problem: string | undefined): Entrypoint {
    return {
      tag: entry.tag,
      streaming: entry.streaming,
      description: loaded?.description,
      input: loaded?.inputSchema && describedBy(loaded.inputSchema),
      output: undefined,
      remote: true,
      run: (input, ctx) => {
        if (problem !== undefined) {
          throw new RunAgentError("EXECUTION_ERROR", `The agent cannot be loaded: ${problem}`, { suggestion: "Look at the agent's log." });
        }
        return this.#call(entry, input, ctx);
      },
    };
  }

  #call({ tag, streaming, language, extract = asItIs }: EntrypointConfig, kwargs: Record<string, unknown>, ctx: AgentContext): unknown {
    const worker = this.#workers.get(language);
    if (worker === undefined) throw new RunAgentError("OWNER_LOST", "The process of the agent is not there any more.");
    const request: CallRequest = {
      tag,
      args: ctx.args,
      kwargs,
      invocation_id: ctx.invocationId,
      user_id: ctx.userId ?? null,
      persistent_memory: ctx.persistentMemory,
      window: WINDOW,
    };
    const stream = new HostedStream(ctx, streaming ? extract : asItIs);
    worker.start(request, stream).then(
      (call) => {
        stream.call = call;
      },
      (error: RunAgentError) => stream.end({ type: "failed", error }),
    );
    if (streaming) return stream;
    ctx.signal.addEventListener("abort", () => void stream.return(), { once: true });
    return stream.next().then(({ value }) => {
      if (value === undefined) throw new RunAgentError("CANCELLED", "The invocation was cancelled.");
      return extract(value);
    });
  }
}

/** A line each; one that several entrypoints share, such as a file that does not load, is told once. */
function listProblems(found: readonly { readonly entry: EntrypointConfig; readonly problem: string | undefined }[]): string[] {
  const told = new Map<string, string>();
  for (const { entry, problem } of found) {
    if (problem !== undefined && !told.has(problem)) told.set(problem, `${CONFIG_FILE}:${entry.where}: ${problem}`);
  }
  return [...told.values()];
}

const asItIs = (text: string): string => text;

/** What keeps an entrypoint from being served, as a sentence; undefined when nothing does. */
function findProblem({ tag, streaming, file, module }: EntrypointConfig, loaded: LoadedEntry | undefined): string | undefined {
  if (loaded === undefined) return `${module} in ${file} was not loaded.`;
  if (loaded.error !== undefined) return loaded.error;
  if (streaming && loaded.yields === "value") {
    return `The tag ${tag} streams, and ${module} in ${file} returns no iterable: yield its chunks, or give it a tag that does not end in _stream.`;
  }
  if (!streaming && loaded.yields === "chunks") {
    return `${module} in ${file} yields chunks, and the tag ${tag} does not stream: name it ${tag}_stream, or return the whole result.`;
  }
  return undefined;
}

/** A schema for the architecture alone: the worker itself holds the arguments against its function. */
function describedBy(schema: Record<string, unknown>): StandardSchemaV1 {
  const standard = {
    version: 1,
    vendor: "runagent",
    validate: (value: unknown) => ({ value }),
    jsonSchema: { input: () => schema },
  } as const;
  return { "~standard": standard };
}
