import type { ErrorCode, RunAgentError } from "@runagent/core";

/** How the command ends. The help of the program says the same. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  notAllowed: 4,
  noConnection: 5,
  timeout: 6,
  undecided: 7,
  cancelled: 130,
} as const;

const BY_CODE: Partial<Record<ErrorCode, number>> = {
  VALIDATION_ERROR: EXIT.usage,
  STREAM_ENTRYPOINT: EXIT.usage,
  NON_STREAM_ENTRYPOINT: EXIT.usage,
  AGENT_NOT_FOUND: EXIT.notFound,
  ENTRYPOINT_NOT_FOUND: EXIT.notFound,
  INVOCATION_NOT_FOUND: EXIT.notFound,
  AGENT_ADDRESS_NOT_FOUND: EXIT.notFound,
  AUTHENTICATION_ERROR: EXIT.notAllowed,
  PERMISSION_ERROR: EXIT.notAllowed,
  CONNECTION_ERROR: EXIT.noConnection,
  STREAM_TRUNCATED: EXIT.noConnection,
  TIMEOUT: EXIT.timeout,
  APPROVAL_REQUIRED: EXIT.undecided,
  CANCELLED: EXIT.cancelled,
};

/** The exit code for an error of the table. */
export function exitCodeOf({ code }: RunAgentError): number {
  return BY_CODE[code] ?? EXIT.failed;
}

/** The command was typed wrong: nothing was done, exit code 2. The message is a full sentence, the hint says what to type. */
export class UsageError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.name = "UsageError";
    this.hint = hint;
  }
}
