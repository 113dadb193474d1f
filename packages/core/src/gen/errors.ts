// Made by `npm run generate` from protocol/; do not edit.

/** What errors.yaml says of one code. */
export interface ErrorInfo {
  readonly httpStatus: number | null;
  readonly closeCode: number | null;
  readonly retryable: boolean;
  readonly action: string;
}

/** Every error code of the protocol. */
export type ErrorCode =
  | "AUTHENTICATION_ERROR"
  | "PERMISSION_ERROR"
  | "VALIDATION_ERROR"
  | "AGENT_NOT_FOUND"
  | "ENTRYPOINT_NOT_FOUND"
  | "STREAM_ENTRYPOINT"
  | "NON_STREAM_ENTRYPOINT"
  | "ARCHITECTURE_MISSING"
  | "INVOCATION_NOT_FOUND"
  | "INVOCATION_CONFLICT"
  | "RATE_LIMITED"
  | "PAYLOAD_TOO_LARGE"
  | "EXECUTION_ERROR"
  | "TIMEOUT"
  | "CANCELLED"
  | "OWNER_LOST"
  | "SERVER_ERROR"
  | "CURSOR_EXPIRED"
  | "CURSOR_AHEAD"
  | "EPOCH_CHANGED"
  | "ALREADY_DECIDED"
  | "APPROVAL_REQUIRED"
  | "CONNECTION_ERROR"
  | "STREAM_TRUNCATED"
  | "PROTOCOL_ERROR"
  | "AGENT_ADDRESS_NOT_FOUND"
  | "STREAM_CONSUMED";

/** What to do about each error. */
export const ACTIONS: Readonly<Record<ErrorCode, string>> = {
  /** The credential is missing, wrong or expired. */
  AUTHENTICATION_ERROR: "Pass a valid API key (apiKey, or RUNAGENT_API_KEY); then resume.",
  /** The credential is valid but may not do this, or the Origin or Host is not allowed. */
  PERMISSION_ERROR: "Use a key that owns the agent, or add the origin to the server's list.",
  /** A field, frame or option is malformed; field names it. */
  VALIDATION_ERROR: "Correct the named field; the same request will fail again.",
  /** The server does not host an agent of this id. */
  AGENT_NOT_FOUND: "Check agent_id, and that the agent is served here.",
  /** The agent has no entrypoint of this tag. */
  ENTRYPOINT_NOT_FOUND: "Use one of the tags that GET architecture lists.",
  /** A streaming tag was called through run. */
  STREAM_ENTRYPOINT: "Call it through run-stream (runStream).",
  /** A tag that does not end in _stream was called through run-stream. */
  NON_STREAM_ENTRYPOINT: "Call it through run.",
  /** The architecture answer holds no entrypoints. */
  ARCHITECTURE_MISSING: "Check that the address is a RunAgent server.",
  /** The server does not know this invocation, or this key may not see it. */
  INVOCATION_NOT_FOUND: "Check the id and the key; the log may have been dropped after its retention.",
  /** This invocation id was used before with other content. */
  INVOCATION_CONFLICT: "Choose a new invocation id.",
  /** Too many connections, invocations or requests. */
  RATE_LIMITED: "Wait for Retry-After, then repeat.",
  /** A body or frame is larger than the limit named in the message, or nested deeper. */
  PAYLOAD_TOO_LARGE: "Send less, or raise the limit by its name.",
  /** The agent raised an error; the message is the agent's. */
  EXECUTION_ERROR: "Read the message; the agent's log has the rest.",
  /** A deadline passed: connect, idle or total on the client, timeout_seconds or the first frame on the server. */
  TIMEOUT: "Raise the deadline that the message names, or look at why the agent is slow.",
  /** The invocation was cancelled: by this caller's signal, by another client, or by the server. */
  CANCELLED: "Start it again if that was not intended.",
  /** The process that ran the agent died; the invocation cannot go on. */
  OWNER_LOST: "Start it again, if the agent may run twice.",
  /** The server failed, not the agent. */
  SERVER_ERROR: "Repeat later; report the request id if it lasts.",
  /** Records after the cursor were dropped from the log. */
  CURSOR_EXPIRED: "Start again, or read the result with GET invocation.",
  /** The cursor is beyond the log: the server lost records that this client has. */
  CURSOR_AHEAD: "Keep what you have, and start again for the rest.",
  /** The log was started anew since the cursor was made. */
  EPOCH_CHANGED: "Discard the part and start again.",
  /** Another decision on this approval came first; details has it. */
  ALREADY_DECIDED: "Nothing: follow the decision that stands.",
  /** The agent waits for an approval and this client has no handler for it. */
  APPROVAL_REQUIRED: "Decide the requests in the error and resume from its cursor.",
  /** The server could not be reached, or the connection was lost before an answer. */
  CONNECTION_ERROR: "Check host, port and network, and that a RunAgent server listens there.",
  /** The connection ended without a terminal record; chunks may be missing. */
  STREAM_TRUNCATED: "Resume from the cursor in the error; without one, start again if the agent may run twice.",
  /** The peer sent something that this protocol does not allow. */
  PROTOCOL_ERROR: "Check the versions on both sides; report it with the request id.",
  /** No address is known for a local agent. */
  AGENT_ADDRESS_NOT_FOUND: "Pass host and port, or start the agent.",
  /** The stream has a consumer already; it is read once. */
  STREAM_CONSUMED: "Use one of for await, events, cursor, collect, text or toReadableStream; call runStream again for another.",
};

/** The codes after which the same call may succeed and cannot run the agent twice. */
export const RETRYABLE: readonly ErrorCode[] = ["RATE_LIMITED", "SERVER_ERROR", "CONNECTION_ERROR"];

/** The code that a WebSocket close code names. */
export const CODE_BY_CLOSE: Readonly<Record<number, ErrorCode>> = {
  4401: "AUTHENTICATION_ERROR",
  4403: "PERMISSION_ERROR",
  4400: "VALIDATION_ERROR",
  4404: "AGENT_NOT_FOUND",
  4409: "INVOCATION_CONFLICT",
  4429: "RATE_LIMITED",
  1009: "PAYLOAD_TOO_LARGE",
  4408: "TIMEOUT",
  4410: "CURSOR_EXPIRED",
  4411: "CURSOR_AHEAD",
  4412: "EPOCH_CHANGED",
  4002: "PROTOCOL_ERROR",
};

/** The close code of a connection whose peer broke the protocol. */
export const PROTOCOL_ERROR_CLOSE = 4002;

/** The closed table of errors, by code. */
export const ERRORS: Readonly<Record<ErrorCode, ErrorInfo>> = /* @__PURE__ */ (() => ({
  AUTHENTICATION_ERROR: { httpStatus: 401, closeCode: 4401, retryable: false, action: ACTIONS.AUTHENTICATION_ERROR },
  PERMISSION_ERROR: { httpStatus: 403, closeCode: 4403, retryable: false, action: ACTIONS.PERMISSION_ERROR },
  VALIDATION_ERROR: { httpStatus: 400, closeCode: 4400, retryable: false, action: ACTIONS.VALIDATION_ERROR },
  AGENT_NOT_FOUND: { httpStatus: 404, closeCode: 4404, retryable: false, action: ACTIONS.AGENT_NOT_FOUND },
  ENTRYPOINT_NOT_FOUND: { httpStatus: 404, closeCode: 4404, retryable: false, action: ACTIONS.ENTRYPOINT_NOT_FOUND },
  STREAM_ENTRYPOINT: { httpStatus: 400, closeCode: 4400, retryable: false, action: ACTIONS.STREAM_ENTRYPOINT },
  NON_STREAM_ENTRYPOINT: { httpStatus: 400, closeCode: 4400, retryable: false, action: ACTIONS.NON_STREAM_ENTRYPOINT },
  ARCHITECTURE_MISSING: { httpStatus: 502, closeCode: null, retryable: false, action: ACTIONS.ARCHITECTURE_MISSING },
  INVOCATION_NOT_FOUND: { httpStatus: 404, closeCode: 4404, retryable: false, action: ACTIONS.INVOCATION_NOT_FOUND },
  INVOCATION_CONFLICT: { httpStatus: 409, closeCode: 4409, retryable: false, action: ACTIONS.INVOCATION_CONFLICT },
  RATE_LIMITED: { httpStatus: 429, closeCode: 4429, retryable: true, action: ACTIONS.RATE_LIMITED },
  PAYLOAD_TOO_LARGE: { httpStatus: 413, closeCode: 1009, retryable: false, action: ACTIONS.PAYLOAD_TOO_LARGE },
  EXECUTION_ERROR: { httpStatus: 500, closeCode: null, retryable: false, action: ACTIONS.EXECUTION_ERROR },
  TIMEOUT: { httpStatus: 504, closeCode: 4408, retryable: false, action: ACTIONS.TIMEOUT },
  CANCELLED: { httpStatus: 409, closeCode: null, retryable: false, action: ACTIONS.CANCELLED },
  OWNER_LOST: { httpStatus: 503, closeCode: null, retryable: false, action: ACTIONS.OWNER_LOST },
  SERVER_ERROR: { httpStatus: 500, closeCode: 1011, retryable: true, action: ACTIONS.SERVER_ERROR },
  CURSOR_EXPIRED: { httpStatus: 410, closeCode: 4410, retryable: false, action: ACTIONS.CURSOR_EXPIRED },
  CURSOR_AHEAD: { httpStatus: 409, closeCode: 4411, retryable: false, action: ACTIONS.CURSOR_AHEAD },
  EPOCH_CHANGED: { httpStatus: 409, closeCode: 4412, retryable: false, action: ACTIONS.EPOCH_CHANGED },
  ALREADY_DECIDED: { httpStatus: 409, closeCode: null, retryable: false, action: ACTIONS.ALREADY_DECIDED },
  APPROVAL_REQUIRED: { httpStatus: 409, closeCode: null, retryable: false, action: ACTIONS.APPROVAL_REQUIRED },
  CONNECTION_ERROR: { httpStatus: null, closeCode: null, retryable: true, action: ACTIONS.CONNECTION_ERROR },
  STREAM_TRUNCATED: { httpStatus: null, closeCode: null, retryable: false, action: ACTIONS.STREAM_TRUNCATED },
  PROTOCOL_ERROR: { httpStatus: null, closeCode: 4002, retryable: false, action: ACTIONS.PROTOCOL_ERROR },
  AGENT_ADDRESS_NOT_FOUND: { httpStatus: null, closeCode: null, retryable: false, action: ACTIONS.AGENT_ADDRESS_NOT_FOUND },
  STREAM_CONSUMED: { httpStatus: null, closeCode: null, retryable: false, action: ACTIONS.STREAM_CONSUMED },
}))();
