// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;

/**
 * The text with its control characters shown, not sent: text of others must not drive the terminal. Line feed, tab and carriage return stay.
 * JSON text stays the same JSON.
 */
export function escapeControls(text: string): string {
  return text.replace(CONTROLS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The text as one line that is safe to show. */
export function toOneLine(text: string): string {
  return escapeControls(text.trim().replaceAll(/\s*[\r\n]+\s*/g, " "));
}

/** The beginning of a text, at most so many characters. */
export function clip(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
