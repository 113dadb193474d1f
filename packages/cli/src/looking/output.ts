import type { WriteStream } from "node:tty";
import { styleText } from "node:util";
import stringWidth from "string-width";
import { isColoured } from "../terminal/display.ts";
import { toOneLine } from "../terminal/escape.ts";
import { reportUnwritable } from "../terminal/report.ts";
import { TextWriter } from "../terminal/text-writer.ts";

/** How a cell looks where there are colours. */
export type Style = "dim" | "red" | "green" | "yellow" | "bold";

/** A cell of a table: text from anywhere, and how it looks. */
export type Cell = string | { readonly text: string; readonly style: Style };

interface ShownCell {
  readonly text: string;
  readonly style: Style | undefined;
}

/** What a command prints on: standard output. */
export interface Output {
  /** Whether somebody watches who can see colours. */
  readonly coloured: boolean;
  /** How wide the terminal is; undefined where there is none. */
  readonly columns: number | undefined;
  /** False once nobody reads any more. */
  readonly open: boolean;
  /** @returns What to wait for before the next write. */
  write(text: string): Promise<void> | undefined;
  style(style: Style, text: string): string;
  /** Writes out what is left. */
  end(): void;
}

const GAP = "  ";
// What turns the direction of text would let one cell pose as another.
const DIRECTIONS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Standard output. Whoever reads it may leave: that ends what writes, and is no error. A full disk is one. @param onClosed Called then. */
export function openOutput(stream: WriteStream = process.stdout, onClosed: () => void = () => {}): Output {
  let open = true;
  const writer = new TextWriter(stream, (error) => {
    open = false;
    reportUnwritable(error);
    onClosed();
  });
  const coloured = isColoured(stream);
  return {
    coloured,
    columns: stream.isTTY && stream.columns > 0 ? stream.columns : undefined,
    get open() {
      return open;
    },
    write: (text) => writer.write(text),
    style: (style, text) => (coloured ? styleText(style, text, { stream }) : text),
    end: () => writer.flush(true),
  };
}

/**
 * Rows below their titles, aligned; nothing in them reaches the terminal raw, and none has a second line. Where a row is wider than the
 * terminal, each is a block: its titles, one below the other, and beside them its cells.
 */
export function formatTable(output: Output, rows: readonly (readonly Cell[])[], titles: readonly string[] = []): string {
  const head = titles.map((text): Cell => ({ text, style: "bold" }));
  const all = (head.length > 0 ? [head, ...rows] : rows).map((row) => row.map(toShown));
  const columns = Math.max(...all.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) => Math.max(...all.map((row) => stringWidth(row[column]?.text ?? ""))));
  const formatCell = ({ text, style }: ShownCell, column: number): string =>
    (style === undefined ? text : output.style(style, text)) + " ".repeat((widths[column] ?? 0) - stringWidth(text));
  const width = widths.reduce((sum, one) => sum + one + GAP.length, -GAP.length);
  if (titles.length > 0 && output.columns !== undefined && width > output.columns) {
    const blocks = rows.map((row) => row.map((cell, column): Cell[] => [head[column] ?? "", cell]));
    return blocks.map((block) => formatTable(output, block)).join("\n");
  }
  return all.map((row) => `${row.map(formatCell).join(GAP).trimEnd()}\n`).join("");
}

/** Objects as JSON lines. */
export function formatJson(objects: readonly object[]): string {
  return objects.map((object) => `${JSON.stringify(object)}\n`).join("");
}

function toShown(cell: Cell): ShownCell {
  const { text, style } = typeof cell === "string" ? { text: cell, style: undefined } : cell;
  const line = toOneLine(text).replaceAll("\t", " ");
  const safe = line.replace(DIRECTIONS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return { text: safe, style };
}
