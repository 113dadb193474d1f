/**
 * What the server and a process that runs agent code (a worker) say to each other. The server writes JSON lines to file descriptor 3 of
 * the worker; the worker writes lines of `<kind> <id> <JSON>` to its descriptor 4. Standard output and error are the agent's own: they
 * are its log, and never part of this.
 *
 *   load ─▶            ◀─ ready 0 {…}                 once; `fresh`: trust nothing that was compiled before; an entrypoint that cannot be loaded says so in it
 *   start id ─▶        ◀─ chunk id …, event id …      at most `window` characters that no ack has answered; an agent that would go beyond waits
 *   ack id ─▶
 *   answer id ─▶       ◀─ turn id n, approval id {…}  what the agent asks and waits for, each with a number of its own, in order with the chunks
 *   cancel id ─▶       ◀─ stuck id {…}                when the agent's code does not stop
 *                      ◀─ one of: result id …, done id, failed id {…}, cancelled id
 *   ping ─▶            ◀─ pong 0 null                 unless the agent's code keeps it from answering
 *   end of file ─▶     the worker ends: nobody is there any more
 *
 * Chunks and results are the JSON text that travels to clients: the server does not parse them, so that a number keeps all its digits.
 */
import { type AgentEvent, isJsonObject, type JsonObject, type WireError } from "@runagent/core";
import type { ApprovalAnswer, ApprovalRequest } from "../context.ts";

/** An entrypoint for a worker to load. */
export interface LoadEntry {
  readonly tag: string;
  readonly file: string;
  readonly module: string;
}

/** From the server to a worker. */
export type WorkerCommand =
  | {
      readonly op: "load";
      readonly folder: string;
      readonly entrypoints: readonly LoadEntry[];
      readonly max_chunk_bytes: number;
      readonly fresh: boolean;
    }
  | {
      readonly op: "start";
      readonly id: number;
      readonly tag: string;
      readonly args: readonly unknown[];
      readonly kwargs: JsonObject;
      readonly invocation_id: string;
      readonly user_id: string | null;
      readonly persistent_memory: boolean;
      readonly window: number;
    }
  | { readonly op: "ack"; readonly id: number; readonly bytes: number }
  /** What the agent asked by this number: null for a turn, the decision of an approval, or why it could not be asked. */
  | {
      readonly op: "answer";
      readonly id: number;
      readonly number: number;
      readonly answer: ApprovalAnswer | null;
      readonly error?: WireError;
    }
  /** `error` says what has ended the invocation. */
  | { readonly op: "cancel"; readonly id: number; readonly error: WireError }
  | { readonly op: "ping" };

/** What a worker tells of an entrypoint once it is loaded, or why it cannot be. */
export interface LoadedEntry {
  readonly tag: string;
  /** chunks: it is a generator; value: it is known to return no iterable; unknown: only a call shows. */
  readonly yields: "chunks" | "value" | "unknown";
  readonly description: string | undefined;
  readonly inputSchema: JsonObject | undefined;
  /** One line; the traceback is in the agent's log. */
  readonly error: string | undefined;
}

/** What `approval` holds: the request as ctx.requireApproval takes it, which checks it. */
export interface WorkerApproval {
  readonly number: number;
  readonly request: ApprovalRequest;
}

/** How a call failed. */
export interface WorkerFailure {
  readonly code: "EXECUTION_ERROR" | "VALIDATION_ERROR";
  readonly message: string;
  readonly field: string | undefined;
  readonly suggestion: string | undefined;
  readonly details: unknown;
}

/** What `ready` holds. */
export function readReady(text: string): ReadonlyMap<string, LoadedEntry> {
  const ready: unknown = JSON.parse(text);
  const entries = isJsonObject(ready) && Array.isArray(ready.entrypoints) ? ready.entrypoints.filter(isJsonObject) : [];
  return new Map(
    entries.map((entry) => {
      const tag = String(entry.tag);
      const yields = entry.yields === "chunks" || entry.yields === "value" ? entry.yields : "unknown";
      const inputSchema = isJsonObject(entry.input_schema) ? entry.input_schema : undefined;
      return [tag, { tag, yields, description: textOf(entry.description), inputSchema, error: textOf(entry.error) }];
    }),
  );
}

/** What `event` holds; ctx.emit checks it. @throws Error when it is no JSON. */
export function readEvent(text: string): AgentEvent {
  return JSON.parse(text);
}

/** What `turn` holds. @throws Error when it is no such message. */
export function readTurn(text: string): number {
  return readNumber(JSON.parse(text));
}

/** What `approval` holds. @throws Error when it is no such message. */
export function readApproval(text: string): WorkerApproval {
  const { number, request } = JSON.parse(text);
  return { number: readNumber(number), request };
}

function readNumber(number: unknown): number {
  if (typeof number === "number" && Number.isSafeInteger(number)) return number;
  throw new Error("A worker asks by a number.");
}

/** What `failed` holds. */
export function readFailure(text: string): WorkerFailure {
  const failure: unknown = JSON.parse(text);
  const { code, message, field, suggestion, details } = isJsonObject(failure) ? failure : {};
  return {
    code: code === "VALIDATION_ERROR" ? code : "EXECUTION_ERROR",
    message: textOf(message) ?? "The agent failed without a message.",
    field: textOf(field),
    suggestion: textOf(suggestion),
    details,
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
