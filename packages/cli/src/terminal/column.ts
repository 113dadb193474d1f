import stringWidth from "string-width";

const TAB_STOP = 8;
// Printable ASCII, which is one column each.
const SIMPLE = /^[ -~]*$/;
// Single characters of whose width terminals are of one mind: alphabets, punctuation, boxes; Chinese, Japanese, Korean.
const AGREED =
  /^[ -~\u00a1-\u00ac\u00ae-\u02ff\u0370-\u052f\u1e00-\u1fff\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2190-\u22ff\u2500-\u259f\u2e80-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff60]$/;
// Emoji, and marks that join what stands before: each terminal counts them in its own way.
const DISPUTED = /[\p{Extended_Pictographic}\p{M}]/u;

/**
 * The column in which a terminal's cursor stands after more text, from 0; `columns` itself when the line is exactly full: the next
 * character goes to the next line, but the cursor does not yet. Undefined when that cannot be known, until the next line begins: who
 * puts the cursor where it is not, overwrites text.
 */
export function columnAfter(text: string, column: number | undefined, columns: number): number | undefined {
  const line = text.slice(text.lastIndexOf("\n") + 1);
  let at = line.length === text.length ? column : 0;
  if (at === undefined) return undefined;
  if (SIMPLE.test(line)) {
    const total = at + line.length;
    return total <= columns ? total : ((total - 1) % columns) + 1;
  }
  for (const { segment } of new Intl.Segmenter().segment(line)) {
    if (segment === "\t") {
      at = (Math.floor(at / TAB_STOP) + 1) * TAB_STOP;
      // What a tab does at the margin differs, too.
      if (at >= columns) return undefined;
      continue;
    }
    // After a carriage return there is text to the right of the cursor, which would be erased with a status line.
    if (!AGREED.test(segment) || DISPUTED.test(segment)) return undefined;
    const width = stringWidth(segment);
    // What does not fit any more goes to the next line as a whole.
    at = at + width > columns ? width : at + width;
  }
  return at;
}
