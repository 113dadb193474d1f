import type { WriteStream } from "node:tty";
import { escapeControls, toOneLine } from "./escape.ts";
import { TextWriter } from "./text-writer.ts";

/** What a line beside the chunks is about: the call itself, or what the agent tells. */
export type Tone = "notice" | "event";

/** Where a call shows itself: chunks on standard output, all else on standard error. */
export interface Display {
  /** Writes chunks. @returns What to wait for before the next. */
  write(text: string): Promise<void> | undefined;
  /** Shows a line beside the chunks, after those that were written. @param tone How it looks where there are colours. Default notice. */
  note(line: string, tone?: Tone): void;
  /** So many chunks have come. */
  progress(chunks: number): void;
  /** The connection is lost. @param attempt 1 for the first connection after one that brought something. */
  reconnecting(attempt: number, reason: string): void;
  reconnected(): void;
  /** Leaves the terminal to a question, from the beginning of a line on; notes wait. @returns What gives it back, at the beginning of a line. */
  hold(): () => void;
  /** Writes out what is left. @param outcome What became of the call, in a word or two: the last status line begins with it; undefined: there is none. */
  end(outcome: string | undefined): void;
}

/** What a display needs to know. */
export interface DisplayOptions {
  /** Nobody reads standard output any more. */
  onBroken(error: Error): void;
  /** What is waited for, until the first chunk. */
  readonly waitingFor: string;
  /** What is shown while it runs, where somebody watches: a spinner and the status line of a stream, a spinner alone, or nothing. */
  readonly live: "stream" | "spinner" | "nothing";
}

/** The display that fits where the command runs: one for people where both streams are a terminal, else the plain one. */
export async function createDisplay(options: DisplayOptions): Promise<Display> {
  const { stdout, stderr, env } = process;
  // A 2>&1 whose reader has gone is told by stdout.
  stderr.on("error", () => {});
  // What builds on servers show is read afterwards, whatever they say of their terminal.
  const watched = stdout.isTTY && stderr.isTTY && !env.NO_COLOR && env.TERM !== "dumb" && env.CI === undefined;
  if (!watched || options.live === "nothing") return createPlainDisplay(options);
  const { createLiveDisplay } = await import("./live-display.ts");
  return createLiveDisplay(stdout, stderr, options);
}

/** Bytes as they are, or escaped where a terminal would obey them; notes as lines. */
function createPlainDisplay({ onBroken }: DisplayOptions): Display {
  const { stdout, stderr } = process;
  const writer = new TextWriter(stdout, onBroken);
  const shown = stdout.isTTY ? escapeControls : itself;
  let atLineStart = true;
  /** Notes that wait; undefined while none has to. */
  let held: string[] | undefined;
  const display: Display = {
    write(text) {
      if (text !== "") atLineStart = text.endsWith("\n");
      return writer.write(shown(text));
    },
    note(line) {
      if (held !== undefined) {
        held.push(line);
        return;
      }
      writer.flush(false);
      const sameScreen = stdout.isTTY && stderr.isTTY;
      stderr.write(`${sameScreen && !atLineStart ? "\n" : ""}${line}\n`);
      if (sameScreen) atLineStart = true;
    },
    progress() {},
    reconnecting: (_attempt, reason) => display.note(`Reconnecting: ${toOneLine(reason)}`),
    reconnected: () => display.note("Reconnected."),
    hold() {
      writer.flush(false);
      if (stdout.isTTY && !atLineStart) stderr.write("\n");
      atLineStart = true;
      held = [];
      return () => {
        const notes = held ?? [];
        held = undefined;
        for (const line of notes) display.note(line);
      };
    },
    end() {
      writer.flush(true);
      // On a terminal the prompt begins a line of its own.
      if (stdout.isTTY && !atLineStart) stdout.write("\n");
    },
  };
  return display;
}

const itself = (text: string): string => text;

/** True when this stream shows colours. */
export function isColoured(stream: WriteStream): boolean {
  return stream.isTTY && !process.env.NO_COLOR && process.env.TERM !== "dumb";
}
