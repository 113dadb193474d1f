import stringWidth from "string-width";

const TAB_STOP = 8;
// Printable ASCII, which is one column each.
const SIMPLE = /^[ -~]*$/;

/**
 * The column in which a terminal's cursor stands after more text, from 0; `columns` itself when the line is exactly full: the next
 * character goes to the next line, but the cursor does not yet.
 */
export function columnAfter(text: string, column: number, columns: number): number {
  const line = text.slice(Math.max(text.lastIndexOf("\n"), text.lastIndexOf("\r")) + 1);
  let at = line.length === text.length ? column : 0;
  if (SIMPLE.test(line)) {
    const total = at + line.length;
    return total <= columns ? total : ((total - 1) % columns) + 1;
  }
  for (const { segment } of new Intl.Segmenter().segment(line)) {
    if (segment === "\t") {
      at = Math.min((Math.floor(at / TAB_STOP) + 1) * TAB_STOP, columns - 1);
      continue;
    }
    const width = stringWidth(segment);
    // What does not fit any more goes to the next line as a whole.
    at = at + width > columns ? width : at + width;
  }
  return at;
}
