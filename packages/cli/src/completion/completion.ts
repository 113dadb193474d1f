/** Completion of the command line in shells: what their scripts ask for when somebody types Tab. */
import { isId } from "@runagent/core";
import type { Command, Option } from "commander";
import { listLocalAgents } from "runagent/local-agents";
import { toOneLine } from "../terminal/escape.ts";
import { SCRIPTS } from "./scripts.ts";

/** A word that the typed one may become. */
interface Candidate {
  readonly value: string;
  readonly description: string;
}

/** Files and folders are left to the shell. */
type Offer = readonly Candidate[] | "files" | "folders";

/** Where on the command line the typed word stands. */
interface Place {
  readonly command: Command;
  /** The option whose value it is. */
  readonly option: Option | undefined;
  /** How many arguments of the command stand before it. */
  readonly position: number;
  /** True after --, where options are arguments. */
  readonly afterDashes: boolean;
}

const NOTHING: readonly Candidate[] = [];
/** What the values of options may be, where they are not among choices. */
const VALUES: Readonly<Record<string, () => Offer>> = {
  "--id": listAgents,
  "--agent-id": listAgents,
  "--input": () => "files",
  "--python": () => "files",
};
/** What PowerShell sends for an empty word. */
const QUOTED_EMPTY = '""';

/** Prints the script for a shell. */
export function printScript(shell: string): void {
  process.stdout.write(SCRIPTS[shell] ?? "");
}

/** Prints what the last of these words may become. */
export function printCompletions(program: Command, words: readonly string[]): void {
  const last = words.at(-1) ?? "";
  const typed = last === QUOTED_EMPTY ? "" : last;
  const offer = findOffer(program, words.slice(0, -1), typed);
  const others = offer === "files" ? ":0" : offer === "folders" ? ":16" : ":4";
  const candidates = typeof offer === "string" ? NOTHING : offer.filter(({ value }) => value.startsWith(typed));
  // A description may hold anything, and the shell reads lines with a tab in them.
  const lines = candidates.map(({ value, description }) => `${value}\t${toOneLine(description).replaceAll("\t", " ")}`);
  process.stdout.write(`${[...lines, others].join("\n")}\n`);
}

function findOffer(program: Command, before: readonly string[], typed: string): Offer {
  const [first, ...others] = before;
  // Its arguments are commands.
  if (first === "help") return commandsOf(findPlace(program, others).command);
  const { command, option, position, afterDashes } = findPlace(program, before);
  if (option !== undefined) return valuesOf(option);
  if (typed.startsWith("-") && !afterDashes) return offerOptions(command, typed);
  const argument = command.registeredArguments[position];
  if (argument === undefined) return position === 0 && !afterDashes ? commandsOf(command) : NOTHING;
  if (argument.name() === "folder") return "folders";
  return toCandidates(argument.argChoices);
}

function findPlace(program: Command, before: readonly string[]): Place {
  let command = program;
  let option: Option | undefined;
  let position = 0;
  let afterDashes = false;
  for (const word of before) {
    const next: Command | undefined = position === 0 ? command.commands.find((child) => child.name() === word) : undefined;
    if (option !== undefined) option = undefined;
    else if (afterDashes) position++;
    else if (word === "--") afterDashes = true;
    else if (word.startsWith("-")) option = findOption(command, word);
    else if (next !== undefined) command = next;
    else position++;
  }
  return { command, option, position, afterDashes };
}

/** The option of this flag, when it takes a value. */
function findOption(command: Command, flag: string): Option | undefined {
  return command.options.find(({ long, short, required }) => required && (long === flag || short === flag));
}

function offerOptions(command: Command, typed: string): Offer {
  const [flag = "", ...value] = typed.split("=");
  if (value.length === 0) {
    const options = command.createHelp().visibleOptions(command);
    return options.map(({ long, short, description }) => ({ value: long ?? short ?? "", description }));
  }
  const option = findOption(command, flag);
  const values = option === undefined ? NOTHING : valuesOf(option);
  return typeof values === "string" ? values : values.map((candidate) => ({ ...candidate, value: `${flag}=${candidate.value}` }));
}

function valuesOf({ long, argChoices }: Option): Offer {
  return VALUES[long ?? ""]?.() ?? toCandidates(argChoices);
}

function commandsOf(command: Command): readonly Candidate[] {
  const visible = command.createHelp().visibleCommands(command);
  return visible.map((child) => ({ value: child.name(), description: child.summary() }));
}

function listAgents(): readonly Candidate[] {
  // Whoever wrote the registry: an id is nothing that means something to a shell.
  const agents = listLocalAgents().filter(({ agent_id }) => isId(agent_id));
  return agents.map(({ agent_id, agent_name = "", state }) => ({ value: agent_id, description: `${agent_name} (${state})` }));
}

function toCandidates(choices: readonly string[] = []): readonly Candidate[] {
  return choices.map((value) => ({ value, description: "" }));
}
