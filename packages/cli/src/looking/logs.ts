/** `runagent db logs`: what an agent printed, and with --follow what it prints. */
import { watch } from "node:fs";
import type { FoundAgent } from "runagent/local-agents";
import { type LogLine, readLogLine } from "../store/agent-log.ts";
import { LineReader } from "../store/line-reader.ts";
import { agentFiles } from "../store/paths.ts";
import { printedLine } from "../terminal/escape.ts";
import { localTime } from "../terminal/local-time.ts";
import { type AgentOptions, knownAgent } from "./agents.ts";
import { type Output, openOutput } from "./output.ts";

/** What was typed. */
export interface LogsOptions extends AgentOptions {
  readonly lines: number;
  readonly follow: boolean;
  readonly output: "text" | "json";
}

/** Some file systems tell of no change. */
const POLL_MS = 500;
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Prints the last lines of an agent's log, then those that come. @throws RunAgentError AGENT_NOT_FOUND */
export async function showLogs(options: LogsOptions): Promise<void> {
  const { agentId, lines, follow } = options;
  const agent = knownAgent(agentId);
  const { log, folder } = agentFiles(agentId);
  const ended = new AbortController();
  const output = openOutput(process.stdout, () => ended.abort());
  const reader = new LineReader(log);
  try {
    const kept = lastLines(reader.read(), lines);
    if (kept.length === 0 && lines > 0) process.stderr.write(`${sayEmpty(agentId, agent)}\n`);
    await writeLines(output, kept, options);
    if (follow) await followLines(folder, reader, ended, (more) => writeLines(output, more, options));
    output.end();
  } finally {
    reader.close();
  }
}

function sayEmpty(agentId: string, agent: FoundAgent | undefined): string {
  if (agent?.source === "sqlite") return `Agent ${agentId} was registered by another SDK, which keeps its logs elsewhere.`;
  return `Agent ${agentId} has printed nothing here.`;
}

/** Only as many as are wanted are taken apart: a log may have a hundred thousand. */
function lastLines(all: readonly string[], count: number): LogLine[] {
  const last: LogLine[] = [];
  for (let index = all.length - 1; index >= 0 && last.length < count; index--) {
    const line = readLogLine(all[index] ?? "");
    if (line !== undefined) last.push(line);
  }
  return last.reverse();
}

/** Until Ctrl-C, or nobody reads any more. */
async function followLines(
  folder: string,
  reader: LineReader,
  ended: AbortController,
  write: (lines: readonly LogLine[]) => Promise<void>,
): Promise<void> {
  const { signal } = ended;
  let changed = false;
  let wake: () => void = () => {};
  const notice = (): void => {
    changed = true;
    wake();
  };
  const stop = (): void => ended.abort();
  for (const name of SIGNALS) process.once(name, stop);
  signal.addEventListener("abort", notice);
  const watcher = startWatching(folder, notice);
  const poll = setInterval(notice, POLL_MS);
  try {
    while (!signal.aborted) {
      changed = false;
      const lines = reader.read().flatMap((line) => readLogLine(line) ?? []);
      if (lines.length > 0) await write(lines);
      if (changed || signal.aborted) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    clearInterval(poll);
    watcher?.close();
    for (const name of SIGNALS) process.off(name, stop);
  }
}

function startWatching(folder: string, onChange: () => void): { close(): void } | undefined {
  try {
    return watch(folder, onChange).on("error", () => {});
  } catch {
    // It is not there yet, or the system has no more watches: the timer looks as well.
    return undefined;
  }
}

async function writeLines(output: Output, lines: readonly LogLine[], { output: format }: LogsOptions): Promise<void> {
  for (const line of lines) {
    if (!output.open) return;
    await output.write(`${format === "json" ? JSON.stringify(line) : toText(line, output)}\n`);
  }
}

function toText({ time, stream, text }: LogLine, output: Output): string {
  const line = process.stdout.isTTY ? printedLine(text, output.coloured) : text;
  // Not the agent's own words.
  const said = stream === "serve" ? output.style("dim", `runagent: ${line}`) : line;
  return `${output.style("dim", localTime(time, "milliseconds"))} ${said}`;
}
