/**
 * The little Markdown that the talker speaks, as elements: paragraphs, lists, fenced code, strong, emphasis and code words. Everything
 * becomes text nodes, never HTML, so that whatever an agent says is shown and nothing of it runs.
 */

interface Block {
  readonly kind: "p" | "ul" | "pre";
  readonly lines: readonly string[];
}

const INLINE = /(\*\*[^*]+\*\*|\*[^*\s][^*]*\*|`[^`]+`)/;

/** Splits a text, which may stop anywhere, into blocks. */
function splitBlocks(text: string): Block[] {
  const blocks: { kind: Block["kind"]; lines: string[] }[] = [];
  let open: Block["kind"] | undefined;
  const add = (kind: Block["kind"], line?: string): void => {
    if (kind !== open) blocks.push({ kind, lines: [] });
    open = kind;
    if (line !== undefined) blocks.at(-1)?.lines.push(line);
  };
  for (const line of text.split("\n")) {
    const isFence = line.startsWith("```");
    if (open === "pre" && !isFence) add("pre", line);
    else if (isFence) {
      const ends = open === "pre";
      open = undefined;
      if (!ends) add("pre");
    } else if (line.trim() === "") open = undefined;
    else if (line.startsWith("- ")) add("ul", line.slice(2));
    else add("p", line);
  }
  return blocks;
}

/** Shows a growing text in an element. Blocks that are complete are left as they are, so that a selection in them stays. */
export class MarkdownView {
  readonly #element: HTMLElement;
  #shown: readonly string[] = [];

  constructor(element: HTMLElement) {
    this.#element = element;
  }

  /** Shows this text from now on. */
  update(text: string): void {
    const blocks = splitBlocks(text);
    const sources = blocks.map((block) => JSON.stringify(block));
    for (const [index, block] of blocks.entries()) {
      if (sources[index] === this.#shown[index]) continue;
      const present = this.#element.children[index];
      if (present === undefined) this.#element.append(toElement(block));
      else present.replaceWith(toElement(block));
    }
    while (this.#element.children.length > blocks.length) this.#element.lastElementChild?.remove();
    this.#shown = sources;
  }
}

function toElement({ kind, lines }: Block): HTMLElement {
  const element = document.createElement(kind);
  if (kind === "pre") {
    const code = document.createElement("code");
    code.textContent = lines.join("\n");
    element.append(code);
  } else if (kind === "ul") {
    for (const line of lines) element.append(fill(document.createElement("li"), line));
  } else fill(element, lines.join("\n"));
  return element;
}

function fill(element: HTMLElement, text: string): HTMLElement {
  for (const part of text.split(INLINE)) element.append(INLINE.test(part) ? toInline(part) : part);
  return element;
}

function toInline(part: string): HTMLElement {
  const [name, marks] = part.startsWith("**") ? ["strong", 2] : part.startsWith("*") ? ["em", 1] : ["code", 1];
  const element = document.createElement(String(name));
  element.textContent = part.slice(Number(marks), -Number(marks));
  return element;
}
