import { assertId, isJsonObject, RunAgentError } from "@runagent/core";
import type { RetryInfo } from "./reconnects.ts";

/** What one call may say beside its input. */
export interface CallOptions {
  /** Positional arguments. */
  readonly args?: readonly unknown[] | undefined;
  /** Aborting it cancels the invocation and rejects the call, or the next read, with CANCELLED. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds the invocation may take in all. Default: timeoutSeconds of the client; else 300000 for run, none for streams. */
  readonly timeoutMs?: number | undefined;
  /** In place of the client's, for a stream; over server-sent events it can only be made shorter. */
  readonly connectTimeoutMs?: number | undefined;
  /** In place of the client's. */
  readonly idleTimeoutMs?: number | undefined;
  /** In place of the client's. */
  readonly onDisconnect?: "continue" | "cancel" | undefined;
  /** In place of a random one: sending the same start twice with one id runs the agent once. */
  readonly invocationId?: string | undefined;
  /** Called before each reconnect of the stream; what it throws is an uncaught exception. */
  readonly onReconnect?: ((info: RetryInfo) => void) | undefined;
}

/** What a resume may say: the call itself was made before. */
export type ResumeOptions = Omit<CallOptions, "args" | "onDisconnect" | "invocationId">;

/** Checks what the caller passed, which in plain JavaScript may be anything. @throws RunAgentError VALIDATION_ERROR that names the option. */
export function checkCallOptions(options: unknown): asserts options is CallOptions {
  if (!isJsonObject(options)) throw invalid("options", "must be an object");
  const { args, signal, onDisconnect, invocationId, onReconnect } = options;
  if (args !== undefined && !Array.isArray(args)) throw invalid("args", "must be an array of positional arguments");
  if (signal !== undefined && !isSignal(signal)) throw invalid("signal", "must be an AbortSignal");
  for (const name of ["timeoutMs", "connectTimeoutMs", "idleTimeoutMs"]) {
    const value = options[name];
    // Infinity is a way to say "no deadline"; NaN is not above anything.
    if (value !== undefined && !(typeof value === "number" && value >= 0))
      throw invalid(name, "must be a number of milliseconds, not below 0");
  }
  if (onDisconnect !== undefined && onDisconnect !== "continue" && onDisconnect !== "cancel") {
    throw invalid("onDisconnect", 'must be "continue" or "cancel"');
  }
  if (onReconnect !== undefined && typeof onReconnect !== "function") throw invalid("onReconnect", "must be a function");
  if (invocationId !== undefined) assertId(invocationId, "invocationId");
}

/** The named arguments. @throws RunAgentError VALIDATION_ERROR for what would not travel as an object. */
export function checkInput(input: unknown): Record<string, unknown> {
  const travels = isJsonObject(input) && typeof input.toJSON !== "function" && !(input instanceof Map) && !(input instanceof Set);
  if (travels) return input;
  throw new RunAgentError("VALIDATION_ERROR", "The input must be an object of named arguments.", {
    field: "input",
    suggestion: "Pass positional arguments as options.args.",
  });
}

function isSignal(value: unknown): boolean {
  return typeof value === "object" && value !== null && "aborted" in value && "addEventListener" in value;
}

function invalid(field: string, problem: string): RunAgentError {
  return new RunAgentError("VALIDATION_ERROR", `options.${field} ${problem}.`, { field });
}
