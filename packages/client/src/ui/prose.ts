import { type Message, textOf } from "@runagent/core";

/** What the reader has seen of the same answer before. */
export interface Shown {
  /** The text of the step before the last, and that of the last. */
  readonly steps: readonly [string, string];
  /** The last text that was shown. */
  readonly last: string;
}

/** Characters of a step that are looked at: more than a message that comes in one record can be expected to hold. */
const REMEMBERED = 1_048_576;

/**
 * What is new of the text that messages bring, so that none is shown twice. A message that is in progress is a snapshot: the next one
 * holds its text and more. A complete message (`message_output_created`) mostly repeats what came as chunks, in its step or, where it comes
 * late, the one before.
 */
export class Prose {
  /** The text of the message that is in progress, as far as it was shown. */
  #snapshot: string | undefined;
  /** What was shown in the step before and in this one, without white space, which agents trim. */
  #before: string;
  #shown: string;

  constructor({ steps: [before, shown], last }: Shown = { steps: ["", ""], last: "" }) {
    this.#before = squeeze(before);
    this.#shown = squeeze(shown);
    this.#snapshot = last === "" ? undefined : last;
  }

  /** A chunk that is text. */
  text(text: string): void {
    this.#snapshot = undefined;
    this.#remember(text);
  }

  /** A chunk that is a message: the text that is new, and whether it goes on with that of the message before. */
  message(message: Message): { readonly text: string; readonly continues: boolean } {
    const whole = textOf(message);
    const before = this.#snapshot;
    const continues = before !== undefined && whole.startsWith(before);
    const text = continues ? whole.slice(before.length) : whole;
    this.#remember(text);
    this.#snapshot = message.status === "in_progress" ? whole : undefined;
    return { text, continues };
  }

  /** An event that says that a message is complete: its text, where it was not shown before. */
  output(message: Message): string {
    const text = textOf(message);
    const squeezed = squeeze(text);
    if (this.#shown.includes(squeezed) || this.#before.includes(squeezed)) return "";
    this.#remember(text);
    return text;
  }

  /** A step is over. */
  endStep(): void {
    this.#before = this.#shown;
    this.#shown = "";
  }

  /** An agent that marks no turns may talk for days. */
  #remember(text: string): void {
    this.#shown += squeeze(text);
    if (this.#shown.length > 2 * REMEMBERED) this.#shown = this.#shown.slice(-REMEMBERED);
  }
}

function squeeze(text: string): string {
  return text.replaceAll(/\s+/g, "");
}
