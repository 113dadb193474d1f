/**
 * Splits Markdown into blocks, line by line. What is open is one of:
 *   nothing    blank lines at most, which begin the next block
 *   paragraph  until a blank line, which ends it, or a line that begins another block
 *   list       until a line that is neither indented nor an item, after a blank one, or a line that begins another block
 *   code       indented: until a line that is not
 *   fence      until its closing line, whatever stands between
 * A heading and a thematic break are a line each. In doubt two blocks stay one: they are shown the same, and a block cut in two is not.
 */

const BLANK = /^[ \t]*$/;
const FENCE = /^ {0,3}(`{3,}(?!.*`)|~{3,})/;
const HEADING = /^ {0,3}#{1,6}([ \t]|$)/;
const BREAK = /^ {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$/;
/** Makes the paragraph above it a heading. */
const UNDERLINE = /^ {0,3}(=+|-+)[ \t]*$/;
const QUOTE = /^ {0,3}>/m;
const ITEM = /^( {0,3}(?:[-+*]|\d{1,9}[.)]))([ \t]+|$)/;
/** A list that may follow a paragraph without a blank line: not "1986. A great year", and no empty item. */
const INTERRUPTING_ITEM = /^ {0,3}(?:[-+*]|1[.)])[ \t]+\S/;
const CODE_INDENT = 4;

/** Splits a text that comes in pieces into blocks of Markdown. */
export class BlockSplitter {
  /** The lines of the block that is open. */
  #block = "";
  /** The beginning of a line whose end has not come. */
  #line = "";
  #kind: "nothing" | "paragraph" | "list" | "code" | "fence" = "nothing";
  /** The marks that opened the fence. */
  #fence = "";
  /** The column from which a line belongs to the code, or to the last outer item of the list. */
  #indent = 0;
  /** Nothing stands behind the marker of that item so far. */
  #emptyItem = false;
  #afterBlank = false;

  /** The blocks that are complete with this piece. */
  push(text: string): string[] {
    const blocks: string[] = [];
    let start = 0;
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
      this.#take(this.#line + text.slice(start, end + 1), blocks);
      this.#line = "";
      start = end + 1;
    }
    this.#line += text.slice(start);
    return blocks;
  }

  /** What is left once nothing more comes. */
  end(): string[] {
    const blocks: string[] = [];
    if (this.#line !== "") this.#take(this.#line, blocks);
    this.#line = "";
    this.#flush(blocks);
    return blocks;
  }

  #take(line: string, blocks: string[]): void {
    const text = line.replace(/\r?\n$/, "");
    const blank = BLANK.test(text);
    if (!blank && !this.#continues(text)) this.#flush(blocks);
    this.#block += line;
    if (this.#accepts(text, blank)) this.#flush(blocks);
    else this.#afterBlank = blank;
  }

  /** Whether a line that is not blank belongs to what is open. */
  #continues(text: string): boolean {
    if (this.#kind === "nothing" || this.#kind === "fence") return true;
    if (this.#kind !== "paragraph" && indentOf(text) >= this.#indent) return true;
    if (this.#kind === "code") return false;
    if (FENCE.test(text) || HEADING.test(text)) return false;
    if (this.#kind === "list") return !BREAK.test(text) && (ITEM.test(text) || !this.#afterBlank);
    // Dashes below a paragraph make it a heading.
    return !INTERRUPTING_ITEM.test(text) && (!BREAK.test(text) || text.includes("-"));
  }

  /** Takes a line into the block. True: with it the block is complete. */
  #accepts(text: string, blank: boolean): boolean {
    switch (this.#kind) {
      case "nothing":
        return !blank && this.#begin(text);
      case "paragraph":
        // In a quote it is text: the paragraph may go on below.
        return blank || (UNDERLINE.test(text) && !QUOTE.test(this.#block));
      case "list":
        // An item that begins with a blank line is over with it.
        if (blank && this.#emptyItem) this.#indent = Number.POSITIVE_INFINITY;
        this.#emptyItem = false;
        if (!blank && indentOf(text) < this.#indent) this.#enterItem(text);
        return false;
      case "code":
        return false;
      case "fence":
        return this.#closesFence(text);
    }
  }

  /** The first line of a block. True: it is all of it. */
  #begin(text: string): boolean {
    this.#kind = "paragraph";
    if (HEADING.test(text) || BREAK.test(text)) return true;
    const fence = FENCE.exec(text)?.[1];
    if (fence !== undefined) {
      this.#kind = "fence";
      this.#fence = fence;
    } else if (indentOf(text) >= CODE_INDENT) {
      this.#kind = "code";
      this.#indent = CODE_INDENT;
    } else if (ITEM.test(text)) {
      this.#kind = "list";
      this.#enterItem(text);
    }
    return false;
  }

  #enterItem(text: string): void {
    const [, marker, space = ""] = ITEM.exec(text) ?? [];
    // After five spaces the item begins with indented code.
    if (marker === undefined) return;
    this.#emptyItem = marker.length + space.length === text.length;
    this.#indent = marker.length + (space.length > CODE_INDENT ? 1 : Math.max(space.length, 1));
  }

  #closesFence(text: string): boolean {
    const [whole = "", marks = ""] = FENCE.exec(text) ?? [];
    return marks[0] === this.#fence[0] && marks.length >= this.#fence.length && BLANK.test(text.slice(whole.length));
  }

  #flush(blocks: string[]): void {
    if (this.#block !== "") blocks.push(this.#block);
    this.#block = "";
    this.#kind = "nothing";
  }
}

/** The column of the first character that is no space. */
function indentOf(text: string): number {
  let column = 0;
  for (const char of text) {
    if (char === "\t") column += CODE_INDENT - (column % CODE_INDENT);
    else if (char === " ") column++;
    else break;
  }
  return column;
}
