import { ACTIONS, CODE_BY_CLOSE, type ErrorCode, RETRYABLE } from "./gen/errors.ts";
import type { WireError } from "./gen/types.ts";

/** Everything an error may carry beside its code and message. */
export interface RunAgentErrorOptions {
  /** What to do about it; default: the action of the error table. */
  readonly suggestion?: string | undefined;
  readonly details?: unknown;
  /** The path of the input field that was refused. */
  readonly field?: string | undefined;
  /** Default: what the error table says of the code. */
  readonly retryable?: boolean | undefined;
  readonly requestId?: string | undefined;
  readonly invocationId?: string | undefined;
  /** The opaque position from which the stream can be continued. */
  readonly cursor?: string | undefined;
  /** wire: a server said so. local: found on this side. Default local. */
  readonly origin?: "wire" | "local" | undefined;
  readonly cause?: unknown;
}

// Two copies of this package (ESM and CommonJS, or two versions) must recognise each other's errors.
const BRAND = Symbol.for("runagent.error");

/** The one error of every RunAgent package, made locally or received from a server. */
export class RunAgentError extends Error {
  // Declared, not defined: the constructor sets each, and a bundle holds each name once.
  declare readonly name: string;
  declare readonly code: ErrorCode;
  declare readonly suggestion: string;
  declare readonly details: unknown;
  declare readonly field: string | undefined;
  declare readonly retryable: boolean;
  declare readonly requestId: string | undefined;
  declare readonly invocationId: string | undefined;
  declare readonly cursor: string | undefined;
  declare readonly origin: "wire" | "local";

  /**
   * @param code A code of the error table.
   * @param message A full sentence that says what was wrong.
   */
  constructor(code: ErrorCode, message: string, options: RunAgentErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "RunAgentError";
    this.code = code;
    this.suggestion = options.suggestion ?? ACTIONS[code];
    this.details = options.details;
    this.field = options.field;
    this.retryable = options.retryable ?? RETRYABLE.includes(code);
    this.requestId = options.requestId;
    this.invocationId = options.invocationId;
    this.cursor = options.cursor;
    this.origin = options.origin ?? "local";
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** True for an error of any copy of this class. */
  static is(value: unknown): value is RunAgentError {
    return typeof value === "object" && value !== null && BRAND in value;
  }

  /** The same error with more known about it; fields that are set already stay. */
  with(extra: Pick<RunAgentErrorOptions, "invocationId" | "cursor">): RunAgentError {
    return this.changed({ invocationId: this.invocationId ?? extra.invocationId, cursor: this.cursor ?? extra.cursor });
  }

  /** The same error with other details or another judgement; what is not given stays. */
  changed(changes: RunAgentErrorOptions): RunAgentError {
    const copy = new RunAgentError(this.code, this.message, { ...this, cause: this.cause, ...changes });
    if (this.stack !== undefined) copy.stack = this.stack;
    return copy;
  }

  /** What travels to a client: no stack, no cause. */
  toWire(): WireError {
    const { code, message, suggestion, details, field } = this;
    return { code, message, suggestion, ...(details !== undefined && { details }), ...(field !== undefined && { field }) };
  }

  toJSON(): Record<string, unknown> {
    const { name, retryable, origin, requestId, invocationId, cursor } = this;
    return { name, ...this.toWire(), retryable, origin, requestId, invocationId, cursor };
  }
}

/** True when the text is a code of the error table. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(ACTIONS, code);
}

const CODE_BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: "VALIDATION_ERROR",
  401: "AUTHENTICATION_ERROR",
  403: "PERMISSION_ERROR",
  404: "AGENT_NOT_FOUND",
  409: "INVOCATION_CONFLICT",
  410: "CURSOR_EXPIRED",
  413: "PAYLOAD_TOO_LARGE",
  422: "VALIDATION_ERROR",
  429: "RATE_LIMITED",
};

/** The code for an HTTP status when the body names none that is known. [http.envelope.3] */
export function codeOfStatus(status: number): ErrorCode {
  return CODE_BY_STATUS[status] ?? (status >= 400 && status < 500 ? "PROTOCOL_ERROR" : "SERVER_ERROR");
}

/** The code for a WebSocket close code, or undefined when it names no error. [live.close.1] */
export function codeOfClose(closeCode: number): ErrorCode | undefined {
  return CODE_BY_CLOSE[closeCode];
}
