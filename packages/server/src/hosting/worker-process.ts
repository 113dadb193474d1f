/**
 * One process that runs the functions of one agent in one language, from its start to its end. It is never started again: its supervisor
 * makes another.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { RunAgentError } from "@runagent/core";
import { onLines, onPrintedLines } from "./lines.ts";
import { type CallEvents, type CallRequest, isItem, readEnd, type WorkerCall } from "./worker-call.ts";
import { type LoadEntry, type LoadedEntry, readReady, type WorkerCommand } from "./worker-messages.ts";

/** How a worker is started. */
export interface WorkerProgram {
  /** For messages: "Python", "Node". */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly entrypoints: readonly LoadEntry[];
  readonly maxChunkBytes: number;
  /** true: its files change while it is served, so that what was compiled before counts for nothing. */
  readonly fresh: boolean;
  /** Gets what the agent prints, and what there is to say about its process. */
  readonly onLog: (stream: AgentLogStream, text: string) => void;
}

/** Where a line of an agent's log comes from: what the agent printed, or the host that runs it. */
export type AgentLogStream = "stdout" | "stderr" | "host";

/** How long an agent may take to load, in milliseconds: some import half a machine. */
const LOAD_TIMEOUT_MS = 120_000;
/** After this many milliseconds of loading somebody may wonder. */
const SLOW_LOAD_MS = 5_000;
/** How long a worker that was told to end may take, in milliseconds. */
const CLOSE_TIMEOUT_MS = 3_000;
/** How long, in milliseconds, the last words of a process that is gone are waited for. */
const DRAIN_MS = 500;
/** What was said longer before the end than this, in milliseconds, is not about it. */
const LAST_WORDS_MS = 1_000;
/** After this many milliseconds a cancelled call that still runs is told, where the worker itself did not. */
const STUCK_MS = 6_000;
/** And this many milliseconds later a process that has said nothing is ended. */
const PONG_MS = 4_000;

/** A process that runs agent code. */
export class WorkerProcess {
  readonly program: WorkerProgram;
  /** What it loaded; rejects when it ends before that. */
  readonly loaded: Promise<ReadonlyMap<string, LoadedEntry>>;
  /** Settles when it is gone, and says how. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #commands: Writable | undefined;
  readonly #calls: Map<number, { readonly events: CallEvents; readonly request: CallRequest }> = new Map();
  readonly #startMs = performance.now();
  #hasLoaded = false;
  #lastId = 0;
  #onIdle: () => void = () => {};
  /** Of the calls, those that were cancelled. */
  readonly #cancelled: Set<number> = new Set();
  /** Cancelled calls that do not stop, and of which that was said. */
  readonly #told: Set<number> = new Set();
  /** Lines that it has sent. */
  #received = 0;
  #gone: RunAgentError | undefined;
  #settleLoaded: (entries: ReadonlyMap<string, LoadedEntry>) => void = () => {};
  /** The last line of its standard error: what a program that does not start has to say. */
  #lastWords = "";
  #lastWordsMs = 0;

  constructor(program: WorkerProgram) {
    this.program = program;
    const { command, args, folder, env } = program;
    // A group of its own: Ctrl-C in a terminal is for the server, which lets its invocations end.
    const detached = process.platform !== "win32";
    this.#child = spawn(command, args, {
      cwd: folder,
      env,
      detached,
      windowsHide: true,
      stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"],
    });
    const [, stdout, stderr, commands, messages] = this.#child.stdio as [null, Readable, Readable, Writable, Readable];
    this.ended = new Promise((resolve) => {
      this.#child.once("error", (error) => resolve(this.#end(`cannot be started (${error.message})`)));
      this.#child.once("exit", (code, signal) => {
        const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
        void this.#drain().then(() => resolve(this.#end(how)));
      });
    });
    this.loaded = this.#awaitLoaded();
    // Who does not wait for it learns of it in calls.
    this.loaded.catch(() => {});
    // A program that cannot be started has no streams.
    if (!this.hasStarted) return;
    this.#commands = commands;
    commands.on("error", () => {}); // Its end is told by `ended`.
    onPrintedLines(stdout, (text) => program.onLog("stdout", text));
    onPrintedLines(stderr, (text) => {
      // Node ends what it has to say with its version.
      if (text.trim() !== "" && !/^(\s+at |Node\.js v)/.test(text)) {
        this.#lastWords = text.trim();
        this.#lastWordsMs = performance.now();
      }
      program.onLog("stderr", text);
    });
    onLines(messages, (line) => this.#receive(line));
    this.#send({ op: "load", folder, entrypoints: program.entrypoints, max_chunk_bytes: program.maxChunkBytes, fresh: program.fresh });
  }

  /** It could be started at all. */
  get hasStarted(): boolean {
    return this.#child.pid !== undefined;
  }

  /** It is ready for calls, or was. */
  get hasLoaded(): boolean {
    return this.#hasLoaded;
  }

  /** Resolves when no call runs, other than cancelled ones. */
  get idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      this.#tellIdle();
    });
  }

  /** Starts a call. One that comes after the end of the process fails at once. */
  start(request: CallRequest, events: CallEvents): WorkerCall {
    if (this.#gone !== undefined) {
      events.end({ type: "failed", error: this.#gone });
      return { ack: () => {}, answer: () => {}, refuse: () => {}, cancel: () => {} };
    }
    const id = ++this.#lastId;
    this.#calls.set(id, { events, request });
    this.#send({ op: "start", id, ...request });
    return {
      ack: (bytes) => this.#send({ op: "ack", id, bytes }),
      answer: (number, answer) => this.#send({ op: "answer", id, number, answer }),
      refuse: (number, error) => this.#send({ op: "answer", id, number, answer: null, error: error.toWire() }),
      cancel: (why) => this.#cancel(id, why),
    };
  }

  /** How long it has lived, in milliseconds. */
  get ageMs(): number {
    return performance.now() - this.#startMs;
  }

  /**
   * Tells it to end. Calls that still run fail with OWNER_LOST.
   * @param timeoutMs Milliseconds after which it is ended, with all that it has started; 0, and while it loads: at once. Default 3,000.
   */
  async close(timeoutMs: number = CLOSE_TIMEOUT_MS): Promise<void> {
    this.#commands?.end();
    if (timeoutMs === 0 || !this.#hasLoaded) this.#kill();
    const late = setTimeout(() => this.#kill(), timeoutMs);
    await this.ended;
    clearTimeout(late);
  }

  #kill(): void {
    this.#child.kill("SIGKILL");
    endGroup(this.#child.pid, "SIGKILL");
  }

  #awaitLoaded(): Promise<ReadonlyMap<string, LoadedEntry>> {
    return new Promise((resolve, reject) => {
      const say = (what: string): void => this.program.onLog("host", `The ${this.program.name} process of the agent ${what}`);
      const slow = setTimeout(() => say(`has been loading it for ${SLOW_LOAD_MS / 1000} seconds.`), SLOW_LOAD_MS).unref();
      const late = setTimeout(() => {
        say(`did not load it within ${LOAD_TIMEOUT_MS / 1000} seconds, and is ended.`);
        this.#kill();
      }, LOAD_TIMEOUT_MS).unref();
      const settle = (): void => {
        clearTimeout(slow);
        clearTimeout(late);
      };
      this.#settleLoaded = (entries) => {
        this.#hasLoaded = true;
        settle();
        resolve(entries);
      };
      void this.ended.then(() => {
        settle();
        reject(this.#gone);
      });
    });
  }

  #tellIdle(): void {
    if (this.#calls.size === this.#cancelled.size) this.#onIdle();
  }

  /** Takes what is left in its pipes. A program that the agent started may hold them open, and ends with it. */
  async #drain(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#child.once("close", () => resolve()));
    let late: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      late = setTimeout(resolve, DRAIN_MS);
    });
    endGroup(this.#child.pid, "SIGTERM");
    await Promise.race([closed, timeout]);
    clearTimeout(late);
    for (const stream of this.#child.stdio) stream?.destroy();
  }

  #cancel(id: number, why: RunAgentError): void {
    if (!this.#calls.has(id) || this.#cancelled.has(id)) return;
    this.#cancelled.add(id);
    this.#send({ op: "cancel", id, error: why.toWire() });
    setTimeout(() => this.#checkAlive(id), STUCK_MS).unref();
    this.#tellIdle();
  }

  /** A cancelled call that does not end may keep the process from everything else: then nothing but its end helps the others. */
  #checkAlive(id: number): void {
    if (!this.#calls.has(id)) return;
    this.#tellStuck(id, "{}");
    const received = this.#received;
    this.#send({ op: "ping" });
    setTimeout(() => {
      if (this.#received > received || this.#gone !== undefined || !this.#calls.has(id)) return;
      this.program.onLog("host", `The ${this.program.name} process of the agent does nothing else any more, and is ended.`);
      this.#kill();
    }, PONG_MS).unref();
  }

  #send(command: WorkerCommand): void {
    if (this.#gone === undefined) this.#commands?.write(`${JSON.stringify(command)}\n`);
  }

  /** An agent may write there, too, by mistake. */
  #receive(line: string): void {
    this.#received++;
    try {
      this.#read(line);
    } catch {
      this.program.onLog("host", `The ${this.program.name} process of the agent sent what is no message, and is ended.`);
      this.#kill();
    }
  }

  #read(line: string): void {
    const first = line.indexOf(" ");
    const second = line.indexOf(" ", first + 1);
    const kind = line.slice(0, first);
    const id = Number(line.slice(first + 1, second));
    const text = line.slice(second + 1);
    const call = this.#calls.get(id);
    if (kind === "ready") this.#settleLoaded(readReady(text));
    else if (kind === "stuck") this.#tellStuck(id, text);
    else if (isItem(kind)) call?.events.item(kind, text);
    else if (call !== undefined) {
      this.#calls.delete(id);
      this.#cancelled.delete(id);
      this.#told.delete(id);
      call.events.end(readEnd(kind, text));
      this.#tellIdle();
    }
  }

  /** Nobody can stop a thread: whoever runs the server should know that it is there, and where. */
  #tellStuck(id: number, text: string): void {
    const call = this.#calls.get(id);
    if (call === undefined || this.#told.has(id)) return;
    this.#told.add(id);
    const { tag, invocation_id } = call.request;
    const { where } = JSON.parse(text) as { readonly where?: string };
    const at = where === undefined ? "" : ` It is at ${where}.`;
    this.program.onLog(
      "host",
      `The cancelled invocation ${invocation_id} of ${tag} does not stop, and takes up its place until it does.${at}`,
    );
  }

  #end(how: string): string {
    const late = this.#hasLoaded && performance.now() - this.#lastWordsMs > LAST_WORDS_MS;
    const words = late || this.#lastWords === "" ? "" : ` It said: ${this.#lastWords}`;
    // Of one that did not load there is no other word.
    this.#gone = new RunAgentError("OWNER_LOST", `The ${this.program.name} process of the agent ${how}.${this.#hasLoaded ? "" : words}`, {
      suggestion: "Start the invocation again, if the agent may run twice; the agent's log says more.",
    });
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    this.#cancelled.clear();
    for (const { events } of calls) events.end({ type: "failed", error: this.#gone });
    this.#tellIdle();
    return `${how}.${words}`;
  }
}

/** Ends what a process has started: it leads a group of its own. */
function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined || process.platform === "win32") return;
  try {
    process.kill(-pid, signal);
  } catch {
    // Nothing was left.
  }
}
