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

/** The closed table of errors, by code. */
export const ERRORS: Readonly<Record<ErrorCode, ErrorInfo>> = {
  /** The credential is missing, wrong or expired. Pass a valid API key (apiKey, or RUNAGENT_API_KEY); then resume. */
  AUTHENTICATION_ERROR: { httpStatus: 401, closeCode: 4401, retryable: false, action: "Pass a valid API key (apiKey, or RUNAGENT_API_KEY); then resume." },
  /** The credential is valid but may not do this, or the Origin or Host is not allowed. Use a key that owns the agent, or add the origin to the server's list. */
  PERMISSION_ERROR: { httpStatus: 403, closeCode: 4403, retryable: false, action: "Use a key that owns the agent, or add the origin to the server's list." },
  /** A field, frame or option is malformed; field names it. Correct the named field; the same request will fail again. */
  VALIDATION_ERROR: { httpStatus: 400, closeCode: 4400, retryable: false, action: "Correct the named field; the same request will fail again." },
  /** The server does not host an agent of this id. Check agent_id, and that the agent is served here. */
  AGENT_NOT_FOUND: { httpStatus: 404, closeCode: 4404, retryable: false, action: "Check agent_id, and that the agent is served here." },
  /** The agent has no entrypoint of this tag. Use one of the tags that GET architecture lists. */
  ENTRYPOINT_NOT_FOUND: { httpStatus: 404, closeCode: 4404, retryable: false, action: "Use one of the tags that GET architecture lists." },
  /** A streaming tag was called through run. Call it through run-stream (runStream). */
  STREAM_ENTRYPOINT: { httpStatus: 400, closeCode: 4400, retryable: false, action: "Call it through run-stream (runStream)." },
  /** A tag that does not end in _stream was called through run-stream. Call it through run. */
  NON_STREAM_ENTRYPOINT: { httpStatus: 400, closeCode: 4400, retryable: false, action: "Call it through run." },
  /** The architecture answer holds no entrypoints. Check that the address is a RunAgent server. */
  ARCHITECTURE_MISSING: { httpStatus: 502, closeCode: null, retryable: false, action: "Check that the address is a RunAgent server." },
  /** The server does not know this invocation, or this key may not see it. Check the id and the key; the log may have been dropped after its retention. */
  INVOCATION_NOT_FOUND: { httpStatus: 404, closeCode: 4404, retryable: false, action: "Check the id and the key; the log may have been dropped after its retention." },
  /** This invocation id was used before with other content. Choose a new invocation id. */
  INVOCATION_CONFLICT: { httpStatus: 409, closeCode: 4409, retryable: false, action: "Choose a new invocation id." },
  /** Too many connections, invocations or requests. Wait for Retry-After, then repeat. */
  RATE_LIMITED: { httpStatus: 429, closeCode: 4429, retryable: true, action: "Wait for Retry-After, then repeat." },
  /** A body or frame is larger than the limit named in the message, or nested deeper. Send less, or raise the limit by its name. */
  PAYLOAD_TOO_LARGE: { httpStatus: 413, closeCode: 1009, retryable: false, action: "Send less, or raise the limit by its name." },
  /** The agent raised an error; the message is the agent's. Read the message; the agent's log has the rest. */
  EXECUTION_ERROR: { httpStatus: 500, closeCode: null, retryable: false, action: "Read the message; the agent's log has the rest." },
  /** A deadline passed: connect, idle or total on the client, timeout_seconds or the first frame on the server. Raise the deadline that the message names, or look at why the agent is slow. */
  TIMEOUT: { httpStatus: 504, closeCode: 4408, retryable: false, action: "Raise the deadline that the message names, or look at why the agent is slow." },
  /** The invocation was cancelled: by this caller's signal, by another client, or by the server. Start it again if that was not intended. */
  CANCELLED: { httpStatus: 409, closeCode: null, retryable: false, action: "Start it again if that was not intended." },
  /** The process that ran the agent died; the invocation cannot go on. Start it again, if the agent may run twice. */
  OWNER_LOST: { httpStatus: 503, closeCode: null, retryable: false, action: "Start it again, if the agent may run twice." },
  /** The server failed, not the agent. Repeat later; report the request id if it lasts. */
  SERVER_ERROR: { httpStatus: 500, closeCode: 1011, retryable: true, action: "Repeat later; report the request id if it lasts." },
  /** Records after the cursor were dropped from the log. Start again, or read the result with GET invocation. */
  CURSOR_EXPIRED: { httpStatus: 410, closeCode: 4410, retryable: false, action: "Start again, or read the result with GET invocation." },
  /** The cursor is beyond the log: the server lost records that this client has. Keep what you have, and start again for the rest. */
  CURSOR_AHEAD: { httpStatus: 409, closeCode: 4411, retryable: false, action: "Keep what you have, and start again for the rest." },
  /** The log was started anew since the cursor was made. Discard the part and start again. */
  EPOCH_CHANGED: { httpStatus: 409, closeCode: 4412, retryable: false, action: "Discard the part and start again." },
  /** Another decision on this approval came first; details has it. Nothing: follow the decision that stands. */
  ALREADY_DECIDED: { httpStatus: 409, closeCode: null, retryable: false, action: "Nothing: follow the decision that stands." },
  /** The agent waits for an approval and this client has no handler for it. Decide the requests in the error and resume from its cursor. */
  APPROVAL_REQUIRED: { httpStatus: 409, closeCode: null, retryable: false, action: "Decide the requests in the error and resume from its cursor." },
  /** The server could not be reached, or the connection was lost before an answer. Check host, port and network, and that a RunAgent server listens there. */
  CONNECTION_ERROR: { httpStatus: null, closeCode: null, retryable: true, action: "Check host, port and network, and that a RunAgent server listens there." },
  /** The connection ended without a terminal record; chunks may be missing. Resume from the cursor in the error; without one, start again if the agent may run twice. */
  STREAM_TRUNCATED: { httpStatus: null, closeCode: null, retryable: false, action: "Resume from the cursor in the error; without one, start again if the agent may run twice." },
  /** The peer sent something that this protocol does not allow. Check the versions on both sides; report it with the request id. */
  PROTOCOL_ERROR: { httpStatus: null, closeCode: 4002, retryable: false, action: "Check the versions on both sides; report it with the request id." },
  /** No address is known for a local agent. Pass host and port, or start the agent. */
  AGENT_ADDRESS_NOT_FOUND: { httpStatus: null, closeCode: null, retryable: false, action: "Pass host and port, or start the agent." },
  /** The stream has a consumer already; it is read once. Use one of for await, events, cursor, collect, text or toReadableStream; call runStream again for another. */
  STREAM_CONSUMED: { httpStatus: null, closeCode: null, retryable: false, action: "Use one of for await, events, cursor, collect, text or toReadableStream; call runStream again for another." },
};
