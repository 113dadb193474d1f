// What the cases that drive a page from outside find in it.
import {
  keepPosition,
  keptPosition,
  type RetryInfo,
  RunAgentClient,
  type RunAgentClientOptions,
  RunAgentError,
  type RunAgentStream,
} from "runagent";
import { AGENT_ID } from "../suite/case.ts";

/** One call, as it is passed in from outside. */
export interface Call {
  readonly options: Partial<RunAgentClientOptions>;
  readonly input?: Record<string, unknown>;
}

/** What became of a call. */
export interface Result {
  readonly value?: unknown;
  /** Undefined: it went well. */
  readonly code?: string;
  readonly message?: string;
  readonly suggestion?: string;
  readonly field?: string;
  readonly ms: number;
}

/** How far a stream is. */
export interface Progress {
  readonly chunks: readonly unknown[];
  readonly ended: boolean;
  readonly error: string | undefined;
  readonly reconnects: number;
}

const unhandled: string[] = [];
addEventListener("unhandledrejection", (event) => unhandled.push(String(event.reason)));
addEventListener("error", (event) => unhandled.push(event.message));

const progress = { chunks: [] as unknown[], ended: false, error: undefined as string | undefined, reconnects: 0, chunkAtMs: 0, delayMs: 0 };
const waiting = new Set<() => void>();

function clientOf(options: Partial<RunAgentClientOptions>): RunAgentClient {
  return new RunAgentClient({ agentId: AGENT_ID, entrypointTag: "gated_stream", ...options });
}

async function outcome(action: () => unknown): Promise<Result> {
  const began = performance.now();
  const ms = (): number => Math.round(performance.now() - began);
  try {
    return { value: await action(), ms: ms() };
  } catch (error) {
    if (!RunAgentError.is(error)) return { code: "no RunAgentError", message: String(error), ms: ms() };
    const { code, message, suggestion, field } = error;
    return { code, message, suggestion, ...(field !== undefined && { field }), ms: ms() };
  }
}

/** Reads a stream in the background; `chunks` are those that were dealt with. */
async function read(chunks: AsyncIterable<unknown>, dealt: (chunk: unknown) => void): Promise<void> {
  try {
    for await (const chunk of chunks) {
      dealt(chunk);
      progress.chunks.push(chunk);
      progress.chunkAtMs = performance.now();
      for (const check of waiting) check();
    }
  } catch (error) {
    progress.error = String(error);
  }
  progress.ended = true;
  for (const check of waiting) check();
}

function start({ options, input }: Call, position?: string): RunAgentStream {
  const client = clientOf(options);
  const onReconnect = ({ delayMs }: RetryInfo): void => {
    progress.reconnects++;
    progress.delayMs = delayMs;
    for (const check of waiting) check();
  };
  return position === undefined ? client.runStream(input, { onReconnect }) : client.resume(position, { onReconnect });
}

function until(holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (!holds()) return;
      waiting.delete(check);
      resolve();
    };
    waiting.add(check);
    check();
  });
}

function dealtWith(): unknown[] {
  return JSON.parse(`[${sessionStorage.getItem("dealt") ?? ""}]`);
}

/** What is in the page, to be called from outside. */
export interface Lab {
  readonly unhandled: readonly string[];
  run(call: Call): Promise<Result>;
  collect(call: Call): Promise<Result>;
  /** The position that is kept under a key. */
  kept(key: string): Promise<Result>;
  /** Begins to read. */
  begin(call: Call): void;
  /** Begins to read, or goes on where the page before the reload was. */
  goOn(call: Call): void;
  /** The chunks that pages of this tab have dealt with, before and after a reload. */
  dealtWith(): unknown[];
  progress(): Progress;
  /** When so many chunks were read, or the stream has ended: milliseconds from the last `mark`, or `online`, to the last chunk. */
  reached(count: number): Promise<number>;
  /** When the stream waits for so many milliseconds before it connects again. */
  delayed(ms: number): Promise<void>;
  mark(): void;
}

let markedAtMs = 0;
const lab: Lab = {
  unhandled,
  run: ({ options, input }) => outcome(() => clientOf({ entrypointTag: "echo", ...options }).run(input)),
  collect: ({ options, input }) => outcome(() => clientOf(options).runStream(input).collect()),
  kept: (key) => outcome(() => keptPosition(key)),
  begin: (call) => void read(start(call), () => {}),
  goOn(call) {
    const stream = start(call, keptPosition("answer"));
    const dealt = (chunk: unknown): void => {
      const before = sessionStorage.getItem("dealt");
      sessionStorage.setItem("dealt", before === null ? JSON.stringify(chunk) : `${before},${JSON.stringify(chunk)}`);
    };
    void read(keepPosition(stream, "answer"), dealt);
  },
  dealtWith,
  progress: () => progress,
  async reached(count) {
    await until(() => progress.chunks.length >= count || progress.ended);
    return progress.chunkAtMs - markedAtMs;
  },
  delayed: (ms) => until(() => progress.delayMs >= ms),
  mark() {
    markedAtMs = performance.now();
  },
};
addEventListener("online", () => lab.mark());
Object.assign(globalThis, { lab });
