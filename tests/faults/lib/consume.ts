/** Reads a stream to its end and writes down what it gave, for the history checker. */
import { checkHistory, type HistoryEnd, type HistoryRecord, type HistoryReport } from "@runagent/conformance";
import { decodeCursor } from "@runagent/core";
import { RunAgentError, type RunAgentStream } from "runagent";
import { hashOf, hashOfEnd } from "./content.ts";

/** A record that was delivered. */
export interface Delivery extends HistoryRecord {
  /** Milliseconds of the system's monotonic clock. */
  readonly at: number;
}

/** What a client got, of any number of streams. */
export interface Consumed {
  readonly deliveries: Delivery[];
  readonly ends: HistoryEnd[];
  /** Streams that ended with an error. */
  readonly errors: { readonly invocation: string; readonly error: RunAgentError }[];
  reconnects: number;
}

/** Milliseconds of the system's monotonic clock, which is also that of a drop. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export function startConsumed(): Consumed {
  return { deliveries: [], ends: [], errors: [], reconnects: 0 };
}

/** Reads the stream to its end; an error of it is written down as well. `onRecord`: called with each record's seq. */
export async function consume(stream: RunAgentStream<unknown>, into: Consumed, onRecord?: (seq: number) => void): Promise<void> {
  let count = 0;
  try {
    for await (const record of stream.events()) {
      count++;
      const sha256 =
        record.type === "data" ? hashOf(record.content) : record.type === "status" ? hashOfEnd(record.status, record.total_chunks) : "";
      const { epoch } = decodeCursor(stream.position ?? "");
      into.deliveries.push({ invocation: stream.invocationId, epoch, seq: record.seq, sha256, at: monotonicMs() });
      onRecord?.(record.seq);
    }
    into.ends.push({ invocation: stream.invocationId, after: count });
  } catch (error) {
    if (!RunAgentError.is(error)) throw error;
    into.errors.push({ invocation: stream.invocationId, error });
  }
  into.reconnects += stream.summary?.reconnects ?? 0;
}

/** Holds what was got against the log. The log's epoch is the first that the client saw of the invocation. */
export function judge({ deliveries, ends }: Consumed, log: readonly HistoryRecord[]): HistoryReport {
  const epochs = new Map<string, string>();
  for (const { invocation, epoch } of deliveries) if (!epochs.has(invocation)) epochs.set(invocation, epoch);
  return checkHistory(
    deliveries,
    log.map((record) => ({ ...record, epoch: epochs.get(record.invocation) ?? "" })),
    ends,
  );
}
