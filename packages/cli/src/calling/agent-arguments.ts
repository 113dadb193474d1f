import { UsageError } from "../exit-codes.ts";
import type { AgentWord } from "./agent-words.ts";
import { findUnsendable } from "./unsendable.ts";

/** The named arguments, by name. @throws UsageError for a word that is no argument, one that is given twice, and what is no JSON after `:=`. */
export function readAgentArguments(words: readonly AgentWord[]): Map<string, unknown> {
  const named = new Map<string, unknown>();
  for (const argument of words) {
    const { name, text, json } = argument;
    if (!name) throw noArgument(argument);
    if (named.has(name)) {
      throw new UsageError(`The argument ${name} is given twice.`, `For several values write a list: '--${name}:=["one","two"]'`);
    }
    named.set(name, json ? readJson(name, text ?? "") : (text ?? true));
  }
  return named;
}

function noArgument({ word, follows }: AgentWord): UsageError {
  // The dash is part of a value: of the argument before, or of a number.
  const value = follows !== undefined || /^-[\d.]/.test(word) ? word : word.replace(/^-+/, "");
  const shown = /^[\w.,@-]+$/.test(value) ? value : JSON.stringify(value);
  return new UsageError(`${JSON.stringify(word)} is no argument: write --name=value.`, `For example --${follows ?? "message"}=${shown}`);
}

function readJson(name: string, text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`The argument ${name} is not valid JSON: ${reason}.`, `Text is written without the colon: --${name}=…`);
  }
  const unsendable = findUnsendable(text);
  if (unsendable === undefined) return value;
  const hint = typeof value === "number" ? `Send it as a text, without the colon: --${name}=…` : unsendable.hint;
  throw new UsageError(`The argument ${name} ${unsendable.problem}.`, hint);
}
