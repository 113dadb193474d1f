import { isDeeperThan } from "@runagent/core";
import { clip } from "../terminal/escape.ts";

/** What of a JSON text would not reach the agent as it is written. */
export interface Unsendable {
  /** Completes a sentence that begins with what holds the text. */
  readonly problem: string;
  /** What to write in its place. */
  readonly hint: string;
  /** Index in the text. */
  readonly at: number;
}

/** Deeper than this no server reads; what walks the value on its way would give up with words of its own. */
const MAX_DEPTH = 1_000;
const MAX_SHOWN = 60;
// An escape, where a text begins or ends, or a number. One pattern for whole texts would give up at long ones.
const TOKEN = /\\.|"|-?\d[\d.eE+-]*/gs;
const INTEGER = /^-?\d+$/;

/** Looks for what JSON.parse changes without a word: ids of databases are numbers that lose their last digits. @param text Valid JSON. */
export function findUnsendable(text: string): Unsendable | undefined {
  if (isDeeperThan(text, MAX_DEPTH)) return { problem: `nests deeper than ${MAX_DEPTH} levels`, hint: "Nest it less.", at: 0 };
  let inText = false;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token === '"') inText = !inText;
    const change = inText || token === '"' ? undefined : changeOf(token);
    if (change === undefined) continue;
    const shown = clip(token, MAX_SHOWN);
    return { problem: `holds ${shown}, a number that ${change} on its way`, hint: `Send it as a text: "${shown}".`, at: index };
  }
  return undefined;
}

function changeOf(number: string): string | undefined {
  const value = Number(number);
  if (!Number.isFinite(value)) return "would become null";
  const losesDigits = INTEGER.test(number) && !Number.isSafeInteger(value) && String(value) !== number;
  return losesDigits ? "would lose digits" : undefined;
}
