import { Command, type CommanderError } from "commander";
import { addCallingCommands } from "./commands/calling.ts";
import { addCompletion } from "./commands/completion.ts";
import { addInit } from "./commands/init.ts";
import { addLookingCommands } from "./commands/looking.ts";
import { addServe } from "./commands/serve.ts";
import { EXIT } from "./exit-codes.ts";
import { CLI_VERSION } from "./version.ts";

/** The `runagent` command. Each command loads what it does when it is called: `run-stream` should not wait for what serving needs. */
export function createProgram(): Command {
  const program = new Command("runagent")
    .description("Serve agents, and call them.")
    .version(CLI_VERSION, "--version", "print the version");
  // What stands after a command is that command's: `run --tag chat --version=2` gives the agent a version.
  program.enablePositionalOptions();
  program.exitOverride();
  program.helpOption("-h, --help", "show this help").helpCommand(false);
  program.showHelpAfterError("(--help shows what there is)");
  program.addHelpText("after", AFTER_HELP);
  addServe(program);
  addCallingCommands(program);
  addLookingCommands(program);
  addInit(program);
  addCompletion(program);
  addHelp(program);
  nameMistakes(program);
  return program;
}

/** In place of the library's own, which knows commands of one word. */
function addHelp(program: Command): void {
  const help = program.command("help").summary("show the help of a command").argument("[command...]", "the command, such as db logs");
  help.action((words: string[]) => {
    let shown: Command = program;
    for (const word of words) {
      const next: Command | undefined = shown.commands.find((command) => command.name() === word);
      if (next === undefined) return program.error(`error: unknown command '${words.join(" ")}'`);
      shown = next;
    }
    shown.outputHelp();
  });
}

/** Says what was typed wrong in full sentences, for a command and those below it. */
function nameMistakes(command: Command): void {
  const describe = (text: string): string => {
    const [, flag] = /^error: unknown option '(--[\w-]+)=/.exec(text) ?? [];
    // The library knows the option, and calls it unknown because it was given a value.
    if (command.options.some(({ long }) => long === flag)) return `The option ${flag} takes no value: write ${flag} alone.\n`;
    return text.replace(/^error: (.)/, (_, first: string) => first.toUpperCase());
  };
  command.configureOutput({ outputError: (text, write) => write(describe(text)) });
  for (const child of command.commands) nameMistakes(child);
}

/** True for what the library throws in place of ending the process, with everything said already. */
export function isUsageEnd(error: unknown): error is CommanderError {
  return error instanceof Error && "code" in error && String(error.code).startsWith("commander.");
}

/** The exit code for what the library has found: help and version that were asked for are no mistake. */
export function usageExitCode(error: CommanderError): number {
  return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
}

const AFTER_HELP = `
Exit codes:
  ${EXIT.ok}    it worked
  ${EXIT.failed}    the agent or the server failed
  ${EXIT.usage}    the command was typed wrong, or the agent does not take these arguments
  ${EXIT.notFound}    no such agent, entrypoint, invocation or address
  ${EXIT.notAllowed}    the key is missing, wrong, or may not do this
  ${EXIT.noConnection}    the server could not be reached, or was lost
  ${EXIT.timeout}    it took too long
  ${EXIT.undecided}    the agent waits for an approval, and nobody was there to decide
  ${EXIT.cancelled}  it was cancelled

Environment:
  RUNAGENT_API_KEY                   the key for servers
  RUNAGENT_BASE_URL                  address of a server elsewhere; default https://backend.run-agent.ai
  RUNAGENT_LOCAL                     true: as --local
  RUNAGENT_HOST, RUNAGENT_PORT       a server near by; default 127.0.0.1 and 8450
  RUNAGENT_TIMEOUT                   as --timeout
  RUNAGENT_USER_ID                   as --user-id
  RUNAGENT_PERSISTENT_MEMORY         true: as --persistent-memory
  RUNAGENT_CACHE_DIR                 where agents and invocations are kept; default ~/.runagent
  NO_COLOR                           no colours, spinner and status line
  RUNAGENT_DEBUG                     where an error comes from`;
