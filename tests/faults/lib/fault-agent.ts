/** The agent behind the faults: it counts its runs, says what its log must hold, and ends when it is told to. */
import type { HistoryRecord } from "@runagent/conformance";
import { createRandom } from "@runagent/conformance";
import { type Agent, type AgentContext, defineAgent } from "@runagent/server";
import { contentOf, hashOf, hashOfEnd } from "./content.ts";

/** Id of the agent. */
export const AGENT_ID = "faults";
const MAX_BURST = 3;

export interface FaultAgent {
  readonly agent: Agent;
  /** How often the agent was started, by invocation. */
  readonly runs: ReadonlyMap<string, number>;
  /** A connection of this invocation was dropped: counts towards its share, and wakes it. */
  dropped(invocation: string | undefined): void;
  /** Lets every `open_stream` end. */
  release(): void;
  /** What the logs of the ended invocations hold. */
  log(): HistoryRecord[];
}

interface Progress {
  drops: number;
  wake: () => void;
}

/**
 * `dropped_stream {drops, pauseMs}` yields bursts until its connections were dropped so often. After each drop it yields at once, so that
 * what is measured is the recovery and not its pause.
 * `count_stream {count, size?}` yields so many chunks. `open_stream {count}` yields them and stays open until it is released.
 * `wait` answers at once what it was given.
 */
export function createFaultAgent(): FaultAgent {
  const runs = new Map<string, number>();
  const yielded = new Map<string, { count: number; size: number | undefined }>();
  const progresses = new Map<string, Progress>();
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });

  const began = ({ invocationId }: AgentContext): void => {
    runs.set(invocationId, (runs.get(invocationId) ?? 0) + 1);
  };
  const next = (invocation: string, size?: number): string => {
    const { count } = yielded.get(invocation) ?? { count: 0 };
    yielded.set(invocation, { count: count + 1, size });
    return contentOf(invocation, count + 1, size);
  };
  const progressOf = (invocation: string): Progress => {
    const progress = progresses.get(invocation) ?? { drops: 0, wake: () => {} };
    progresses.set(invocation, progress);
    return progress;
  };

  const agent = defineAgent({
    id: AGENT_ID,
    entrypoints: {
      async *dropped_stream({ drops, pauseMs }, ctx) {
        began(ctx);
        const { invocationId, signal } = ctx;
        const random = createRandom(hashToInteger(invocationId));
        const progress = progressOf(invocationId);
        while (progress.drops < drops && !signal.aborted) {
          const seen = progress.drops;
          for (let burst = random.integer(1, MAX_BURST); burst > 0; burst--) yield next(invocationId);
          if (progress.drops === seen) await pause(progress, random.integer(0, pauseMs));
        }
      },
      async *count_stream({ count, size }, ctx) {
        began(ctx);
        for (let n = 0; n < count && !ctx.signal.aborted; n++) yield next(ctx.invocationId, size);
      },
      async *open_stream({ count }, ctx) {
        began(ctx);
        for (let n = 0; n < count; n++) yield next(ctx.invocationId);
        await released;
        yield next(ctx.invocationId);
      },
      wait: (input, ctx) => {
        began(ctx);
        return input.value;
      },
    },
  });

  return {
    agent,
    runs,
    dropped(invocation) {
      if (invocation === undefined) return;
      const progress = progressOf(invocation);
      progress.drops++;
      progress.wake();
    },
    release: () => release(),
    log: () => [...yielded].flatMap(([invocation, { count, size }]) => logOf(invocation, count, size)),
  };
}

/** Until the time has passed or a connection was dropped. */
function pause(progress: Progress, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    progress.wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

/** The records of a stream that completed. The epoch is the server's choice: the client says which it saw. */
function logOf(invocation: string, count: number, size: number | undefined): HistoryRecord[] {
  const chunks = Array.from({ length: count }, (_, index) => ({
    invocation,
    epoch: "",
    seq: index + 1,
    sha256: hashOf(contentOf(invocation, index + 1, size)),
  }));
  return [...chunks, { invocation, epoch: "", seq: count + 1, sha256: hashOfEnd("stream_completed", count) }];
}

function hashToInteger(text: string): number {
  return Number.parseInt(hashOf(text).slice(0, 8), 16);
}
