/**
 * What client and server share: frames, codec, errors and cursor of the RunAgent run-and-stream protocol.
 * Users of the SDK find what they need in `runagent` and `@runagent/server`; this is for authors of those.
 */
export { events, type KnownEvent, type RunItemEvent, type TypedEvent, type UnknownEvent, type UnknownEventType } from "./agent-events.ts";
export { type Cursor, decodeCursor, encodeCursor } from "./cursor.ts";
export { codeOfClose, codeOfStatus, isErrorCode, RunAgentError, type RunAgentErrorOptions } from "./errors.ts";
export {
  type ClientFrame,
  check,
  readClientFrame,
  readServerFrame,
  type ServerFrame,
  type UnknownFrame,
} from "./frames.ts";
export { validateApprovalRequest, validateCancelRequest, validateRunRequest, validateRunRequestV1 } from "./gen/client-frames.ts";
export { ERRORS, type ErrorCode, type ErrorInfo, PROTOCOL_ERROR_CLOSE } from "./gen/errors.ts";
export type * from "./gen/types.ts";
export { assertEntrypointTag, assertId, isId, isStreamTag } from "./ids.ts";
export {
  type BlameCode,
  excerpt,
  isDeeperThan,
  isJsonObject,
  type JsonObject,
  MAX_JSON_DEPTH,
  parseJson,
  parseJsonObject,
  typeName,
} from "./json.ts";
export { connectHost, isAddress, parseLocalAgent } from "./local-agent.ts";
export { isMessage, textOf } from "./message.ts";
export { type StandardSchemaV1, validateWith } from "./standard-schema.ts";
export { encodeValueV1, type FrameV1, readChunkV1, readFrameV1, readResultV1 } from "./v1.ts";
export type { Rule, Validator, Violation } from "./validator.ts";
export { describeDetail, errorFromHttp, errorFromWire } from "./wire-error.ts";
