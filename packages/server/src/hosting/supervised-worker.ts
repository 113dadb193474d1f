/**
 * Keeps one worker process running: starts it again when it ends by itself, and puts another in its place when the agent's files changed.
 *
 *   start ─▶ loading ─▶ serving ──it ended──▶ (wait) ─▶ loading …      its calls fail with OWNER_LOST
 *                 └─▶ broken (it does not load) ──it ended──▶ (wait) ─▶ loading …
 *   reload: another is loaded beside it and takes the new calls; the old one ends with its last call
 */
import type { LoadedEntry } from "./worker-messages.ts";
import { type CallEvents, type CallRequest, type WorkerCall, WorkerProcess, type WorkerProgram } from "./worker-process.ts";

/** The first wait before a worker is started again, in milliseconds; it doubles up to the second. */
const FIRST_RESTART_MS = 100;
const MAX_RESTART_MS = 10_000;
/** A worker that lived this long, in milliseconds, is started again without the waits of those before it. */
const STABLE_MS = 10_000;

/** A worker that is kept running. */
export class SupervisedWorker {
  #program: WorkerProgram;
  #worker: WorkerProcess;
  /** Every process that has not ended, the ones that only finish their calls included. */
  readonly #processes: Set<WorkerProcess> = new Set();
  #restartMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  /** One that never did is the agent's mistake, and starting it again would not mend that. */
  #hasLoaded = false;
  /** Settles when the next process is made. */
  #restarted: Promise<void> = Promise.resolve();

  constructor(program: WorkerProgram) {
    this.#program = program;
    this.#worker = this.#launch();
  }

  /** What the present process has loaded. @throws RunAgentError OWNER_LOST when it ended before. */
  get loaded(): Promise<ReadonlyMap<string, LoadedEntry>> {
    return this.#worker.loaded;
  }

  /** Puts a process with other files or settings in the place of the present one. */
  replace(program: WorkerProgram): void {
    this.#program = program;
    this.#restartMs = 0;
    const before = this.#worker;
    this.#worker = this.#launch();
    void this.#retire(before);
  }

  /**
   * Starts a call, once there is a process that has loaded the agent.
   * @throws RunAgentError OWNER_LOST when there is none.
   */
  async start(request: CallRequest, events: CallEvents): Promise<WorkerCall> {
    for (;;) {
      await this.#restarted;
      const worker = this.#worker;
      await worker.loaded;
      // It may have been replaced meanwhile.
      if (worker === this.#worker) return worker.start(request, events);
    }
  }

  /** Ends every process. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.all([...this.#processes].map((worker) => worker.close()));
  }

  #launch(): WorkerProcess {
    const worker = new WorkerProcess(this.#program);
    const startMs = performance.now();
    this.#processes.add(worker);
    worker.loaded.then(
      () => {
        this.#hasLoaded = true;
      },
      () => {}, // Who waits for it is told.
    );
    void worker.ended.then((how) => {
      this.#processes.delete(worker);
      if (this.#closed || !this.#hasLoaded || worker !== this.#worker) return;
      if (performance.now() - startMs > STABLE_MS) this.#restartMs = 0;
      this.#program.onLog("host", `The ${this.#program.name} process of the agent ${how} It is started again in ${this.#restartMs} ms.`);
      this.#restart();
    });
    return worker;
  }

  #restart(): void {
    this.#restarted = new Promise((resolve) => {
      this.#timer = setTimeout(() => {
        this.#worker = this.#launch();
        resolve();
      }, this.#restartMs);
    });
    this.#restartMs = Math.min(MAX_RESTART_MS, Math.max(FIRST_RESTART_MS, this.#restartMs * 2));
  }

  /** Lets a process that was replaced finish its calls, and ends it. */
  async #retire(worker: WorkerProcess): Promise<void> {
    await worker.idle;
    await worker.close();
  }
}
