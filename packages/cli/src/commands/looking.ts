import { type Command, InvalidArgumentError, Option } from "commander";
import type { InvocationsOptions } from "../looking/invocations.ts";
import type { LogsOptions } from "../looking/logs.ts";
import type { StatusOptions } from "../looking/status.ts";

const DEFAULT_LINES = 100;
const DEFAULT_LIMIT = 20;
const STATUSES = ["running", "waiting_approval", "completed", "failed", "cancelled", "lost"];

/** `runagent db status`, `runagent db logs`, `runagent invocations`: what is known of the agents of this machine. */
export function addLookingCommands(program: Command): void {
  const db = program
    .command("db")
    .summary("look at the agents of this machine")
    .description(
      "Looks at the agents that were served on this machine: what `runagent serve` keeps below ~/.runagent, or RUNAGENT_CACHE_DIR.",
    );
  addStatus(db);
  addLogs(db);
  addInvocations(program);
}

function addStatus(db: Command): void {
  db.command("status")
    .summary("which agents there are, and how they are")
    .description(
      "Lists the agents of this machine: where each is served, whether it answers there, and how many invocations it had. A gone agent is one whose process ended without a word.",
    )
    .option("--agent-id <id>", "this agent alone, with its details")
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nExamples:\n  runagent db status\n  runagent db status --output json | jq -r 'select(.state == \"running\").agent_id'",
    )
    .action(async (options: StatusOptions) => {
      const { showStatus } = await import("../looking/status.ts");
      await showStatus(options);
    });
}

function addLogs(db: Command): void {
  db.command("logs")
    .summary("what an agent printed")
    .description("Prints what an agent printed on its standard output and error while `runagent serve` served it, and what serving said.")
    .requiredOption("--agent-id <id>", "the agent")
    .option("-n, --lines <count>", "how many of the last lines", readCount, DEFAULT_LINES)
    .option("-f, --follow", "go on with what comes, until Ctrl-C", false)
    .addOption(outputOption())
    .addHelpText("after", "\nExamples:\n  runagent db logs --agent-id ID --lines 20\n  runagent db logs --agent-id ID --follow")
    .action(async (options: LogsOptions) => {
      const { showLogs } = await import("../looking/logs.ts");
      await showLogs(options);
    });
}

function addInvocations(program: Command): void {
  program
    .command("invocations")
    .summary("what became of the calls of an agent")
    .description("Lists the last invocations of an agent, the newest first. A lost one was running in a process that is gone.")
    .requiredOption("--agent-id <id>", "the agent")
    .option("--limit <count>", "how many", readCount, DEFAULT_LIMIT)
    .addOption(new Option("--status <status>", "those of this status").choices(STATUSES))
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nExamples:\n  runagent invocations --agent-id ID\n  runagent invocations --agent-id ID --status failed --output json",
    )
    .action(async (options: InvocationsOptions) => {
      const { showInvocations } = await import("../looking/invocations.ts");
      await showInvocations(options);
    });
}

function outputOption(): Option {
  return new Option("--output <format>", "text for people, json for scripts: one object on each line")
    .choices(["text", "json"])
    .default("text");
}

function readCount(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number from 0.");
}
