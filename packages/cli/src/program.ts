import { Command } from "commander";
import { addCallingCommands } from "./commands/calling.ts";
import { addCompletion } from "./commands/completion.ts";
import { addInit } from "./commands/init.ts";
import { addLookingCommands } from "./commands/looking.ts";
import { addServe } from "./commands/serve.ts";
import { CLI_VERSION } from "./version.ts";

/** The `runagent` command. Each command loads what it does when it is called: `run-stream` should not wait for what serving needs. */
export function createProgram(): Command {
  const program = new Command("runagent").description("Serve agents, and call them.").version(CLI_VERSION);
  addServe(program);
  addCallingCommands(program);
  addLookingCommands(program);
  addInit(program);
  addCompletion(program);
  return program;
}
