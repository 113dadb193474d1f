/** Completion of the command line in shells: what their scripts ask for when somebody types Tab. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Complete, RootCommand } from "@bomb.sh/tab";
import tab from "@bomb.sh/tab/commander";
import { Command } from "commander";
import { listLocalAgents } from "runagent/local-agents";
import { toOneLine } from "../terminal/escape.ts";

/** The names of the commands of completion itself, which are not completed. */
const OWN = ["complete", "completion"];
const CONFIG_FILE = "runagent.config.json";
/** What the values of options may be, where that can be known. */
const VALUES: Readonly<Record<string, (complete: Complete) => void>> = {
  id: completeAgents,
  "agent-id": completeAgents,
  input: (complete) => completeNames(complete, (name) => name.endsWith(".json")),
};

/** What the library's script for bash takes from the package bash-completion, for machines that do not have it. */
const BASH_WORDS = `declare -F _get_comp_words_by_ref >/dev/null || _get_comp_words_by_ref() {
    words=("\${COMP_WORDS[@]}") cword=$COMP_CWORD
    cur="\${words[cword]}" prev="\${words[cword-1]}"
}
`;

/** Prints the script for a shell. */
export function printScript(program: Command, shell: string): void {
  if (shell === "bash") process.stdout.write(BASH_WORDS);
  // The script calls the command by its name, wherever that is found then.
  describe(program).setup(program.name(), program.name(), shell);
}

/** Prints what the last of these words may become. */
export function printCompletions(program: Command, words: readonly string[]): void {
  describe(program).parse([...words]);
}

/** The program as the completion library wants it, with the values that can be known. */
function describe(program: Command): RootCommand {
  // The library adds its commands to what it is given.
  const copy = new Command(program.name());
  for (const command of program.commands) if (!OWN.includes(command.name())) copy.addCommand(command);
  const root = tab(copy, { completionCommandName: "completion" });
  for (const name of OWN) root.commands.delete(name);
  for (const [path, completed] of root.commands) {
    const command = findCommand(program, path.split(" "));
    // The description is for the help of the command itself.
    completed.description = command?.summary() || completed.description;
    for (const [name, complete] of Object.entries(VALUES)) {
      const option = completed.options.get(name);
      if (option !== undefined) option.handler = complete;
    }
  }
  const folder = root.commands.get("serve")?.arguments.get("folder");
  if (folder !== undefined) folder.handler = (complete) => completeNames(complete, (name) => existsSync(join(name, CONFIG_FILE)));
  return root;
}

function completeAgents(complete: Complete): void {
  for (const { agent_id, agent_name = "", state } of listLocalAgents()) {
    // A name may hold anything, and the shell reads lines.
    complete(agent_id, toOneLine(`${agent_name} (${state})`).replaceAll("\t", " "));
  }
}

/** Names in the current folder. */
function completeNames(complete: Complete, fits: (name: string) => boolean): void {
  for (const name of readdirSync(".")) if (fits(name)) complete(name, "");
}

function findCommand(from: Command, [name, ...others]: readonly string[]): Command | undefined {
  const found = from.commands.find((command) => command.name() === name);
  return others.length === 0 || found === undefined ? found : findCommand(found, others);
}
