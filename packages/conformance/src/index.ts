/** Tests any client or server of the RunAgent run-and-stream protocol: a fault proxy, lying servers, a history checker. */
export { createFaultProxy, type FaultProxy, type FaultProxyOptions, type FaultProxyStats } from "./fault-proxy.ts";
export { type FuzzReport, fuzzServer, type ServerFuzzOptions } from "./fuzz-server.ts";
export { createFuzzingServer, type FuzzingServer } from "./fuzzing-server.ts";
export { checkHistory, type HistoryEnd, type HistoryRecord, type HistoryReport } from "./history.ts";
export { type CaseStep, createLyingServer, type LyingServer, type StreamCase } from "./lying-server.ts";
export type { Drop } from "./proxy-context.ts";
export { createRandom, type Random } from "./random.ts";
export { type Action, type Direction, type FaultRule, type NumberOrRange, parseRules, readRules, type Trigger } from "./rules.ts";
