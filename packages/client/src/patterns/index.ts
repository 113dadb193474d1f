/** What people write by hand around streams: small functions over any async iterable, for any runtime. */
export { type BufferedOptions, buffered } from "./buffered.ts";
export type { RelaySocket } from "./line.ts";
export { markdownBlocks } from "./markdown-blocks.ts";
export type { OnClose, StreamParts } from "./options.ts";
export { type RelayEnd, type RelayOptions, relay } from "./relay.ts";
export { type Branches, type TeeOptions, tee } from "./tee.ts";
export { type ThrottledOptions, throttled } from "./throttled.ts";
export { type JSONLinesOptions, toJSONLines } from "./to-json-lines.ts";
export { type SSEOptions, toSSE } from "./to-sse.ts";
export { type Progress, withProgress } from "./with-progress.ts";
export { type TimeoutInfo, type TimeoutOptions, withTimeout } from "./with-timeout.ts";
