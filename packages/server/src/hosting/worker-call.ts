/**
 * One call of an agent's function in a worker, as the server sees it.
 */
import { RunAgentError } from "@runagent/core";
import type { ApprovalAnswer } from "../context.ts";
import { readFailure, type WorkerCommand } from "./worker-messages.ts";

/** How a call ended. */
export type CallEnd =
  | { readonly type: "result"; readonly text: string }
  | { readonly type: "done" }
  | { readonly type: "cancelled" }
  | { readonly type: "failed"; readonly error: RunAgentError };

/** What a call says while it runs. */
export type CallItemType = "chunk" | "event" | "turn" | "approval";

/** What becomes of a call. */
export interface CallEvents {
  /** @param text JSON. */
  item(type: CallItemType, text: string): void;
  /** Called once, last. */
  end(end: CallEnd): void;
}

/** What a call is started with. */
export type CallRequest = Omit<Extract<WorkerCommand, { readonly op: "start" }>, "op" | "id">;

/** A call that runs. */
export interface WorkerCall {
  /** The consumer took this many characters. */
  ack(bytes: number): void;
  /** Answers what the agent has asked by this number. */
  answer(number: number, answer: ApprovalAnswer | null): void;
  /** What the agent has asked by this number cannot be asked. */
  refuse(number: number, error: RunAgentError): void;
  /** @param why What has ended the invocation. */
  cancel(why: RunAgentError): void;
}

/** True for the kind of a message that says something while the call runs. */
export function isItem(kind: string): kind is CallItemType {
  return kind === "chunk" || kind === "event" || kind === "turn" || kind === "approval";
}

/** The end that a message tells. */
export function readEnd(kind: string, text: string): CallEnd {
  if (kind === "result") return { type: "result", text };
  if (kind === "done" || kind === "cancelled") return { type: kind };
  const { code, message, field, suggestion, details } = readFailure(text);
  return { type: "failed", error: new RunAgentError(code, message, { field, suggestion, details }) };
}

/** What ended an invocation, or kept something from being asked. */
export function reasonOf(thrown: unknown): RunAgentError {
  return RunAgentError.is(thrown) ? thrown : new RunAgentError("CANCELLED", "The invocation was cancelled.");
}
