import { parseLine } from "./line-reader.ts";
import type { LineWriter } from "./line-writer.ts";

/** Who said a line of the log: the agent on its standard output or error, or `runagent serve` itself. */
export type LogStream = "stdout" | "stderr" | "serve";

/** A line of the log. */
export interface LogLine {
  /** ISO 8601. */
  readonly time: string;
  readonly stream: LogStream;
  readonly text: string;
}

/** A longer line is kept as several. */
export const MAX_LINE_LENGTH: number = 64 * 1024;

const STREAMS: readonly unknown[] = ["stdout", "stderr", "serve"] satisfies LogStream[];

/** Keeps what an agent prints, line by line. */
export class AgentLog {
  readonly #writer: LineWriter;
  /** What was printed since the last line break. */
  readonly #rest = { stdout: "", stderr: "" };

  constructor(writer: LineWriter) {
    this.#writer = writer;
  }

  /** @param text For stdout and stderr whatever came: it may end inside a line. For serve it is whole. */
  write(stream: LogStream, text: string): void {
    const lines = (stream === "serve" ? `${text}\n` : this.#rest[stream] + text).split("\n");
    const rest = lines.pop() ?? "";
    if (stream !== "serve") {
      const whole = rest.length - (rest.length % MAX_LINE_LENGTH);
      this.#rest[stream] = rest.slice(whole);
      if (whole > 0) lines.push(rest.slice(0, whole));
    }
    this.#writer.write(encodeLines(stream, lines));
  }

  /** Writes what has no line break at its end, and closes the file. */
  close(): void {
    for (const stream of ["stdout", "stderr"] as const) {
      if (this.#rest[stream] !== "") this.#writer.write(encodeLines(stream, [this.#rest[stream]]));
      this.#rest[stream] = "";
    }
    this.#writer.close();
  }
}

/** The line of the log in a line of its file; undefined when that is damaged. */
export function readLogLine(line: string): LogLine | undefined {
  const { time, stream, text } = parseLine(line) ?? {};
  return typeof time === "string" && isStream(stream) && typeof text === "string" ? { time, stream, text } : undefined;
}

function isStream(value: unknown): value is LogStream {
  return STREAMS.includes(value);
}

function encodeLines(stream: LogStream, lines: readonly string[]): string {
  const time = new Date().toISOString();
  const encode = (text: string): string => `${JSON.stringify({ time, stream, text } satisfies LogLine)}\n`;
  return lines.flatMap((line) => cut(line.endsWith("\r") ? line.slice(0, -1) : line).map(encode)).join("");
}

function cut(line: string): string[] {
  const pieces = [line.slice(0, MAX_LINE_LENGTH)];
  for (let at = MAX_LINE_LENGTH; at < line.length; at += MAX_LINE_LENGTH) pieces.push(line.slice(at, at + MAX_LINE_LENGTH));
  return pieces;
}
