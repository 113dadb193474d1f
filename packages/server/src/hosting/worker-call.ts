/**
 * One call of an agent's function in a worker, as the server sees it.
 */
import { RunAgentError } from "@runagent/core";
import { readFailure, type WorkerCommand } from "./worker-messages.ts";

/** How a call ended. */
export type CallEnd =
  | { readonly type: "result"; readonly text: string }
  | { readonly type: "done" }
  | { readonly type: "cancelled" }
  | { readonly type: "failed"; readonly error: RunAgentError };

/** What becomes of a call. */
export interface CallEvents {
  chunk(text: string): void;
  event(text: string): void;
  /** Called once, last. */
  end(end: CallEnd): void;
}

/** What a call is started with. */
export type CallRequest = Omit<Extract<WorkerCommand, { readonly op: "start" }>, "op" | "id">;

/** A call that runs. */
export interface WorkerCall {
  /** The consumer took this many characters. */
  ack(bytes: number): void;
  cancel(): void;
}

/** The end that a message tells. */
export function readEnd(kind: string, text: string): CallEnd {
  if (kind === "result") return { type: "result", text };
  if (kind === "done" || kind === "cancelled") return { type: kind };
  const { code, message, field, suggestion, details } = readFailure(text);
  return { type: "failed", error: new RunAgentError(code, message, { field, suggestion, details }) };
}
