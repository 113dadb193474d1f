import type { Readable } from "node:stream";

/** A line of an agent's prints that is longer is told in pieces. */
const MAX_PRINT_LENGTH = 65_536;

/** Calls back with every line of a stream, without its end; what follows the last one is a line too. */
export function onLines(stream: Readable, callback: (line: string) => void, maxLength: number = Number.POSITIVE_INFINITY): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    // A line of megabytes comes in many parts, and is put together once.
    if (!text.includes("\n") && rest.length + text.length <= maxLength) {
      rest += text;
      return;
    }
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) callback(line);
    for (; rest.length > maxLength; rest = rest.slice(maxLength)) callback(rest.slice(0, maxLength));
  });
  stream.on("end", () => {
    if (rest !== "") callback(rest);
    rest = "";
  });
  // It goes with its process, whose end is told elsewhere.
  stream.on("error", () => {});
}

/** The lines that an agent prints. */
export function onPrintedLines(stream: Readable, callback: (line: string) => void): void {
  onLines(stream, (line) => callback(line.replace(/\r$/, "")), MAX_PRINT_LENGTH);
}
