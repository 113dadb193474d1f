/**
 * What the tests of the live display share: a terminal to run the command in, and one that shows what came out of it.
 */
import { fileURLToPath } from "node:url";
import stringWidth from "string-width";
import { type Running, type StartOptions, start } from "./support.ts";

const PTY = fileURLToPath(new URL("in-terminal.py", import.meta.url));

/** The size of a terminal. */
export interface Size {
  readonly rows: number;
  readonly columns: number;
}

/** Starts `runagent` in a terminal; all that it shows is the `stdout` of the result. */
export function startInTerminal(args: readonly string[], { rows, columns }: Size, options: StartOptions = {}): Running {
  const env = { TERM: "xterm-256color", ...options.env };
  return start(args, { ...options, env, within: ["python3", PTY, String(rows), String(columns)], keepInput: true });
}

/** Colours, and what hides the cursor or holds back the screen. */
const IGNORED: ReadonlySet<string> = new Set(["m", "?h", "?l"]);

/** A terminal of a fixed size: what stands on it after some output, lines that have left it at the top included. */
export class Screen {
  readonly #size: Size;
  #lines: string[][] = [[]];
  /** The line of the cursor, counted from the first ever; and its column, which may be behind the last. */
  #row = 0;
  #column = 0;
  cursorHidden = false;

  constructor(size: Size) {
    this.#size = size;
  }

  get column(): number {
    return this.#column;
  }

  get lines(): string[] {
    return this.#lines.map((cells) =>
      Array.from(cells, (cell) => cell ?? " ")
        .join("")
        .trimEnd(),
    );
  }

  /** @throws Error for a control sequence that the display has no need of. */
  write(output: string): this {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    const parts = output.split(/\u001b\[(\??)([\d;]*)([A-Za-z])/);
    for (let index = 0; index < parts.length; index += 4) {
      const [text = "", mark = "", parameter = "", letter] = parts.slice(index, index + 4);
      for (const { segment } of new Intl.Segmenter().segment(text)) this.#put(segment);
      if (letter !== undefined) this.#control(mark, parameter, letter);
    }
    return this;
  }

  #put(segment: string): void {
    if (segment === "\r\n") {
      this.#column = 0;
      this.#down();
    } else if (segment === "\n") this.#down();
    else if (segment === "\r") this.#column = 0;
    else if (segment === "\t") this.#column = Math.min((Math.floor(this.#column / 8) + 1) * 8, this.#size.columns - 1);
    else if (segment < " " || segment === "\u007f") throw new Error(`The terminal was sent ${JSON.stringify(segment)}.`);
    else this.#print(segment);
  }

  #print(segment: string): void {
    const width = stringWidth(segment);
    if (this.#column + width > this.#size.columns) {
      this.#column = 0;
      this.#down();
    }
    const line = this.#lines[this.#row] ?? [];
    line[this.#column] = segment;
    if (width === 2) line[this.#column + 1] = "";
    this.#column += width;
  }

  #down(): void {
    this.#row++;
    this.#lines[this.#row] ??= [];
  }

  #control(mark: string, parameter: string, letter: string): void {
    const count = Number(parameter || 1);
    const firstShown = Math.max(0, this.#lines.length - this.#size.rows);
    if (parameter === "25" && mark === "?") this.cursorHidden = letter === "l";
    if (letter === "A") this.#row = Math.max(firstShown, this.#row - count);
    else if (letter === "G") this.#column = count - 1;
    else if (letter === "J" && parameter === "") this.#erase(true);
    else if (letter === "K" && (parameter === "" || parameter === "0")) this.#erase(false);
    else if (letter === "K" && parameter === "1") this.#lines[this.#row] = [];
    else if (!IGNORED.has(mark + letter)) throw new Error(`The terminal was sent CSI ${mark}${parameter}${letter}.`);
  }

  #erase(below: boolean): void {
    const line = this.#lines[this.#row] ?? [];
    line.length = Math.min(line.length, this.#column);
    // Erased lines stay on the screen.
    if (below) for (let row = this.#row + 1; row < this.#lines.length; row++) this.#lines[row] = [];
  }
}
