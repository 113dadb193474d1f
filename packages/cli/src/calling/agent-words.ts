/** One argument of the agent as it stands on the command line; `name` is undefined for a word that is none. */
export interface AgentWord {
  readonly word: string;
  readonly name: string | undefined;
  /** undefined: only the name stands there. */
  readonly text: string | undefined;
  /** Written with `:=`: the text is JSON. */
  readonly json: boolean;
  /** The name of the argument directly before, when that has no value: a word that is no argument may have been meant as one. */
  readonly follows?: string | undefined;
}

/** What a command line holds: the words for the command itself, and the arguments for the agent, each in their order. */
export interface SplitWords {
  readonly own: readonly string[];
  readonly agent: readonly AgentWord[];
}

/** How the command's own options are written: `value` takes one, `flag` does not; undefined is no option of the command. */
export type KindOfOption = (flag: string) => "value" | "flag" | undefined;

const NEGATIVE_NUMBER = /^-(\d+|\d*\.\d+)(e[+-]?\d+)?$/i;

/**
 * Tells the command's own options from the arguments of the agent. A library that is told to let unknown options pass forgets what stood
 * beside what: in `--verbose --tag chat`, "chat" would become the value of verbose.
 */
export function splitWords(words: readonly string[], kindOf: KindOfOption): SplitWords {
  const own: string[] = [];
  const agent: AgentWord[] = [];
  let literal = false;
  let before: AgentWord | undefined;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (!literal && word === "--") {
      literal = true;
      continue;
    }
    const next = words[index + 1];
    const kind = literal ? undefined : kindOfWord(word, kindOf);
    if (kind !== undefined) {
      before = undefined;
      own.push(word);
      if (kind === "value-follows" && next !== undefined) {
        own.push(next);
        index++;
      }
      continue;
    }
    const read = readAgentWord(word, next, literal);
    agent.push({ ...read.argument, follows: before?.text === undefined ? before?.name : undefined });
    before = read.argument;
    if (read.tookNext) index++;
  }
  return { own, agent };
}

function kindOfWord(word: string, kindOf: KindOfOption): "whole" | "value-follows" | undefined {
  const kind = kindOf(word);
  if (kind !== undefined) return kind === "value" ? "value-follows" : "whole";
  const equals = word.indexOf("=");
  // A flag with a value is left to the library, which refuses it; `--tag:=…` is an argument called tag.
  return equals > 0 && kindOf(word.slice(0, equals)) !== undefined ? "whole" : undefined;
}

function readAgentWord(word: string, next: string | undefined, literal: boolean): { argument: AgentWord; tookNext: boolean } {
  if (!word.startsWith("--")) return { argument: { word, name: undefined, text: undefined, json: false }, tookNext: false };
  const equals = word.indexOf("=");
  if (equals === -1) {
    const isValue = next !== undefined && (literal || next !== "--") && (!/^-./.test(next) || NEGATIVE_NUMBER.test(next));
    return { argument: { word, name: word.slice(2), text: isValue ? next : undefined, json: false }, tookNext: isValue };
  }
  const json = word[equals - 1] === ":";
  const name = word.slice(2, json ? equals - 1 : equals);
  const text = word.slice(equals + 1);
  // `--name:= JSON`
  if (json && text === "" && next !== undefined) return { argument: { word, name, text: next, json }, tookNext: true };
  return { argument: { word, name, text, json }, tookNext: false };
}
