import type { WriteStream } from "node:tty";
import { styleText } from "node:util";
import createSpinner from "yocto-spinner";
import { columnAfter } from "./column.ts";
import type { Display, DisplayOptions, Tone } from "./display.ts";
import { clip, escapeControls } from "./escape.ts";
import { TextWriter } from "./text-writer.ts";

const UPDATE_MS = 100;
const ERASE_BELOW = "\u001b[J";
const UP = "\u001b[A";
const DEFAULT_COLUMNS = 80;
const SPINNER_WIDTH = 3;
const COLOURS = { notice: "yellow", event: "cyan" } as const;

/**
 * Chunks with a status line below them, on a terminal.
 *
 *   text of the chunks so far▮      ← the cursor stands here between writes
 *   12 chunks · 4/s · 3.0 s         ← rewritten from there, with movements that are relative: they hold when the screen scrolls
 */
export function createLiveDisplay(stdout: WriteStream, stderr: WriteStream, options: DisplayOptions): Display {
  return new LiveDisplay(stdout, stderr, options);
}

class LiveDisplay implements Display {
  readonly #stdout: WriteStream;
  readonly #stderr: WriteStream;
  readonly #writer: TextWriter;
  readonly #counts: boolean;
  readonly #waitingFor: string;
  readonly #spinner;
  readonly #timer: NodeJS.Timeout;
  readonly #onExit = (): void => this.#leave();
  readonly #onResize = (): void => this.#resized();
  readonly #beganMs = performance.now();
  #firstMs: number | undefined;
  /** Of the cursor. Undefined: nobody knows, until the next line begins; there is no status line meanwhile. */
  #column: number | undefined = 0;
  /** What the status line says; it is made anew at most every UPDATE_MS. */
  #status = "";
  #drawn = false;
  #chunks = 0;
  #reconnects = 0;
  /** Connections made in vain since the last one was lost. */
  #attempt = 0;
  /** Text of this turn: one redraw is enough for all of it. */
  #text = "";
  #scheduled = false;
  /** What waits while a question has the terminal; undefined while none has. */
  #held: [line: string, tone: Tone][] | undefined;

  constructor(stdout: WriteStream, stderr: WriteStream, { onBroken, waitingFor, live }: DisplayOptions) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#writer = new TextWriter(stdout, onBroken);
    this.#counts = live === "stream";
    this.#waitingFor = `Waiting for ${escapeControls(waitingFor)}`;
    // Its own handling of signals would end the process before the invocation is cancelled.
    this.#spinner = createSpinner({ text: this.#fit(this.#waitingFor), stream: stderr, handleSignals: false }).start();
    this.#timer = setInterval(() => this.#update(), UPDATE_MS);
    this.#timer.unref();
    process.on("exit", this.#onExit);
    stdout.on("resize", this.#onResize);
  }

  write(text: string): Promise<void> | undefined {
    this.#text += escapeControls(text);
    if (!this.#scheduled) {
      this.#scheduled = true;
      process.nextTick(() => this.#show());
    }
    return this.#writer.write("");
  }

  note(line: string, tone: Tone = "notice"): void {
    if (this.#held !== undefined) {
      this.#held.push([line, tone]);
      return;
    }
    this.#show();
    this.#spinner.stop();
    this.#erase();
    const newLine = this.#column === 0 ? "" : "\n";
    this.#stderr.write(`${newLine}${styleText(COLOURS[tone], line, { stream: this.#stderr })}\n`);
    this.#column = 0;
    this.#draw();
  }

  progress(chunks: number): void {
    this.#chunks = chunks;
    this.#firstMs ??= performance.now();
  }

  reconnecting(attempt: number): void {
    this.#attempt = attempt;
    this.#reconnects++;
    this.#tellConnection();
  }

  reconnected(): void {
    this.#attempt = 0;
    this.#tellConnection();
  }

  hold(): () => void {
    this.#show();
    this.#spinner.stop();
    this.#erase();
    if (this.#column !== 0) this.#stderr.write("\n");
    this.#column = 0;
    this.#held = [];
    return () => {
      const notes = this.#held ?? [];
      this.#held = undefined;
      for (const [line, tone] of notes) this.note(line, tone);
      this.#show();
      this.#update();
    };
  }

  end(outcome: string | undefined): void {
    this.#show();
    this.#stop();
    this.#writer.flush(true);
    const newLine = this.#column === 0 ? "" : "\n";
    const last = outcome === undefined ? newLine : `${newLine}${this.#paint(`${outcome} · ${this.#figures()}`)}\n`;
    if (last !== "") this.#stderr.write(last);
  }

  /** The process ends, whatever it was doing: the terminal is put in order. */
  #leave(): void {
    this.#stop();
    if (this.#column !== 0) this.#stderr.write("\n");
  }

  #stop(): void {
    process.off("exit", this.#onExit);
    this.#stdout.off("resize", this.#onResize);
    clearInterval(this.#timer);
    this.#spinner.stop();
    this.#erase();
  }

  /** Lines that had wrapped wrap elsewhere now. */
  #resized(): void {
    this.#erase();
    if (this.#column !== 0) this.#column = undefined;
  }

  get #columns(): number {
    return this.#stdout.columns || DEFAULT_COLUMNS;
  }

  /** Writes the text of this turn. */
  #show(): void {
    this.#scheduled = false;
    if (this.#text === "" || this.#held !== undefined) return;
    const text = this.#text;
    this.#text = "";
    this.#spinner.stop();
    this.#erase();
    void this.#writer.write(text);
    this.#writer.flush(false);
    this.#column = columnAfter(text, this.#column, this.#columns);
    if (this.#status === "") this.#status = this.#say();
    this.#draw();
  }

  #tellConnection(): void {
    if (this.#spinner.isSpinning) this.#spinner.text = this.#fit(this.#waitingFor + this.#reconnecting());
    else this.#update();
  }

  /** As much of a text as the spinner has room for. */
  #fit(text: string): string {
    return clip(text, this.#columns - SPINNER_WIDTH);
  }

  #update(): void {
    if (this.#spinner.isSpinning || this.#held !== undefined) return;
    const status = this.#say();
    if (status === this.#status && this.#drawn) return;
    this.#status = status;
    this.#erase();
    this.#draw();
  }

  #erase(): void {
    if (this.#drawn) this.#stderr.write(ERASE_BELOW);
    this.#drawn = false;
  }

  #draw(): void {
    if (this.#column === undefined || this.#status === "" || this.#held !== undefined) return;
    // In a line that is exactly full the cursor has no column to come back to: the next chunk draws it again.
    if (this.#column >= this.#columns) return;
    const status = this.#paint(clip(this.#status, this.#columns - 1));
    this.#stderr.write(this.#column === 0 ? `${status}\r` : `\n${status}${UP}\u001b[${this.#column + 1}G`);
    this.#drawn = true;
  }

  #say(): string {
    return this.#counts ? this.#figures() + this.#reconnecting() : "";
  }

  #reconnecting(): string {
    return this.#attempt > 0 ? ` · reconnecting (attempt ${this.#attempt})…` : "";
  }

  #figures(): string {
    const nowMs = performance.now();
    const seconds = (nowMs - this.#beganMs) / 1000;
    const flowing = this.#firstMs === undefined ? 0 : (nowMs - this.#firstMs) / 1000;
    const rate = this.#chunks > 1 && flowing > 0 ? [`${formatRate(this.#chunks / flowing)} chunks/s`] : [];
    const again = this.#reconnects > 0 ? [count(this.#reconnects, "reconnect")] : [];
    const counts = this.#counts ? [count(this.#chunks, "chunk"), ...rate, ...again] : [];
    return [...counts, `${seconds.toFixed(1)} s`].join(" · ");
  }

  #paint(text: string): string {
    return styleText("dim", text, { stream: this.#stderr });
  }
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

function formatRate(rate: number): string {
  return rate < 10 ? rate.toFixed(1) : String(Math.round(rate));
}
