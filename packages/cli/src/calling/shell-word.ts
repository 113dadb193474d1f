import { escapeControls } from "../terminal/escape.ts";

/** A text as a word that a shell takes as it is: what a server has named is no command of anybody's. */
export function shellWord(text: string): string {
  const shown = escapeControls(text.replaceAll(/[\r\n\t]/g, " "));
  return /^[\w.:@%+=,/~-]+$/.test(shown) && !shown.startsWith("~") ? shown : `'${shown.replaceAll("'", "'\\''")}'`;
}
