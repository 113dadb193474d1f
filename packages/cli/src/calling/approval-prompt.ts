/** The question whether a tool may be called, to whoever sits at the terminal. */
import { createInterface } from "node:readline";
import type { ReadStream } from "node:tty";
import { styleText } from "node:util";
import type { ApprovalDecision, ApprovalQuestion } from "runagent";
import { describeQuestion } from "./describe-approval.ts";

/** So long, in milliseconds, what was typed before the question is on its way. */
const TYPED_BEFORE_MS = 20;
const MAX_REASON_LENGTH = 4096;
const CTRL_C = "\u0003";
const PROMPT = "Approve? (y)es, (N)o, no REASON, (l)ater: ";

/** An answer: a decision, or that there is none now. */
export type Answer = ApprovalDecision | "later";

/**
 * Asks on standard error, and reads a line of standard input, both of which are a terminal.
 * @param signal Aborts when nobody need answer any more.
 * @returns undefined when it has aborted.
 */
export async function askPerson(question: ApprovalQuestion, signal: AbortSignal): Promise<Answer | undefined> {
  const { stdin, stderr } = process;
  await discardTyped(stdin);
  if (signal.aborted) return undefined;
  const [title = "", ...lines] = describeQuestion(question.requests);
  stderr.write(`${[styleText("yellow", title, { stream: stderr }), ...lines].join("\n")}\n`);
  for (;;) {
    stderr.write(PROMPT);
    const line = await readLine(stdin, signal);
    // The cursor stands behind the prompt.
    if (typeof line !== "string") stderr.write("\n");
    if (line === undefined) return undefined;
    const answer = line === null ? "later" : readAnswer(line);
    if (answer !== undefined) return answer;
  }
}

/** What a line means; undefined: nothing that is sure. Who says nothing does not approve. */
export function readAnswer(line: string): Answer | undefined {
  const [, word = "", reason = ""] = /^\s*(\S*)\s*(.*?)\s*$/.exec(line) ?? [];
  const only = reason === "";
  switch (word.toLowerCase()) {
    case "y":
    case "yes":
      return only ? "approve" : undefined;
    case "":
    case "n":
    case "no":
      return only ? "reject" : { decision: "reject", reason: reason.slice(0, MAX_REASON_LENGTH) };
    case "l":
    case "later":
      return only ? "later" : undefined;
    default:
      return undefined;
  }
}

/** A key that was pressed before the question was there is no answer to it. */
async function discardTyped(stdin: ReadStream): Promise<void> {
  // Raw, because a line that has no end yet would come with the answer.
  stdin.setRawMode(true);
  const onData = (typed: Buffer): void => {
    // It is no signal meanwhile.
    if (typed.includes(CTRL_C)) process.kill(process.pid, "SIGINT");
  };
  // A listener alone does not wake what an earlier question has paused.
  stdin.on("data", onData).resume();
  await new Promise((resolve) => setTimeout(resolve, TYPED_BEFORE_MS));
  stdin.off("data", onData).pause();
  stdin.setRawMode(false);
}

/** @returns undefined when the signal aborts, null at the end of the input (Ctrl-D). */
function readLine(stdin: ReadStream, signal: AbortSignal): Promise<string | null | undefined> {
  return new Promise((resolve) => {
    let ended = false;
    const onEnd = (): void => {
      ended = true;
    };
    // Before the reader of lines hears of it, which takes what has no end yet for a line: who leaves has not answered.
    stdin.once("end", onEnd);
    // The terminal edits the line: what it does to signals stays as it was.
    const lines = createInterface({ input: stdin, terminal: false });
    const onAbort = (): void => lines.close();
    let line: string | null = null;
    lines.once("line", (text) => {
      if (!ended) line = text;
      lines.close();
    });
    lines.once("close", () => {
      stdin.off("end", onEnd);
      signal.removeEventListener("abort", onAbort);
      resolve(signal.aborted ? undefined : line);
    });
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
  });
}
