import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { markdownBlocks } from "../../src/patterns/index.ts";
import { createSource, nextTurn, read, seed, sourceOf } from "./sources.ts";

const blocksOf = async (...chunks: string[]): Promise<string[]> => (await read(markdownBlocks(sourceOf(chunks)))).items;

/** Cuts a text at the given places, which may be in the middle of a line break or a character. */
function cut(text: string, places: readonly number[]): string[] {
  const at = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((start, index) => text.slice(start, at[index]));
}

describe("markdownBlocks", () => {
  it.each<[string, string[]]>([
    ["paragraphs", ["One\ntwo.\n\n", "Three."]],
    ["blank lines beyond the first begin the next block", ["One.\n\n", "\n\nTwo.\n"]],
    ["blank lines alone", ["\n \n\t\n"]],
    ["headings", ["# One\n", "## Two\n", "Text\n", "### Three\n", "#hashtag\n"]],
    ["a heading below a paragraph by its line", ["Title\n===\n", "Other\nline\n---\n", "Text\n"]],
    ["an underline in a quote is text", ["> Title\n===\nmore\n\n", "Text"]],
    ["thematic breaks", ["One\n\n", "---\n", "* * *\n", "Two\n", "***\n", "Three"]],
    ["a fence waits for its end", ["```js\na\n\n# b\n\n- c\n```\n", "After"]],
    ["a fence ends with as many marks at least, of its own kind, and nothing behind", ["````\n```\n~~~~\n```` x\n\n`````\n", "After"]],
    ["tildes", ["~~~ ```\n\n```\n~~~\n", "After"]],
    ["three spaces before a fence, four are code", ["   ```\n\n    ```\n\n  ```  \n", "    ```\n\n", "After"]],
    ["backticks behind backticks are no fence", ["``` a`b\n\n", "After"]],
    ["a fence right below a paragraph", ["Look:\n", "```\n\n```\n"]],
    ["a fence that never ends", ["Look:\n", "```\na\n\nb\n\n"]],
    ["a list, loose and nested", ["- a\n\n- b\n  - c\n\n    more of c\n\n1. d\n\n", "After\n\n", "Text"]],
    ["more of an outer item below an inner one", ["- a\n  - b\n\n  more of a\n\n", "After"]],
    ["an item that begins with indented code", ["-      a\n\n  b\n\n", "After"]],
    ["a list below a paragraph", ["Look:\n", "- a\nlazy\n- b\n\n", "After"]],
    ["a number is no list in the middle of a paragraph", ["It was in\n1986. A great year.\n\n", "After"]],
    ["a list that starts indented", ["  - a\n\n    more\n\n   - b\n\n", "After"]],
    ["a fence in an item", ["1. a\n   ```js\n   b\n\n   c\n   ```\n2. d\n\n", "```\ne\n```\n"]],
    ["an item that begins with a blank line is over", ["1.\n\n", "   ```\n\n   # a\n\n```\n", "After"]],
    ["an item may begin on the next line", ["-\n  a\n\n  b\n\n", "After"]],
    ["a heading ends a list", ["- a\n", "# b\n", "- c\n", "---\n"]],
    ["tabs", ["-\ta\n\n\tb\n\n", "c"]],
    ["indented code with blank lines", ["    a\n\n    b\n\n", "c"]],
    ["text right below indented code", ["    a\n", "b\n---\n", "c"]],
    ["quotes and tables", ["> a\n>\n> b\n\n", "| a |\n|---|\n| b |\n\n", "c"]],
    ["carriage returns", ["a\r\nb\r\n\r\n", "```\r\n\r\n```\r\n", "c\r\n"]],
    ["no text", []],
  ])("%s", async (_what, blocks) => {
    expect(await blocksOf(blocks.join(""))).toEqual(blocks);
    // And character by character.
    expect(await blocksOf(...blocks.join(""))).toEqual(blocks);
  });

  it(`wherever the chunks are cut, the blocks are the same, and joined they are the text (seed ${seed})`, async () => {
    const line = fc.constantFrom(
      "text",
      "```",
      "````",
      "~~~",
      "``` js",
      "# a",
      "- a",
      "  b",
      "    c",
      "\td",
      "1. e",
      "7) f",
      "---",
      "===",
      "> q",
      "",
      " ",
      "\r",
      "é😀",
      "***",
    );
    const text = fc
      .tuple(fc.array(fc.tuple(line, fc.constantFrom("\n", "\n", "\r\n", "\n\n")), { maxLength: 30 }), line)
      .map(([lines, last]) => lines.map(([content, end]) => content + end).join("") + last);
    const any = fc.oneof({ weight: 4, arbitrary: text }, { weight: 1, arbitrary: fc.string({ unit: "binary" }) });
    await fc.assert(
      fc.asyncProperty(any, fc.array(fc.nat(), { maxLength: 20 }), async (whole, places) => {
        const chunks = cut(whole, places);
        expect(chunks.join("")).toBe(whole);
        const blocks = await blocksOf(...chunks);
        expect(blocks.join("")).toBe(whole);
        expect(blocks).toEqual(await blocksOf(whole));
        expect(blocks).not.toContain("");
      }),
      { seed, numRuns: 1000 },
    );
  });

  it(`no block ends within a fence (seed ${seed})`, async () => {
    const inside = fc.array(fc.constantFrom("a", "", "# b", "- c", "~~~", "``", "    ```", "---"), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(inside, fc.integer({ min: 3, max: 6 }), fc.integer({ min: 0, max: 2 }), async (lines, length, more) => {
        const fence = "`".repeat(length);
        const block = `${fence}\n${lines.map((line) => `${line}\n`).join("")}${"`".repeat(length + more)}\n`;
        expect(await blocksOf(`Look:\n${block}After`)).toEqual(["Look:\n", block, "After"]);
      }),
      { seed, numRuns: 500 },
    );
  });

  it("a block comes as soon as it is whole", async () => {
    const source = createSource("# Title\nTe");
    const blocks = markdownBlocks(source);
    expect((await blocks.next()).value).toBe("# Title\n");
    const next = blocks.next();
    source.push("xt\n");
    await nextTurn();
    source.push("\n");
    expect((await next).value).toBe("Text\n\n");
    const code = blocks.next();
    source.push("```\n\n");
    await nextTurn();
    source.push("```\n");
    expect((await code).value).toBe("```\n\n```\n");
    await blocks.return?.();
  });

  it("what is open comes before an error", async () => {
    const failure = new Error("the source failed");
    expect(await read(markdownBlocks(sourceOf(["a\n\nb\n", "c"], failure)))).toEqual({ items: ["a\n\n", "b\nc"], error: failure });
  });

  it("a chunk that is no text is refused, and the source is left", async () => {
    // As a stream without types gives it.
    const source = createSource<string>("a\n\n", { text: "b" } as unknown as string);
    const { items, error } = await read(markdownBlocks(source));
    expect(items).toEqual(["a\n\n"]);
    expect(error).toMatchObject({ code: "VALIDATION_ERROR", field: "source" });
    expect(source.left).toBe(1);
  });

  it("a line of many chunks comes whole", async () => {
    const line = "x".repeat(200_000);
    expect((await read(markdownBlocks(sourceOf([...line])))).items).toEqual([line]);
  });
});
