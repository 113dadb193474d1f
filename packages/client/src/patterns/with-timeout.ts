import { RunAgentError } from "@runagent/core";
import { checkOptions, invalid, readNumber, type StreamParts } from "./options.ts";
import { iterate, Reader } from "./reader.ts";

/** What passed when a source was cut. */
export interface TimeoutInfo {
  /** idle: one chunk took too long. total: all of them did. */
  readonly kind: "idle" | "total";
  /** The deadline that passed, in milliseconds. */
  readonly ms: number;
  /** Chunks that came before. */
  readonly chunks: number;
}

/** The deadlines of a source; one of them must be given. */
export interface TimeoutOptions<L> {
  /** Milliseconds that one chunk may be waited for. The time between reads, the consumer's own, does not count. */
  readonly idleMs?: number | undefined;
  /** Milliseconds for all of it, from the first read on. */
  readonly totalMs?: number | undefined;
  /** "error" (default): TIMEOUT is thrown. A function: what it returns is the last chunk, and the source ends. */
  readonly onTimeout?: "error" | ((info: TimeoutInfo) => L) | undefined;
}

/**
 * Passes chunks on until a deadline passes; then the source is left, and either TIMEOUT is thrown or a last chunk says that it was cut.
 * @throws RunAgentError VALIDATION_ERROR for a wrong option, or when no deadline is given.
 */
export function withTimeout<T, L = never>(
  source: AsyncIterable<T> & StreamParts,
  options: TimeoutOptions<L>,
): AsyncIterableIterator<T | L> {
  checkOptions(options);
  const { idleMs, totalMs, onTimeout = "error" } = options;
  if (idleMs === undefined && totalMs === undefined) throw invalid("options", "must have idleMs or totalMs");
  if (onTimeout !== "error" && typeof onTimeout !== "function") throw invalid("onTimeout", 'must be "error" or a function');
  const deadlines = { idle: readNumber(idleMs, "idleMs"), total: readNumber(totalMs, "totalMs") };
  const reader = new Reader(source);
  return iterate(reader, watch(reader, source, deadlines, onTimeout));
}

async function* watch<T, L>(
  reader: Reader<T>,
  { invocationId }: StreamParts,
  deadlines: Readonly<Record<TimeoutInfo["kind"], number>>,
  onTimeout: "error" | ((info: TimeoutInfo) => L),
): AsyncGenerator<T | L, void> {
  const endsAt = performance.now() + deadlines.total;
  for (let chunks = 0; ; chunks++) {
    const remaining = endsAt - performance.now();
    const result = remaining > 0 ? await reader.next(Math.min(deadlines.idle, remaining)) : undefined;
    if (result?.done) return;
    if (result !== undefined) {
      yield result.value;
      continue;
    }
    const kind = remaining <= deadlines.idle ? "total" : "idle";
    // Before anything else: the consumer may take its time with the last chunk. Nobody waits for a source that does not answer.
    reader.leave().catch(() => {});
    if (onTimeout === "error") throw timeoutError(kind, deadlines[kind], chunks, invocationId);
    yield onTimeout({ kind, ms: deadlines[kind], chunks });
    return;
  }
}

function timeoutError(kind: TimeoutInfo["kind"], ms: number, chunks: number, invocationId: string | undefined): RunAgentError {
  const message = kind === "idle" ? `No chunk came within ${ms} ms (idleMs).` : `The source was not at its end after ${ms} ms (totalMs).`;
  return new RunAgentError("TIMEOUT", `${message} ${chunks} chunks came before.`, { invocationId, details: { kind, ms, chunks } });
}
