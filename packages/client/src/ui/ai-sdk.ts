/** A stream for `useChat` of the AI SDK. */
export {
  type ChatClient,
  type ChatDecision,
  type ChatRequest,
  type ChatStream,
  type ChatTransportOptions,
  type ReconnectRequest,
  RunAgentChatTransport,
} from "./chat-transport.ts";
export type { ChatStorage } from "./kept-chats.ts";
export type { EventStream, OnClose, StreamedRecord, TranslationOptions } from "./source.ts";
export { toUIMessageStream, type UIMessageStreamOptions } from "./to-ui-message-stream.ts";
export { type ApprovalDescriptor, approvalsAnswered, type UIMessageChunk, type UIMessageLike } from "./ui-message-chunk.ts";
