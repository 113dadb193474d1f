import type { Readable, Writable } from "node:stream";
import type { RunAgentStream } from "runagent";
import { type Message, textOf } from "./message.ts";

/** Where a stream is shown, and who may cancel it. */
export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable;
}

/**
 * Shows what the writer writes as it comes. Enter cancels it, and so does SIGINT (Ctrl+C).
 * @throws RunAgentError whatever ends the stream, except a cancel.
 */
export async function showStream(stream: RunAgentStream<Message>, { stdin, stdout }: Terminal): Promise<void> {
  const cancel = (): void => {
    // Nobody waits for the answer: the loop below sees the end, and throws what went wrong.
    void stream.cancel();
  };
  const release = onCancelRequest(stdin, cancel);
  let text = "";
  let status: Message["status"] = "in_progress";
  try {
    for await (const message of stream) {
      const piece = textOf(message);
      stdout.write(piece);
      text += piece;
      status = message.status;
    }
  } finally {
    release();
  }
  const ending = stream.summary?.status === "cancelled" ? "Cancelled" : status === "completed" ? "Completed" : "Incomplete";
  stdout.write(`\n\n${ending}: received ${count(stream.summary?.chunks ?? 0, "message")} with ${count(countWords(text), "word")}.\n`);
}

/** @returns a function that lets go of standard input and of the signal, so that the program can end. */
function onCancelRequest(stdin: Terminal["stdin"], cancel: () => void): () => void {
  const onData = (data: string | Buffer): void => {
    if (data.includes("\n")) cancel();
  };
  // Only a person presses Enter: a pipe or file is left unread, and its end means nothing.
  if (stdin.isTTY) stdin.on("data", onData);
  // Not `once`: npm and the terminal may both send the signal, and the second one would end the program at once.
  process.on("SIGINT", cancel);
  return () => {
    process.off("SIGINT", cancel);
    stdin.off("data", onData);
    if (stdin.isTTY) stdin.pause();
  };
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function countWords(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}
