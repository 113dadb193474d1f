import { type Command, Option } from "commander";
import type { InitOptions } from "../init/init.ts";

/** `runagent init`. */
export function addInit(program: Command): void {
  program
    .command("init")
    .summary("write a small agent that works")
    .description(
      "Writes a small agent, one function that answers and one that streams, and its runagent.config.json. Files that are there stay.",
    )
    .argument("[folder]", "where to write; made when it is not there", ".")
    .addOption(new Option("--language <language>", "what the agent is written in").choices(["typescript", "python"]).default("typescript"))
    .option("--name <name>", "what the agent is called (default: as the folder)")
    .addHelpText("after", '\nExamples:\n  runagent init my-agent\n  runagent init my-agent --language python --name "My agent"')
    .action(async (folder: string, options: InitOptions) => {
      const { initAgent } = await import("../init/init.ts");
      initAgent(folder, options);
    });
}
