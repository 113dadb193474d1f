// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: what agents colour their prints with.
const COLOURS = /(\u001b\[[\d;]*m)/;

/**
 * The text with its control characters shown, not sent: text of others must not drive the terminal. Line feed, tab and carriage return stay.
 * JSON text stays the same JSON.
 */
export function escapeControls(text: string): string {
  return text.replace(CONTROLS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

// What has no look of its own, or turns the direction of text, and so makes a text look like another.
const HIDDEN = /[\p{Cf}\p{Zl}\p{Zp}]/gu;

/** As escapeControls; shows what hides in a text, too: somebody decides by it. */
export function escapeHidden(text: string): string {
  return escapeControls(text).replace(HIDDEN, (character) => {
    const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
  });
}

/** A line that an agent printed: its colours pass, where there are any, and nothing else that would drive a terminal. */
export function printedLine(text: string, coloured: boolean): string {
  const parts = text.split(COLOURS).map((part, index) => (index % 2 === 0 ? escapeControls(part) : coloured ? part : ""));
  // A colour ends with its line.
  return parts.length > 1 && coloured ? `${parts.join("")}\u001b[0m` : parts.join("");
}

/** The text as one line that is safe to show. */
export function toOneLine(text: string): string {
  return escapeControls(text.trim().replaceAll(/\s*[\r\n]+\s*/g, " "));
}

/** The beginning of a text, at most so many characters. */
export function clip(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
