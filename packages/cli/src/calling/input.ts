import { readFile } from "node:fs/promises";
import { isJsonObject, typeName } from "@runagent/core";
import { UsageError } from "../exit-codes.ts";
import { readAgentArguments } from "./agent-arguments.ts";
import type { AgentWord } from "./agent-words.ts";
import { findJsonError, placeAt, type TextPlace } from "./json-error.ts";
import { findUnsendable } from "./unsendable.ts";

/** What an entrypoint is called with. */
export interface CallInput {
  /** Named arguments. */
  readonly input: Record<string, unknown>;
  /** Positional arguments. */
  readonly args: readonly unknown[];
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a folder",
  EACCES: "it may not be read",
};

/**
 * The arguments of a call: those of the command line go over those of `--input`.
 * @param file A path, or - for standard input.
 * @throws UsageError which says what is wrong, and where.
 */
export async function readCallInput(file: string | undefined, words: readonly AgentWord[]): Promise<CallInput> {
  const named = readAgentArguments(words);
  const given = file === undefined ? {} : await readInput(file);
  const args = Array.isArray(given) ? given : [];
  const fromFile = isJsonObject(given) ? Object.entries(given) : [];
  // Object.fromEntries makes an own property of every name, __proto__ too.
  return { args, input: Object.fromEntries([...fromFile, ...named]) };
}

async function readInput(file: string): Promise<unknown> {
  const source = file === "-" ? "Standard input" : file;
  const text = decode(await (file === "-" ? readStandardInput() : readWhole(file)), source);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UsageError(`${source} is not valid JSON: ${describePlace(findJsonError(text))}.`, INPUT_HINT);
  }
  if (!isJsonObject(value) && !Array.isArray(value)) {
    throw new UsageError(`${source} must hold a JSON object of named arguments or a list of positional ones, not ${typeName(value)}.`);
  }
  const unsendable = findUnsendable(text);
  if (unsendable === undefined) return value;
  const { problem, hint, at } = unsendable;
  throw new UsageError(`${source} ${problem}: ${describePlace(placeAt(text, at))}.`, hint);
}

function describePlace({ line, column }: TextPlace): string {
  return `line ${line}, column ${column}`;
}

const INPUT_HINT = 'It must hold named arguments, such as {"message": "Hello"}, or a list of positional ones.';

async function readWhole(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new UsageError(`The input file ${file} cannot be read: ${REASONS[code] ?? code}.`);
  }
}

async function readStandardInput(): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of process.stdin) parts.push(part);
  return Buffer.concat(parts);
}

function decode(bytes: Uint8Array, source: string): string {
  try {
    // A byte order mark is left out.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(`${source} is not UTF-8 text.`);
  }
}
