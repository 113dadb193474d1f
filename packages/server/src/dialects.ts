/**
 * How the two versions write the same stream. A connection asks its dialect for texts and knows nothing else about versions.
 */
import { ERRORS, encodeValueV1, parseJsonObject, type RunAgentError, type StreamStartedFrame } from "@runagent/core";
import type { Invocation } from "./invocation.ts";
import { type LogStore, textOf } from "./log.ts";
import type { SentRecord } from "./reader.ts";
import { contentOf } from "./records.ts";

/** What a client is told when its start or resume is accepted. */
export interface Acceptance {
  readonly status: "stream_started" | "stream_resumed";
  readonly invocation: Invocation;
  /** Records follow after this one. */
  readonly seq: number;
  readonly firstSeq: number;
  readonly heartbeatSeconds: number;
  readonly resumeSeconds: number;
  readonly durability: LogStore["durability"];
}

/** One version's way to write. */
export interface Dialect {
  readonly protocol: 1 | 2;
  accepted(acceptance: Acceptance): string;
  record(record: SentRecord): string | Uint8Array;
  /** The last frame of a connection that is refused or broken off, and the code it closes with. */
  refused(error: RunAgentError): { readonly text: string; readonly closeCode: number };
}

/** Version 2: records go as the log has them. */
export const DIALECT_V2: Dialect = {
  protocol: 2,
  accepted: ({ status, invocation, seq, firstSeq, heartbeatSeconds, resumeSeconds, durability }) =>
    JSON.stringify({
      type: "status",
      status,
      protocol: 2,
      invocation_id: invocation.request.invocationId,
      epoch: invocation.log.epoch,
      seq,
      first_seq: firstSeq,
      last_seq: Math.max(seq, invocation.seq),
      ...pendingOf(invocation),
      heartbeat_seconds: heartbeatSeconds,
      resume_seconds: resumeSeconds,
      durability,
    }),
  record: (record) => record.data,
  refused: (error) => ({
    text: JSON.stringify({ type: "error", error: error.toWire() }),
    closeCode: ERRORS[error.code].closeCode ?? 1000,
  }),
};

/** What a client that comes into the middle must know: these wait, and any other that it finds in the log does not. [approval.pending.1] */
function pendingOf({ approvals }: Invocation): Pick<StreamStartedFrame, "pending_approvals"> {
  return approvals.waiting ? { pending_approvals: approvals.pending } : {};
}

/** Version 1, for one stream: values are encoded twice, events travel as chunks, and frames carry no seq. [v1.server.1] */
export function createDialectV1(): Dialect {
  let chunks = 0;
  const chunk = (value: unknown, text?: string): string => {
    chunks++;
    return JSON.stringify({ type: "data", content: encodeValueV1(value, text) });
  };
  return {
    protocol: 1,
    accepted: ({ invocation }) =>
      JSON.stringify({ type: "status", status: "stream_started", invocation_id: invocation.request.invocationId }),
    record: (record) => {
      const text = textOf(record);
      const frame = parseJsonObject(text, "record", "PROTOCOL_ERROR");
      if (record.kind === "data") return chunk(frame.content, contentOf(text));
      if (record.kind === "event") return chunk(frame.event);
      return endV1(frame, chunks);
    },
    refused: (error) => ({
      // Deployed clients look for either name.
      text: JSON.stringify({ type: "error", error: error.message, detail: error.message }),
      closeCode: 1003,
    }),
  };
}

function endV1(frame: Record<string, unknown>, chunks: number): string {
  const { status, invocation_id, execution_time } = frame;
  if (status === "stream_completed") {
    return JSON.stringify({ type: "status", status, total_chunks: chunks, execution_time, invocation_id });
  }
  const message = status === "stream_cancelled" ? `The invocation was cancelled. ${String(frame.reason)}` : messageOf(frame.error);
  return JSON.stringify({ type: "error", error: `Streaming error: ${message}` });
}

function messageOf(error: unknown): string {
  return typeof error === "object" && error !== null && "message" in error ? String(error.message) : "The agent failed.";
}
