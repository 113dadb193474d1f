/**
 * Keeps the process of one language running: starts another when it ends by itself, and lets another take its place when the agent's files
 * changed.
 *
 *   take ─▶ serving ──it ended──▶ (wait) ─▶ loading ─▶ serving …      its calls fail with OWNER_LOST; new ones wait for the next
 *   take, again: the new one gets the new calls; the old one ends with its last call
 */
import type { CallEvents, CallRequest, WorkerCall } from "./worker-call.ts";
import { WorkerProcess } from "./worker-process.ts";

/** The first wait before a process is started again, in milliseconds; it doubles up to the second. */
const FIRST_RESTART_MS = 100;
const MAX_RESTART_MS = 10_000;
/** After one that lived this long, in milliseconds, the next is started without the waits of those before it. */
const STABLE_MS = 10_000;

/** A process that is kept running. */
export class SupervisedWorker {
  #worker: WorkerProcess;
  /** Every process that has not ended, the ones that only finish their calls included. */
  readonly #processes: Set<WorkerProcess> = new Set();
  #restartMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  /** Settles when the next process is made. */
  #restarted: Promise<void> = Promise.resolve();
  #resolveRestarted: () => void = () => {};

  /** @param worker A process that has loaded the agent; one that has ended instead is not started again. */
  constructor(worker: WorkerProcess) {
    this.#worker = worker;
    if (worker.hasLoaded) this.#watch(worker);
  }

  /** Puts a process in the place of the present one. It has loaded the agent, or has ended instead. */
  take(worker: WorkerProcess): void {
    this.#restartMs = 0;
    const before = this.#worker;
    this.#worker = worker;
    clearTimeout(this.#timer);
    this.#resolveRestarted();
    if (worker.hasLoaded) this.#watch(worker);
    void this.#retire(before);
  }

  /**
   * Starts a call, once there is a process that has loaded the agent.
   * @throws RunAgentError OWNER_LOST when the one that should does not load.
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

  /** Ends every process; see WorkerProcess. */
  async close(timeoutMs?: number): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.all([...this.#processes].map((worker) => worker.close(timeoutMs)));
  }

  #watch(worker: WorkerProcess): void {
    this.#processes.add(worker);
    void worker.ended.then((how) => {
      this.#processes.delete(worker);
      if (this.#closed || worker !== this.#worker) return;
      if (worker.ageMs > STABLE_MS) this.#restartMs = 0;
      worker.program.onLog("host", `The ${worker.program.name} process of the agent ${how} It is started again in ${this.#restartMs} ms.`);
      this.#restart();
    });
  }

  #restart(): void {
    this.#restarted = new Promise((resolve) => {
      this.#resolveRestarted = resolve;
    });
    this.#timer = setTimeout(() => {
      this.#worker = new WorkerProcess(this.#worker.program);
      this.#watch(this.#worker);
      this.#resolveRestarted();
    }, this.#restartMs);
    this.#restartMs = Math.min(MAX_RESTART_MS, Math.max(FIRST_RESTART_MS, this.#restartMs * 2));
  }

  /** Lets a process that was replaced finish its calls, and ends it. */
  async #retire(worker: WorkerProcess): Promise<void> {
    await worker.idle;
    await worker.close();
  }
}
